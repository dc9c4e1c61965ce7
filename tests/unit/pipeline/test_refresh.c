/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/pipeline/refresh.c: a live viewer's PLI where the camera answers,
 * where it does not, and where the viewer goes on saying it.
 */
#include "tests/unit/pipeline/catch_up_scene.h"

#include "dataplane/pipeline/refresh.h"

/* A viewer who is live for a while, 3 s behind the last key frame. */
static struct viewer_track *begin(struct scene *c)
{
	struct viewer_track *t;

	scene_init(c, WORKER_START_KEYFRAME, 4096);
	key_frame(c);
	run(c, 10 * MS);
	t = join(c);
	run(c, 3 * SECOND);
	assert_int_equal(t->state, TRACK_LIVE);
	return t;
}

/* As feedback does: the camera is asked after that. */
static void pli(struct scene *c, struct viewer_track *t)
{
	catch_up_pli(c->h.w, t);
	refresh_want(c->h.w, t);
	if (c->h.w->now_ns >= atomic_load(&c->s->keyframe_wanted_ns) + SECOND)
		atomic_store(&c->s->keyframe_wanted_ns, c->h.w->now_ns);
}

/* Where the camera does not answer, the picture begins again at the kept key frame:
 * by the next number, shifted back, paced, and then live. */
static void test_begins_again(void **state)
{
	struct scene c;
	struct viewer_track *t = begin(&c);
	uint32_t n, key, i;

	key = 0;
	pli(&c, t);
	run(&c, REFRESH_ANSWER_NS - 20 * MS);
	assert_int_equal(t->state, TRACK_LIVE);
	n = c.n;
	run(&c, 50 * MS);
	assert_int_equal(t->state, TRACK_CATCHING);
	assert_int_equal(t->stats->refreshes, 1);
	assert_int_equal(c.h.w->stats->refreshes, 1);
	assert_true(c.s->keyframe_unanswered);
	run(&c, SECOND);
	assert_int_equal(t->state, TRACK_LIVE);
	no_gap(&c);
	bounded_bursts(&c, 15);
	/* Somewhere behind n the time falls back to the key frame's, and jumps once. */
	for (i = n; i < c.n && c.seen[i].timestamp != (uint32_t)(key - CATCH_UP_SHIFT); i++)
		assert_true(c.seen[i].timestamp - c.seen[i - 1].timestamp <= FRAME_TICKS);
	assert_true(i < c.n);
	for (i++; i < c.n && c.seen[i].timestamp - c.seen[i - 1].timestamp <= FRAME_TICKS; i++)
		;
	assert_int_equal(
		c.seen[i].timestamp - c.seen[i - 1].timestamp, CATCH_UP_SHIFT + FRAME_TICKS);
	assert_int_equal(c.seen[c.n - 1].timestamp, (c.frames - 1) * FRAME_TICKS);
	/* Next time nobody waits for the camera. */
	run(&c, 3 * SECOND);
	pli(&c, t);
	run(&c, 20 * MS);
	assert_int_equal(t->state, TRACK_CATCHING);
	scene_fini(&c);
}

/* A camera that answers is waited for; so is one that has come to answer. */
static void test_camera_answers(void **state)
{
	struct scene c;
	struct viewer_track *t = begin(&c);

	for (int i = 0; i < 3; i++) {
		pli(&c, t);
		run(&c, 200 * MS);
		key_frame(&c);
		run(&c, 100 * MS);
		pli(&c, t); /* sent before it was seen */
		run(&c, 4 * SECOND);
	}
	assert_int_equal(t->stats->refreshes, 0);
	assert_int_equal(t->stats->refreshes_refused, 0);
	/* It was slow, once: its viewers are served, until it answers again. */
	pli(&c, t);
	run(&c, 2 * SECOND);
	assert_int_equal(t->stats->refreshes, 1);
	assert_true(c.s->keyframe_unanswered);
	pli(&c, t);
	run(&c, 100 * MS);
	key_frame(&c);
	run(&c, 3 * SECOND);
	pli(&c, t);
	run(&c, 100 * MS);
	assert_false(c.s->keyframe_unanswered);
	key_frame(&c);
	run(&c, 3 * SECOND);
	no_gap(&c);
	scene_fini(&c);
}

/* Who says it again after the camera's answer, and before it may be asked again, is served
 * at once; that is not held against the camera. */
static void test_lost_the_answer(void **state)
{
	struct scene c;
	struct viewer_track *t = begin(&c);

	pli(&c, t);
	run(&c, 100 * MS);
	key_frame(&c);
	run(&c, 500 * MS);
	assert_int_equal(t->stats->refreshes, 0);
	pli(&c, t);
	run(&c, 20 * MS);
	assert_int_equal(t->stats->refreshes, 1);
	assert_false(c.s->keyframe_unanswered);
	run(&c, 4 * SECOND);
	pli(&c, t);
	run(&c, 200 * MS);
	assert_int_equal(t->stats->refreshes, 1); /* it is waited for */
	key_frame(&c);
	run(&c, 3 * SECOND);
	assert_int_equal(t->stats->refreshes, 1);
	no_gap(&c);
	scene_fini(&c);
}

