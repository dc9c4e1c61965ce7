/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole data plane inside the test's process: EAL without hugepages, real
 * workers on lcores of their own, real tables, sockets and statistics. Its one
 * port is a net_ring device, so a test puts frames into a ring and finds what
 * the workers send in another. The test's thread is the main thread: it calls
 * command_execute() itself. One per process.
 */
#ifndef TESTS_UNIT_CONTROL_LIVE_H
#define TESTS_UNIT_CONTROL_LIVE_H

#include "crypto/srtp_keys.h"
#include "dataplane/lifecycle/dataplane.h"

#define LIVE_WORKERS_MAX 3
#define LIVE_STREAMS 64
#define LIVE_VIEWERS 300
#define LIVE_RING 16384 /* frames */
#define LIVE_PUBLIC_PORT 8189
#define LIVE_NEXTHOP 1

/* The one port: what listens there, and a listen that is to fail. */
struct live_wire {
	unsigned int listens;
	struct mr_endpoint listen[256];
	unsigned int fail_after; /* the n-th port_listen_add() from now fails; 0: none */
	unsigned int deletes;    /* that named nothing */
};

struct live {
	struct mr_config config;
	struct dataplane dp;
	struct live_wire wire;
	struct rte_ring *rx[LIVE_WORKERS_MAX]; /* to the workers, one queue each */
	struct rte_ring *tx[LIVE_WORKERS_MAX]; /* from them */
	struct rte_mempool *pool;              /* of frames to the workers; any thread */
	char directory[64];
};

/* Aborts with a message when something is not as it should be. */
void live_start(struct live *l, unsigned int workers);
void live_end(struct live *l);

#define LIVE_GATEWAY 0x0a000001u /* our address, for mr_endpoint_ipv4() */

/* ---- commands: the reply's status ---- */
int live_listen(struct live *l, uint16_t port);
int live_path(struct live *l, uint32_t id);
int live_path_del(struct live *l, uint32_t id);
int live_stream(struct live *l, uint32_t id, uint32_t path_id, uint8_t kind);
int live_bind(struct live *l, uint32_t id, uint8_t input, uint16_t port);
int live_stream_del(struct live *l, uint32_t id);
int live_nexthop(struct live *l, uint32_t id);
int live_nexthop_del(struct live *l, uint32_t id);
int live_viewer(struct live *l, const struct mr_viewer_add *add);
int live_viewer_del(struct live *l, uint32_t id);

/* Master keys that nobody else has: ours to the viewer, or its own. */
struct srtp_master live_master(uint32_t viewer_id, bool ours);
/* One video track of `stream_id`, one audio track of `audio_id` (0: none). */
struct mr_viewer_add live_viewer_add(
	uint32_t id, uint16_t profile, uint32_t stream_id, uint32_t audio_id);
uint32_t live_ssrc(uint32_t viewer_id, unsigned int track);

/* ---- figures ---- */
uint64_t live_drops(const struct live *l, enum mr_drop reason);
const struct mr_stats_stream *live_stream_stats(const struct live *l, uint32_t id);
const struct mr_stats_viewer *live_viewer_stats(const struct live *l, uint32_t id);
/* Waits until the workers have emptied the rx rings and done a few turns. */
void live_settle(struct live *l);
/* CLOCK_MONOTONIC */
uint64_t live_now_ns(void);
/* [bytes] that rte_malloc has given out. */
size_t live_heap(void);

#define LIVE_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			live_failed(__FILE__, __LINE__, #condition);                               \
	} while (0)
_Noreturn void live_failed(const char *file, int line, const char *what);

#endif
