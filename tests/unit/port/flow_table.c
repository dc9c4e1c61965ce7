/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane/port/flow_table.c */
#include "dataplane/port/flow_table.h"

#include "tests/unit/pipeline/eal.h"
#include "tests/unit/pipeline/wire_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>

#define STREAMS 64
#define VIEWERS 1000

static struct mr_endpoint at(const char *address, uint16_t port)
{
	struct mr_endpoint e;

	wire_endpoint(&e, address, port);
	return e;
}

static int setup(void **state)
{
	*state = flow_table_create("unit", STREAMS, VIEWERS, SOCKET_ID_ANY);
	return *state == NULL;
}

static int teardown(void **state)
{
	flow_table_destroy(*state);
	return 0;
}

static void test_sources(void **state)
{
	struct flow_table *t = *state;
	struct mr_endpoint exact = at("10.0.0.2", 5004), other = at("10.0.0.3", 5004);
	struct mr_endpoint any = at("::", 5004), port = at("10.0.0.2", 5005);
	int a, b;
	struct flow_value va = {&a, 1}, vb = {&b, 2}, v;

	assert_false(flow_table_lookup_source(t, &exact, &v));
	assert_int_equal(flow_table_add_source(t, &exact, va), 0);
	assert_int_equal(flow_table_add_source(t, &exact, vb), -EEXIST);
	assert_true(flow_table_lookup_source(t, &exact, &v));
	assert_ptr_equal(v.object, &a);
	assert_int_equal(v.owner, 1);
	assert_false(flow_table_lookup_source(t, &other, &v));
	assert_false(flow_table_lookup_source(t, &port, &v));

	assert_int_equal(flow_table_add_source(t, &any, vb), 0);
	assert_true(flow_table_lookup_source(t, &other, &v));
	assert_ptr_equal(v.object, &b);
	assert_true(flow_table_lookup_source(t, &exact, &v)); /* the exact one comes first */
	assert_ptr_equal(v.object, &a);
	assert_false(flow_table_lookup_source(t, &port, &v));

	assert_int_equal(flow_table_del_source(t, &exact), 0);
	assert_int_equal(flow_table_del_source(t, &exact), -ENOENT);
	assert_true(flow_table_lookup_source(t, &exact, &v)); /* by every address, now */
	assert_ptr_equal(v.object, &b);
	assert_int_equal(flow_table_del_source(t, &any), 0);
	assert_int_equal(flow_table_del_source(t, &any), -ENOENT);
	assert_false(flow_table_lookup_source(t, &exact, &v));
}

static void test_viewers(void **state)
{
	struct flow_table *t = *state;
	struct mr_endpoint local = at("10.0.0.2", 8189), remote = at("10.0.0.1", 50000);
	struct mr_endpoint same_port = at("10.0.0.9", 50000), v6 = at("2001:db8::1", 50000);
	int a, b;
	struct flow_value va = {&a, 3}, vb = {&b, 4}, v;

	assert_int_equal(flow_table_add_viewer(t, &local, &remote, va), 0);
	assert_int_equal(flow_table_add_viewer(t, &local, &remote, vb), -EEXIST);
	assert_int_equal(flow_table_add_viewer(t, &local, &v6, vb), 0);
	assert_true(flow_table_lookup_viewer(t, &local, &remote, &v));
	assert_ptr_equal(v.object, &a);
	assert_true(flow_table_lookup_viewer(t, &local, &v6, &v));
	assert_ptr_equal(v.object, &b);
	assert_false(flow_table_lookup_viewer(t, &local, &same_port, &v));
	assert_false(flow_table_lookup_viewer(t, &remote, &local, &v));
	assert_int_equal(flow_table_del_viewer(t, &local, &same_port), -ENOENT);
	assert_int_equal(flow_table_del_viewer(t, &local, &remote), 0);
	assert_int_equal(flow_table_del_viewer(t, &local, &v6), 0);
	assert_false(flow_table_lookup_viewer(t, &local, &remote, &v));
}

/* All places can be taken, in any order and again and again. */
static void test_full(void **state)
{
	struct flow_table *t = *state;
	struct mr_endpoint local = at("10.0.0.2", 8189), remote = at("10.0.0.1", 1);
	static int objects[VIEWERS];

	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < VIEWERS; i++) {
			struct flow_value v = {&objects[i], (uint8_t)i};

			remote.port = (uint16_t)(i * 7 + (uint32_t)round);
			assert_int_equal(flow_table_add_viewer(t, &local, &remote, v), 0);
		}
		for (uint32_t i = 0; i < VIEWERS; i++) {
			struct flow_value v;

			remote.port = (uint16_t)(i * 7 + (uint32_t)round);
			assert_true(flow_table_lookup_viewer(t, &local, &remote, &v));
			assert_ptr_equal(v.object, &objects[i]);
			assert_int_equal(v.owner, (uint8_t)i);
		}
		for (uint32_t i = VIEWERS; i-- > 0;) {
			remote.port = (uint16_t)(i * 7 + (uint32_t)round);
			assert_int_equal(flow_table_del_viewer(t, &local, &remote), 0);
		}
	}
}

static void test_no_space(void **state)
{
	struct flow_table *t = *state;
	uint32_t n = 0;
	int rc = 0;

	for (; n < 10 * STREAMS && rc == 0; n++) {
		struct mr_endpoint local = at("10.0.0.2", (uint16_t)(1000 + n));
		rc = flow_table_add_source(t, &local, (struct flow_value){t, 0});
	}
	assert_int_equal(rc, -ENOSPC);
	assert_true(n > STREAMS);
	while (--n > 0) {
		struct mr_endpoint local = at("10.0.0.2", (uint16_t)(1000 + n - 1));
		assert_int_equal(flow_table_del_source(t, &local), 0);
	}
}

static void test_public(void **state)
{
	struct flow_table *t = *state;
	struct mr_endpoint exact = at("10.0.0.2", 8189), other = at("10.0.0.3", 8189);
	struct mr_endpoint any = at("::", 8190), v6 = at("2001:db8::1", 8190);
	int rc = 0;

	assert_false(flow_table_is_public(t, &exact));
	assert_int_equal(flow_table_add_public(t, &exact), 0);
	assert_int_equal(flow_table_add_public(t, &exact), -EEXIST);
	assert_int_equal(flow_table_add_public(t, &any), 0);
	assert_true(flow_table_is_public(t, &exact));
	assert_false(flow_table_is_public(t, &other));
	assert_true(flow_table_is_public(t, &v6));
	for (uint16_t port = 1; port < 100 && rc == 0; port++) {
		struct mr_endpoint e = at("10.0.0.2", port);
		rc = flow_table_add_public(t, &e);
	}
	assert_int_equal(rc, -ENOSPC);
}

/* One per worker, side by side, under names of their own. */
static void test_several(void **state)
{
	struct flow_table *a = flow_table_create("flows1", 1, 1, SOCKET_ID_ANY);
	struct flow_table *b = flow_table_create("flows2", 1, 1, SOCKET_ID_ANY);
	struct mr_endpoint local = at("10.0.0.2", 5004);
	struct flow_value v;

	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(flow_table_add_source(a, &local, (struct flow_value){a, 0}), 0);
	assert_false(flow_table_lookup_source(b, &local, &v));
	flow_table_destroy(a);
	flow_table_destroy(b);
	flow_table_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_viewers),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_public),
		cmocka_unit_test(test_several),
	};

	if (eal_start(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