/* Who says nothing but PLI is started again less and less often. */
static void test_does_not_loop(void **state)
{
	struct scene c;
	struct viewer_track *t = begin(&c);
	uint32_t before;

	for (int i = 0; i < 300; i++) {
		if (i % 100 == 0) /* so that the ring has one */
			key_frame(&c);
		pli(&c, t);
		run(&c, 200 * MS);
	}
	/* 2, 4, 8, 16 and 32 s apart, in a minute */
	assert_in_range(t->stats->refreshes, 3, 5);
	assert_true(t->refresh.pause_ms * 1000000ull >= 16 * SECOND);
	no_gap(&c);
	bounded_bursts(&c, 15);
	/* Quiet for long: as at first. */
	harness_advance(&c.h, 200 * SECOND);
	c.next_frame_ns = c.h.w->now_ns;
	key_frame(&c);
	run(&c, SECOND);
	assert_int_equal(t->state, TRACK_LIVE);
	before = (uint32_t)t->stats->refreshes;
	pli(&c, t);
	run(&c, SECOND);
	assert_int_equal(t->stats->refreshes, before + 1);
	assert_int_equal(t->refresh.pause_ms * 1000000ull, REFRESH_LEAST_NS);
	scene_fini(&c);
}

/* A PLI of the burst's own gives it up; the viewer waits for a while, then begins
 * again at what is kept. */
static void test_given_up(void **state)
{
	struct scene c;
	struct viewer_track *t = begin(&c);
	uint64_t began;

	c.h.w->burst_rate = 2;
	atomic_store(&c.s->keyframe_unanswered, true);
	pli(&c, t);
	run(&c, 10 * MS);
	began = c.h.w->now_ns;
	assert_int_equal(t->state, TRACK_CATCHING);
	run(&c, 600 * MS);
	pli(&c, t);
	assert_int_equal(t->state, TRACK_WAITING);
	while (t->state == TRACK_WAITING && c.h.w->now_ns < began + 10 * SECOND)
		run(&c, 10 * MS);
	assert_int_equal(t->state, TRACK_CATCHING);
	assert_true(c.h.w->now_ns - began > REFRESH_LEAST_NS);
	assert_int_equal(t->stats->refreshes, 2);
	assert_int_equal(t->stats->bursts_given_up, 1);
	run(&c, 10 * SECOND);
	assert_int_equal(t->state, TRACK_LIVE);
	no_gap(&c);
	scene_fini(&c);
}

/* Where there is nothing to begin with, or nothing to begin again. */
static void test_refused(void **state)
{
	struct scene c;
	struct viewer_track *t = begin(&c);

	run(&c, 20 * SECOND); /* the key frame falls out of the ring */
	pli(&c, t);
	run(&c, SECOND);
	assert_int_equal(t->state, TRACK_LIVE);
	assert_int_equal(t->stats->refreshes, 0);
	assert_int_equal(t->stats->refreshes_refused, 1);
	key_frame(&c);
	run(&c, SECOND);
	c.h.w->start = WORKER_START_WAIT; /* "keyFrameStart": false */
	pli(&c, t);
	run(&c, SECOND);
	c.h.w->start = WORKER_START_KEYFRAME;
	c.v->fixed = true;
	pli(&c, t);
	run(&c, SECOND);
	c.v->fixed = false;
	assert_int_equal(t->state, TRACK_LIVE);
	assert_int_equal(t->stats->refreshes, 0);
	/* Somebody goes while it is wanted. */
	pli(&c, t);
	run(&c, 10 * MS);
	assert_ptr_equal(c.h.w->refreshing, t);
	track_leave(c.h.w, t);
	assert_null(c.h.w->refreshing);
	scene_fini(&c);
}

/* All of a stream's viewers at once: no more than those who leave room for others. */
static void test_many(void **state)
{
	struct scene c;
	struct viewer_track *t = begin(&c);
	uint64_t again = 0;

	for (unsigned int i = 0; i < 2 * REFRESH_CATCHING_MAX; i++)
		join(&c);
	run(&c, 3 * SECOND);
	c.n = 0; /* of the last one alone */
	for (uint32_t i = 0; i < c.h.w->n_viewers; i++)
		pli(&c, &c.h.w->viewers[i]->track[0]);
	run(&c, REFRESH_ANSWER_NS + 50 * MS);
	assert_int_equal(c.h.w->n_catching, REFRESH_CATCHING_MAX);
	assert_int_equal(c.s->audience.n_behind, REFRESH_CATCHING_MAX);
	run(&c, 8 * SECOND);
	for (uint32_t i = 0; i < c.h.w->n_viewers; i++) {
		assert_int_equal(c.h.w->viewers[i]->track[0].state, TRACK_LIVE);
		again += c.h.w->viewers[i]->track[0].stats->refreshes;
	}
	assert_in_range(again, REFRESH_CATCHING_MAX, 2 * REFRESH_CATCHING_MAX + 1);
	assert_int_equal(c.s->audience.n_behind, 0);
	assert_int_equal(c.s->audience.n_tracks, c.h.w->n_viewers);
	assert_int_equal(t->state, TRACK_LIVE);
	no_gap(&c);
	scene_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begins_again),
		cmocka_unit_test(test_camera_answers),
		cmocka_unit_test(test_lost_the_answer),
		cmocka_unit_test(test_does_not_loop),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
