/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gives orders to workers and waits until they are carried out. Main thread;
 * never while it holds something that a worker waits for.
 */
#ifndef DATAPLANE_CONTROL_TELL_H
#define DATAPLANE_CONTROL_TELL_H

#include "dataplane/control/order.h"

struct worker_set {
	uint8_t n;
	struct worker *worker[MR_WORKERS_MAX]; /* borrowed */
};

#define ORDERS_RING 64 /* orders under way to one worker */

/* All orders (at most ORDERS_RING) go to one worker, in order. Returns when all
 * are carried out: 0, or the first status that is not 0. */
int tell_worker(struct worker *w, struct order *orders, unsigned int n);

/* A copy of one order goes to every worker. 0, or the first status that is not 0. */
int tell_all(const struct worker_set *set, const struct order *o);

/* The same, and when one refuses, those that took it get it again as `undo`. */
int tell_all_or_none(const struct worker_set *set, const struct order *o, enum order_type undo);

#endif
