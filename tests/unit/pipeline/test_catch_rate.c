/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/pipeline/catch_rate.c: what losses make of the pace at which a viewer
 * catches up.
 */
#include "tests/unit/pipeline/catch_up_scene.h"

/* A viewer that has much to catch up with. */
static struct viewer_track *begin(struct scene *c)
{
	scene_init(c, WORKER_START_KEYFRAME, 4096);
	return join_after(c, 10 * SECOND);
}

/* What was lost of what was sent since tells the pace, once for all that was on its way;
 * it stays above live, and losses by chance are no reason to be slow. */
static void test_adapts(void **state)
{
	static const struct {
		const char *why;
		unsigned int one_in; /* packets of those on their way is lost */
		unsigned int least;  /* per cent of the rate that remain */
		unsigned int most;
	} cases[] = {
		{"one in two", 2, 40, 60},
		{"one in four", 4, 60, 80},
		{"one in 50", 50, 100, 150},
	};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct viewer_track *t;
		uint64_t rate, from, to;
		struct scene c;

		t = begin(&c);
		run(&c, 250 * MS);
		from = t->next_index - t->join_index;
		run(&c, 50 * MS);
		to = t->next_index - t->join_index;
		rate = t->catch_up.rate;
		catch_up_nack(c.h.w, t, (uint16_t)(t->wire_base - 17), 0xffff); /* of before */
		assert_int_equal(t->catch_up.judge_ns, 0);
		assert_true(rate > 6 * t->catch_up.stream_rate);
		for (int again = 0; again < 2; again++)
			for (uint64_t i = from; i < to; i += cases[k].one_in)
				catch_up_nack(c.h.w, t, (uint16_t)(t->wire_base + i), 0);
		/* It may be chance, for 10 ms; else what waits in the wire's queue leaves first. */
		run(&c, 11 * MS);
		c.n = 0;
		run(&c, 10 * MS);
		assert_int_equal(c.n == 0, cases[k].one_in < 16);
		run(&c, 50 * MS);
		assert_int_equal(t->catch_up.judge_ns, 0);
		if (t->catch_up.rate < rate * cases[k].least / 100 ||
			t->catch_up.rate > rate * cases[k].most / 100)
			fail_msg("%s: %u of %llu bytes/s", cases[k].why, t->catch_up.rate,
				(unsigned long long)rate);
		rate = t->catch_up.rate;
		/* That a repair is asked for again says nothing new. */
		catch_up_nack(c.h.w, t, (uint16_t)(t->wire_base + from), 0);
		assert_int_equal(t->catch_up.judge_ns, 0);
		run(&c, 100 * MS);
		if (cases[k].one_in < 16)
			assert_true(t->catch_up.rate < rate + rate / 20);
		else
			assert_true(t->catch_up.rate > rate + rate / 20);
		run(&c, 8 * SECOND);
		assert_int_equal(t->state, TRACK_LIVE);
		assert_int_equal(t->stats->bursts_given_up, 0);
		scene_fini(&c);
	}
}

/* The count of octets has wrapped, as it does after 4 GiB: how long a queue is has nothing
 * to do with that. */
static void test_adapts_after_4_gib(void **state)
{
	struct viewer_track *t;
	struct scene c;

	t = begin(&c);
	run(&c, 300 * MS);
	assert_int_equal(t->state, TRACK_CATCHING);
	t->packets_sent = 5000000;
	t->octets_sent = 1000;
	lose(&c, t, 80, 2);
	while (t->catch_up.watching)
		run(&c, MS);
	assert_true(t->catch_up.judge_ns != 0);
	/* 80 packets, and those of 10 ms */
	assert_in_range(t->catch_up.delay_ms, 80 * LEN * 1000 / t->catch_up.rate,
		80 * LEN * 1000 / t->catch_up.rate + 15);
	scene_fini(&c);
}

/* Losses without end: the pace stays above the stream's for a while, and then it is
 * given up. */
static void test_gives_in(void **state)
{
	struct scene c;
	struct viewer_track *t;

	t = begin(&c);
	for (int i = 0; i < 40 && t->state == TRACK_CATCHING; i++) {
		run(&c, 40 * MS);
		lose(&c, t, 40, 1);
		assert_true(t->catch_up.rate > t->catch_up.stream_rate * 5 / 4 ||
			    t->state != TRACK_CATCHING);
	}
	assert_int_equal(t->state, TRACK_WAITING);
	assert_int_equal(t->stats->bursts_given_up, 1);
	scene_fini(&c);
}

/* Single losses say nothing of the wire, however slow the pace is already. */
static void test_chance_at_the_floor(void **state)
{
	struct viewer_track *t;
	struct scene c;

	t = begin(&c);
	run(&c, 200 * MS);
	t->catch_up.slow = true;
	t->catch_up.rate = t->catch_up.stream_rate * 3 / 2;
	for (int i = 0; i < 10; i++) {
		lose(&c, t, 1, 1);
		assert_true(t->catch_up.judge_ns != 0);
		run(&c, 60 * MS);
		assert_int_equal(t->catch_up.judge_ns, 0);
		assert_int_equal(t->state, TRACK_CATCHING);
		t->catch_up.rate = t->catch_up.stream_rate * 3 / 2;
	}
	scene_fini(&c);
}

/* Who must not have a repair yet does not get it sooner by a loss. */
static void test_loss_does_not_hasten_repairs(void **state)
{
	struct viewer_track *t;
	struct scene c;
	uint64_t due;

	t = begin(&c);
	run(&c, 200 * MS);
	due = t->viewer->repair.next_ns = c.h.w->now_ns + SECOND;
	lose(&c, t, 1, 1);
	assert_true(t->catch_up.watching);
	assert_int_equal(t->viewer->repair.next_ns, due);
	scene_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adapts),
		cmocka_unit_test(test_adapts_after_4_gib),
		cmocka_unit_test(test_gives_in),
		cmocka_unit_test(test_chance_at_the_floor),
		cmocka_unit_test(test_loss_does_not_hasten_repairs),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
