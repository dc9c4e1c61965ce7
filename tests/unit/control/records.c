/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of dataplane/control/records.c. */
#include "dataplane/control/records.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_put_get_replace_del(void **state)
{
	struct records *r = records_create(4, 1000);
	struct record got;

	assert_non_null(r);
	assert_int_equal(records_get(r, MR_RECORD_PATH, 1, &got), -ENOENT);
	assert_int_equal(records_put(r, MR_RECORD_PATH, 1, "abc", 3), 0);
	assert_int_equal(records_put(r, MR_RECORD_VIEWER, 1, "viewer", 6), 0);
	assert_int_equal(records_put(r, MR_RECORD_GLOBAL, 0, NULL, 0), 0);
	assert_int_equal(records_get(r, MR_RECORD_PATH, 1, &got), 0);
	assert_int_equal(got.len, 3);
	assert_memory_equal(got.data, "abc", 3);
	assert_int_equal(records_get(r, MR_RECORD_GLOBAL, 0, &got), 0);
	assert_int_equal(got.len, 0);
	assert_null(got.data);
	assert_int_equal(records_put(r, MR_RECORD_PATH, 1, "longer", 6), 0);
	assert_int_equal(records_count(r), 3);
	assert_int_equal(records_bytes(r), 12);
	assert_int_equal(records_get(r, MR_RECORD_PATH, 1, &got), 0);
	assert_memory_equal(got.data, "longer", 6);
	assert_int_equal(records_del(r, MR_RECORD_PATH, 1), 0);
	assert_int_equal(records_del(r, MR_RECORD_PATH, 1), -ENOENT);
	assert_int_equal(records_count(r), 2);
	assert_int_equal(records_bytes(r), 6);
	records_destroy(r);
	records_destroy(NULL);
}

static void test_bounds(void **state)
{
	static const uint8_t data[MR_RECORD_MAX + 1];
	static const struct {
		uint32_t kind, id;
		size_t len;
		int result;
		const char *why;
	} cases[] = {
		{MR_RECORD_PATH, 1, MR_RECORD_MAX, 0, "the longest"},
		{MR_RECORD_PATH, 2, MR_RECORD_MAX + 1, -EINVAL, "too long"},
		{3, 1, 1, -EINVAL, "no such kind"},
		{MR_RECORD_GLOBAL, 1, 1, -EINVAL, "there is one global record"},
		{MR_RECORD_PATH, 2, 500, -ENOSPC, "bytes"},
		{MR_RECORD_PATH, 2, 464, 0, "exactly all bytes"},
		{MR_RECORD_PATH, 3, 1, -ENOSPC, "no byte left"},
		{MR_RECORD_PATH, 3, 0, 0, "none needed"},
		{MR_RECORD_PATH, 4, 0, -ENOSPC, "count"},
		{MR_RECORD_PATH, 2, 465, -ENOSPC, "replaced by one byte more"},
		{MR_RECORD_PATH, 2, 1, 0, "replaced by a shorter one"},
		{MR_RECORD_PATH, 2, 464, 0, "and back"},
	};
	struct records *r = records_create(3, 2000);
	struct record got;

	assert_null(records_create(0, 1));
	assert_null(records_create(UINT32_MAX, 1));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (records_put(r, cases[i].kind, cases[i].id, data, cases[i].len) !=
			cases[i].result)
			fail_msg("%s", cases[i].why);
	assert_int_equal(records_get(r, MR_RECORD_PATH, 2, &got), 0);
	assert_int_equal(got.len, 464);
	assert_int_equal(records_bytes(r), 2000);
	records_destroy(r);
}

/* Against a plain array, with everything at random. */
static void test_random(void **state)
{
	enum { IDS = 300 };
	static uint8_t model[IDS]; /* length + 1; 0: not there */
	struct records *r = records_create(IDS, 1 << 20);
	uint32_t count = 0;
	struct record got;
	uint8_t data[200];

	srand(1);
	for (int i = 0; i < 200000; i++) {
		uint32_t id = 1 + (uint32_t)rand() % IDS;
		uint8_t *m = &model[id - 1];
		uint8_t len = (uint8_t)(rand() % 200);

		switch (rand() % 3) {
		case 0:
			memset(data, (int)id ^ len, sizeof(data));
			assert_int_equal(records_put(r, MR_RECORD_VIEWER, id, data, len), 0);
			count += *m == 0;
			*m = len + 1;
			break;
		case 1:
			assert_int_equal(records_del(r, MR_RECORD_VIEWER, id), *m ? 0 : -ENOENT);
			count -= *m != 0;
			*m = 0;
			break;
		default:
			assert_int_equal(
				records_get(r, MR_RECORD_VIEWER, id, &got), *m ? 0 : -ENOENT);
			if (*m) {
				assert_int_equal(got.len, *m - 1);
				memset(data, (int)id ^ (int)got.len, sizeof(data));
				if (got.len > 0)
					assert_memory_equal(got.data, data, got.len);
			}
		}
		assert_int_equal(records_count(r), count);
	}
	records_destroy(r);
}

/* A walk with changes in between gives those that stay once each. */
static void test_iterate_with_changes(void **state)
{
	uint8_t seen[101] = {0};
	struct records *r = records_create(200, 1000);
	uint32_t cursor = 0, step = 0;
	struct record got;

	for (uint32_t id = 1; id <= 100; id++)
		assert_int_equal(records_put(r, MR_RECORD_PATH, id, "x", 1), 0);
	while (records_next(r, &cursor, &got)) {
		if (got.id <= 100)
			seen[got.id]++;
		step++;
		if (step <= 25) /* 51 to 99, odd: not yet seen */
			assert_int_equal(records_del(r, MR_RECORD_PATH, 49 + 2 * step), 0);
		if (step <= 10)
			assert_int_equal(records_put(r, MR_RECORD_PATH, 1000 + step, "y", 1), 0);
	}
	for (uint32_t id = 1; id <= 100; id++)
		assert_int_equal(seen[id], id > 50 && id % 2 ? 0 : 1);
	records_destroy(r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_get_replace_del),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_iterate_with_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
