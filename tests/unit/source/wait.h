/* SPDX-License-Identifier: BSD-3-Clause */
/* The main loop of a test: goes on for a time, or until something is so. */
#ifndef TESTS_UNIT_SOURCE_WAIT_H
#define TESTS_UNIT_SOURCE_WAIT_H

#include <glib.h>
#include <stdint.h>

/* Returns how long [us] the longest turn took. */
uint64_t run_ms(unsigned int ms);

#define PATIENCE_US (60 * (gint64)G_USEC_PER_SEC)

/* What takes at most `ms` on an idle machine: a busy one has the time of PATIENCE_US. */
#define WAIT_FOR(ms, condition)                                                                    \
	do {                                                                                       \
		gint64 wait_end = g_get_monotonic_time() + MAX((ms)*1000, PATIENCE_US);            \
		while (!(condition) && g_get_monotonic_time() < wait_end)                          \
			run_ms(10);                                                                \
		assert_true(condition);                                                            \
	} while (0)

#endif
