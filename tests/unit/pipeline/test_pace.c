/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/pipeline/pace.c: live packets, repairs, their second copies and
 * what a viewer catches up with stay within `maxBurstPackets` together, and none of
 * them keeps another from leaving; and of `burstRate`.
 */
#include "tests/unit/pipeline/catch_up_scene.h"

#include "dataplane/pipeline/repair_queue.h"

#define FRAME_FAST_NS (FRAME_NS / 8) /* 2,000 packets/s */

/* As run(), with repairs; the worker sleeps until something is due. */
static void run_repairs(struct scene *c, uint64_t ns)
{
	struct worker *w = c->h.w;
	uint64_t end = w->now_ns + ns;

	while (w->now_ns < end) {
		frames_come(c);
		w->due_ns = RTE_MIN(end, c->next_frame_ns);
		w->moved = false;
		repair_stage(w);
		assert_in_range(w->plain.n, 0, REPAIR_BUDGET);
		send_frames(c);
		harness_advance(
			&c->h, w->moved ? TURN_NS : RTE_MAX(w->due_ns, w->now_ns + 1) - w->now_ns);
	}
}

/* The `n` newest packets before the last `skip`. */
static void want(struct scene *c, struct viewer *v, unsigned int n, unsigned int skip)
{
	const struct viewer_track *t = &v->track[0];
	uint64_t next = t->state == TRACK_LIVE ? c->s->audience.live_next : t->next_index;
	uint64_t wire = t->wire_base + next - t->join_index - skip - n;

	for (; n > 0; n -= RTE_MIN(n, 17u), wire += 17)
		repair_want(c->h.w, &v->track[0], (uint16_t)wire,
			n >= 17 ? 0xffff : (uint16_t)((1u << (n - 1)) - 1));
}

/* How often numbers were sent that had been sent before. */
static unsigned int repeated(const struct scene *c)
{
	uint16_t next = c->seen[0].seq;
	unsigned int n = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		if (c->seen[i].seq == next)
			next++;
		else
			n++;
	}
	return n;
}

/* A key frame that comes at once leaves to many viewers in bounded bursts, and no
 * slower than it has to. */
static void test_live_is_paced(void **state)
{
	static const uint32_t limits[] = {6, 16, 64};

	for (size_t k = 0; k < sizeof(limits) / sizeof(limits[0]); k++) {
		struct scene c;
		uint64_t began;

		scene_init(&c, WORKER_START_LIVE, 1024);
		c.h.w->quantum = quantum_of(limits[k]);
		for (int i = 0; i < 50; i++)
			join(&c);
		run(&c, 100 * MS);
		c.n = 0;
		began = c.h.w->now_ns;
		key_frame(&c);
		run(&c, 100 * MS);
		assert_true(c.n >= KEY_PACKETS);
		no_gap(&c);
		bounded_bursts(&c, limits[k]);
		assert_true(c.seen[KEY_PACKETS - 1].at_ns - began <
			    (KEY_PACKETS / c.h.w->quantum + 1) * (PACE_NS + TURN_NS));
		scene_fini(&c);
	}
}

/* Pacing loses nothing: neither where the stream itself is faster than the pace, nor
 * where the worker gets to its turns late. */
static void test_pace_loses_nothing(void **state)
{
	static const struct {
		const char *why;
		uint32_t ring;   /* packets */
		uint64_t gap_ns; /* between two packets of the stream */
		uint64_t turn_ns;
		uint64_t late_ns; /* the last one, at most */
	} cases[] = {
		{"10,000 packets/s, within the pace", 4096, 100000, TURN_NS, 5 * MS},
		{"40,000 packets/s", 4096, 25000, TURN_NS, 105 * MS},
		{"audio's ring, 20,000 packets/s", 1024, 50000, TURN_NS, 60 * MS},
		{"a worker that gets a turn in 2 ms", 1024, 166000, 2 * MS, 150 * MS},
	};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct scene c;
		uint64_t end, next, put = 0, left = 0;

		scene_init(&c, WORKER_START_LIVE, cases[k].ring);
		c.v = harness_viewer(&c.h, SRTP_PROFILE_GCM_128, c.s);
		next = c.h.w->now_ns;
		end = next + SECOND;
		while (c.h.w->now_ns < end || (c.h.w->queue_head != NULL && left < 3 * SECOND)) {
			for (; next <= c.h.w->now_ns && next < end; next += cases[k].gap_ns) {
				uint8_t payload[100] = {0};

				harness_put(&c.h, c.s, payload, sizeof(payload), (uint32_t)put++);
			}
			fanout_stage(c.h.w);
			look(&c);
			harness_free_plain(&c.h.w->plain);
			if (c.h.w->now_ns >= end)
				left = c.h.w->now_ns - end;
			harness_advance(&c.h, cases[k].turn_ns);
		}
		if (c.n != put || left > cases[k].late_ns)
			print_error("%s: %u of %llu packets, the last %llu us late\n", cases[k].why,
				c.n, (unsigned long long)put, (unsigned long long)left / 1000);
		assert_int_equal(c.n, put);
		assert_in_range(left, 0, cases[k].late_ns);
		no_gap(&c);
		assert_int_equal(harness_all_drops(&c.h), 0);
		scene_fini(&c);
	}
}

