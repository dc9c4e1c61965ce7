/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/viewer/viewer_limits.c. */
#include "controlplane/viewer/viewer_limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void limits(void **state)
{
	static const struct {
		struct viewer_load load;
		bool refused;
		const char *why;
	} cases[] = {
		{{0, 0, 0}, false, "the first one"},
		{{1997, 0, 4}, false, "the last one of all"},
		{{1998, 0, 0}, true, "fixed sessions are viewers, too"},
		{{1500, 999, 0}, false, "the last one that connects"},
		{{1500, 1000, 0}, true, "forgotten handshakes fill no memory"},
		{{5, 0, 5}, true, "one path's limit"},
	};
	struct mr_config_path path = {.max_readers = 5};
	struct mr_config config = {.paths = &path, .n_paths = 1, .n_sessions = 2};
	struct viewer_limits counters = {0};
	struct viewer_load many = {.readers = 100};

	strcpy(path.name, "cam1");
	config.dataplane.max_viewers = 2000;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = viewer_limits_check(&counters, &config, "cam1", &cases[i].load);

		if (cases[i].refused != (why != NULL))
			fail_msg("%s: %s", cases[i].why, why ? why : "taken");
	}
	assert_int_equal(counters.full, 1);
	assert_int_equal(counters.pending, 1);
	assert_int_equal(counters.readers, 1);
	path.max_readers = 0; /* no limit */
	assert_null(viewer_limits_check(&counters, &config, "cam1", &many));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
