/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When nothing moves: the worker's sleep, on the worker's lcore.
 *
 *   poll      never sleeps
 *   adaptive  spins for a moment after the last packet, then sleeps
 *
 * What ends a sleep: the worker's doorbell (orders, packets of other workers and of
 * the control plane), what is due, and frames, where each port has a descriptor that
 * they make readable. That is so for shared ports. A worker with another port looks
 * for frames by itself: no sleep is longer than 500 us while packets come now and
 * then; after a second without any it grows to IDLE_LONG_NS.
 *
 * Frames that come thick wake nobody each by itself: where one has ended a sleep of
 * less than IDLE_CALM_NS, the next sleeps are timed ones, until one passes without.
 */
#ifndef DATAPLANE_PIPELINE_IDLE_H
#define DATAPLANE_PIPELINE_IDLE_H

#include "dataplane/pipeline/worker.h"

#include <poll.h>

#define IDLE_SPIN_NS 50000          /* after the last packet, no sleep ... */
#define IDLE_GLANCE_NS 2000         /* ... where frames can end it */
#define IDLE_LIGHT_NS 430000        /* a request; timer slack and scheduler come on top */
#define IDLE_CALM_NS 300000         /* a frame so soon: others will follow */
#define IDLE_QUIET_NS 1000000000ull /* without traffic, before timed sleeps grow */
#define IDLE_LONG_NS 4800000
#define IDLE_WAIT_NS 10000000 /* until frames come, at most */
#define IDLE_NAP_NS 120000    /* what is due sooner waits for it: others become due meanwhile */
#define IDLE_PASS_NS 50000000 /* in which each viewer is looked at (report.c) */

struct idle {
	enum worker_idle mode;
	bool wakes;             /* frames of all ports can end a sleep */
	bool thick;             /* they come too often for it: sleeps are timed */
	bool napped;            /* such a sleep was the last thing */
	uint64_t last_moved_ns; /* CLOCK_MONOTONIC */
	uint64_t sleep_ns;      /* of the next timed sleep after a quiet second */
	unsigned int n_fds;
	struct pollfd fds[1 + MR_PORTS_MAX]; /* the doorbell, then queues */
};

/* Sleeps as w->idle says; w's queues are looked for what can wake it. */
void idle_init(struct idle *i, const struct worker *w);

/* Sleeps if it is time to, but not beyond what is due; returns the cycles slept. */
uint64_t idle_turn(struct idle *i, struct worker *w, bool moved);

/* How long to sleep after a turn; 0: not at all. Pure but for its state. */
uint64_t idle_sleep_ns(struct idle *i, bool moved, uint64_t now_ns);

/* The same sleep when something is due meanwhile: shorter, or none if it is overdue. */
uint64_t idle_until_due(uint64_t sleep_ns, uint64_t now_ns, uint64_t due_ns);

/* The longest sleep in which `viewers` are all looked at in time. */
uint64_t idle_longest_ns(uint32_t viewers);

#endif
