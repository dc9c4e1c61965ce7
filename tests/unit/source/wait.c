/* SPDX-License-Identifier: BSD-3-Clause */
/* See wait.h. */
#include "wait.h"

uint64_t run_ms(unsigned int ms)
{
	uint64_t end = (uint64_t)g_get_monotonic_time() + (uint64_t)ms * 1000, longest = 0, now,
		 turn;

	while ((now = (uint64_t)g_get_monotonic_time()) < end) {
		if (!g_main_context_iteration(NULL, FALSE)) {
			g_usleep(1000);
			continue;
		}
		turn = (uint64_t)g_get_monotonic_time() - now;
		longest = MAX(longest, turn);
	}
	return longest;
}
