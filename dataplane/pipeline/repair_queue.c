/* SPDX-License-Identifier: BSD-3-Clause */
/* See repair_queue.h. Runs on the worker's lcore. */
#include "dataplane/pipeline/repair_queue.h"

void repair_refuse(struct worker *w, struct viewer_track *t, enum mr_repair_refusal why, uint64_t n)
{
	mr_count(&t->stats->repairs_refused[why], n);
	mr_count(&w->stats->repairs_refused[why], n);
}

void repair_queue(struct worker *w, struct viewer *v)
{
	struct viewer_repair *r = &v->repair;

	if (r->queued || r->n_wanted == 0)
		return;
	r->queued = true;
	r->next_queued = NULL;
	if (w->repair_tail != NULL)
		w->repair_tail->repair.next_queued = v;
	else
		w->repair_head = v;
	w->repair_tail = v;
}

struct viewer *repair_next(struct worker *w)
{
	struct viewer *v = w->repair_head;

	if (v == NULL)
		return NULL;
	w->repair_head = v->repair.next_queued;
	if (w->repair_head == NULL)
		w->repair_tail = NULL;
	v->repair.queued = false;
	return v;
}

void repair_forget(struct worker *w, struct viewer *v)
{
	struct viewer *previous = NULL;

	v->repair.n_wanted = 0;
	for (uint32_t i = 0; i < w->n_echoes; i++) {
		struct repair_echo *e = &w->echo[(w->echo_first + i) % REPAIR_ECHOES];

		if (e->viewer == v)
			e->viewer = NULL;
	}
	if (!v->repair.queued)
		return;
	for (struct viewer *q = w->repair_head; q != v; q = q->repair.next_queued)
		previous = q;
	if (previous != NULL)
		previous->repair.next_queued = v->repair.next_queued;
	else
		w->repair_head = v->repair.next_queued;
	if (w->repair_tail == v)
		w->repair_tail = previous;
	v->repair.queued = false;
}

static uint8_t track_of(const struct viewer_track *t)
{
	return (uint8_t)(t - t->viewer->track);
}

static void remember(struct worker *w, struct viewer_track *t, struct repair_wanted e)
{
	struct viewer_repair *r = &t->viewer->repair;

	if (r->n_wanted == REPAIR_WANTED) {
		repair_refuse(w, t, MR_REPAIR_QUEUE, (uint64_t)__builtin_popcount(e.mask));
		return;
	}
	r->wanted[(r->first + r->n_wanted) % REPAIR_WANTED] = e;
	r->n_wanted++;
	repair_queue(w, t->viewer);
}

void repair_want(struct worker *w, struct viewer_track *t, uint16_t pid, uint16_t blp)
{
	uint32_t mask = 1u | (uint32_t)blp << 1;

	if (w->repair_window_ns == 0 || w->repair_bytes == 0) {
		repair_refuse(w, t, MR_REPAIR_OFF, (uint64_t)__builtin_popcount(mask));
		return;
	}
	remember(w, t, (struct repair_wanted){.mask = mask, .pid = pid, .track = track_of(t)});
}

void repair_want_echo(struct worker *w, struct viewer_track *t, uint16_t seq)
{
	struct viewer_repair *r = &t->viewer->repair;
	struct repair_wanted *last = &r->wanted[(r->first + r->n_wanted - 1u) % REPAIR_WANTED];
	uint16_t behind = (uint16_t)(seq - last->pid);

	if (r->n_wanted > 0 && last->echo && last->track == track_of(t) && behind < 32)
		last->mask |= 1u << behind;
	else
		remember(w, t,
			(struct repair_wanted){
				.mask = 1, .pid = seq, .track = track_of(t), .echo = true});
}
