/* SPDX-License-Identifier: BSD-3-Clause */
/* See idle.h. Runs on the worker's lcore. */
#include "dataplane/pipeline/idle.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

void idle_init(struct idle *i, enum worker_idle mode)
{
	i->mode = mode;
	i->last_moved_ns = 0;
	i->sleep_ns = IDLE_LIGHT_NS;
	/* The default slack of 50 us would come on top of every sleep. */
	prctl(PR_SET_TIMERSLACK, 1000ul, 0, 0, 0);
}

uint64_t idle_sleep_ns(struct idle *i, bool moved, uint64_t now_ns)
{
	if (moved || i->last_moved_ns == 0)
		i->last_moved_ns = now_ns;
	if (i->mode == WORKER_IDLE_POLL || moved || now_ns - i->last_moved_ns < IDLE_SPIN_NS)
		return 0;
	if (now_ns - i->last_moved_ns < IDLE_QUIET_NS) {
		i->sleep_ns = IDLE_LIGHT_NS;
		return IDLE_LIGHT_NS;
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
	nanosleep(&ts, NULL);
	return rte_rdtsc() - before;
}
