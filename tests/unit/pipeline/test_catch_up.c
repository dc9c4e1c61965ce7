/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/pipeline/join.c and catch_up.c: what a new viewer is sent from the
 * last key frame on, how fast, and how that ends.
 */
#include "tests/unit/pipeline/catch_up_scene.h"

/* Within 3 s of joining, the viewer has all from the key frame on, once, and is live. */
static void test_catches_up(void **state)
{
	struct scene c;
	struct viewer_track *t;
	uint32_t i = 0;
	uint64_t joined;

	scene_init(&c, WORKER_START_KEYFRAME, 4096);
	t = join_after(&c, 5 * SECOND);
	joined = c.h.w->now_ns;
	assert_int_equal(t->state, TRACK_CATCHING);
	assert_int_equal(t->stats->join, MR_JOIN_CACHE);
	assert_int_equal(c.s->stats->viewers, 1);
	run(&c, SECOND);
	assert_int_equal(t->state, TRACK_LIVE);
	assert_in_range(t->stats->burst_ms, 1, 900);
	assert_int_equal(t->stats->bursts_given_up, 0);
	/* Nothing came before a browser listens, and then the key frame in 100 ms. */
	assert_in_range(c.seen[0].at_ns - joined, 20 * MS, 30 * MS);
	assert_true(c.seen[KEY_PACKETS - 1].at_ns - c.seen[0].at_ns < 110 * MS);
	assert_int_equal(c.seen[0].timestamp, (uint32_t)-CATCH_UP_SHIFT);
	/* Cached frames keep their spacing; then, once, the shift; at a frame's start. */
	while (i + 1 < c.n && c.seen[i + 1].timestamp - c.seen[i].timestamp <= FRAME_TICKS)
		i++;
	assert_int_equal(
		c.seen[i + 1].timestamp - c.seen[i].timestamp, CATCH_UP_SHIFT + FRAME_TICKS);
	assert_int_equal((c.seen[i + 1].timestamp) % FRAME_TICKS, 0);
	for (uint32_t k = i + 2; k < c.n; k++)
		assert_true(c.seen[k].timestamp - c.seen[k - 1].timestamp <= FRAME_TICKS);
	no_gap(&c);
	bounded_bursts(&c, 15);
	assert_int_equal(c.n, t->packets_sent);
	assert_int_equal(c.seen[c.n - 1].timestamp, (c.frames - 1) * FRAME_TICKS);
	/* Reports speak of live frames alone. */
	assert_true(c.reports >= c.seen[i + 1].at_ns);
	assert_int_equal(t->live_index, t->join_index + i + 1);
	harness_no_notice(&c.h);
	scene_fini(&c);
}

/* A key frame that is live itself needs no shift. */
static void test_joins_on_a_keyframe(void **state)
{
	struct scene c;
	struct viewer_track *t;

	scene_init(&c, WORKER_START_KEYFRAME, 1024);
	run(&c, SECOND);
	t = join_after(&c, 10 * MS);
	run(&c, SECOND);
	assert_int_equal(t->state, TRACK_LIVE);
	assert_int_equal(t->shift, 0);
	no_gap(&c);
	bounded_bursts(&c, 15);
	for (uint32_t i = 1; i < c.n; i++)
		assert_true(c.seen[i].timestamp - c.seen[i - 1].timestamp <= FRAME_TICKS);
	scene_fini(&c);
}

static void test_waits(void **state)
{
	static const struct {
		const char *why;
		enum worker_start start;
		uint32_t ring; /* packets */
		bool hole;
	} cases[] = {
		{"the cache is off", WORKER_START_WAIT, 4096, false},
		{"the key frame has fallen out of the ring", WORKER_START_KEYFRAME, 256, false},
		{"a packet of the key frame was lost", WORKER_START_KEYFRAME, 4096, true},
	};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct scene c;
		struct viewer_track *t;
		uint32_t first;

		scene_init(&c, cases[k].start, cases[k].ring);
		key_frame(&c);
		if (cases[k].hole)
			c.s->ring.packets[KEY_PACKETS / 2].flags = PLAIN_HOLE;
		run(&c, 2 * SECOND);
		t = join(&c);
		if (t->state != TRACK_WAITING)
			fail_msg("%s: state %u", cases[k].why, t->state);
		assert_int_equal(t->stats->join, MR_JOIN_WAITED);
		harness_expect_notice(&c.h, MR_EVENT_KEYFRAME_WANTED, c.s->id, 0);
		run(&c, 2 * SECOND);
		assert_int_equal(c.n, 0);
		/* Asked for again, not more often than once a second. */
		harness_expect_notice(&c.h, MR_EVENT_KEYFRAME_WANTED, c.s->id, 0);
		first = c.frames * FRAME_TICKS;
		key_frame(&c);
		run(&c, SECOND);
		assert_int_equal(t->state, TRACK_LIVE);
		assert_int_equal(c.seen[0].timestamp, first);
		assert_int_equal(c.seen[0].seq, (uint16_t)t->wire_base);
		no_gap(&c);
		bounded_bursts(&c, 15);
		scene_fini(&c);
	}
}

