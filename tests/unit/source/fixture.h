/* SPDX-License-Identifier: BSD-3-Clause */
/* A path table on a recorded data plane, for the tests of sources. */
#ifndef TESTS_UNIT_SOURCE_FIXTURE_H
#define TESTS_UNIT_SOURCE_FIXTURE_H

#include "controlplane/source/path.h"
#include "controlplane/source/path_private.h"
#include "tests/unit/source/recorder.h"

#define FIXTURE_PATHS 32

struct fixture {
	struct mr_config config;
	struct mr_config_path entries[FIXTURE_PATHS];
	struct recorder recorder;
	struct install *install;
	struct path_table *table;
	char url[FIXTURE_PATHS][64];
	char host[FIXTURE_PATHS][32];
};

struct fixture *fixture_new(void);
/* Before fixture_open(); returns the entry for further settings. */
struct mr_config_path *fixture_add_rtsp(struct fixture *f, const char *name, const char *host,
	uint16_t port, enum mr_config_transport transport);
void fixture_open(struct fixture *f, bool attach);
void fixture_free(struct fixture *f);

/* The main loop for a time; returns how long [us] its longest turn took. */
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
