/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Joining a stream: live, from the last key frame, or after a wait for the next
 * one. Runs on the worker's lcore.
 */
#include "dataplane/pipeline/catch_up.h"

#include "dataplane/api/event.h"
#include "dataplane/pipeline/refresh.h"
#include "dataplane/stream/stream.h"

#define WAIT_MAX_NS 30000000000ull     /* then live: there may be no key frames at all */
#define WAIT_LOOK_NS 100000000ull      /* between looks at who has waited too long */
#define KEYFRAME_WISH_NS 1000000000ull /* between two wishes of one stream */
#define STALE_NS 2000000000ull         /* a source that is silent for longer: an old picture */

/* [ns] since the end of DTLS. What comes within the next milliseconds Firefox drops: that would
 * be the beginning of the key frame, and no NACK asks for what was before the first packet
 * that was taken. */
#define LISTENS_NS 25000000ull

static void count_viewer(struct audience *a, bool more)
{
	/* Every worker with viewers of the stream counts its own. */
	if (more)
		atomic_fetch_add_explicit(&a->stream->stats->viewers, 1, memory_order_relaxed);
	else
		atomic_fetch_sub_explicit(&a->stream->stats->viewers, 1, memory_order_relaxed);
}

static void want_keyframe(struct worker *w, struct stream *s)
{
	uint64_t wanted_ns = atomic_load_explicit(&s->keyframe_wanted_ns, memory_order_relaxed);

	if (wanted_ns != 0 && w->now_ns < wanted_ns + KEYFRAME_WISH_NS)
		return;
	/* Viewers at other workers want some, too: one of them tells. */
	if (atomic_compare_exchange_strong_explicit(&s->keyframe_wanted_ns, &wanted_ns, w->now_ns,
		    memory_order_relaxed, memory_order_relaxed))
		worker_notify(w, MR_EVENT_KEYFRAME_WANTED, s->id, 0, 0);
}

static bool has_keyframes(const struct stream *s)
{
	return s->codec == MR_CODEC_H264 || s->codec == MR_CODEC_VP8;
}

/* Nothing of the key frame was lost, as far as it has come. */
static bool keyframe_is_whole(const struct audience *a, uint64_t index)
{
	uint32_t timestamp = audience_packet(a, index)->timestamp;

	for (; index < a->next; index++) {
		const struct plain_packet *p = audience_packet(a, index);

		if ((p->flags & PLAIN_HOLE) != 0)
			return false;
		if (p->timestamp != timestamp || (p->flags & PLAIN_MARKER) != 0)
			return true;
	}
	return true;
}

bool join_keyframe(struct worker *w, struct audience *a, uint64_t *index)
{
	if (!audience_keyframe(a, index))
		return false;
	worker_read_begin(w, a, *index);
	return audience_packet(a, *index) != NULL &&
	       w->now_ns < audience_packet(a, a->next - 1)->arrival_ns + STALE_NS &&
	       keyframe_is_whole(a, *index);
}

/* While the key frame itself is the newest frame, there is nothing to catch up
 * with: it is live. */
static void begin(struct worker *w, struct viewer_track *t, uint64_t index, uint64_t joined_ns)
{
	const struct audience *a = t->audience;
	bool live =
		audience_packet(a, index)->timestamp == audience_packet(a, a->next - 1)->timestamp;

	catch_up_begin(
		w, t, index, live ? 0 : CATCH_UP_SHIFT, RTE_MAX(w->now_ns, joined_ns + LISTENS_NS));
}

uint64_t join_newer(const struct audience *a)
{
	uint64_t index;

	return audience_keyframe(a, &index) ? index + 1 : 0;
}

void join_wait(struct worker *w, struct viewer_track *t, uint64_t after)
{
	struct audience *a = t->audience;

	t->state = TRACK_WAITING;
	t->catch_up.after = after;
	t->catch_up.since_ns = w->now_ns;
	t->catch_up.next = a->waiting;
	if (a->waiting == NULL) {
		a->waiting_after = after;
		a->next_waiting = w->waiting;
		w->waiting = a;
	}
	if (after < a->waiting_after)
		a->waiting_after = after;
	a->waiting = t;
}

static void unlink_audience(struct worker *w, const struct audience *a)
{
	struct audience **at = &w->waiting;

	while (*at != NULL && *at != a)
		at = &(*at)->next_waiting;
	if (*at != NULL)
		*at = a->next_waiting;
}

static void wait_leave(struct worker *w, struct viewer_track *t)
{
	struct audience *a = t->audience;
	struct viewer_track **at = &a->waiting;

	while (*at != NULL && *at != t)
		at = &(*at)->catch_up.next;
	if (*at != NULL)
		*at = t->catch_up.next;
	t->catch_up.next = NULL;
	if (a->waiting == NULL)
		unlink_audience(w, a);
}

