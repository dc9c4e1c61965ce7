/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See refresh.h. Those who want a key frame are in a list of the worker's, each for
 * as long as its camera may still answer. Runs on the worker's lcore.
 */
#include "dataplane/pipeline/refresh.h"

#include "dataplane/pipeline/catch_up.h"
#include "dataplane/stream/stream.h"

#define LOOK_NS 10000000ull        /* between two looks at the list */
#define WISH_NS 1000000000ull      /* a camera is not asked again within it (feedback.c) */
#define ROOM_WAIT_NS 2000000000ull /* for too many others to have caught up */
#define NS_PER_MS 1000000ull
#define ON_ITS_WAY_NS 300000000ull /* a key frame this old may not have been seen yet */

enum verdict { REFRESH_WAIT, REFRESH_DROP, REFRESH_START };

static void refuse(struct viewer_track *t)
{
	mr_count_rare(&t->stats->refreshes_refused);
}

void refresh_want(struct worker *w, struct viewer_track *t)
{
	struct refresh *r = &t->refresh;

	if ((t->state != TRACK_LIVE && t->state != TRACK_WAITING) ||
		w->start != WORKER_START_KEYFRAME || t->viewer->fixed || r->wanted)
		return;
	/* Who waits has been given up, and gets nothing: it need not ask once more. */
	if (t->state == TRACK_LIVE && w->now_ns < r->next_ns) {
		refuse(t);
		return;
	}
	r->wanted = true;
	r->since_ns = w->now_ns;
	r->wish_ns = atomic_load_explicit(
		&t->audience->stream->keyframe_wanted_ns, memory_order_relaxed);
	r->after = join_newer(t->audience);
	r->next = w->refreshing;
	w->refreshing = t;
	w->refresh_due_ns = w->now_ns;
}

void refresh_leave(struct worker *w, struct viewer_track *t)
{
	struct viewer_track **at = &w->refreshing;

	if (!t->refresh.wanted)
		return;
	while (*at != NULL && *at != t)
		at = &(*at)->refresh.next;
	if (*at != NULL)
		*at = t->refresh.next;
	t->refresh.wanted = false;
}

void refresh_hold(struct worker *w, struct viewer_track *t)
{
	t->refresh.next_ns = RTE_MAX(t->refresh.next_ns, w->now_ns + REFRESH_LEAST_NS);
}

/* Whether the camera may still answer. */
static bool may_answer(struct worker *w, const struct refresh *r, struct stream *s, uint64_t key_ns)
{
	bool asked = r->wish_ns != 0 && r->since_ns < r->wish_ns + WISH_NS;
	uint64_t wish_ns = asked ? r->wish_ns : r->since_ns;

	/* It has answered that wish, and is not asked again so soon. */
	if (asked && key_ns > r->wish_ns)
		return false;
	/* The newest key frame came soon after the wish before this one. */
	if (!asked && r->wish_ns != 0 && key_ns > r->wish_ns && key_ns < r->wish_ns + WISH_NS)
		atomic_store_explicit(&s->keyframe_unanswered, false, memory_order_relaxed);
	if (atomic_load_explicit(&s->keyframe_unanswered, memory_order_relaxed))
		return false;
	if (w->now_ns < wish_ns + REFRESH_ANSWER_NS)
		return true;
	atomic_store_explicit(&s->keyframe_unanswered, true, memory_order_relaxed);
	return false;
}

static enum verdict judge(struct worker *w, struct viewer_track *t, uint64_t *index)
{
	struct audience *a = t->audience;
	struct refresh *r = &t->refresh;
	uint64_t key_ns;

	if ((t->state != TRACK_LIVE && t->state != TRACK_WAITING))
		return REFRESH_DROP;
	/* It has been sent a newer one, as everybody. */
	if (audience_keyframe(a, index) && *index >= r->after)
		return REFRESH_DROP;
	if (w->now_ns < r->next_ns)
		return REFRESH_WAIT;
	if (!join_keyframe(w, a, index)) {
		/* There is none to begin with; there may be an answer. */
		if (w->now_ns < r->since_ns + REFRESH_ANSWER_NS)
			return REFRESH_WAIT;
		refuse(t);
		return REFRESH_DROP;
	}
	key_ns = audience_packet(a, *index)->arrival_ns;
	if (*index >= t->join_index && r->since_ns < key_ns + ON_ITS_WAY_NS)
		return REFRESH_DROP;
	if (may_answer(w, r, a->stream, key_ns))
		return REFRESH_WAIT;
	if (w->n_catching < REFRESH_CATCHING_MAX)
		return REFRESH_START;
	if (w->now_ns < r->since_ns + ROOM_WAIT_NS)
		return REFRESH_WAIT;
	refuse(t);
	return REFRESH_DROP;
}

/* The next one may follow after twice the time, if it is needed soon. */
static void hold_back(const struct worker *w, struct refresh *r)
{
	if (r->pause_ms == 0 || w->now_ns > r->next_ns + REFRESH_MOST_NS)
		r->pause_ms = REFRESH_LEAST_NS / NS_PER_MS;
	else
		r->pause_ms = (uint32_t)RTE_MIN(2 * r->pause_ms, REFRESH_MOST_NS / NS_PER_MS);
	r->next_ns = w->now_ns + r->pause_ms * NS_PER_MS;
}

void refresh_turn(struct worker *w)
{
	struct viewer_track **at = &w->refreshing;

	if (w->now_ns < w->refresh_due_ns) {
		w->due_ns = RTE_MIN(w->due_ns, w->refresh_due_ns);
		return;
	}
	while (*at != NULL) {
		struct viewer_track *t = *at;
		uint64_t index = 0;
		enum verdict verdict = judge(w, t, &index);

		if (verdict == REFRESH_WAIT) {
			at = &t->refresh.next;
			continue;
		}
		*at = t->refresh.next;
		t->refresh.wanted = false;
		if (verdict == REFRESH_DROP)
			continue;
		hold_back(w, &t->refresh);
		mr_count_rare(&t->stats->refreshes);
		mr_count(&w->stats->refreshes, 1);
		join_again(w, t, index);
	}
	w->refresh_due_ns = w->now_ns + LOOK_NS;
	if (w->refreshing != NULL)
		w->due_ns = RTE_MIN(w->due_ns, w->refresh_due_ns);
}
