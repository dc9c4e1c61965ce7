/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/http/refusals.c. */
#include "controlplane/http/refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND_US 1000000

static unsigned int lines(struct http_refusals *r, unsigned int offers, int64_t now_us)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < offers; i++)
		n += http_refusals_line(r, now_us);
	return n;
}

static void test_lines(void **state)
{
	struct http_refusals r = {0};

	assert_int_equal(lines(&r, 1000, 5 * SECOND_US), REFUSALS_LINES_MAX);
	assert_int_equal(r.left_out, 1000 - REFUSALS_LINES_MAX);
	assert_int_equal(lines(&r, 10, 64 * SECOND_US), 0);
	assert_int_equal(lines(&r, 3, 65 * SECOND_US), 3);
	assert_int_equal(r.left_out, 1010 - REFUSALS_LINES_MAX);
}

static void test_figures(void **state)
{
	struct http_refusals r = {0};

	assert_false(http_refusals_log(&r, 0));
	r.authorise++;
	assert_true(http_refusals_log(&r, SECOND_US));
	assert_false(http_refusals_log(&r, 100 * SECOND_US)); /* nothing new */
	r.on_demand++;
	assert_true(http_refusals_log(&r, 101 * SECOND_US));
	r.unknown++;
	assert_false(http_refusals_log(&r, 160 * SECOND_US));
	assert_true(http_refusals_log(&r, 161 * SECOND_US));
	lines(&r, 11, 162 * SECOND_US);
	assert_false(http_refusals_log(&r, 220 * SECOND_US)); /* a minute is not over */
	assert_true(http_refusals_log(&r, 221 * SECOND_US));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
