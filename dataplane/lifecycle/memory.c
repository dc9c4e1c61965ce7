/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much memory EAL gets: what the session file says, or what it comes to
 * (controlplane/config/memory.h). Main thread, at start, before EAL.
 */
#include "controlplane/config/memory.h"
#include "dataplane/lifecycle/dataplane.h"

#include "dataplane/stream/plain_ring.h"
#include "dataplane/viewer/viewer.h"

#include <stdio.h>
#include <unistd.h>

#define MIB (1u << 20)
#define MEMORY_LEAST_MB 512 /* unless the file asks for less */

static_assert(sizeof(struct plain_packet) == MR_MEMORY_PLAIN_PACKET, "plain_packet");
static_assert(sizeof(struct viewer) <= MR_MEMORY_VIEWER, "a viewer has grown: so must that");
static_assert(WORKER_POOL_MBUFS == MR_MEMORY_WORKER_MBUFS, "packet buffers");

uint32_t dataplane_memory(const struct mr_config *config)
{
	if (config->dataplane.memory_mb != 0)
		return config->dataplane.memory_mb;
	return RTE_MAX(mr_config_memory_needed(config), (uint32_t)MEMORY_LEAST_MB);
}

bool dataplane_memory_warning(const struct mr_config *config, char *text, size_t len)
{
	uint64_t machine =
		(uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / MIB;

	if (dataplane_memory(config) <= machine)
		return false;
	return snprintf(text, len,
		       "dataplane.memory: %u MiB are needed, this machine has %u; lower "
		       "streamRingBytes, streamRingPackets or maxViewers",
		       dataplane_memory(config), (uint32_t)machine) > 0;
}
