/* SPDX-License-Identifier: BSD-3-Clause */
/* See pace.h. Runs on the worker's lcore. */
#include "dataplane/pipeline/pace.h"

#include "dataplane/pipeline/catch_rate.h"

#define DRAIN_NS 100000000ull /* in which a cursor that is far behind gets there */

/* What may leave at once. Pacing loses nothing: where the stream brings more than the
 * pace, or the worker gets to its turns late, a cursor that is far behind
 * is sped up so as to be there in 100 ms, the more the farther it is; and before the
 * ring runs over it does not wait at all. */
static uint16_t quantum_now(const struct worker *w, const struct audience *a)
{
	const struct plain_ring *r = a->ring;
	uint64_t behind = a->next - a->live_next;
	uint64_t far = RTE_MIN(PACE_FAR, r->capacity / 8);
	uint64_t drain_ns = RTE_MIN(DRAIN_NS, far * PACE_NS);
	uint64_t passed_ns = a->paced ? w->now_ns - a->quantum_ns : PACE_NS;
	const struct plain_packet *first = audience_packet(a, a->live_next);
	uint64_t needed;

	if (behind == 0)
		return w->quantum;
	if (first == NULL || behind > r->capacity / 2 ||
		audience_packet(a, a->next - 1)->offset - first->offset > r->byte_capacity / 2)
		return UINT16_MAX;
	if (behind < far)
		return w->quantum;
	passed_ns = RTE_MIN(passed_ns, drain_ns);
	needed = RTE_MIN(behind * behind / far * passed_ns / drain_ns, behind);
	return (uint16_t)RTE_MAX(needed, w->quantum);
}

static bool slot_is_over(const struct worker *w, const struct audience *a)
{
	return w->now_ns - a->quantum_ns >= PACE_NS;
}

static void slot_begin(struct worker *w, struct audience *a)
{
	a->quantum_left = quantum_now(w, a);
	a->quantum_ns = w->now_ns;
	a->paced = false;
	a->shared = false;
}

bool pace_live(struct worker *w, struct audience *a)
{
	if (w->quantum == 0)
		return true;
	if (slot_is_over(w, a))
		slot_begin(w, a);
	if (a->quantum_left > 0) {
		a->quantum_left--;
		return true;
	}
	a->paced = true;
	w->due_ns = RTE_MIN(w->due_ns, a->quantum_ns + PACE_NS);
	return false;
}

/* When a repair has room beside the live cursor's packets; 0: now. */
static uint64_t share_due(const struct worker *w, const struct audience *a)
{
	if (!slot_is_over(w, a))
		return a->shared || a->quantum_left > 0 ? 0 : a->quantum_ns + PACE_NS;
	/* Where one packet is all, they take turns. */
	return w->quantum == 1 && a->shared && a->paced ? w->now_ns + PACE_NS : 0;
}

static void share_take(struct worker *w, struct audience *a)
{
	if (slot_is_over(w, a)) {
		worker_read_begin(w, a, a->live_next);
		slot_begin(w, a);
	}
	if (a->shared)
		return;
	a->shared = true;
	a->quantum_left--;
}

/* The tracks share the viewer's 1 ms. */
bool pace_may_repair(struct worker *w, struct viewer *v)
{
	struct viewer_repair *r = &v->repair;

	for (unsigned int i = 0; i < MR_VIEWER_TRACKS && r->next_ns <= w->now_ns; i++) {
		const struct viewer_track *t = &v->track[i];

		if (t->state == TRACK_LIVE && w->quantum != 0)
			repair_not_before(r, share_due(w, t->audience));
		else if (t->state == TRACK_CATCHING)
			repair_not_before(r, t->catch_up.paced_ns);
	}
	return r->next_ns <= w->now_ns;
}

void pace_repaired(struct worker *w, struct viewer *v, uint32_t bytes)
{
	uint64_t slot_ns = w->quantum != 0 ? PACE_NS : 0;
	uint64_t pause_ns = w->quantum == 1 ? 2 * PACE_NS : slot_ns;

	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		struct viewer_track *t = &v->track[i];
		struct catch_up *c = &t->catch_up;

		if (t->state == TRACK_LIVE && w->quantum != 0)
			share_take(w, t->audience);
		if (t->state == TRACK_LIVE)
			pause_ns = RTE_MAX(pause_ns, catch_rate_after_ns(c, bytes, w->now_ns));
		if (t->state != TRACK_CATCHING)
			continue;
		c->paced_ns = RTE_MAX(c->paced_ns, w->now_ns + slot_ns);
		c->repaired += bytes;
		/* Some of its pace is always left for what is new. */
		pause_ns = RTE_MAX(pause_ns, catch_rate_ns(c, bytes + bytes / 3));
	}
	/* Without a limit several leave at once. */
	v->repair.next_ns = RTE_MAX(v->repair.next_ns, w->now_ns) + pause_ns;
}

uint16_t pace_catch_up(const struct worker *w, const struct catch_up *c, uint16_t quantum)
{
	if (w->quantum == 0 || w->now_ns >= c->paced_ns)
		return quantum;
	return c->paced_ns == w->now_ns + PACE_NS ? (uint16_t)(quantum - 1) : 0;
}
