/* SPDX-License-Identifier: BSD-3-Clause */
/* A path table on a recorded data plane, for the tests of sources. */
#ifndef TESTS_UNIT_SOURCE_FIXTURE_H
#define TESTS_UNIT_SOURCE_FIXTURE_H

#include "controlplane/source/path.h"
#include "controlplane/source/path_private.h"
#include "tests/unit/source/recorder.h"
#include "tests/unit/source/wait.h"

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

#endif
