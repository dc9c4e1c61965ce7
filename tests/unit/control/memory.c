/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane/lifecycle/memory.c: all that the session file may ask for fits into what is
 * said to be needed, and not into much less. */
#include "tests/unit/control/live.h"

#include <rte_mempool.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MIB (1u << 20)
#define PATHS (LIVE_STREAMS / 2)

static struct live live;

static size_t pool_bytes(const struct rte_mempool *p)
{
	return (size_t)p->populated_size * (p->header_size + p->elt_size + p->trailer_size);
}

static void test_all_fits(void **state)
{
	size_t before, filled, needed;

	live_start(&live, 2);
	live.config.n_paths = PATHS;
	needed = (size_t)dataplane_memory_needed(&live.config) * MIB;
	live.config.n_paths = 0; /* fixed sessions and names are none of the test's */
	before = live_heap() - pool_bytes(live.pool); /* the test's own */
	for (uint32_t i = 0; i < PATHS; i++) {
		assert_int_equal(live_path(&live, 1 + i), 0);
		assert_int_equal(live_stream(&live, 1 + 2 * i, 1 + i, MR_KIND_VIDEO), 0);
		assert_int_equal(live_stream(&live, 2 + 2 * i, 1 + i, MR_KIND_AUDIO), 0);
	}
	assert_int_equal(live_nexthop(&live, LIVE_NEXTHOP), 0);
	for (uint32_t i = 0; i < LIVE_VIEWERS; i++) {
		struct mr_viewer_add add =
			live_viewer_add(1 + i, 0x0007, 1 + 2 * (i % PATHS), 2 + 2 * (i % PATHS));

		assert_int_equal(live_viewer(&live, &add), 0);
	}
	filled = live_heap() - pool_bytes(live.pool);
	print_message("%zu MiB at the start, %zu MiB with %u paths and %u viewers, %zu needed\n",
		before / MIB, filled / MIB, PATHS, LIVE_VIEWERS, needed / MIB);
	assert_in_range(filled, needed / 2, needed);
	live_end(&live);
}

static void test_file(void **state)
{
	static const struct {
		const char *why;
		uint32_t paths, given; /* MiB; 0: left out */
		uint32_t least, most;  /* MiB that EAL gets */
		bool warned;
	} cases[] = {
		{"one camera", 1, 0, 512, 512, false},
		{"as many as the README names: 5 MiB each", 600, 0, 2900, 3300, false},
		{"little, for one camera", 1, 256, 256, 256, false},
		{"what it was once, for 150 cameras", 150, 512, 512, 512, true},
		{"enough for 150 cameras", 150, 1024, 1024, 1024, false},
	};
	struct mr_config config;
	char text[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t got;

		assert_int_equal(mr_config_defaults(&config), 0);
		config.n_paths = cases[i].paths;
		config.dataplane.memory_mb = cases[i].given;
		got = dataplane_memory(&config);
		if (got < cases[i].least || got > cases[i].most)
			fail_msg("%s: %u MiB", cases[i].why, got);
		/* the machine of the test may have little itself */
		if (cases[i].given != 0 &&
			dataplane_memory_warning(&config, text, sizeof(text)) != cases[i].warned)
			fail_msg("%s: %s", cases[i].why, text);
		if (cases[i].warned) {
			char figure[32];

			snprintf(figure, sizeof(figure), "up to %u MiB",
				dataplane_memory_needed(&config));
			assert_non_null(strstr(text, figure));
		}
		config.n_paths = 0;
		mr_config_fini(&config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_all_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