/* A stream without key frames is sent from where it is, in the end. */
static void test_waits_for_30_s_at_most(void **state)
{
	struct scene c;
	struct viewer_track *t;

	scene_init(&c, WORKER_START_KEYFRAME, 256);
	run(&c, SECOND);
	t = join(&c);
	harness_advance(&c.h, 29 * SECOND);
	c.next_frame_ns = c.h.w->now_ns;
	run(&c, 100 * MS);
	assert_int_equal(t->state, TRACK_WAITING);
	harness_advance(&c.h, SECOND);
	c.next_frame_ns = c.h.w->now_ns;
	run(&c, 300 * MS);
	assert_int_equal(t->state, TRACK_LIVE);
	assert_true(c.n > 0);
	scene_fini(&c);
}

/* Audio and fixed sessions need no key frame. */
static void test_joins_live(void **state)
{
	struct harness h;
	struct stream *streams[MR_VIEWER_TRACKS];
	struct mr_viewer_add add;
	struct viewer *v;

	harness_init(&h);
	h.w->start = WORKER_START_KEYFRAME;
	streams[0] = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	streams[1] = harness_stream(&h, MR_KIND_AUDIO, 48000, 64);
	add = harness_viewer_add(&h, SRTP_PROFILE_GCM_128, streams);
	v = harness_join(&h, &add, streams);
	assert_int_equal(v->track[0].state, TRACK_WAITING);
	assert_int_equal(v->track[1].state, TRACK_LIVE);
	track_leave(h.w, &v->track[0]);
	v->fixed = true;
	track_join(h.w, &streams[0]->audience, &v->track[0]);
	assert_int_equal(v->track[0].state, TRACK_LIVE);
	assert_int_equal(v->track[0].stats->join, MR_JOIN_LIVE);
	harness_fini(&h);
}

/* Whatever makes the burst end too soon: the next key frame is the next thing sent,
 * by the next number. */
static void test_given_up(void **state)
{
	static const struct {
		const char *why;
		enum { PLI, NACKS, OVERRUN } how;
	} cases[] = {
		{"PLI", PLI},
		{"all of it was lost", NACKS},
		{"it fell out of the ring", OVERRUN},
	};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct scene c;
		struct viewer_track *t;
		uint32_t n, first;

		scene_init(&c, WORKER_START_KEYFRAME, 4096);
		c.h.w->burst_rate = 2;
		t = join_after(&c, 8 * SECOND);
		catch_up_pli(c.h.w, t); /* before anything came: says nothing */
		run(&c, 500 * MS);
		assert_int_equal(t->state, TRACK_CATCHING);
		n = c.n;
		switch (cases[k].how) {
		case PLI:
			catch_up_pli(c.h.w, t);
			break;
		case NACKS:
			for (uint32_t i = 0; i < 129 + 4 * n; i++)
				catch_up_nack(c.h.w, t, (uint16_t)(t->wire_base + i % n), 0);
			break;
		case OVERRUN:
			c.h.w->n_catching = 0; /* its worker does not come to it */
			run(&c, 17 * SECOND);
			c.h.w->catching[0].due_ns = 0;
			c.h.w->n_catching = 1;
			c.h.w->catching_due_ns = 0;
			run(&c, MS);
			break;
		}
		if (t->state != TRACK_WAITING)
			fail_msg("%s: state %u", cases[k].why, t->state);
		assert_int_equal(t->stats->bursts_given_up, 1);
		run(&c, 500 * MS);
		assert_int_equal(c.n, n);
		first = c.frames * FRAME_TICKS;
		key_frame(&c);
		run(&c, SECOND);
		assert_int_equal(t->state, TRACK_LIVE);
		assert_int_equal(c.seen[n].timestamp, first);
		no_gap(&c);
		scene_fini(&c);
	}
}

