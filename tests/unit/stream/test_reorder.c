/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Putting packets into order: what waits, for how long, what is given up. A
 * packet is its number here; no mbufs. One thread.
 */
#include "dataplane/stream/reorder.h"
#include "tests/unit/crypto/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

/* As stream input uses it, with a log of what came out: "7", or "-3 7" behind a gap of 3. */
struct line {
	struct reorder r;
	char out[4096];
	size_t len;
	uint64_t taken;
	uint64_t gaps;
	uint64_t late;
	uint64_t last;
};

static const uint8_t something;

static void out(struct line *l, uint64_t number, uint64_t gap)
{
	l->taken++;
	l->gaps += gap;
	/* Numbers and gaps account for all of the sequence. */
	assert_true(number == l->last + 1 + gap);
	l->last = number;
	if (l->len + 64 > sizeof(l->out))
		return;
	if (gap > 0)
		l->len += (size_t)sprintf(l->out + l->len, "-%llu ", (unsigned long long)gap);
	l->len += (size_t)sprintf(l->out + l->len, "%llu ", (unsigned long long)number);
}

static void take(struct line *l, uint64_t now_ns)
{
	struct input_packet p;
	uint64_t gap;

	while (reorder_take(&l->r, now_ns, &p, &gap) == 1)
		out(l, p.len, gap);
}

static void take_before(struct line *l, uint64_t number)
{
	struct input_packet p;
	uint64_t gap;

	while (reorder_take_before(&l->r, number, &p, &gap) == 1)
		out(l, p.len, gap);
}

static void line_start(struct line *l, uint64_t first)
{
	memset(l, 0, sizeof(*l));
	reorder_start(&l->r, first);
	l->last = first - 1;
}

static void come(struct line *l, uint64_t number, uint64_t now_ns)
{
	struct input_packet p = {.data = &something, .len = (uint32_t)number, .arrival_ns = now_ns};

	if (!reorder_due(&l->r, number)) {
		l->late++;
		return;
	}
	if (number == l->r.next) {
		out(l, number, reorder_pass(&l->r, number));
	} else {
		if (number - l->r.next >= REORDER_SLOTS)
			take_before(l, number - REORDER_SLOTS + 1);
		reorder_put(&l->r, number, &p);
	}
	take(l, now_ns);
}

/* Numbers, "+5": 5 ms pass, "!": all is taken out. */
static const struct {
	const char *in;
	const char *want;
	unsigned int late;
	const char *why;
} cases[] = {
	{"10 11 12", "10 11 12 ", 0, "in order: nothing waits"},
	{"10 12 11 13", "10 11 12 13 ", 0, "two swapped"},
	{"10 14 13 12 11 15", "10 11 12 13 14 15 ", 0, "backwards"},
	{"10 12 +39", "10 ", 0, "one waits"},
	{"10 12 +40", "10 -1 12 ", 0, "it has waited long enough"},
	{"10 12 +40 11 13", "10 -1 12 13 ", 1, "what comes after that is late"},
	{"10 12 +40 10 12 13", "10 -1 12 13 ", 2, "so is what was given out"},
	{"10 13 +20 12 +20", "10 -1 12 13 ", 0, "the wait counts from the first that came early"},
	{"10 12 +20 14 +20", "10 -1 12 ", 0, "the second gap has waited 20 ms"},
	{"10 12 +20 14 +20 +20", "10 -1 12 -1 14 ", 0,
		"gaps do not add up: each 40 ms from what waits behind it"},
	{"10 12 +20 14 +10 16 +50", "10 -1 12 -1 14 -1 16 ", 0, "several at once"},
	{"10 12 +30 11 +30", "10 11 12 ", 0, "filled: nothing waits any more"},
	{"10 12 +30 11 14 +30", "10 11 12 ", 0, "... and the next wait starts anew"},
	{"10 74 11", "10 11 ", 0, "63 missing: all of them may still come"},
	{"10 75 11", "10 ", 1, "64 missing: the first is given up"},
	{"10 75 12 13", "10 -1 12 13 ", 0, "... the second is not, and tells of it"},
	{"10 75 +40", "10 -64 75 ", 0, "a long gap is told in one piece"},
	{"10 1000 !", "10 -989 1000 ", 0, "a very long one too"},
	{"10 12 1000", "10 -1 12 ", 0, "what is far ahead drives out what waits"},
	{"10 12 14 !", "10 -1 12 -1 14 ", 0, "all taken out at the end"},
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line l;
		const char *p = cases[i].in;
		uint64_t now = 5000 * MS;
		char want[256];

		line_start(&l, 10);
		while (*p != 0) {
			if (*p == '+') {
				now += strtoull(p + 1, (char **)&p, 10) * MS;
				take(&l, now);
			} else if (*p == '!') {
				p++;
				take_before(&l, UINT64_MAX);
				assert_int_equal(l.r.held, 0);
			} else {
				come(&l, strtoull(p, (char **)&p, 10), now);
			}
			while (*p == ' ')
				p++;
		}
		snprintf(want, sizeof(want), "%s", cases[i].want);
		if (strcmp(l.out, want) != 0 || l.late != cases[i].late)
			fail_msg("%s (%s): \"%s\", %llu late", cases[i].why, cases[i].in, l.out,
				(unsigned long long)l.late);
	}
}

