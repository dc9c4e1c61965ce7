/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of dataplane/control/tables.c, also against a plain array at random. */
#include "dataplane/control/tables.h"

#include "tests/unit/crypto/random.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CAPACITY 100
#define STEPS 200000

static void test_limits(void **state)
{
	struct tables t;
	struct path_entry *p;

	assert_int_equal(tables_init(&t, 2, 1, 1, 1), 0);
	assert_int_equal(table_capacity(t.paths), 2);
	p = table_add(t.paths, 7);
	assert_non_null(p);
	assert_int_equal(p->id, 7);
	assert_int_equal(p->n_streams, 0);
	errno = 0;
	assert_null(table_add(t.paths, 7));
	assert_int_equal(errno, EEXIST);
	assert_null(table_add(t.paths, 0));
	assert_int_equal(errno, EINVAL);
	assert_non_null(table_add(t.paths, UINT32_MAX));
	assert_null(table_add(t.paths, 8));
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(table_count(t.paths), 2);
	assert_null(table_find(t.paths, 8));
	assert_null(table_find(t.paths, 0));
	assert_null(table_at(t.paths, 2));
	tables_fini(&t);
}

/* A place that is used again remembers nothing. */
static void test_reused_entry_is_zero(void **state)
{
	struct tables t;
	struct path_entry *p;
	uint32_t slot;

	assert_int_equal(tables_init(&t, 1, 1, 1, 1), 0);
	p = table_add(t.paths, 1);
	slot = p->slot;
	strcpy(p->name, "cam1");
	p->n_streams = 3;
	assert_ptr_equal(tables_path_by_name(&t, "cam1"), p);
	table_del(t.paths, 1);
	table_del(t.paths, 1); /* twice: nothing happens */
	table_del(t.paths, 0);
	assert_null(tables_path_by_name(&t, "cam1"));
	assert_null(table_at(t.paths, slot));
	p = table_add(t.paths, 2);
	assert_int_equal(p->slot, slot);
	assert_int_equal(p->n_streams, 0);
	assert_int_equal(p->name[0], 0);
	tables_fini(&t);
}

/* Entries stay where they are, whatever comes and goes around them. */
static void test_random(void **state)
{
	struct viewer_entry *where[CAPACITY] = {0}; /* by slot */
	uint32_t ids[CAPACITY] = {0};
	struct tables t;
	struct random r;
	uint32_t n = 0;

	random_init(&r, 64);
	assert_int_equal(tables_init(&t, 1, 1, CAPACITY, 1), 0);
	for (int i = 0; i < STEPS; i++) {
		/* Few ids, and many that share a place in the index. */
		uint32_t id = 1 + random_below(&r, 300) * (random_below(&r, 2) ? 1u : 65536u);
		struct viewer_entry *e = table_find(t.viewers, id);
		bool there = false;

		for (uint32_t s = 0; s < CAPACITY; s++)
			there |= ids[s] == id;
		assert_int_equal(e != NULL, there);
		if (e != NULL) {
			assert_int_equal(e->id, id);
			assert_ptr_equal(where[e->slot], e);
			assert_ptr_equal(table_at(t.viewers, e->slot), e);
		}
		if (e != NULL && random_below(&r, 2)) {
			ids[e->slot] = 0;
			table_del(t.viewers, id);
			n--;
		} else if (e == NULL) {
			e = table_add(t.viewers, id);
			assert_int_equal(e != NULL, n < CAPACITY);
			if (e != NULL) {
				assert_int_equal(ids[e->slot], 0);
				ids[e->slot] = id;
				where[e->slot] = e;
				n++;
			}
		}
		assert_int_equal(table_count(t.viewers), n);
	}
	tables_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_reused_entry_is_zero),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
