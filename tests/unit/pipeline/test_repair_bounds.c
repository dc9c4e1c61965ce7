/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/pipeline/repair.c: what repairs may take of a viewer's budget, of a
 * turn, and of the worker's memory, whatever is asked for.
 */
#include "tests/unit/pipeline/repair_scene.h"

/* As if it had never been sent again. */
static unsigned int ask_anew(struct scene *c, uint16_t seq)
{
	unsigned int n = ask(c, seq);

	if (n > 0)
		memset(c->h.w->repairs_recent, 0, sizeof(c->h.w->repairs_recent));
	return n;
}

/* A budget of bytes that time fills again, fractions included. */
static void test_bitrate(void **state)
{
	struct scene c;
	unsigned int n = 0;

	begin(&c, SRTP_PROFILE_GCM_128, NULL);
	c.h.w->repair_bytes = 27000; /* a hundred such packets per second */
	for (int i = 0; i < 200; i++) {
		harness_advance(&c.h, 1);
		n += ask_anew(&c, number(c.v, 3));
	}
	assert_int_equal(n, 50); /* half a second's worth was saved up */
	assert_int_equal(refused(c.v, MR_REPAIR_BITRATE), 150);
	n = 0;
	for (int i = 0; i < 100000; i++) {
		harness_advance(&c.h, 5000); /* 0.135 bytes */
		c.video->ring.packets[3].arrival_ns = c.h.w->now_ns;
		n += ask_anew(&c, number(c.v, 3));
	}
	assert_in_range(n, 49, 50);
	scene_fini(&c);
}

/* What one viewer may keep us waiting with is bounded, and so is a turn. */
static void test_flood(void **state)
{
	struct viewer *other;
	struct worker *w;
	struct scene c;
	unsigned int sent = 0, turns = 0;
	bool served = false;

	begin(&c, SRTP_PROFILE_GCM_128, NULL);
	w = c.h.w;
	other = harness_viewer(&c.h, SRTP_PROFILE_GCM_128, c.video);
	for (uint8_t i = 0; i < 40; i++)
		put(&c.h, c.video, i);
	send_new(&c.h, NULL);
	for (int i = 0; i < 100; i++)
		repair_want(w, &c.v->track[0], (uint16_t)(number(c.v, SENT) + i % 23), 0xffff);
	assert_int_equal(refused(c.v, MR_REPAIR_QUEUE), (100 - REPAIR_WANTED) * 17);
	repair_want(w, &other->track[0], (uint16_t)other->track[0].wire_base, 0);
	while (w->repairs_wait.head != NULL) {
		assert_in_range(++turns, 1, 100);
		w->moved = false;
		repair_stage(w);
		assert_true(w->moved);
		assert_in_range(w->plain.n, 0, REPAIR_BUDGET);
		for (uint16_t i = 0; i < w->plain.n; i++)
			served |= w->plain.track[i]->viewer == other;
		assert_true(served); /* in the first turn */
		sent += w->plain.n;
		harness_free_plain(&w->plain);
	}
	assert_int_equal(sent, REPAIR_WANTED + 16 + 1); /* each once: the rest is too soon */
	assert_int_equal(refused(c.v, MR_REPAIR_SOON), REPAIR_WANTED * 17 - (sent - 1));
	scene_fini(&c);
}

