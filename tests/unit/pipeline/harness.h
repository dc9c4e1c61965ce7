/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker with real memory, crypto, statistics and orders, and a port without a device,
 * behind which all viewers are: tests fill its batches and run single stages. The test's
 * thread is both the main thread and the worker. Time stands still until a test moves it.
 */
#ifndef TESTS_UNIT_PIPELINE_HARNESS_H
#define TESTS_UNIT_PIPELINE_HARNESS_H

#include "crypto/srtp_keys.h"
#include "dataplane/api/event.h"
#include "dataplane/control/order.h"
#include "dataplane/pipeline/worker.h"
#include "dataplane/stream/stream.h"

#define HARNESS_VIEWERS 1024
#define HARNESS_STREAMS 8
#define HARNESS_MBUFS 4095
#define HARNESS_NEXTHOP 1 /* of all viewers */
#define HARNESS_PWD "ABCDEFGHIJKLMNOPQRSTUVWX"
#define HARNESS_REMOTE_UFRAG "peer"
#define MS 1000000ull /* [ns] */
#define SECOND (1000 * MS)

struct harness {
	struct worker *w; /* owned */
	struct mr_stats *stats;
	struct mr_stats_view view;
	int stats_fd;
	struct clock_path clock;
	uint32_t n_streams; /* ever made */
	uint32_t n_viewers;
};

/* cmocka's group setup and teardown: the EAL, once per process. */
int harness_eal(void **state);
int harness_eal_end(void **state);

/* Per test; fini checks that every packet buffer has come back. */
void harness_init(struct harness *h);
void harness_fini(struct harness *h);
void harness_advance(struct harness *h, uint64_t ns);
void harness_nexthop(struct harness *h, bool known); /* as init has made it: known */

/* A linked stream; its ring holds `ring_packets` (at least 64). */
struct stream *harness_stream(
	struct harness *h, uint8_t kind, uint32_t clock_rate, uint32_t ring_packets);
/* Puts a packet into the ring, as stream input would, and tells the clock. */
uint64_t harness_put(
	struct harness *h, struct stream *s, const void *payload, uint16_t len, uint32_t timestamp);
void harness_stream_end(struct harness *h, struct stream *s); /* unlinks and frees */

/* What a viewer's add command says: its own id, keys, SSRCs and ICE credentials.
 * Track i of stream i; NULL: none. Change it before harness_join(). */
struct mr_viewer_add harness_viewer_add(
	struct harness *h, uint16_t profile, struct stream *const streams[MR_VIEWER_TRACKS]);
struct viewer *harness_join(struct harness *h, const struct mr_viewer_add *add,
	struct stream *const streams[MR_VIEWER_TRACKS]);
/* Both at once, for one stream. */
struct viewer *harness_viewer(struct harness *h, uint16_t profile, struct stream *s);
/* harness_init(), with a stream of video, a ring of 64, and so many viewers of it. */
struct stream *harness_crowd(struct harness *h, unsigned int viewers);
void harness_leave(struct harness *h, struct viewer *v); /* unlinks and frees */
/* How many viewers may have their next repair later. */
unsigned int harness_later(const struct worker *w);
void harness_local_ufrag(uint32_t viewer_id, char ufrag[MR_CNAME_MAX]);

/* Master keys of a viewer: ours to it, and its own. */
struct srtp_master harness_master(uint32_t viewer_id, bool ours);

/* A received datagram, behind headers as classify leaves them. */
struct rte_mbuf *harness_datagram(
	struct harness *h, struct viewer *v, uint8_t kind, const void *data, size_t len);

uint64_t harness_drops(const struct harness *h, enum mr_drop reason);
/* All drops of any reason. */
uint64_t harness_all_drops(const struct harness *h);
/* The next notice that a stage gave; false: none. */
bool harness_notice(struct harness *h, struct notice *n);
void harness_no_notice(struct harness *h);
void harness_expect_notice(struct harness *h, uint32_t type, uint32_t id, uint32_t value);

/* The UDP payload of a frame that a stage made. */
struct rtp_header;
struct rtp_header *harness_rtp(const struct rte_mbuf *m);
uint16_t harness_rtp_len(const struct rte_mbuf *m);

void harness_free_batch(struct batch *b);
void harness_free_media(struct media_batch *b);
/* Frees what fan-out made and protect has not seen. */
void harness_free_plain(struct plain_batch *b);

#endif
