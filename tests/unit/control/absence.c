/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/absence.c: what is worth to be waited for. */
#include "controlplane/absence.h"

#include "dataplane/api/abi.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NO_SOCKET "/nowhere"

static void age(struct absence *a)
{
	a->since_us -= ABSENCE_BRIEF_MS * G_TIME_SPAN_MILLISECOND;
}

static void test_brief(void **state)
{
	struct absence a;

	absence_init(&a);
	assert_true(absence_is_brief(&a));
	absence_note(&a, NO_SOCKET, -EBUSY, MR_CHANNEL_VERSION);
	assert_true(absence_is_brief(&a)); /* that one may just have ended */
	assert_false(absence_is_sure(&a));
	age(&a);
	absence_note(&a, NO_SOCKET, -EBUSY, MR_CHANNEL_VERSION);
	assert_false(absence_is_brief(&a)); /* it has not */
	assert_false(absence_is_sure(&a));
	absence_note(&a, NO_SOCKET, 0, MR_CHANNEL_VERSION);
	assert_true(absence_is_brief(&a)); /* being told */
	age(&a);
	assert_false(absence_is_brief(&a));
	absence_lost(&a);
	assert_true(absence_is_brief(&a));
}

static void test_other_release(void **state)
{
	struct absence a;

	absence_init(&a);
	absence_note(&a, NO_SOCKET, -EPROTONOSUPPORT, MR_CHANNEL_VERSION + 1);
	assert_false(absence_is_brief(&a));
	assert_false(absence_is_sure(&a));
	absence_note(&a, NO_SOCKET, 0, MR_CHANNEL_VERSION);
	assert_true(absence_is_brief(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_brief),
		cmocka_unit_test(test_other_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
