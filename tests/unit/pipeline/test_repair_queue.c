/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/pipeline/repair_queue.c: viewers that may have their next repair
 * much later hold up nobody, cost little, and are not forgotten.
 */
#include "tests/unit/pipeline/harness.h"

#include "dataplane/pipeline/catch_rate.h"
#include "dataplane/pipeline/pace.h"
#include "dataplane/pipeline/repair_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SENT 8 /* packets that each viewer has been sent */

/* Asks for one of them. */
static void want(struct worker *w, struct viewer *v)
{
	repair_want(w, &v->track[0], (uint16_t)(v->track[0].wire_base + 3), 0);
}

/* `n` viewers that want one number each, and may have it `first_ns` from now, and each
 * `step_ns` after the one before. */
static void many_later(
	struct harness *h, struct viewer **v, unsigned int n, uint64_t first_ns, uint64_t step_ns)
{
	struct stream *s;

	harness_init(h);
	s = harness_stream(h, MR_KIND_VIDEO, 90000, 64);
	for (unsigned int i = 0; i < n; i++)
		v[i] = harness_viewer(h, SRTP_PROFILE_GCM_128, s);
	for (unsigned int i = 0; i < SENT; i++)
		harness_put(h, s, "payload", 7, 0);
	while (h->w->queue_head != NULL) {
		fanout_stage(h->w);
		protect_stage(h->w);
		harness_free_media(&h->w->cipher);
	}
	for (unsigned int i = 0; i < n; i++) {
		v[i]->repair.next_ns = h->w->now_ns + first_ns + i * step_ns;
		want(h->w, v[i]);
	}
}

/* A turn; returns how many were sent, and none before its time or long after it. */
static unsigned int turn_in_time(struct harness *h, const struct viewer *live, bool *served)
{
	struct worker *w = h->w;
	unsigned int n;

	w->due_ns = UINT64_MAX;
	w->moved = false;
	repair_stage(w);
	n = w->plain.n;
	for (uint16_t i = 0; i < n; i++) {
		const struct viewer *v = w->plain.track[i]->viewer;

		if (v == live)
			*served = true;
		else
			assert_in_range(w->now_ns - v->repair.next_ns, 0, MS);
	}
	harness_free_plain(&w->plain);
	w->n_echoes = 0;
	return n;
}

/* Who has just caught up pauses between two repairs: others do not wait for it. */
static void test_pauses_hold_up_nobody(void **state)
{
	enum { VIEWERS = 100 };
	struct viewer *v[VIEWERS + 1], *live;
	uint64_t asked_ns = 0, end;
	bool waits = false;
	unsigned int sent = 0, asked = 0;
	struct harness h;

	many_later(&h, v, VIEWERS + 1, 5 * MS, 500000);
	live = v[VIEWERS];
	repair_forget(h.w, live);
	live->repair.next_ns = 0;
	for (end = h.w->now_ns + 60 * MS; h.w->now_ns < end; harness_advance(&h, 50000)) {
		bool served = false;

		if (!waits && h.w->now_ns >= asked_ns + 6 * MS) {
			want(h.w, live);
			asked_ns = h.w->now_ns;
			waits = true;
			asked++;
		}
		sent += turn_in_time(&h, live, &served);
		waits = waits && !served;
		assert_true(!waits || h.w->now_ns < asked_ns + MS);
	}
	assert_int_equal(asked, 10);
	assert_int_equal(sent, VIEWERS + asked);
	harness_fini(&h);
}

/* One with at least so many viewers. */
static const struct repair_list *some_slot(const struct worker *w, unsigned int least)
{
	for (unsigned int i = 0; i < REPAIR_SLOTS; i++) {
		const struct viewer *v = w->repairs_later.slot[i].list.head;

		for (unsigned int n = 1; v != NULL; v = v->repair.next_queued) {
			if (n++ == least)
				return &w->repairs_later.slot[i].list;
		}
	}
	fail_msg("no slot has %u viewers", least);
	return NULL;
}

/* More of them than one look has room for: a turn looks at none, mostly, and the worker
 * wakes for each, also when some have left. */
