/* SPDX-License-Identifier: BSD-3-Clause */
/* A viewer that was sent some packets and asks for them again: for test_repair.c and
 * test_repair_bounds.c. */
#ifndef TESTS_UNIT_PIPELINE_REPAIR_SCENE_H
#define TESTS_UNIT_PIPELINE_REPAIR_SCENE_H

#include "tests/unit/pipeline/feedback_scene.h"

#include "dataplane/pipeline/repair_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SENT 8 /* packets that a scene's viewer has been sent */
#define PAYLOAD 200
#define RTX_SSRC 0x52545800u
#define RTX_TYPE 97

struct sent {
	uint8_t bytes[SENT][2048];
	uint16_t len[SENT];
};

static inline void put(struct harness *h, struct stream *s, uint8_t number)
{
	uint8_t payload[PAYLOAD];

	memset(payload, number, sizeof(payload));
	harness_put(h, s, payload, sizeof(payload), 3000u * number);
}

static inline uint16_t number(const struct viewer *v, unsigned int i)
{
	return (uint16_t)(v->track[0].wire_base + i);
}

/* Everything that waits goes out for the first time. */
static inline void send_new(struct harness *h, struct sent *keep)
{
	struct worker *w = h->w;
	unsigned int n = 0;

	while (w->queue_head != NULL) {
		fanout_stage(w);
		protect_stage(w);
		for (uint16_t i = 0; i < w->cipher.n && keep != NULL; i++, n++) {
			struct rte_mbuf *m = w->cipher.pkts[i];

			assert_in_range(n, 0, SENT - 1);
			keep->len[n] = harness_rtp_len(m);
			memcpy(keep->bytes[n], harness_rtp(m), keep->len[n]);
		}
		harness_free_media(&w->cipher);
	}
}

/* A viewer that was sent SENT packets. */
static inline void begin(struct scene *c, uint16_t profile, struct sent *keep)
{
	scene_init(c, profile);
	for (uint8_t i = 0; i < SENT; i++)
		put(&c->h, c->video, i);
	send_new(&c->h, keep);
	forget_notices(c);
}

static inline uint64_t refused(const struct viewer *v, enum mr_repair_refusal why)
{
	return v->stats->track[0].repairs_refused[why];
}

/* Asks for one number and returns how many packets come back. */
static inline unsigned int ask(struct scene *c, uint16_t seq)
{
	unsigned int n;

	repair_want(c->h.w, &c->v->track[0], seq, 0);
	repair_stage(c->h.w);
	n = c->h.w->plain.n;
	protect_stage(c->h.w);
	harness_free_media(&c->h.w->cipher);
	return n;
}

#endif
