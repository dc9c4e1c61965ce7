/* SPDX-License-Identifier: BSD-3-Clause */
/* See idle.h. Runs on the worker's lcore. */
#include "dataplane/pipeline/idle.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

/* All ports' queues, or none: one that cannot wake us would wait for its turn. */
static void find_fds(struct idle *i, const struct worker *w)
{
	if (w->n_workers != 1)
		return;
	for (uint8_t p = 0; p < w->n_ports; p++) {
		int fd = port_rx_fd(w->port[p].port, w->port[p].queue);

		if (fd < 0) {
			i->n_fds = 0;
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
	i->n_fds = 0;
	if (i->mode == WORKER_IDLE_WAIT)
		find_fds(i, w);
	/* The default slack of 50 us would come on top of every sleep. */
	prctl(PR_SET_TIMERSLACK, 1000ul, 0, 0, 0);
}

bool idle_waits(const struct idle *i, uint64_t now_ns)
{
	return i->mode == WORKER_IDLE_WAIT && i->n_fds > 0 &&
	       now_ns - i->last_moved_ns >= IDLE_CALM_NS;
}

uint64_t idle_sleep_ns(struct idle *i, bool moved, uint64_t now_ns)
{
	if (moved || i->last_moved_ns == 0)
		i->last_moved_ns = now_ns;
	if (i->mode == WORKER_IDLE_POLL || moved || now_ns - i->last_moved_ns < IDLE_SPIN_NS)
		return 0;
	if (now_ns - i->last_moved_ns < IDLE_QUIET_NS) {
		i->sleep_ns = idle_waits(i, now_ns) ? IDLE_WAIT_NS : IDLE_LIGHT_NS;
		return i->sleep_ns;
	}
	i->sleep_ns += i->sleep_ns / 8;
	if (i->sleep_ns > IDLE_LONG_NS)
		i->sleep_ns = IDLE_LONG_NS;
	return i->sleep_ns;
}

uint64_t idle_until_due(uint64_t sleep_ns, uint64_t now_ns, uint64_t due_ns)
{
	uint64_t left = due_ns > now_ns ? due_ns - now_ns : 0;

	if (left < IDLE_WAKE_NS)
		return 0;
	left -= IDLE_WAKE_NS;
	return sleep_ns < left ? sleep_ns : left;
}

static bool has_trouble(const struct idle *i)
{
	for (unsigned int n = 0; n < i->n_fds; n++)
		if ((i->fds[n].revents & ~POLLIN) != 0)
			return true;
	return false;
}

uint64_t idle_turn(struct idle *i, bool moved, uint64_t now_ns, uint64_t due_ns)
{
	uint64_t ns = idle_until_due(idle_sleep_ns(i, moved, now_ns), now_ns, due_ns);

	if (ns == 0) {
		if (!moved)
			rte_pause();
		return 0;
	}
	struct timespec ts = {.tv_sec = 0, .tv_nsec = (long)ns};
	uint64_t before = rte_rdtsc();

	/* A descriptor that is readable for another reason than frames must not end each sleep. */
	if (!idle_waits(i, now_ns) || (ppoll(i->fds, i->n_fds, &ts, NULL) > 0 && has_trouble(i)))
		nanosleep(&ts, NULL);
	return rte_rdtsc() - before;
}