/* Every 50th packet is overtaken by the `apart` that follow it: none is given up
 * as long as they fit. */
static void test_reordered_apart(void **state)
{
	for (uint64_t apart = 2; apart <= 80; apart++) {
		struct line l;
		uint64_t n = 0;

		line_start(&l, 0);
		l.last = UINT64_MAX;
		come(&l, 0, 0);
		for (uint64_t block = 1; block < 5000; block += 2 * apart) {
			for (uint64_t i = 1; i < apart; i++, n++)
				come(&l, block + i, block * 1000);
			come(&l, block, block * 1000);
			for (uint64_t i = apart; i < 2 * apart; i++, n++)
				come(&l, block + i, block * 1000);
			n++;
		}
		if (apart <= REORDER_SLOTS) {
			assert_true(l.late == 0 && l.gaps == 0);
			assert_true(l.taken == n + 1);
		} else {
			assert_true(l.late > 0 && l.gaps == l.late);
			assert_true(l.taken + l.late == n + 1);
		}
		assert_int_equal(l.r.held, 0);
	}
}

/* A packet that cannot be held goes past; what was held behind it stays. */
static void test_pass(void **state)
{
	struct line l;

	line_start(&l, 10);
	come(&l, 10, 0);
	come(&l, 12, 0);
	come(&l, 16, 0);
	come(&l, 17, 0);
	take_before(&l, 14);
	out(&l, 14, reorder_pass(&l.r, 14));
	take(&l, 0);
	assert_string_equal(l.out, "10 -1 12 -1 14 ");
	assert_int_equal(l.r.held, 2);
	come(&l, 15, 0);
	assert_string_equal(l.out, "10 -1 12 -1 14 15 16 17 ");
	assert_int_equal(l.r.held, 0);
}

/* Another worker received it, and its clock was read later than ours. */
static void test_arrival_in_the_future(void **state)
{
	struct line l;

	line_start(&l, 1);
	come(&l, 3, 100 * MS);
	take(&l, 99 * MS);
	assert_string_equal(l.out, "");
	take(&l, 140 * MS);
	assert_string_equal(l.out, "-2 3 ");
}

/* Random loss, delay and duplicates of numbers: out() checks the order and that
 * gaps and packets add up; nothing waits longer than it should. */
static void test_random(void **state)
{
	struct random random;
	static struct line l;

	random_init(&random, 5);
	for (int round = 0; round < 50; round++) {
		uint64_t now = 1000 * MS;
		uint64_t base = random_below(&random, 1u << 20) + 1000;
		uint64_t high = base;
		uint64_t waiting_since = now;

		line_start(&l, base);
		for (int i = 0; i < 5000; i++) {
			uint64_t number = high + random_below(&random, 8);

			if (random_below(&random, 4) == 0)
				number = high - random_below(&random, 100);
			if (random_below(&random, 500) == 0)
				number += 300;
			if (number > high)
				high = number;
			if (l.r.held == 0)
				waiting_since = now;
			/* The receiver lets no number through twice. */
			if (number < l.r.next || l.r.slot[number % REORDER_SLOTS].data == NULL ||
				l.r.slot[number % REORDER_SLOTS].len != (uint32_t)number)
				come(&l, number, now);
			now += random_below(&random, 5) * MS;
			take(&l, now);
			if (l.r.held > 0 && l.r.since_ns > waiting_since)
				waiting_since = l.r.since_ns;
			assert_true(l.r.held == 0 || now - waiting_since <= REORDER_WAIT_NS);
			assert_true(l.r.held < REORDER_SLOTS);
		}
		take_before(&l, UINT64_MAX);
		assert_int_equal(l.r.held, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_reordered_apart),
		cmocka_unit_test(test_pass),
		cmocka_unit_test(test_arrival_in_the_future),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