/* A viewer catches up slowly, since it joined `age_ns` after the last key frame. */
static struct viewer_track *begin_slow(struct scene *c, uint64_t age_ns)
{
	struct viewer_track *t;

	scene_init(c, WORKER_START_KEYFRAME, 4096);
	c->h.w->burst_rate = 2;
	t = join_after(c, age_ns);
	run(c, 500 * MS);
	assert_int_equal(t->state, TRACK_CATCHING);
	return t;
}

/* A key frame comes while a viewer catches up: it goes on there, by the next number,
 * and the rest of before is left out. */
static void test_newer_keyframe(void **state)
{
	struct scene c;
	struct viewer_track *t;
	uint32_t n, first;
	uint64_t began;

	t = begin_slow(&c, 8 * SECOND);
	n = c.n;
	first = c.frames * FRAME_TICKS;
	began = c.h.w->now_ns;
	key_frame(&c);
	while (t->state != TRACK_LIVE && c.h.w->now_ns < began + SECOND)
		run(&c, 10 * MS);
	assert_int_equal(t->state, TRACK_LIVE);
	while (n < c.n && c.seen[n].timestamp > CATCH_UP_SHIFT * 2)
		n++; /* what was on its way */
	assert_true(n < c.n);
	assert_int_equal(c.seen[n].timestamp, first);
	assert_int_equal(t->shift, 0);
	assert_int_equal(c.seen[n].seq, (uint16_t)t->wire_base);
	assert_int_equal(t->stats->bursts_given_up, 0);
	no_gap(&c);
	bounded_bursts(&c, 15);
	scene_fini(&c);
}

/* ... while it is watched whether more is lost than by chance: what is left out was neither
 * sent nor lost. */
static void test_newer_keyframe_while_watched(void **state)
{
	struct viewer_track *t;
	struct scene c;
	uint64_t left_out;

	t = begin_slow(&c, 8 * SECOND);
	lose(&c, t, 8, 1);
	assert_true(t->catch_up.watching);
	left_out = c.s->ring.next - t->next_index;
	assert_true(left_out > 1000);
	key_frame(&c);
	while (t->catch_up.watching)
		run(&c, TURN_NS);
	assert_true(t->join_index > c.s->ring.next - KEY_PACKETS - FRAME_PACKETS);
	assert_true(t->catch_up.judge_ns != 0);
	assert_in_range(t->catch_up.judged, 8, 40);
	scene_fini(&c);
}

/* ... and frames have followed it before the viewer's turn: times still jump by more than
 * what makes libwebrtc begin its estimate anew, there and where it is live. */
static void test_newer_keyframe_late(void **state)
{
	static const uint64_t ages[] = {4 * SECOND, 8 * SECOND};

	for (size_t k = 0; k < sizeof(ages) / sizeof(ages[0]); k++) {
		struct viewer_track *t;
		unsigned int jumps = 0;
		struct scene c;

		t = begin_slow(&c, ages[k]);
		t->catch_up.paced_ns = c.h.w->now_ns + 80 * MS;
		key_frame(&c);
		run(&c, 2 * SECOND);
		assert_int_equal(t->state, TRACK_LIVE);
		no_gap(&c);
		for (uint32_t i = 1; i < c.n; i++) {
			int32_t step = (int32_t)(c.seen[i].timestamp - c.seen[i - 1].timestamp);

			if (step >= 0 && step <= FRAME_TICKS)
				continue;
			assert_true(abs(step) > 900000);
			jumps++;
		}
		assert_int_equal(jumps, 2);
		assert_int_equal(c.seen[c.n - 1].timestamp, (c.frames - 1) * FRAME_TICKS);
		scene_fini(&c);
	}
}

