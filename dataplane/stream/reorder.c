/* SPDX-License-Identifier: BSD-3-Clause */
/* See reorder.h. The stream's worker. */
#include "dataplane/stream/reorder.h"

static struct input_packet *slot_of(struct reorder *r, uint64_t number)
{
	return &r->slot[number % REORDER_SLOTS];
}

void reorder_start(struct reorder *r, uint64_t first)
{
	r->started = true;
	r->next = first;
	r->given_up = 0;
}

bool reorder_due(const struct reorder *r, uint64_t number)
{
	return number >= r->next;
}

static void give_up_to(struct reorder *r, uint64_t number)
{
	r->given_up += number - r->next;
	r->next = number;
}

void reorder_put(struct reorder *r, uint64_t number, const struct input_packet *p)
{
	if (number - r->next >= REORDER_SLOTS)
		give_up_to(r, number - REORDER_SLOTS + 1);
	*slot_of(r, number) = *p;
	if (r->held++ == 0 || p->arrival_ns < r->since_ns)
		r->since_ns = p->arrival_ns;
}

uint64_t reorder_pass(struct reorder *r, uint64_t number)
{
	uint64_t gap;

	give_up_to(r, number);
	gap = r->given_up;
	r->given_up = 0;
	r->next++;
	return gap;
}

/* A new wait begins: it counts from the arrival of what is held already. */
static void wait_begin(struct reorder *r)
{
	r->since_ns = UINT64_MAX;
	for (unsigned int i = 0; i < REORDER_SLOTS; i++)
		if (r->slot[i].data != NULL && r->slot[i].arrival_ns < r->since_ns)
			r->since_ns = r->slot[i].arrival_ns;
}

/* The lowest number held; something is. */
static uint64_t lowest(struct reorder *r)
{
	uint64_t number = r->next;

	while (slot_of(r, number)->data == NULL)
		number++;
	return number;
}

static int take_out(struct reorder *r, uint64_t number, struct input_packet *p, uint64_t *gap)
{
	struct input_packet *s = slot_of(r, number);

	*p = *s;
	s->data = NULL;
	r->held--;
	*gap = reorder_pass(r, number);
	if (r->held > 0 && slot_of(r, r->next)->data == NULL)
		wait_begin(r);
	return 1;
}

int reorder_take(struct reorder *r, uint64_t now_ns, struct input_packet *p, uint64_t *gap)
{
	if (r->held == 0)
		return 0;
	if (slot_of(r, r->next)->data != NULL)
		return take_out(r, r->next, p, gap);
	/* Another worker's clock reading may be a little ahead of this turn's. */
	if (now_ns < r->since_ns + REORDER_WAIT_NS)
		return 0;
	return take_out(r, lowest(r), p, gap);
}

int reorder_take_before(struct reorder *r, uint64_t number, struct input_packet *p, uint64_t *gap)
{
	uint64_t first;

	if (r->held == 0)
		return 0;
	first = lowest(r);
	return first < number ? take_out(r, first, p, gap) : 0;
}
