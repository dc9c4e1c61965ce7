/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane/pipeline/checksum.h */
#include "dataplane/pipeline/checksum.h"

#include "tests/unit/pipeline/wire_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>

static void test_fold(void **state)
{
	static const struct {
		const char *why;
		uint64_t sum;
		uint16_t folded;
	} cases[] = {
		{"nothing", 0, 0},
		{"fits", 0xffff, 0xffff},
		{"one carry", 0x10000, 1},
		{"a carry that carries", 0x1ffff, 1},
		{"32 bits full", 0xffffffffull, 0xffff},
		{"33 bits", 0x100000000ull, 1},
		{"all", 0xffffffffffffffffull, 0xffff},
		{"carries three times", 0xfffffffffffeffffull, 0xfffe},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (checksum_fold(cases[i].sum) != cases[i].folded)
			fail_msg("%s: %04x", cases[i].why, checksum_fold(cases[i].sum));
}

/* Against the octets' sum, at every length and alignment. */
static void test_add(void **state)
{
	uint8_t data[2100];
	uint32_t x = 7;

	for (size_t i = 0; i < sizeof(data); i++) {
		x = x * 1664525u + 1013904223u;
		data[i] = (uint8_t)(x >> 24);
	}
	for (size_t at = 0; at < 9; at++)
		for (size_t len = 0; len < 2000; len++) {
			uint16_t sum = checksum_fold(checksum_add(0, &data[at], len));

			assert_int_equal((uint16_t)~sum, htons(wire_checksum(&data[at], len, 0)));
			/* Both widths, whatever this CPU would choose. */
			assert_int_equal(checksum_fold(checksum_blocks(&data[at], len / 32)),
				checksum_fold(checksum_add(0, &data[at], len / 32 * 32)));
		}
}

static void test_add_of_all_ones(void **state)
{
	static uint8_t ones[65536];

	for (size_t i = 0; i < sizeof(ones); i++)
		ones[i] = 0xff;
	assert_int_equal(checksum_fold(checksum_add(0xffffffffull, ones, sizeof(ones))), 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_add_of_all_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
