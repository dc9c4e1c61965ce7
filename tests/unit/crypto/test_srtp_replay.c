/* SPDX-License-Identifier: BSD-3-Clause */
/* The replay window: a table of cases, then a model of unbounded memory. One thread. */
#include "crypto/srtp_replay.h"
#include "tests/unit/crypto/random.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define WINDOW 128
#define MAX_INDEX ((UINT64_C(1) << 48) - 1)

enum verdict { NEW, OLD, RESTART };

/* In order: each accepted index is entered, as after authentication. */
static const struct {
	uint64_t index;
	enum verdict want;
	const char *why;
} cases[] = {
	{0, NEW, "index 0 is the first"},
	{0, OLD, "index 0 again"},
	{1, NEW, "next"},
	{1, OLD, "next again"},
	{9, NEW, "a gap"},
	{8, NEW, "the gap is filled backwards"},
	{7, NEW, "further"},
	{7, OLD, "filled once only"},
	{WINDOW - 1, NEW, "index 0 is still inside"},
	{0, OLD, "remembered at the window's end"},
	{2, NEW, "unseen near the window's end"},
	{WINDOW, NEW, "index 0 falls out"},
	{0, OLD, "too old"},
	{1, OLD, "seen, now the oldest"},
	{63, NEW, "last bit of a word"},
	{64, NEW, "first bit of a word"},
	{65, NEW, "second bit of a word"},
	{64, OLD, "first bit of a word again"},
	{WINDOW + 63, NEW, "advance by 63: bits cross the words"},
	{64, OLD, "seen, crossed"},
	{65, OLD, "seen, crossed"},
	{66, NEW, "unseen, crossed"},
	{WINDOW + 127, NEW, "advance by 64: a whole word"},
	{WINDOW, OLD, "seen, the oldest"},
	{WINDOW + 1, NEW, "unseen, next to the oldest"},
	{WINDOW + 127 + 127, NEW, "advance by 127: one index stays"},
	{WINDOW + 127, OLD, "the one that stays"},
	{WINDOW + 126, OLD, "out"},
	{1000, NEW, "advance beyond the window: all is forgotten"},
	{999, NEW, "unseen after it"},
	{1000 - WINDOW, OLD, "just outside"},
	{1001 - WINDOW, NEW, "just inside"},
	{MAX_INDEX, NEW, "the greatest index of SRTP"},
	{MAX_INDEX, OLD, "again"},
	{MAX_INDEX - 1, NEW, "late"},
	{0, OLD, "no wrap"},
	{0, RESTART, "a new window"},
	{UINT32_C(0x7ffffffe), NEW, "any index may be the first"},
	{UINT32_C(0x7fffffff), NEW, "the greatest index of SRTCP"},
	{UINT32_C(0x7ffffffe), OLD, "the first again"},
	{UINT32_C(0x7ffffff0), NEW, "older than the first, inside"},
};

static void test_cases(void **state)
{
	struct srtp_replay r, before;

	srtp_replay_init(&r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].why);
		if (cases[i].want == RESTART) {
			srtp_replay_init(&r);
			continue;
		}
		before = r;
		assert_int_equal(srtp_replay_check(&r, cases[i].index),
			cases[i].want == NEW ? 0 : -EALREADY);
		assert_memory_equal(&r, &before, sizeof(r)); /* checking changes nothing */
		if (cases[i].want == NEW)
			srtp_replay_accept(&r, cases[i].index);
	}
}

static void test_model(void **state)
{
	static bool seen[20000];
	struct random random;
	struct srtp_replay r;
	uint64_t top = 0;

	random_init(&random, 128);
	srtp_replay_init(&r);
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < 200000 && top < 19000; i++) {
		uint64_t index =
			top + random_below(&random, 4) +
			(random_below(&random, 2000) == 0 ? random_below(&random, 300) : 0);
		uint64_t back = random_below(&random, 200);
		bool fresh;

		index = index > back ? index - back : 0;
		fresh = i == 0 || index > top || (top - index < WINDOW && !seen[index]);
		assert_int_equal(srtp_replay_check(&r, index), fresh ? 0 : -EALREADY);
		if (fresh && random_below(&random, 8) != 0) { /* some fail authentication */
			srtp_replay_accept(&r, index);
			seen[index] = true;
			top = index > top ? index : top;
		} else if (i == 0) {
			srtp_replay_accept(&r, index);
			seen[index] = true;
			top = index;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
