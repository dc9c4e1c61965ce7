/* SPDX-License-Identifier: BSD-3-Clause */
/* See repair_queue.h. Runs on the worker's lcore. */
#include "dataplane/pipeline/repair_queue.h"

#include "dataplane/pipeline/pace.h"

/* The ordinary pauses between two repairs: those who make them stay in order. */
#define REPAIR_SOON_NS (2 * PACE_NS)

void repair_refuse(struct worker *w, struct viewer_track *t, enum mr_repair_refusal why, uint64_t n)
{
	mr_count(&t->stats->repairs_refused[why], n);
	mr_count(&w->stats->repairs_refused[why], n);
}

static void list_add(struct repair_list *l, struct viewer *v)
{
	v->repair.next_queued = NULL;
	if (l->tail != NULL)
		l->tail->repair.next_queued = v;
	else
		l->head = v;
	l->tail = v;
}

static struct viewer *list_take(struct repair_list *l)
{
	struct viewer *v = l->head;

	if (v == NULL)
		return NULL;
	l->head = v->repair.next_queued;
	if (l->head == NULL)
		l->tail = NULL;
	return v;
}

static bool list_del(struct repair_list *l, const struct viewer *v)
{
	struct viewer *previous = NULL;
	struct viewer *q = l->head;

	while (q != NULL && q != v) {
		previous = q;
		q = q->repair.next_queued;
	}
	if (q == NULL)
		return false;
	if (previous != NULL)
		previous->repair.next_queued = v->repair.next_queued;
	else
		l->head = v->repair.next_queued;
	if (l->tail == v)
		l->tail = previous;
	return true;
}

void repair_queue(struct worker *w, struct viewer *v)
{
	struct viewer_repair *r = &v->repair;

	if (r->queued || r->n_wanted == 0)
		return;
	r->queued = true;
	if (r->next_ns <= w->now_ns + REPAIR_SOON_NS) {
		list_add(&w->repairs_wait, v);
		return;
	}
	if (w->repairs_later.head == NULL || r->next_ns < w->repairs_later_ns)
		w->repairs_later_ns = r->next_ns;
	list_add(&w->repairs_later, v);
}

struct viewer *repair_next(struct worker *w)
{
	struct viewer *v = list_take(&w->repairs_wait);

	if (v != NULL)
		v->repair.queued = false;
	return v;
}

unsigned int repair_wake(struct worker *w)
{
	const struct viewer *first = NULL; /* of those that stay */
	uint64_t next_ns = UINT64_MAX;
	unsigned int n = 0;

	if (w->repairs_later.head == NULL || w->now_ns < w->repairs_later_ns)
		return 0;
	while (w->repairs_later.head != NULL && w->repairs_later.head != first) {
		struct viewer *v;

		if (n == REPAIR_WAKES) {
			next_ns = 0;
			break;
		}
		n++;
		v = list_take(&w->repairs_later);
		if (v->repair.next_ns <= w->now_ns) {
			list_add(&w->repairs_wait, v);
			continue;
		}
		list_add(&w->repairs_later, v);
		next_ns = RTE_MIN(next_ns, v->repair.next_ns);
		if (first == NULL)
			first = v;
	}
	w->repairs_later_ns = RTE_MAX(next_ns, w->now_ns + PACE_NS);
	return n;
}

void repair_forget(struct worker *w, struct viewer *v)
{
	v->repair.n_wanted = 0;
	for (uint32_t i = 0; i < w->n_echoes; i++) {
		struct repair_echo *e = &w->echo[(w->echo_first + i) % REPAIR_ECHOES];

		if (e->viewer == v)
			e->viewer = NULL;
	}
	if (!v->repair.queued)
		return;
	if (!list_del(&w->repairs_wait, v))
		list_del(&w->repairs_later, v);
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
