/* SPDX-License-Identifier: BSD-3-Clause */
/* The main thread's loop: the control plane's wishes, and figures of the ports. */
#include "dataplane/lifecycle/dataplane.h"

#include <time.h>

#define FIGURES_NS 250000000ull /* between looks at the ports' counters */
#define SLEEP_MS 90             /* at most: who reads statistics sees that we live */

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

void dataplane_run(struct dataplane *dp, const volatile sig_atomic_t *stop)
{
	uint64_t figures_ns = 0;

	while (!*stop) {
		control_turn(&dp->control, SLEEP_MS);
		uint64_t now = monotonic_ns();
		if (now - figures_ns < FIGURES_NS)
			continue;
		figures_ns = now;
		for (unsigned int i = 0; i < dp->n_ports; i++)
			port_update_stats(&dp->ports[i]);
	}
}
