/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much of EAL's memory the session file wants: streams' rings first of all, then
 * packet buffers and viewers. Main thread, at start, before EAL.
 */
#include "dataplane/lifecycle/dataplane.h"

#include "dataplane/stream/stream.h"
#include "dataplane/viewer/viewer.h"

#include <rte_mempool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MIB (1u << 20)
#define MEMORY_LEAST_MB 512       /* unless the file asks for less */
#define DPDK_BYTES (40u * MIB)    /* drivers, taps, rings and what EAL has for itself */
#define WORKER_BYTES (6u * MIB)   /* rings, next hops, scratch memory, crypto */
#define VIEWER_FLOW_BYTES 192u    /* in the tables of each worker */
#define VIEWER_CRYPTO_BYTES 4096u /* a cryptodev's session */
#define STREAM_BYTES 65536u       /* beside the ring: audiences, repacking, headers */
#define PACKET_PRIVATE RTE_ALIGN_CEIL(sizeof(struct packet_meta), RTE_MBUF_PRIV_ALIGN)

static uint64_t power_of_two_above(uint64_t n)
{
	uint64_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static uint64_t ring_bytes(uint32_t packets, uint32_t bytes)
{
	return power_of_two_above(packets) * sizeof(struct plain_packet) +
	       power_of_two_above(bytes) + STREAM_BYTES;
}

/* One of video and one of audio for each path, as command_stream_add() makes them. */
static uint64_t paths_bytes(const struct mr_config *config)
{
	const struct mr_config_dataplane *d = &config->dataplane;
	uint64_t path = ring_bytes(d->stream_ring_packets, d->stream_ring_bytes) +
			ring_bytes(d->stream_ring_packets / 4, d->stream_ring_bytes / 8);

	return config->n_paths * path;
}

static uint64_t workers_bytes(const struct mr_config_dataplane *d)
{
	uint64_t packet = rte_mempool_calc_obj_size(
		sizeof(struct rte_mbuf) + PACKET_PRIVATE + RTE_MBUF_DEFAULT_BUF_SIZE, 0, NULL);
	uint64_t each = WORKER_POOL_MBUFS * packet + WORKER_BYTES +
			(uint64_t)d->max_viewers * VIEWER_FLOW_BYTES +
			(uint64_t)d->max_streams * VIEWER_FLOW_BYTES;
	uint64_t between = (uint64_t)d->n_workers * d->max_streams * sizeof(void *) * 2;

	return d->n_workers * (each + between);
}

static uint64_t viewers_bytes(const struct mr_config_dataplane *d)
{
	uint64_t each = sizeof(struct viewer) + 256; /* and its place in the audiences */

	if (strcmp(d->crypto, "ipsec-mb") != 0)
		each += VIEWER_CRYPTO_BYTES;
	return d->max_viewers * each;
}

uint32_t dataplane_memory_needed(const struct mr_config *config)
{
	uint64_t bytes = DPDK_BYTES + paths_bytes(config) + workers_bytes(&config->dataplane) +
			 viewers_bytes(&config->dataplane);

	bytes += bytes / 32; /* between them */
	return (uint32_t)((bytes + 2 * MIB - 1) / (2 * MIB) * 2);
}

uint32_t dataplane_memory(const struct mr_config *config)
{
	if (config->dataplane.memory_mb != 0)
		return config->dataplane.memory_mb;
	return RTE_MAX(dataplane_memory_needed(config), (uint32_t)MEMORY_LEAST_MB);
}

bool dataplane_memory_warning(const struct mr_config *config, char *text, size_t len)
{
	uint32_t needed = dataplane_memory_needed(config), given = config->dataplane.memory_mb;
	uint64_t machine =
		(uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / MIB;
	int n;

	if (given != 0 && given < needed)
		n = snprintf(text, len,
			"dataplane.memory: %u MiB, but %u paths with video and audio, %u viewers "
			"and %u workers take up to %u MiB; give it as much or leave it out: "
			"streams that find no room are refused",
			given, config->n_paths, config->dataplane.max_viewers,
			config->dataplane.n_workers, needed);
	else if (dataplane_memory(config) > machine)
		n = snprintf(text, len,
			"dataplane.memory: %u MiB are needed, this machine has %u; lower "
			"streamRingBytes, streamRingPackets or maxViewers",
			dataplane_memory(config), (uint32_t)machine);
	else
		return false;
	return n > 0;
}
