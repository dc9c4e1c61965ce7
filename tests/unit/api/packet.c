/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of dataplane/api/packet.c. */
#include "dataplane/api/channel.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SLOTS 64

static struct mr_ring_shared shared;
static struct mr_packet slots[SLOTS];
static struct mr_ring in, out;
static struct mr_packet_joiner *joiner; /* on the heap, for AddressSanitizer */
static uint8_t payload[MR_PACKET_TOTAL_MAX + 1];

static int setup(void **state)
{
	memset(&shared, 0, sizeof(shared));
	memset(slots, 0, sizeof(slots));
	mr_ring_init(&in, &shared, slots, sizeof(slots[0]), SLOTS);
	mr_ring_init(&out, &shared, slots, sizeof(slots[0]), SLOTS);
	joiner = calloc(1, sizeof(*joiner));
	assert_non_null(joiner);
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7 + (i >> 8));
	return 0;
}

static int teardown(void **state)
{
	free(joiner);
	return 0;
}

static int take(void)
{
	unsigned int budget = 2 * SLOTS;

	return mr_packet_take(&out, joiner, &budget);
}

static void test_sizes(void **state)
{
	static const struct {
		size_t len;
		int put;
		uint32_t slots;
		const char *why;
	} cases[] = {
		{0, -EINVAL, 0, "empty"},
		{1, 0, 1, "smallest"},
		{1200, 0, 1, "a usual one"},
		{MR_PACKET_DATA - 1, 0, 1, "almost a slot"},
		{MR_PACKET_DATA, 0, 1, "a slot"},
		{MR_PACKET_DATA + 1, 0, 2, "just more"},
		{3 * MR_PACKET_DATA, 0, 3, "three slots"},
		{20000, 0, 11, "a big NAL"},
		{MR_PACKET_TOTAL_MAX, 0, 34, "largest"},
		{MR_PACKET_TOTAL_MAX + 1, -EMSGSIZE, 0, "too large"},
	};

	/* many rounds, so that each begins at another slot and some wrap */
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct mr_packet head = {
				.kind = MR_PACKET_DOWN_RTP,
				.stream_id = 9,
				.nexthop_id = 8,
				.port = 7,
				.arrival_ns = 123456789,
				.local = {.addr = {1}, .port = 2},
				.remote = {.addr = {3}, .port = 4},
				.total = 77, /* not the caller's to say */
				.offset = 78,
				.len = 79,
				.reserved = 80,
			};
			uint32_t before = in.position;

			if (mr_packet_put(&in, &head, payload, cases[i].len) != cases[i].put ||
				in.position - before != cases[i].slots)
				fail_msg("put: %s", cases[i].why);
			if (take() != (cases[i].put == 0))
				fail_msg("take: %s", cases[i].why);
			if (cases[i].put != 0)
				continue;
			assert_int_equal(joiner->head.total, cases[i].len);
			assert_memory_equal(joiner->data, payload, cases[i].len);
			assert_int_equal(joiner->head.kind, head.kind);
			assert_int_equal(joiner->head.stream_id, 9);
			assert_int_equal(joiner->head.nexthop_id, 8);
			assert_int_equal(joiner->head.port, 7);
			assert_int_equal(joiner->head.arrival_ns, 123456789);
			assert_memory_equal(&joiner->head.local, &head.local, sizeof(head.local));
			assert_memory_equal(
				&joiner->head.remote, &head.remote, sizeof(head.remote));
			assert_int_equal(take(), 0);
		}
	}
	assert_int_equal(joiner->broken, 0);
}

/* All slots or none. */
static void test_full_ring(void **state)
{
	struct mr_packet head = {.kind = MR_PACKET_UP_PUBLIC};
	uint32_t before;

	assert_int_equal(mr_packet_put(&in, &head, payload, MR_PACKET_TOTAL_MAX), 0); /* 34 */
	before = in.position;
	assert_int_equal(mr_packet_put(&in, &head, payload, MR_PACKET_TOTAL_MAX), -EAGAIN);
	assert_int_equal(in.position, before);
	assert_int_equal(atomic_load(&shared.head), before);
	assert_int_equal(mr_packet_put(&in, &head, payload, 30 * MR_PACKET_DATA), 0);
	assert_int_equal(mr_packet_put(&in, &head, payload, 1), -EAGAIN);
	assert_int_equal(take(), 1);
	assert_int_equal(joiner->head.total, MR_PACKET_TOTAL_MAX);
	assert_int_equal(take(), 1);
	assert_int_equal(joiner->head.total, 30 * MR_PACKET_DATA);
	assert_int_equal(take(), 0);
}

/* A budget that ends inside a datagram loses nothing of it. */
static void test_budget(void **state)
{
	struct mr_packet head = {.kind = MR_PACKET_UP_PUBLIC};
	unsigned int turns = 0, budget;
	int got;

	assert_int_equal(mr_packet_put(&in, &head, payload, 10 * MR_PACKET_DATA), 0);
	assert_int_equal(mr_packet_put(&in, &head, payload, 5), 0);
	do {
		budget = 3;
		got = mr_packet_take(&out, joiner, &budget);
		turns++;
	} while (got == 0);
	assert_int_equal(got, 1);
	assert_int_equal(turns, 4);
	assert_int_equal(budget, 2);
	assert_memory_equal(joiner->data, payload, 10 * MR_PACKET_DATA);
	budget = 0;
	assert_int_equal(mr_packet_take(&out, joiner, &budget), 0);
	assert_int_equal(take(), 1);
	assert_int_equal(joiner->head.total, 5);
	assert_int_equal(joiner->broken, 0);
}

