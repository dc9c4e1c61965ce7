/* SPDX-License-Identifier: BSD-3-Clause */
/* apps/viewer/sequence.c: gaps, repetitions and the roll-over of 16 bits. */
#include "apps/viewer/sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX 8

static const struct {
	const char *why;
	size_t count;
	uint16_t numbers[MAX]; /* on the wire, in order of arrival */
	uint64_t lost, duplicates, reordered, too_late, highest;
} cases[] = {
	{"in order", 4, {7, 8, 9, 10}, 0, 0, 0, 0, 10},
	{"one missing", 3, {7, 8, 10}, 1, 0, 0, 0, 10},
	{"missing one comes later", 4, {7, 8, 10, 9}, 0, 0, 1, 0, 10},
	{"repeated", 4, {7, 8, 8, 7}, 0, 2, 0, 0, 8},
	{"the first one was overtaken", 3, {8, 7, 9}, 0, 0, 1, 0, 9},
	{"roll-over", 4, {65534, 65535, 0, 1}, 0, 0, 0, 0, 65537},
	{"gap across the roll-over", 2, {65534, 1}, 2, 0, 0, 0, 65537},
	{"overtaken across the roll-over", 4, {65534, 0, 65535, 1}, 0, 0, 1, 0, 65537},
	{"repeated across the roll-over", 4, {65535, 0, 65535, 0}, 0, 2, 0, 0, 65536},
	{"older than the window", 3, {10, 5000, 11}, 4989, 0, 0, 1, 5000},
	{"oldest of the window", 3, {10, 4105, 10}, 4094, 1, 0, 0, 4105},
	{"a jump clears the whole window", 3, {1, 20000, 19999}, 19997, 0, 1, 0, 20000},
	{"window slots are used again", 4, {1, 4097, 4098, 4098}, 4095, 1, 0, 0, 4098},
};

static void count(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sequence s = {0};

		for (size_t k = 0; k < cases[i].count; k++)
			sequence_add(&s, sequence_guess(&s, cases[i].numbers[k]));
		print_message("%s\n", cases[i].why);
		assert_int_equal(sequence_lost(&s), cases[i].lost);
		assert_int_equal(s.duplicates, cases[i].duplicates);
		assert_int_equal(s.reordered, cases[i].reordered);
		assert_int_equal(s.too_late, cases[i].too_late);
		assert_int_equal(s.highest, cases[i].highest);
	}
}

/* Against the plain way: remember everything. Three turns of 16 bits. */
static void compare_with_memory(void **state)
{
	const size_t total = 3 * 65536;
	uint8_t *seen = calloc(total, 1);
	struct sequence s = {0};
	uint64_t unique = 0, duplicates = 0;
	unsigned int random = 1;

	assert_non_null(seen);
	for (size_t next = 0; next + 64 < total; next++) {
		size_t index;

		random = random * 1103515245 + 12345;
		index = next + (random >> 16) % 64;
		if (seen[index]++)
			duplicates++;
		else
			unique++;
		assert_int_equal(sequence_guess(&s, (uint16_t)index), index);
		sequence_add(&s, index);
	}
	assert_int_equal(s.unique, unique);
	assert_int_equal(s.duplicates, duplicates);
	assert_int_equal(s.too_late, 0);
	free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(count),
		cmocka_unit_test(compare_with_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
