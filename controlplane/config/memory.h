/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much of the data plane's memory a session file wants: streams' rings first of all,
 * then packet buffers and viewers. The data plane gives itself so much where
 * dataplane.memory is left out; who gives it less is warned, by `millrace check`, too.
 * Pure; any thread.
 */
#ifndef CONTROLPLANE_CONFIG_MEMORY_H
#define CONTROLPLANE_CONFIG_MEMORY_H

#include "controlplane/config/config.h"

/* What the data plane's objects take [bytes]. The formula knows no DPDK, so these are
 * numbers; dataplane/lifecycle/memory.c and its test hold them against the objects. */
#define MR_MEMORY_PLAIN_PACKET 32u /* struct plain_packet */
#define MR_MEMORY_VIEWER 2688u     /* struct viewer, at most */
#define MR_MEMORY_MBUF 2496u       /* a packet buffer, with what a mempool puts around it */
#define MR_MEMORY_WORKER_MBUFS 16383u

/* What all paths, viewers and workers of the file may take together [MiB]. */
uint32_t mr_config_memory_needed(const struct mr_config *config);

#endif