/* Many losses at once, with key frames on their way. */
static void test_live_and_repairs(void **state)
{
	static const struct {
		uint32_t limit;
		unsigned int losses;
	} cases[] = {{6, 60}, {11, 60}, {16, 60}, {16, 120}, {64, 120}};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct viewer *other;
		struct scene c;

		scene_init(&c, WORKER_START_LIVE, 1024);
		c.h.w->quantum = quantum_of(cases[k].limit);
		other = harness_viewer(&c.h, SRTP_PROFILE_GCM_128, c.s);
		join(&c);
		run_repairs(&c, SECOND);
		key_frame(&c);
		want(&c, c.v, cases[k].losses, 0);
		want(&c, other, cases[k].losses, 0);
		run_repairs(&c, SECOND / 5);
		/* Second copies among new repairs and a key frame. */
		for (int i = 0; i < 6; i++) {
			want(&c, c.v, 10, 20);
			if (i % 3 == 0)
				key_frame(&c);
			run_repairs(&c, 10 * MS);
		}
		run_repairs(&c, SECOND / 5);
		bounded_bursts(&c, cases[k].limit);
		assert_true(repeated(&c) >= 2 * cases[k].losses);
		assert_int_equal(c.v->stats->track[0].repairs_refused[MR_REPAIR_QUEUE], 0);
		assert_int_equal(repeated(&c), c.v->stats->track[0].repaired);
		assert_int_equal(c.n - repeated(&c), c.v->track[0].packets_sent);
		assert_int_equal(c.h.w->n_echoes, 0);
		assert_null(c.h.w->repairs_wait.head);
		assert_int_equal(harness_later(c.h.w), 0);
		assert_int_equal(c.s->audience.live_next, c.s->ring.next);
		scene_fini(&c);
	}
}

/* A viewer that may have any number of repairs has been catching up for `for_ns`, since it
 * joined `age_ns` after the last key frame. */
static struct viewer_track *begin_catching(
	struct scene *c, uint16_t quantum, uint64_t frame_ns, uint64_t age_ns, uint64_t for_ns)
{
	struct viewer_track *t;

	scene_init(c, WORKER_START_KEYFRAME, frame_ns == FRAME_NS ? 4096 : 32768);
	c->h.w->quantum = quantum;
	c->h.w->repair_bytes = 100000000;
	c->frame_ns = frame_ns;
	key_frame(c);
	run_repairs(c, age_ns);
	t = join(c);
	run_repairs(c, for_ns);
	assert_int_equal(t->state, TRACK_CATCHING);
	return t;
}

/* Repairs beside what it catches up with, both as fast as they may: neither waits for the
 * end of the other. */
static void test_catch_up_and_repairs(void **state)
{
	static const uint32_t limits[] = {6, 16};

	for (size_t k = 0; k < sizeof(limits) / sizeof(limits[0]); k++) {
		struct viewer_track *t;
		uint64_t before;
		struct scene c;

		t = begin_catching(&c, quantum_of(limits[k]), FRAME_FAST_NS, 4 * SECOND, 120 * MS);
		before = t->next_index;
		for (int i = 0; i < 20; i++) {
			want(&c, c.v, 40, 0);
			run_repairs(&c, 10 * MS);
		}
		assert_true(t->stats->repaired >= 300);
		assert_true(t->next_index >= before + 300);
		run_repairs(&c, 8 * SECOND);
		assert_int_equal(t->state, TRACK_LIVE);
		bounded_bursts(&c, limits[k]);
		assert_int_equal(c.n - repeated(&c), t->packets_sent);
		scene_fini(&c);
	}
}

/* Without a limit the rate alone paces both: repairs take no more than their share of it, and
 * what is new goes on leaving. */
static void test_catch_up_and_repairs_without_limit(void **state)
{
	struct viewer_track *t;
	struct scene c;
	uint64_t index, packets, moved_ns, most_ns = 0;

	t = begin_catching(&c, 0, FRAME_NS, 8 * SECOND, 200 * MS);
	t->catch_up.slow = true;
	t->catch_up.rate = t->catch_up.top = t->catch_up.stream_rate * 3 / 2;
	packets = t->catch_up.rate / LEN; /* in 1 s */
	index = t->next_index;
	moved_ns = c.h.w->now_ns;
	for (uint64_t before = index, i = 0; i < 1000; i++) {
		if (i % 20 == 0)
			want(&c, c.v, 40, 0);
		run_repairs(&c, 2 * MS);
		if (t->next_index != before)
			moved_ns = c.h.w->now_ns;
		before = t->next_index;
		most_ns = RTE_MAX(most_ns, c.h.w->now_ns - moved_ns);
	}
	assert_int_equal(t->state, TRACK_CATCHING);
	assert_in_range(t->stats->repaired, packets, 2 * packets);
	assert_true(t->next_index - index >= 2 * packets / 5);
	assert_true(t->next_index - index + t->stats->repaired <= 2 * packets + 3 * 32);
	assert_in_range(most_ns / MS, 0, 5 * 32 * 1000 / packets);
	scene_fini(&c);
}