void join_again(struct worker *w, struct viewer_track *t, uint64_t index)
{
	struct audience *a = t->audience;

	if (t->state == TRACK_LIVE) {
		audience_leave(t);
		t->audience = a;
		a->n_behind++;
	} else {
		wait_leave(w, t);
	}
	/* What it saw last is newer than any of these: a jump, whatever is sent next. */
	catch_up_begin(w, t, index, CATCH_UP_SHIFT, w->now_ns);
}

/* Looks at each that waits, once: starts it with the key frame at `index`, makes it
 * live, or lets it wait on. */
static void look_at_waiting(struct worker *w, struct audience *a, bool start, uint64_t index)
{
	struct viewer_track *t = a->waiting;
	struct viewer_track *rest = NULL;
	uint64_t after = UINT64_MAX;

	while (t != NULL) {
		struct viewer_track *next = t->catch_up.next;

		t->catch_up.next = NULL;
		if (start && index >= t->catch_up.after && w->n_catching < CATCHING_MAX) {
			begin(w, t, index, t->catch_up.since_ns);
		} else if (w->now_ns > t->catch_up.since_ns + WAIT_MAX_NS) {
			audience_join(a, t);
			a->n_behind--;
		} else {
			t->catch_up.next = rest;
			rest = t;
			after = RTE_MIN(after, t->catch_up.after);
		}
		t = next;
	}
	a->waiting = rest;
	a->waiting_after = after;
}

/* A key frame that some have waited for, and for which there is room. */
static bool keyframe_has_come(struct worker *w, struct audience *a, uint64_t *index)
{
	if (w->n_catching == CATCHING_MAX || !audience_keyframe(a, index) ||
		*index < a->waiting_after)
		return false;
	if (join_keyframe(w, a, index))
		return true;
	a->waiting_after = *index + 1;
	return false;
}

void join_waiting(struct worker *w)
{
	struct audience **at = &w->waiting;
	bool look = w->now_ns >= w->waiting_look_ns;

	if (look)
		w->waiting_look_ns = w->now_ns + WAIT_LOOK_NS;
	while (*at != NULL) {
		struct audience *a = *at;
		uint64_t index = 0;
		bool start = keyframe_has_come(w, a, &index);

		if (look && !start)
			want_keyframe(w, a->stream);
		if (look || start)
			look_at_waiting(w, a, start, index);
		if (a->waiting == NULL)
			*at = a->next_waiting;
		else
			at = &a->next_waiting;
	}
}

static void count_join(const struct viewer_track *t, enum mr_join join)
{
	atomic_store_explicit(&t->stats->join, join, memory_order_relaxed);
}

void track_join(struct worker *w, struct audience *a, struct viewer_track *t)
{
	uint64_t index = 0;
	bool cached;

	t->audience = a;
	t->kind = a->stream->kind;
	count_viewer(a, true);
	if (w->start == WORKER_START_LIVE || t->viewer->fixed || !has_keyframes(a->stream)) {
		audience_join(a, t);
		count_join(t, MR_JOIN_LIVE);
		return;
	}
	a->n_behind++;
	cached = w->start == WORKER_START_KEYFRAME && join_keyframe(w, a, &index);
	count_join(t, cached ? MR_JOIN_CACHE : MR_JOIN_WAITED);
	/* Where only too many catch up at the moment, the present one will do. */
	if (cached && w->n_catching < CATCHING_MAX)
		begin(w, t, index, w->now_ns);
	else
		join_wait(w, t, cached ? 0 : join_newer(a));
	if (!cached)
		want_keyframe(w, a->stream);
	/* No turn ends this reading. */
	worker_read_end(w);
}

void track_leave(struct worker *w, struct viewer_track *t)
{
	struct audience *a = t->audience;

	if (a == NULL)
		return;
	refresh_leave(w, t);
	switch ((enum track_state)t->state) {
	case TRACK_AWAY:
		return;
	case TRACK_LIVE:
		audience_leave(t);
		count_viewer(a, false);
		return;
	case TRACK_CATCHING:
		catch_up_end(w, t);
		break;
	case TRACK_WAITING:
		wait_leave(w, t);
		break;
	}
	t->state = TRACK_AWAY;
	t->audience = NULL;
	a->n_behind--;
	count_viewer(a, false);
}

void audience_disband(struct worker *w, struct audience *a)
{
	while (a->n_tracks > 0)
		track_leave(w, a->tracks[a->n_tracks - 1]);
	while (a->waiting != NULL)
		track_leave(w, a->waiting);
	for (uint32_t i = w->n_catching; i-- > 0;)
		if (w->catching[i].track->audience == a)
			track_leave(w, w->catching[i].track);
}
