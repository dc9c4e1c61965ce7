/* SPDX-License-Identifier: BSD-3-Clause */
/* apps/bench/wire_verdict.c: what speaks against a rate, and that it is said. */
#include "apps/bench/wire_verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define VIEWERS 100
#define RATE 1e6 /* for 2 s */

static const struct {
	const char *why;
	uint64_t refused, expected, in_time, received;
	unsigned int causes;
	const char *told; /* NULL: nothing speaks against it */
} cases[] = {
	{"all came", 0, 2000000, 2000000, 2000000, 0, NULL},
	{"two were lost: one in a million", 0, 2000000, 1999998, 1999998, 0, NULL},
	{"three were", 0, 2000000, 1999997, 1999997, WIRE_LOST, "3 lost, tx_full 2"},
	{"95 % were sent", 0, 1900000, 1900000, 1900000, 0, NULL},
	{"less was", 0, 1860000, 1860000, 1860000, WIRE_OTHER_RATE,
		"the generator sent 93.0 % of it"},
	{"2 % came late", 0, 2000000, 1960000, 2000000, 0, NULL},
	{"more did", 0, 2000000, 1900000, 2000000, WIRE_BACKLOG,
		"5.0 % had not come when all was sent"},
	{"the ring was full", 7, 2000000, 2000000, 2000000, WIRE_RING_FULL,
		"the data plane's ring was full for 7 of the stream's packets"},
	{"all at once", 7, 1000000, 500000, 900000,
		WIRE_LOST | WIRE_RING_FULL | WIRE_OTHER_RATE | WIRE_BACKLOG,
		"the generator sent 50.0 % of it; the data plane's ring was full for 7 of the "
		"stream's packets; 50.0 % had not come when all was sent; 100000 lost, tx_full 2"},
	{"nothing was sent", 0, 0, 0, 0, WIRE_OTHER_RATE, "the generator sent 0.0 % of it"},
};

static void tell(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct wire_verdict v = {
			.rate = RATE,
			.trial = {.seconds = 2,
				.refused = cases[i].refused,
				.expected = cases[i].expected,
				.in_time = cases[i].in_time,
				.received = cases[i].received},
			.dropped = {[MR_DROP_TX_FULL] = 2},
		};
		const char *told;
		json_t *j;

		print_message("%s\n", cases[i].why);
		assert_int_equal(wire_verdict_causes(&v, VIEWERS), cases[i].causes);
		j = wire_verdict_json(&v, VIEWERS);
		told = json_string_value(json_object_get(j, "why"));
		if (cases[i].told == NULL)
			assert_true(json_is_null(json_object_get(j, "why")));
		else
			assert_string_equal(told, cases[i].told);
		assert_int_equal(
			json_integer_value(json_object_get(json_object_get(j, "drops"), "tx_full")),
			2);
		json_decref(j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
