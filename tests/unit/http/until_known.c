/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/http/until_known.c: what ends the wait of a request. */
#include "fixture.h"

#include "controlplane/http/until_known.h"

static void on_over(void *user)
{
	++*(unsigned int *)user;
}

static bool begin(struct until_known *u, struct until_known_waiter *waiter, unsigned int *over)
{
	return until_known_begin(u, waiter, "cam1", RESOURCE, on_over, over);
}

/* All is known: they are told in that very moment. The clock, and so the limit, has no part. */
static void test_told(void **state)
{
	struct until_known u = {0};
	struct until_known_waiter w[2] = {0};
	unsigned int over = 0;

	unknown = "taking over";
	assert_true(begin(&u, &w[0], &over));
	assert_true(begin(&u, &w[1], &over));
	assert_int_equal(u.n, 2);
	assert_int_equal(over, 0);
	assert_string_equal(until_known_why(&u, "cam1", RESOURCE), "taking over");
	settle();
	assert_int_equal(over, 2);
	assert_int_equal(u.n, 0);
	assert_null(until_known_why(&u, "cam1", RESOURCE));
}

/* Nobody tells anything: the limit ends it, once. */
static void test_limit(void **state)
{
	struct until_known u = {0};
	struct until_known_waiter waiter = {0};
	gint64 begun = g_get_monotonic_time();
	unsigned int over = 0;

	unknown = "taking over";
	assert_true(begin(&u, &waiter, &over));
	while (over == 0)
		g_main_context_iteration(NULL, TRUE);
	assert_true(g_get_monotonic_time() - begun >= UNTIL_KNOWN_MS * G_TIME_SPAN_MILLISECOND);
	assert_int_equal(u.n, 0);
	assert_null(waiters);
	assert_string_equal(until_known_why(&u, "cam1", RESOURCE), "taking over");
	settle();
	assert_int_equal(over, 1);
}

/* The client goes: nothing comes any more, and another one has its place. */
static void test_end(void **state)
{
	struct until_known u = {0};
	struct until_known_waiter w[UNTIL_KNOWN_MAX + 1] = {0};
	unsigned int over = 0;

	unknown = "taking over";
	for (unsigned int i = 0; i < UNTIL_KNOWN_MAX; i++)
		assert_true(begin(&u, &w[i], &over));
	assert_false(begin(&u, &w[UNTIL_KNOWN_MAX], &over));
	until_known_end(&w[UNTIL_KNOWN_MAX]); /* which does not wait */
	until_known_end(&w[0]);
	until_known_end(&w[0]);
	assert_int_equal(u.n, UNTIL_KNOWN_MAX - 1);
	assert_true(begin(&u, &w[UNTIL_KNOWN_MAX], &over));
	settle();
	assert_int_equal(over, UNTIL_KNOWN_MAX);
	assert_int_equal(u.n, 0);
}

static void test_no_wait(void **state)
{
	static const struct {
		const char *unknown;
		bool lasting, kept;
		bool asked; /* there is a reason for the client */
		const char *why;
	} cases[] = {
		{NULL, false, false, false, "all are known"},
		{"lost", false, true, false, "it is there all the same"},
		{"another release", true, false, true, "to wait does not help"},
	};
	struct until_known u = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct until_known_waiter waiter = {0};
		unsigned int over = 0;

		unknown = cases[i].unknown;
		lasting = cases[i].lasting;
		kept = cases[i].kept;
		if (begin(&u, &waiter, &over) ||
			(until_known_why(&u, "cam1", RESOURCE) != NULL) != cases[i].asked)
			fail_msg("%s", cases[i].why);
		assert_int_equal(u.n, 0);
	}
	unknown = NULL;
	lasting = kept = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_no_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