/* ... and where that is far above a packet in 250 us, repairs without end do not hold up what
 * is new. */
static void test_fast_catch_up_and_repairs_without_limit(void **state)
{
	struct viewer_track *t;
	struct scene c;
	uint64_t index;

	t = begin_catching(&c, 0, FRAME_FAST_NS, 4 * SECOND, 50 * MS);
	t->catch_up.rate = t->catch_up.top = 20000000;
	index = t->next_index;
	/* One more is asked for in each 150 us. */
	for (unsigned int i = 0; i < 200; i++) {
		want(&c, c.v, 1, i % 50);
		run_repairs(&c, 150000);
	}
	assert_true(t->stats->repaired >= 100);
	assert_true(t->next_index >= index + 100);
	scene_fini(&c);
}

/* Who asks without end does not hold up what is live, nor a viewer who asks once. */
static void test_flood_and_live(void **state)
{
	static const uint32_t limits[] = {6, 16};

	for (size_t k = 0; k < sizeof(limits) / sizeof(limits[0]); k++) {
		enum { FLOODERS = 26 };
		struct viewer *flooder[FLOODERS];
		struct scene c;
		uint64_t asked;

		scene_init(&c, WORKER_START_LIVE, 4096);
		c.h.w->quantum = quantum_of(limits[k]);
		c.h.w->repair_bytes = 100000000;
		for (int i = 0; i < FLOODERS; i++)
			flooder[i] = harness_viewer(&c.h, SRTP_PROFILE_GCM_128, c.s);
		join(&c);
		run_repairs(&c, SECOND);
		for (int n = 0; n < 70; n++) {
			/* At any time there is one whose pace allows it. */
			for (int i = 0; i < FLOODERS; i++) {
				want(&c, flooder[i], 100, 0);
				run_repairs(&c, TURN_NS);
			}
			run_repairs(&c, MS);
		}
		run_repairs(&c, 5 * MS);
		/* A frame of 8 packets, every other quantum at the worst. */
		assert_true(c.s->ring.next - c.s->audience.live_next <= FRAME_PACKETS);
		c.n = 0;
		asked = c.h.w->now_ns;
		want(&c, c.v, 1, 0);
		while (c.v->stats->track[0].repaired == 0) {
			assert_true(c.h.w->now_ns - asked < 5 * MS);
			run_repairs(&c, TURN_NS);
		}
		scene_fini(&c);
	}
}

/* At no time is it sent more than `burstRate` times the stream's rate. */
static void test_burst_rate(void **state)
{
	static const struct {
		uint32_t burst_rate;
		uint64_t frame_ns;
	} cases[] = {{2, FRAME_NS}, {2, 4 * FRAME_NS}, {5, 4 * FRAME_NS}, {20, FRAME_NS}};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct scene c;
		struct viewer_track *t;
		uint64_t most, rate, window_ns = 200 * MS;
		uint32_t first = 0;

		scene_init(&c, WORKER_START_KEYFRAME, 4096);
		c.h.w->burst_rate = cases[k].burst_rate;
		c.frame_ns = cases[k].frame_ns;
		t = join_after(&c, 8 * SECOND);
		rate = (FRAME_PACKETS * LEN * 8 * SECOND / c.frame_ns + KEY_PACKETS * LEN) / 8;
		assert_in_range(t->catch_up.stream_rate, rate * 9 / 10, rate * 11 / 10);
		run(&c, 2 * SECOND);
		/* and what a late turn may make good for */
		most = rate * cases[k].burst_rate * (window_ns + 10 * MS) / SECOND * 11 / 10 / LEN +
		       FRAME_PACKETS;
		for (uint32_t i = 0; i < c.n; i++) {
			while (c.seen[i].at_ns - c.seen[first].at_ns > window_ns)
				first++;
			assert_in_range(i - first + 1, 1, most);
		}
		/* ... and not much less, where it is slow enough to last. */
		if (cases[k].burst_rate == 2)
			assert_true(c.n * LEN > 2 * rate * cases[k].burst_rate * 8 / 10);
		scene_fini(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live_is_paced),
		cmocka_unit_test(test_pace_loses_nothing),
		cmocka_unit_test(test_live_and_repairs),
		cmocka_unit_test(test_catch_up_and_repairs),
		cmocka_unit_test(test_catch_up_and_repairs_without_limit),
		cmocka_unit_test(test_fast_catch_up_and_repairs_without_limit),
		cmocka_unit_test(test_flood_and_live),
		cmocka_unit_test(test_burst_rate),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
