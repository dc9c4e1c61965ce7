/* SPDX-License-Identifier: BSD-3-Clause */
/* The index that a sequence number means: RFC 3711 3.3.1. One thread. */
#include "crypto/srtp_index.h"
#include "tests/unit/crypto/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define AT(roc, seq) ((uint64_t)(roc) << 16 | (seq))

static const struct {
	uint64_t highest;
	uint16_t seq;
	uint64_t want;
	const char *why;
} cases[] = {
	{AT(0, 0), 0, AT(0, 0), "the same"},
	{AT(0, 0), 1, AT(0, 1), "next"},
	{AT(0, 0), 0x8000, AT(0, 0x8000), "half the range ahead"},
	{AT(0, 0), 0x8001, AT(0, 0x8001), "more, but there is no ROC before 0"},
	{AT(0, 5), 0xffff, AT(0, 0xffff), "before the start of ROC 0"},
	{AT(0, 0xffff), 0, AT(1, 0), "the wrap"},
	{AT(0, 0xffff), 0x7ffe, AT(1, 0x7ffe), "the wrap, far ahead"},
	{AT(0, 0xffff), 0x7fff, AT(0, 0x7fff), "half the range behind"},
	{AT(0, 0xfff0), 0xffef, AT(0, 0xffef), "one late"},
	{AT(1, 0), 0xffff, AT(0, 0xffff), "late across the wrap"},
	{AT(1, 0x7fff), 0xffff, AT(1, 0xffff), "32768 ahead"},
	{AT(1, 0x7ffe), 0xffff, AT(0, 0xffff), "32769 ahead is 32767 late"},
	{AT(1, 0x8000), 0, AT(1, 0), "32768 behind"},
	{AT(1, 0x8001), 0, AT(2, 0), "32769 behind is 32767 ahead"},
	{AT(0xfffffffe, 0xffff), 0, AT(0xffffffff, 0), "the last wrap"},
	{AT(0xffffffff, 0xffff), 0, AT(0xffffffff, 0), "no ROC after the last"},
	{AT(0xffffffff, 0), 0xffff, AT(0xfffffffe, 0xffff), "late across the last wrap"},
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].why);
		assert_int_equal(
			srtp_index_from_seq(cases[i].highest, cases[i].seq), cases[i].want);
	}
}

/* Whatever is within half the range of the highest is found again. */
static void test_nearest(void **state)
{
	struct random r;

	random_init(&r, 48);
	for (int i = 0; i < 100000; i++) {
		uint64_t highest = 0x10000 + random_u64(&r) % (SRTP_INDEX_MAX - 0x20000);
		uint64_t index = highest - 0x7fff + random_below(&r, 0xffff);

		assert_int_equal(srtp_index_from_seq(highest, (uint16_t)index), index);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
