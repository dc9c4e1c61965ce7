/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane/lifecycle/memory.c: all that the session file may ask for fits into what is
 * said to be needed, and not into much less. */
#include "controlplane/config/memory.h"
#include "tests/unit/control/live.h"

#include <rte_mempool.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MIB (1u << 20)
#define PATHS (LIVE_STREAMS / 2)

static struct live live;

static size_t pool_bytes(const struct rte_mempool *p)
{
	return (size_t)p->populated_size * (p->header_size + p->elt_size + p->trailer_size);
}

/* What a packet buffer takes, with what a mempool puts around it. */
static size_t mbuf_bytes(void)
{
	uint32_t private = RTE_ALIGN_CEIL(sizeof(struct packet_meta), RTE_MBUF_PRIV_ALIGN);

	return rte_mempool_calc_obj_size(
		sizeof(struct rte_mbuf) + private + RTE_MBUF_DEFAULT_BUF_SIZE, 0, NULL);
}

static void test_all_fits(void **state)
{
	size_t before, filled, needed;

	live_start(&live, 2);
	assert_int_equal(mbuf_bytes(), MR_MEMORY_MBUF);
	live.config.n_paths = PATHS;
	needed = (size_t)mr_config_memory_needed(&live.config) * MIB;
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
	} cases[] = {
		{"one camera", 1, 0, 512, 512},
		{"as many as the README names: 5 MiB each", 600, 0, 2900, 3300},
		{"little, for one camera", 1, 256, 256, 256},
		{"too little for 150 cameras", 150, 512, 512, 512},
	};
	struct mr_config config;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t got;

		assert_int_equal(mr_config_defaults(&config), 0);
		config.n_paths = cases[i].paths;
		config.dataplane.memory_mb = cases[i].given;
		got = dataplane_memory(&config);
		if (got < cases[i].least || got > cases[i].most)
			fail_msg("%s: %u MiB", cases[i].why, got);
		config.n_paths = 0;
		mr_config_fini(&config);
	}
}

/* The machine has not so much, whatever machine it is. */
static void test_machine(void **state)
{
	struct mr_config config;
	char text[512];

	assert_int_equal(mr_config_defaults(&config), 0);
	config.dataplane.memory_mb = 64;
	assert_false(dataplane_memory_warning(&config, text, sizeof(text)));
	config.dataplane.memory_mb = UINT32_MAX;
	assert_true(dataplane_memory_warning(&config, text, sizeof(text)));
	mr_config_fini(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_machine),
		cmocka_unit_test(test_all_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