/* One message as a stranger may write it: total, offset, len, kind. */
struct shape {
	uint32_t total, offset, len, kind, stream_id;
};

static void test_malformed(void **state)
{
	enum { MAX = 4 };
	static const struct {
		struct shape m[MAX]; /* up to the first of total 0 and len 0 */
		int datagrams;       /* that come out */
		uint64_t broken;
		const char *why;
	} cases[] = {
		{{{10, 0, 10, 1, 0}}, 1, 0, "whole"},
		{{{3000, 0, 1500, 1, 0}, {3000, 1500, 1500, 1, 0}}, 1, 0, "in halves"},
		{{{10, 0, 10, 0, 0}}, 0, 1, "kind 0"},
		{{{10, 0, 10, 5, 0}}, 0, 1, "kind 5"},
		{{{10, 0, 0, 1, 0}}, 0, 1, "no data"},
		{{{0, 0, 10, 1, 0}}, 0, 1, "total 0"},
		{{{10, 0, 11, 1, 0}}, 0, 1, "more than the total"},
		{{{65536, 0, 1000, 1, 0}}, 0, 1, "total above the limit"},
		{{{UINT32_MAX, 0, 1000, 1, 0}}, 0, 1, "total at the end of its range"},
		{{{3000, 0, MR_PACKET_DATA + 1, 1, 0}}, 0, 1, "len beyond the slot"},
		{{{3000, 0, UINT32_MAX, 1, 0}}, 0, 1, "len at the end of its range"},
		{{{3000, UINT32_MAX, 2, 1, 0}}, 0, 1, "offset + len wraps"},
		{{{3000, 2999, 2, 1, 0}}, 0, 1, "offset + len beyond the total"},
		{{{3000, 1500, 1500, 1, 0}}, 0, 1, "continues nothing"},
		{{{3000, 0, 1500, 1, 0}, {3000, 1501, 1499, 1, 0}}, 0, 2, "a hole"},
		{{{3000, 0, 1500, 1, 0}, {3000, 1499, 1501, 1, 0}}, 0, 2, "an overlap"},
		{{{3000, 0, 1500, 1, 0}, {3001, 1500, 1500, 1, 0}}, 0, 2, "another total"},
		{{{3000, 0, 1500, 1, 0}, {3000, 1500, 1500, 2, 0}}, 0, 2, "another kind"},
		{{{3000, 0, 1500, 1, 0}, {3000, 1500, 1500, 1, 6}}, 0, 2, "another stream"},
		{{{3000, 0, 1500, 1, 0}, {10, 0, 10, 1, 0}}, 1, 1, "a new one begins"},
		{{{10, 0, 10, 1, 0}, {20, 10, 10, 1, 0}}, 1, 1, "continues a finished one"},
		{{{3000, 0, 1500, 1, 0}, {3000, 1500, 0, 1, 0}, {3000, 1500, 1500, 1, 0}}, 0, 3,
			"after a bad one all that continues is lost"},
		{{{3000, 0, 1500, 1, 0}, {5, 9, 9, 9, 9}, {10, 0, 10, 1, 0}}, 1, 2,
			"after a bad one a new one is taken"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int datagrams = 0;

		memset(joiner, 0, sizeof(*joiner));
		for (int k = 0; k < MAX && (cases[i].m[k].total || cases[i].m[k].len); k++) {
			struct mr_packet m = {
				.total = cases[i].m[k].total,
				.offset = cases[i].m[k].offset,
				.len = cases[i].m[k].len,
				.kind = cases[i].m[k].kind,
				.stream_id = cases[i].m[k].stream_id,
			};

			assert_int_equal(mr_ring_enqueue(&in, &m, sizeof(m)), 0);
		}
		while (take() == 1)
			datagrams++;
		if (datagrams != cases[i].datagrams || joiner->broken != cases[i].broken)
			fail_msg("%s: %d datagrams, %u broken", cases[i].why, datagrams,
				(unsigned int)joiner->broken);
	}
}

/* A field that is reserved is not silently given a meaning. */
static void test_reserved(void **state)
{
	struct mr_packet m = {.kind = MR_PACKET_UP_PUBLIC, .total = 4, .len = 4, .reserved = 1};

	assert_int_equal(mr_ring_enqueue(&in, &m, sizeof(m)), 0);
	assert_int_equal(take(), 0);
	assert_int_equal(joiner->broken, 1);
}

static void test_damaged_ring(void **state)
{
	struct mr_packet head = {.kind = MR_PACKET_UP_PUBLIC};

	atomic_store(&shared.head, SLOTS + 1);
	atomic_store(&shared.tail, 1);
	assert_int_equal(take(), -EPROTO);
	assert_int_equal(mr_packet_put(&in, &head, payload, 10), -EPROTO);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reserved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_ring, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
