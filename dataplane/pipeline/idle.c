/* SPDX-License-Identifier: BSD-3-Clause */
/* See idle.h. Runs on the worker's lcore. */
#include "dataplane/pipeline/idle.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#define VIEWERS_PER_TURN 32 /* that report.c looks at when nothing moves */

/* All ports' queues, or none: one that cannot wake us would wait for its turn. */
static void find_fds(struct idle *i, const struct worker *w)
{
	i->n_fds = 1;
	i->wakes = w->n_ports > 0;
	for (uint8_t p = 0; p < w->n_ports; p++) {
		int fd = port_rx_fd(w->port[p].port, w->port[p].queue);

		if (fd < 0) {
			i->wakes = false;
			return;
		}
		i->fds[i->n_fds++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
}

void idle_init(struct idle *i, const struct worker *w)
{
	i->mode = w->idle;
	i->last_moved_ns = 0;
	i->sleep_ns = IDLE_LIGHT_NS;
	i->thick = false;
	i->napped = false;
	i->fds[0] = (struct pollfd){.fd = w->bell.open ? w->bell.fd : -1, .events = POLLIN};
	find_fds(i, w);
	/* The default slack of 50 us would come on top of every sleep. */
	prctl(PR_SET_TIMERSLACK, 1000ul, 0, 0, 0);
}

uint64_t idle_sleep_ns(struct idle *i, bool moved, uint64_t now_ns)
{
	if (moved || i->last_moved_ns == 0)
		i->last_moved_ns = now_ns;
	else if (i->napped)
		i->thick = false;
	i->napped = false;
	if (i->mode == WORKER_IDLE_POLL || moved ||
		now_ns - i->last_moved_ns < (i->wakes ? IDLE_GLANCE_NS : IDLE_SPIN_NS))
		return 0;
	if (i->wakes) {
		i->napped = i->thick;
		return i->thick ? IDLE_LIGHT_NS : IDLE_WAIT_NS;
	}
	if (now_ns - i->last_moved_ns < IDLE_QUIET_NS) {
		i->sleep_ns = IDLE_LIGHT_NS;
		return i->sleep_ns;
	}
	i->sleep_ns += i->sleep_ns / 8;
	if (i->sleep_ns > IDLE_LONG_NS)
		i->sleep_ns = IDLE_LONG_NS;
	return i->sleep_ns;
}

uint64_t idle_until_due(uint64_t sleep_ns, uint64_t now_ns, uint64_t due_ns)
{
	uint64_t left;

	if (due_ns <= now_ns)
		return 0;
	left = RTE_MAX(due_ns - now_ns, (uint64_t)IDLE_NAP_NS);
	return RTE_MIN(sleep_ns, left);
}

uint64_t idle_longest_ns(uint32_t viewers)
{
	uint64_t ns = IDLE_PASS_NS / (viewers / VIEWERS_PER_TURN + 1);

	ns = RTE_MAX(ns, (uint64_t)IDLE_LIGHT_NS);
	return RTE_MIN(ns, (uint64_t)IDLE_WAIT_NS);
}

/* A descriptor that is readable for another reason than frames must not end each sleep. */
static bool has_trouble(const struct idle *i)
{
	for (unsigned int n = 1; n < i->n_fds; n++)
		if ((i->fds[n].revents & ~POLLIN) != 0)
			return true;
	return false;
}

static bool has_frames(const struct idle *i)
{
	for (unsigned int n = 1; n < i->n_fds; n++)
		if (i->fds[n].revents != 0)
			return true;
	return false;
}

/* Whether frames have ended it. */
static bool sleep_for(struct idle *i, uint64_t ns)
{
	struct timespec ts = {.tv_sec = 0, .tv_nsec = (long)ns};

	for (unsigned int n = 1; n < i->n_fds; n++)
		i->fds[n].revents = 0;
	if (!i->wakes || i->thick) {
		ppoll(i->fds, 1, &ts, NULL);
		return false;
	}
	if (ppoll(i->fds, i->n_fds, &ts, NULL) <= 0 || !has_frames(i))
		return false;
	if (has_trouble(i)) {
		ts.tv_nsec = IDLE_LIGHT_NS;
		nanosleep(&ts, NULL);
	}
	return true;
}

uint64_t idle_turn(struct idle *i, struct worker *w, bool moved)
{
	uint64_t ns = idle_sleep_ns(i, moved, w->now_ns);
	uint64_t before;

	ns = RTE_MIN(ns, idle_longest_ns(w->n_viewers));
	ns = idle_until_due(ns, w->now_ns, w->due_ns);
	if (ns == 0) {
		if (!moved)
			rte_pause();
		return 0;
	}
	before = rte_rdtsc();
	doorbell_arm(&w->bell);
	if (!worker_has_mail(w) && sleep_for(i, ns)) {
		uint64_t began_ns = w->now_ns;

		worker_read_clocks(w);
		i->thick = w->now_ns - began_ns < IDLE_CALM_NS;
	}
	doorbell_disarm(&w->bell);
	return rte_rdtsc() - before;
}
