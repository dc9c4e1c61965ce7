/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One camera and one viewer who is watched, for test_catch_up.c, test_refresh.c and the
 * like: time passes, frames come, and what the viewer is sent is remembered.
 */
#ifndef TESTS_UNIT_PIPELINE_CATCH_UP_SCENE_H
#define TESTS_UNIT_PIPELINE_CATCH_UP_SCENE_H

#include "tests/unit/pipeline/harness.h"

#include "dataplane/pipeline/catch_up.h"
#include "dataplane/stream/rtp.h"

#include <rte_byteorder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FRAME_NS 33333333ull
#define FRAME_TICKS 3000
#define FRAME_PACKETS 8
#define KEY_PACKETS 40
#define LEN 1000 /* [bytes] of a payload */
#define TURN_NS 20000
#define SEEN_MAX 100000

struct seen {
	uint64_t at_ns;
	uint32_t timestamp; /* of the stream */
	uint16_t seq;
};

/* One camera, one viewer who is watched. */
struct scene {
	struct harness h;
	struct stream *s;
	struct viewer *v;
	uint64_t frame_ns; /* between two frames */
	uint64_t next_frame_ns;
	uint32_t frames;
	uint32_t n;
	struct seen *seen;
	uint64_t reports;
};

static inline void put_frame(struct scene *c, bool key)
{
	struct stream *s = c->s;
	unsigned int n = key ? KEY_PACKETS : FRAME_PACKETS;

	for (unsigned int i = 0; i < n; i++) {
		uint16_t flags = (uint16_t)((i == 0 ? PLAIN_FRAME_START : 0) |
					    (i == 0 && key ? PLAIN_KEYFRAME : 0) |
					    (i + 1 == n ? PLAIN_MARKER : 0));
		uint8_t *to = plain_ring_reserve(&s->ring, LEN);

		memset(to, (int)i, LEN);
		clock_arrival(&s->clock, c->frames * FRAME_TICKS, c->h.w->wall_ns);
		plain_ring_commit(&s->ring, LEN, c->frames * FRAME_TICKS, flags, c->h.w->now_ns);
	}
	worker_queue_audience(c->h.w, &s->audience);
	c->frames++;
}

static inline void scene_init(struct scene *c, enum worker_start start, uint32_t ring)
{
	memset(c, 0, sizeof(*c));
	c->seen = calloc(SEEN_MAX, sizeof(c->seen[0]));
	assert_non_null(c->seen);
	harness_init(&c->h);
	c->h.w->start = start;
	c->h.w->quantum = quantum_of(16);
	c->s = harness_stream(&c->h, MR_KIND_VIDEO, 90000, ring);
	c->frame_ns = FRAME_NS;
	c->next_frame_ns = c->h.w->now_ns;
}

static inline void scene_fini(struct scene *c)
{
	harness_fini(&c->h);
	free(c->seen);
}

static inline void look(struct scene *c)
{
	struct plain_batch *b = &c->h.w->plain;

	for (uint16_t i = 0; i < b->n; i++) {
		const struct rtp_header *h = harness_rtp(b->pkts[i]);

		if (c->v == NULL || b->track[i]->viewer != c->v)
			continue;
		assert_in_range(c->n, 0, SEEN_MAX - 1);
		c->seen[c->n++] = (struct seen){
			.at_ns = c->h.w->now_ns,
			.timestamp = rte_be_to_cpu_32(h->timestamp) - c->v->track[0].timestamp_base,
			.seq = rte_be_to_cpu_16(h->seq),
		};
	}
}

/* The camera's frames of up to now, without key frames. */
static inline void frames_come(struct scene *c)
{
	while (c->h.w->now_ns >= c->next_frame_ns) {
		put_frame(c, false);
		c->next_frame_ns += c->frame_ns;
	}
}

/* A turn from fanout on. */
static inline void send_frames(struct scene *c)
{
	struct worker *w = c->h.w;

	fanout_stage(w);
	catch_up_stage(w);
	look(c);
	report_stage(w);
	if (c->v != NULL && w->srtcp_out.n > 0 && c->reports == 0)
		c->reports = w->now_ns;
	harness_free_batch(&w->srtcp_out);
	protect_stage(w);
	harness_free_media(&w->cipher);
}

/* Lets time pass. */
static inline void run(struct scene *c, uint64_t ns)
{
	uint64_t end = c->h.w->now_ns + ns;

	while (c->h.w->now_ns < end) {
		frames_come(c);
		send_frames(c);
		harness_advance(&c->h, TURN_NS);
	}
}

static inline void key_frame(struct scene *c)
{
	put_frame(c, true);
	c->next_frame_ns = c->h.w->now_ns + c->frame_ns;
}

static inline struct viewer_track *join(struct scene *c)
{
	c->v = harness_viewer(&c->h, SRTP_PROFILE_GCM_128, c->s);
	return &c->v->track[0];
}

/* Joins so long after the last key frame. */
static inline struct viewer_track *join_after(struct scene *c, uint64_t ns)
{
	key_frame(c);
	run(c, ns);
	return join(c);
}

/* The newest `n` numbers that the track was sent were lost, or one in `step` of them. */
static inline void lose(struct scene *c, struct viewer_track *t, unsigned int n, unsigned int step)
{
	uint64_t end = t->wire_base + t->next_index - t->join_index;

	for (; n > 0; n -= RTE_MIN(n, step))
		catch_up_nack(c->h.w, t, (uint16_t)(end - n), 0);
}

/* Numbers rise by one, from the first to the last. */
static inline void no_gap(const struct scene *c)
{
	for (uint32_t i = 1; i < c->n; i++)
		assert_int_equal(c->seen[i].seq, (uint16_t)(c->seen[0].seq + i));
}

static inline void bounded_bursts(const struct scene *c, unsigned int most)
{
	for (uint32_t i = 0; i + most < c->n; i++)
		assert_true(c->seen[i + most].at_ns - c->seen[i].at_ns > MS);
}

#endif
