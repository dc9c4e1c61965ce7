/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a worker spends turns in which nothing moved.
 *
 *   poll      never sleeps
 *   adaptive  spins for a while after the last packet, then sleeps; while
 *             packets still come now and then no sleep is longer than
 *             IDLE_LIGHT_NS; after a second without any it grows to IDLE_LONG_NS
 */
#ifndef DATAPLANE_PIPELINE_IDLE_H
#define DATAPLANE_PIPELINE_IDLE_H

#include "dataplane/pipeline/worker.h"

#define IDLE_SPIN_NS 50000          /* after the last packet, no sleep */
#define IDLE_LIGHT_NS 300000        /* a request; timer slack and scheduler come on top */
#define IDLE_QUIET_NS 1000000000ull /* without traffic, before sleeps grow */
#define IDLE_LONG_NS 4800000
#define IDLE_WAKE_NS 60000 /* a sleep as short as that ends too late */

struct idle {
	enum worker_idle mode;
	uint64_t last_moved_ns; /* CLOCK_MONOTONIC */
	uint64_t sleep_ns;      /* of the next sleep after a quiet second */
};

void idle_init(struct idle *i, enum worker_idle mode);

/* Sleeps if it is time to, but not beyond `due_ns`; returns the cycles slept. */
uint64_t idle_turn(struct idle *i, bool moved, uint64_t now_ns, uint64_t due_ns);

/* The length of the sleep that a turn is followed by, 0: none. Pure. */
uint64_t idle_sleep_ns(struct idle *i, bool moved, uint64_t now_ns);
/* ... when paced packets are due. */
uint64_t idle_until_due(uint64_t sleep_ns, uint64_t now_ns, uint64_t due_ns);

#endif
