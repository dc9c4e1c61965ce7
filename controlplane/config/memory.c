/* SPDX-License-Identifier: BSD-3-Clause */
/* See memory.h. Any one thread. */
#include "controlplane/config/memory.h"

#include <string.h>

#define MIB (1u << 20)
#define DPDK_BYTES (40u * MIB)    /* drivers, taps, rings and what EAL has for itself */
#define WORKER_BYTES (6u * MIB)   /* rings, next hops, scratch memory, crypto */
#define VIEWER_FLOW_BYTES 192u    /* in the tables of each worker */
#define VIEWER_PLACE_BYTES 256u   /* in the audiences */
#define VIEWER_CRYPTO_BYTES 4096u /* a cryptodev's session */
#define STREAM_BYTES 65536u       /* beside the ring: audiences, repacking, headers */
#define POINTER_BYTES 8u

static uint64_t power_of_two_above(uint64_t n)
{
	uint64_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static uint64_t ring_bytes(uint32_t packets, uint32_t bytes)
{
	return power_of_two_above(packets) * MR_MEMORY_PLAIN_PACKET + power_of_two_above(bytes) +
	       STREAM_BYTES;
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
	uint64_t each = (uint64_t)MR_MEMORY_WORKER_MBUFS * MR_MEMORY_MBUF + WORKER_BYTES +
			(uint64_t)d->max_viewers * VIEWER_FLOW_BYTES +
			(uint64_t)d->max_streams * VIEWER_FLOW_BYTES;
	uint64_t between = (uint64_t)d->n_workers * d->max_streams * POINTER_BYTES * 2;

	return d->n_workers * (each + between);
}

static uint64_t viewers_bytes(const struct mr_config_dataplane *d)
{
	uint64_t each = MR_MEMORY_VIEWER + VIEWER_PLACE_BYTES;

	if (strcmp(d->crypto, "ipsec-mb") != 0)
		each += VIEWER_CRYPTO_BYTES;
	return d->max_viewers * each;
}

uint32_t mr_config_memory_needed(const struct mr_config *config)
{
	uint64_t bytes = DPDK_BYTES + paths_bytes(config) + workers_bytes(&config->dataplane) +
			 viewers_bytes(&config->dataplane);

	bytes += bytes / 32; /* between them */
	return (uint32_t)((bytes + 2 * MIB - 1) / (2 * MIB) * 2);
}
