/* SPDX-License-Identifier: BSD-3-Clause */
/* See repair_queue.h. Runs on the worker's lcore. */
#include "dataplane/pipeline/repair_queue.h"

#include "dataplane/pipeline/pace.h"

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

static void list_move(struct repair_list *to, struct repair_list *from)
{
	if (from->head == NULL)
		return;
	if (to->tail != NULL)
		to->tail->repair.next_queued = from->head;
	else
		to->head = from->head;
	to->tail = from->tail;
	from->head = NULL;
	from->tail = NULL;
}

/* Into the slot of its time, or the last one, where it is looked at again. A slot that was
 * not emptied in time has some of a round before: they are looked at too early, no more. */
static void later_add(struct worker *w, struct viewer *v)
{
	struct repair_later *l = &w->repairs_later;
	uint64_t next_ns = v->repair.next_ns;
	uint64_t now = w->now_ns / PACE_NS;
	uint64_t at = RTE_MIN(next_ns / PACE_NS, now + REPAIR_SLOTS - 1);
	struct repair_slot *s = &l->slot[at % REPAIR_SLOTS];

	if (l->n++ == 0) {
		l->emptied = now;
		l->wake_ns = next_ns;
	}
	s->first_ns = s->list.head == NULL ? next_ns : RTE_MIN(s->first_ns, next_ns);
	list_add(&s->list, v);
	l->wake_ns = RTE_MIN(l->wake_ns, next_ns);
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
	later_add(w, v);
}

struct viewer *repair_next(struct worker *w)
{
	struct viewer *v = list_take(&w->repairs_wait);

	if (v != NULL)
		v->repair.queued = false;
	return v;
}

/* Empties the slots of up to now. The one of now may get others. */
static void later_take_due(struct worker *w)
{
	struct repair_later *l = &w->repairs_later;
	uint64_t now = w->now_ns / PACE_NS;
	uint64_t n = RTE_MIN(now - l->emptied + 1, (uint64_t)REPAIR_SLOTS);

	for (uint64_t at = now + 1 - n; at <= now; at++)
		list_move(&l->due, &l->slot[at % REPAIR_SLOTS].list);
	l->emptied = now;
}

static uint64_t later_first(const struct repair_later *l)
{
	uint64_t first_ns = UINT64_MAX;

	for (unsigned int i = 0; i < REPAIR_SLOTS; i++) {
		if (l->slot[i].list.head != NULL)
			first_ns = RTE_MIN(first_ns, l->slot[i].first_ns);
	}
	return first_ns;
}

unsigned int repair_wake(struct worker *w)
{
	struct repair_later *l = &w->repairs_later;
	unsigned int n;

	if (l->n == 0 || w->now_ns < l->wake_ns)
		return 0;
	later_take_due(w);
	for (n = 0; n < REPAIR_WAKES && l->due.head != NULL; n++) {
		struct viewer *v = list_take(&l->due);

		l->n--;
		if (v->repair.next_ns <= w->now_ns)
			list_add(&w->repairs_wait, v);
		else
			later_add(w, v);
	}
	l->wake_ns = w->now_ns;
	if (l->due.head == NULL)
		l->wake_ns = RTE_MAX(later_first(l), w->now_ns + PACE_NS);
	return n;
}

static void later_del(struct repair_later *l, const struct viewer *v)
{
	bool found = list_del(&l->due, v);

	for (unsigned int i = 0; i < REPAIR_SLOTS && !found; i++)
		found = list_del(&l->slot[i].list, v);
	l->n -= found;
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
		later_del(&w->repairs_later, v);
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
