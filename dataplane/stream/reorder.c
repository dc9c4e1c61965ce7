/* SPDX-License-Identifier: BSD-3-Clause */
/* See reorder.h. The stream's worker. */
#include "dataplane/stream/reorder.h"

void reorder_start(struct reorder *r, uint64_t first)
{
	r->started = true;
	r->next = first;
}

bool reorder_due(const struct reorder *r, uint64_t number)
{
	return number >= r->next;
}

bool reorder_put(struct reorder *r, uint64_t number, const struct input_packet *p, uint64_t now_ns)
{
	if (number - r->next >= REORDER_SLOTS)
		return false;
	r->slot[number % REORDER_SLOTS] = *p;
	if (r->held++ == 0)
		r->since_ns = now_ns;
	return true;
}

int reorder_take(
	struct reorder *r, uint64_t now_ns, bool force, struct input_packet *p, uint32_t *gap)
{
	struct input_packet *s = &r->slot[r->next % REORDER_SLOTS];

	*gap = 0;
	if (r->held == 0)
		return 0;
	if (s->data == NULL) {
		if (!force && now_ns - r->since_ns < REORDER_WAIT_NS)
			return 0;
		while (s->data == NULL) {
			r->next++;
			(*gap)++;
			s = &r->slot[r->next % REORDER_SLOTS];
		}
	}
	*p = *s;
	s->data = NULL;
	r->next++;
	r->held--;
	r->since_ns = now_ns;
	return 1;
}