static void test_turn_is_bounded(void **state)
{
	enum { VIEWERS = 20 };
	struct viewer *v[VIEWERS];
	struct harness h;
	struct stream *s;
	unsigned int sent = 0;

	harness_init(&h);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	for (int i = 0; i < VIEWERS; i++)
		v[i] = harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	for (uint8_t i = 0; i < SENT; i++)
		put(&h, s, i);
	send_new(&h, NULL);
	for (int i = 0; i < VIEWERS; i++)
		repair_want(h.w, &v[i]->track[0], (uint16_t)v[i]->track[0].wire_base, 0x7f);
	repair_stage(h.w);
	assert_int_equal(h.w->plain.n, REPAIR_BUDGET);
	assert_int_equal(h.w->stats->repair_turns_full, 1);
	/* New packets still find room behind the repairs. */
	put(&h, s, 0);
	fanout_stage(h.w);
	assert_int_equal(h.w->plain.n, REPAIR_BUDGET + VIEWERS);
	harness_free_plain(&h.w->plain);
	sent = REPAIR_BUDGET;
	harness_leave(&h, v[VIEWERS - 1]); /* the last, the first and one between wait */
	harness_leave(&h, v[8]);
	harness_leave(&h, v[12]);
	while (h.w->repairs_wait.head != NULL) {
		repair_stage(h.w);
		sent += h.w->plain.n;
		harness_free_plain(&h.w->plain);
	}
	assert_null(h.w->repairs_wait.tail);
	assert_int_equal(sent, VIEWERS * SENT - 3 * SENT);
	harness_fini(&h);
}

/* Second copies and what is asked for, more of either than a turn has room for, and
 * viewers who want a number that the budget is no multiple of. */
static void test_turn_with_second_copies(void **state)
{
	enum { VIEWERS = 20, WANTED = 3 };
	struct viewer *v[VIEWERS];
	struct harness h;
	struct stream *s;
	unsigned int sent = 0;

	harness_init(&h);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	for (int i = 0; i < VIEWERS; i++) {
		v[i] = harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
		v[i]->track[0].rtx_ssrc = RTX_SSRC; /* the worker's scratch memory */
		v[i]->track[0].rtx_payload_type = RTX_TYPE;
	}
	for (uint8_t i = 0; i < SENT; i++)
		put(&h, s, i);
	send_new(&h, NULL);
	for (unsigned int k = 0; k < SENT; k += WANTED + 1) {
		harness_advance(&h, 21 * MS); /* what was repaired before is due again */
		for (int i = 0; i < VIEWERS; i++)
			repair_want(h.w, &v[i]->track[0], number(v[i], k), (1 << (WANTED - 1)) - 1);
		for (unsigned int turns = 0; h.w->repairs_wait.head != NULL; turns++) {
			assert_in_range(turns, 0, 10);
			repair_stage(h.w);
			assert_in_range(h.w->plain.n, 1, REPAIR_BUDGET);
			sent += h.w->plain.n;
			protect_stage(h.w);
			harness_free_media(&h.w->cipher);
		}
	}
	assert_int_equal(sent, VIEWERS * WANTED * 3);
	assert_int_equal(h.w->n_echoes, VIEWERS * WANTED);
	harness_fini(&h);
}

/* The places of one hash are all taken by packets that may not be sent again yet: the
 * next one is refused, none of them is forgotten. */
static void test_memory_is_full(void **state)
{
	struct repair_recent *all;
	struct scene c;

	begin(&c, SRTP_PROFILE_GCM_128, NULL);
	all = &c.h.w->repairs_recent[0][0];
	for (size_t i = 0; i < sizeof(c.h.w->repairs_recent) / sizeof(*all); i++)
		all[i] = (struct repair_recent){.tag = i,
			.until_ns = c.h.w->now_ns + 10 * MS + (i % REPAIRS_RECENT_WAYS == 2)};
	assert_int_equal(ask(&c, number(c.v, 3)), 0);
	assert_int_equal(refused(c.v, MR_REPAIR_QUEUE), 1);
	harness_advance(&c.h, 10 * MS);
	assert_int_equal(ask(&c, number(c.v, 3)), 1);
	assert_int_equal(ask(&c, number(c.v, 3)), 0);
	assert_int_equal(refused(c.v, MR_REPAIR_SOON), 1);
	scene_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bitrate),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_turn_is_bounded),
		cmocka_unit_test(test_turn_with_second_copies),
		cmocka_unit_test(test_memory_is_full),
	};

	oracle_library_init();
	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
