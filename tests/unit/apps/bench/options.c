/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of apps/bench/options.h: what each kind of option takes, and what it does not. */
#include "apps/bench/options.h"

#include "crypto/srtp_profile.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct values {
	bool flag;
	uint32_t number, word, even;
	const char *text;
	const struct srtp_profile *profile;
};

static bool take_even(void *to, const char *value)
{
	*(uint32_t *)to = (uint32_t)strlen(value);
	return strlen(value) % 2 == 0;
}

static int parse(struct values *v, const char *first, const char *second)
{
	static const char *const words[] = {"no", "yes", NULL};
	const struct bench_option options[] = {
		{"flag", BENCH_FLAG, &v->flag},
		{"number", BENCH_NUMBER, &v->number, 3, 4000000000},
		{"word", BENCH_WORD, &v->word, .words = words},
		{"text", BENCH_TEXT, &v->text},
		{"profile", BENCH_PROFILE, &v->profile},
		{"even", BENCH_OTHER, &v->even, .take = take_even},
		{0},
	};
	const char *argv[] = {"test", first, second, NULL};

	*v = (struct values){.number = 7};
	optind = 0; /* again from the beginning */
	return bench_options_read(options, "usage\n",
		first == NULL    ? 1
		: second == NULL ? 2
				 : 3,
		(char **)argv);
}

static void test_taken(void **state)
{
	struct values v;

	assert_int_equal(parse(&v, NULL, NULL), -1);
	assert_true(v.number == 7 && !v.flag && v.text == NULL);
	assert_int_equal(parse(&v, "--flag", "--number=3"), -1);
	assert_true(v.flag && v.number == 3);
	assert_int_equal(parse(&v, "--number", "4000000000"), -1);
	assert_true(v.number == 4000000000);
	assert_int_equal(parse(&v, "--word", "yes"), -1);
	assert_int_equal(v.word, 1);
	assert_int_equal(parse(&v, "--text", "a b"), -1);
	assert_string_equal(v.text, "a b");
	assert_int_equal(parse(&v, "--even", "abcd"), -1);
	assert_int_equal(v.even, 4);
	assert_int_equal(parse(&v, "--profile", "AEAD_AES_256_GCM"), -1);
	assert_string_equal(v.profile->name, "AEAD_AES_256_GCM");
	assert_int_equal(parse(&v, "--help", "--number=x"), 0);
}

static void test_refused(void **state)
{
	static const char *const cases[][2] = {
		{"--number", "2"},
		{"--number", "4000000001"},
		{"--number", "99999999999999999999"},
		{"--number", "-3"},
		{"--number", "3x"},
		{"--number", ""},
		{"--number", NULL},
		{"--word", "maybe"},
		{"--profile", "AES"},
		{"--even", "abc"},
		{"--flag=1", NULL},
		{"--unknown", NULL},
		{"--flag", "operand"},
	};
	struct values v;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (parse(&v, cases[i][0], cases[i][1]) != 2)
			fail_msg("%s %s is taken", cases[i][0], cases[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