/* ... and the next ones to be sent are missing: they have no time. */
static void test_newer_keyframe_behind_holes(void **state)
{
	struct viewer_track *t;
	struct scene c;
	uint32_t n;

	scene_init(&c, WORKER_START_KEYFRAME, 4096);
	/* So that 0 would be CATCH_UP_SHIFT ahead of what is sent then. */
	c.frames = -(CATCH_UP_SHIFT / FRAME_TICKS + 30);
	c.h.w->burst_rate = 2;
	t = join_after(&c, 4 * SECOND);
	run(&c, 500 * MS);
	assert_int_equal(t->state, TRACK_CATCHING);
	n = c.n;
	for (uint64_t i = t->next_index; i < t->next_index + 20; i++) {
		struct plain_packet *p = &c.s->ring.packets[i & (c.s->ring.capacity - 1)];

		p->flags = PLAIN_HOLE;
		p->timestamp = 0;
	}
	t->catch_up.paced_ns = c.h.w->now_ns + 80 * MS;
	key_frame(&c);
	run(&c, 2 * SECOND);
	assert_int_equal(t->state, TRACK_LIVE);
	/* Back by the shift, and on by the frames that were missing. */
	assert_in_range(c.seen[n - 1].timestamp - c.seen[n].timestamp,
		CATCH_UP_SHIFT - 4 * FRAME_TICKS, CATCH_UP_SHIFT);
	no_gap(&c);
	scene_fini(&c);
}

/* More than may catch up at once: the others follow; who leaves, leaves. */
static void test_many(void **state)
{
	struct scene c;
	uint32_t live = 0;

	scene_init(&c, WORKER_START_KEYFRAME, 4096);
	key_frame(&c);
	run(&c, SECOND);
	for (unsigned int i = 0; i < CATCHING_MAX + 50; i++)
		join(&c);
	assert_int_equal(c.h.w->n_catching, CATCHING_MAX);
	assert_int_equal(c.s->audience.n_behind, CATCHING_MAX + 50);
	assert_int_equal(c.v->track[0].state, TRACK_WAITING);
	run(&c, 50 * MS);
	for (unsigned int i = 0; i < 20; i++)
		harness_leave(&c.h, c.h.w->viewers[i * 7]);
	run(&c, 3 * SECOND);
	for (uint32_t i = 0; i < c.h.w->n_viewers; i++)
		live += c.h.w->viewers[i]->track[0].state == TRACK_LIVE;
	assert_int_equal(live, CATCHING_MAX + 30);
	assert_int_equal(c.s->audience.n_tracks, live);
	assert_int_equal(c.s->audience.n_behind, 0);
	assert_int_equal(c.s->stats->viewers, live);
	no_gap(&c);
	bounded_bursts(&c, 15);
	scene_fini(&c);
}

/* The stream goes while some catch up and some wait. */
static void test_stream_ends(void **state)
{
	struct scene c;
	struct viewer_track *a, *b;

	scene_init(&c, WORKER_START_KEYFRAME, 1024);
	key_frame(&c);
	run(&c, SECOND);
	a = join(&c);
	c.h.w->start = WORKER_START_WAIT;
	b = join(&c);
	run(&c, 10 * MS);
	assert_int_equal(a->state, TRACK_CATCHING);
	assert_int_equal(b->state, TRACK_WAITING);
	harness_stream_end(&c.h, c.s);
	assert_int_equal(a->state, TRACK_AWAY);
	assert_int_equal(b->state, TRACK_AWAY);
	assert_int_equal(c.h.w->n_catching, 0);
	assert_null(c.h.w->waiting);
	catch_up_stage(c.h.w);
	assert_int_equal(c.h.w->plain.n, 0);
	scene_fini(&c);
}

/* Who joins a stream that is faster than the pace gets to the live cursor, too. */
static void test_joins_above_the_pace(void **state)
{
	struct scene c;

	scene_init(&c, WORKER_START_KEYFRAME, 32768);
	c.frame_ns = 400000; /* 20,000 packets/s */
	harness_viewer(&c.h, SRTP_PROFILE_GCM_128, c.s);
	key_frame(&c);
	run(&c, 300 * MS);
	join(&c);
	run(&c, 4 * SECOND);
	assert_int_equal(c.v->track[0].state, TRACK_LIVE);
	no_gap(&c);
	assert_int_equal(c.n, c.v->track[0].packets_sent);
	assert_int_equal(harness_all_drops(&c.h), 0);
	scene_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_catches_up),
		cmocka_unit_test(test_joins_on_a_keyframe),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_waits_for_30_s_at_most),
		cmocka_unit_test(test_joins_live),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_newer_keyframe),
		cmocka_unit_test(test_newer_keyframe_while_watched),
		cmocka_unit_test(test_newer_keyframe_late),
		cmocka_unit_test(test_newer_keyframe_behind_holes),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_stream_ends),
		cmocka_unit_test(test_joins_above_the_pace),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
