/* SPDX-License-Identifier: BSD-3-Clause */
/* See tell.h. Main thread. */
#include "dataplane/control/tell.h"

#include "dataplane/pipeline/worker.h"

#include <errno.h>
#include <time.h>

static void wait_a_moment(void)
{
	struct timespec ts = {.tv_nsec = 20000};

	nanosleep(&ts, NULL);
}

static void collect(struct worker *w, unsigned int n, int *first)
{
	void *done;

	/* It has been woken; a turn takes well below 1 ms. */
	while (n > 0) {
		if (rte_ring_sc_dequeue(w->orders_done, &done) != 0) {
			wait_a_moment();
			continue;
		}
		const struct order *o = done;
		if (*first == 0)
			*first = o->status;
		n--;
	}
}

int tell_worker(struct worker *w, struct order *orders, unsigned int n)
{
	int first = 0;

	for (unsigned int i = 0; i < n; i++)
		while (rte_ring_sp_enqueue(w->orders, &orders[i]) != 0)
			wait_a_moment();
	doorbell_ring(&w->bell);
	collect(w, n, &first);
	return first;
}

/* To all at once; every worker's answer. The first one that is not 0. */
static int tell_each(const struct worker_set *set, const struct order *o, int status[])
{
	struct order copies[MR_WORKERS_MAX];
	int first = 0;

	for (unsigned int i = 0; i < set->n; i++) {
		copies[i] = *o;
		while (rte_ring_sp_enqueue(set->worker[i]->orders, &copies[i]) != 0)
			wait_a_moment();
		doorbell_ring(&set->worker[i]->bell);
	}
	for (unsigned int i = 0; i < set->n; i++) {
		collect(set->worker[i], 1, &first);
		status[i] = copies[i].status;
	}
	return first;
}

int tell_all(const struct worker_set *set, const struct order *o)
{
	int status[MR_WORKERS_MAX];

	return tell_each(set, o, status);
}

int tell_all_or_none(const struct worker_set *set, const struct order *o, enum order_type undo)
{
	int status[MR_WORKERS_MAX];
	int rc = tell_each(set, o, status);

	for (unsigned int i = 0; rc != 0 && i < set->n; i++) {
		struct order back = *o;

		if (status[i] != 0)
			continue;
		back.type = undo;
		tell_worker(set->worker[i], &back, 1);
	}
	return rc;
}
