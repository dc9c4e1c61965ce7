/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When nothing moves: the worker's sleep, on the worker's lcore.
 *
 *   poll      never sleeps
 *   adaptive  spins for a while after the last packet, then sleeps; while
 *             packets still come now and then no sleep is longer than
 *             500 us; after a second without any it grows to IDLE_LONG_NS
 *   wait      the same where a port has no descriptor that frames make readable
 *             (all but shared ports), and beside other workers, whose packets come
 *             without one. Else frames end the sleep, as soon as nothing has moved
 *             for IDLE_CALM_NS; until then it is a timed one, so that those who send
 *             all the time do not wake the worker each by itself. What comes by
 *             rings waits for the end of IDLE_WAIT_NS.
 *
 * What a clock paces has its time, `due_ns`, in every mode.
 */
#ifndef DATAPLANE_PIPELINE_IDLE_H
#define DATAPLANE_PIPELINE_IDLE_H

#include "dataplane/pipeline/worker.h"

#include <poll.h>

#define IDLE_SPIN_NS 50000   /* after the last packet, no sleep */
#define IDLE_LIGHT_NS 430000 /* a request; timer slack and scheduler come on top */
#define IDLE_CALM_NS 300000  /* without anything moving, before frames end a sleep */
#define IDLE_WAIT_NS 2000000
#define IDLE_QUIET_NS 1000000000ull /* without traffic, before sleeps grow */
#define IDLE_LONG_NS 4800000
#define IDLE_WAKE_NS 60000 /* a sleep as short as that ends too late */

struct idle {
	enum worker_idle mode;
	uint64_t last_moved_ns; /* CLOCK_MONOTONIC */
	uint64_t sleep_ns;      /* of the next sleep after a quiet second */
	unsigned int n_fds;     /* 0: nothing but time ends a sleep */
	struct pollfd fds[MR_PORTS_MAX];
};

/* Sleeps as w->idle says; w's queues are looked for what can wake it. */
void idle_init(struct idle *i, const struct worker *w);

/* Sleeps if it is time to, but not beyond `due_ns`; returns the cycles slept. */
uint64_t idle_turn(struct idle *i, bool moved, uint64_t now_ns, uint64_t due_ns);

/* How long to sleep after a turn; 0: not at all. Pure but for its state. */
uint64_t idle_sleep_ns(struct idle *i, bool moved, uint64_t now_ns);

/* Whether frames may end the sleep that idle_sleep_ns() has just told. */
bool idle_waits(const struct idle *i, uint64_t now_ns);

/* The same sleep when something is due meanwhile: shorter, or none. */
uint64_t idle_until_due(uint64_t sleep_ns, uint64_t now_ns, uint64_t due_ns);

#endif