static void test_many_pauses(void **state)
{
	enum { VIEWERS = 256, TURNS = 1000, GONE = 4 };
	static struct viewer *v[VIEWERS];
	unsigned int looks = 0, all = 0, sent = 0;
	const struct repair_list *slot;
	bool served = false;
	struct harness h;

	many_later(&h, v, VIEWERS, 20 * MS, 10000);
	for (unsigned int i = 0; i < TURNS; i++, harness_advance(&h, 10000)) {
		unsigned int n = repair_wake(h.w);

		assert_in_range(n, 0, REPAIR_WAKES);
		looks += n > 0;
		all += n;
		assert_int_equal(turn_in_time(&h, NULL, &served), 0);
		assert_false(h.w->moved);
	}
	assert_int_equal(looks, 0); /* none of them can be due */
	harness_advance(&h, 10 * MS);
	for (unsigned int i = 0; i < 100; i++, harness_advance(&h, 10000)) {
		unsigned int n = repair_wake(h.w);

		assert_in_range(n, 0, REPAIR_WAKES);
		looks += n > 0;
		all += n;
		sent += turn_in_time(&h, NULL, &served);
	}
	assert_in_range(looks, 1, 100 * 10000 / PACE_NS + 1);
	assert_in_range(all, 1, looks * REPAIR_WAKES);
	slot = some_slot(h.w, GONE + 1);
	harness_leave(&h, slot->head);
	harness_leave(&h, slot->tail);
	harness_leave(&h, slot->head->repair.next_queued);
	harness_leave(&h, slot->tail);
	for (unsigned int turns = 0; harness_later(h.w) > 0; turns++) {
		assert_in_range(turns, 0, VIEWERS);
		sent += turn_in_time(&h, NULL, &served);
		if (h.w->moved)
			continue;
		assert_in_range(h.w->due_ns, h.w->now_ns + 1, h.w->now_ns + MS);
		harness_advance(&h, h.w->due_ns - h.w->now_ns);
	}
	while (h.w->repairs_wait.head != NULL)
		sent += turn_in_time(&h, NULL, &served);
	assert_int_equal(sent, VIEWERS - GONE);
	harness_fini(&h);
}

/* However many there are, none is late (turn_in_time()), and each is looked at a few times
 * at most: when its slot's time has come, and before, where that is farther than the slots
 * reach. */
static void test_many_in_time(void **state)
{
	enum { VIEWERS = 1000, FARTHEST = VIEWERS - 1 };
	static struct viewer *v[VIEWERS];
	unsigned int looks = 0, sent = 0;
	bool served = false;
	struct harness h;

	many_later(&h, v, VIEWERS, 10 * MS, 10000);
	repair_forget(h.w, v[FARTHEST]);
	v[FARTHEST]->repair.next_ns = h.w->now_ns + 3 * REPAIR_SLOTS * PACE_NS + 1;
	want(h.w, v[FARTHEST]);
	for (unsigned int turns = 0; sent < VIEWERS; turns++) {
		assert_in_range(turns, 0, 10 * VIEWERS);
		looks += repair_wake(h.w);
		sent += turn_in_time(&h, NULL, &served);
		if (harness_later(h.w) == 1)
			assert_in_range(h.w->due_ns, h.w->now_ns, v[FARTHEST]->repair.next_ns);
		harness_advance(&h, 20000);
	}
	assert_in_range(looks, VIEWERS, 3 * VIEWERS);
	assert_int_equal(harness_later(h.w), 0);
	harness_fini(&h);
}

/* The order of feedback.c: what is asked for is remembered, then the loss is told. */
static void test_first_loss_holds_up_nobody(void **state)
{
	struct viewer *v[2];
	struct harness h;
	bool served = false;
	unsigned int us = 0;

	many_later(&h, v, 2, 0, 0);
	for (unsigned int i = 0; i < 2; i++) {
		repair_forget(h.w, v[i]);
		v[i]->repair.next_ns = 0;
	}
	want(h.w, v[0]);
	catch_rate_lost(&v[0]->track[0], 3, h.w->now_ns);
	want(h.w, v[1]);
	while (!served && us < 20000) {
		turn_in_time(&h, v[1], &served);
		harness_advance(&h, 50000);
		us += 50;
	}
	print_message("the other one waited %u us\n", us - 50);
	assert_in_range(us, 50, 1000);
	harness_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pauses_hold_up_nobody),
		cmocka_unit_test(test_many_pauses),
		cmocka_unit_test(test_many_in_time),
		cmocka_unit_test(test_first_loss_holds_up_nobody),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
