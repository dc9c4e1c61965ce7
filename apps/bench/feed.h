/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Synthetic cameras: whole Ethernet frames with the RTP of one worker's streams,
 * put where its port receives. H.264, one packet per picture, random bytes.
 * Runs on the worker's lcore, between its turns.
 */
#ifndef APPS_BENCH_FEED_H
#define APPS_BENCH_FEED_H

#include "apps/bench/rig.h"

#define FEED_FRAME_MAX (54 + RIG_PAYLOAD_MAX) /* bytes */

struct feed {
	struct rig *rig; /* borrowed */
	struct worker *worker;
	struct rte_ring *ring;
	uint32_t next;   /* position in the rig's streams */
	uint64_t frames; /* put so far */
	uint64_t copies; /* that they will become here, less what the caller took off */
	uint64_t elsewhere[MR_WORKERS_MAX]; /* and at other workers, ever; they read it */
	uint16_t *sequence;                 /* owned, one per stream of the rig */
	uint32_t *timestamp;                /* owned, ditto */
	uint16_t len;                       /* [bytes] of a frame */
	uint8_t frame[FEED_FRAME_MAX];
};

int feed_init(struct feed *f, struct rig *rig, unsigned int worker); /* 0, -1 */
void feed_fini(struct feed *f);

/* Puts frames of the worker's streams in turn, at most 32, until `copies` more copies
 * for viewers will come of them. */
void feed_put(struct feed *f, uint32_t copies);
/* One frame of stream `index` of the rig. */
void feed_put_stream(struct feed *f, uint32_t index);

#endif
