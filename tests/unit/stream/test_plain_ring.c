/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plaintext ring: indices, room, holes, the key frame's index; then random
 * use against a model that keeps every payload. Memory is DPDK's. One thread.
 */
#include "dataplane/stream/plain_ring.h"
#include "tests/unit/crypto/random.h"
#include "tests/unit/pipeline/eal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PACKETS 64u
#define BYTES 16384u

static int start(void **state)
{
	return eal_start(NULL);
}

static int end(void **state)
{
	return rte_eal_cleanup();
}

static uint64_t put(struct plain_ring *r, uint16_t len, uint8_t fill, uint16_t flags)
{
	uint8_t *to = plain_ring_reserve(r, len);

	assert_non_null(to);
	memset(to, fill, len);
	return plain_ring_commit(r, len, 1000u + fill, flags, 5000u + fill);
}

static void test_init(void **state)
{
	static const struct {
		uint32_t packets;
		uint32_t bytes;
		int want;
		const char *why;
	} sizes[] = {
		{64, 16384, 0, "powers of two"},
		{0, 16384, -EINVAL, "no packets"},
		{65, 16384, -EINVAL, "packets no power of two"},
		{64, 0, -EINVAL, "no bytes"},
		{64, 16383, -EINVAL, "bytes no power of two"},
		{64, 4096, -EINVAL, "less than four payloads"},
		{64, 8192, 0, "the least"},
		{1u << 31, 8192, -ENOMEM, "more than there is"},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct plain_ring r;
		int rc = plain_ring_init(&r, sizes[i].packets, sizes[i].bytes);

		if (rc != sizes[i].want)
			fail_msg("%s: %d", sizes[i].why, rc);
		plain_ring_fini(&r);
		plain_ring_fini(&r); /* twice does no harm */
	}
}

static void test_indices(void **state)
{
	struct plain_ring r;
	const struct plain_packet *p;

	assert_int_equal(plain_ring_init(&r, PACKETS, BYTES), 0);
	assert_null(plain_ring_get(&r, 0));
	for (uint32_t i = 0; i < PACKETS; i++)
		assert_int_equal(put(&r, 10, (uint8_t)i, 0), i);
	assert_non_null(plain_ring_get(&r, 0));
	assert_int_equal(put(&r, 10, 64, PLAIN_MARKER), 64);
	assert_null(plain_ring_get(&r, 0)); /* the oldest has gone */
	assert_non_null(plain_ring_get(&r, 1));
	assert_null(plain_ring_get(&r, 65)); /* not yet */
	p = plain_ring_get(&r, 64);
	assert_int_equal(p->index, 64);
	assert_int_equal(p->timestamp, 1064);
	assert_int_equal(p->arrival_ns, 5064);
	assert_int_equal(p->len, 10);
	assert_int_equal(p->flags, PLAIN_MARKER);
	assert_int_equal(plain_ring_payload(&r, p)[9], 64);
	plain_ring_fini(&r);
}

static void test_longest_payload(void **state)
{
	struct plain_ring r;

	assert_int_equal(plain_ring_init(&r, PACKETS, BYTES), 0);
	assert_null(plain_ring_reserve(&r, PLAIN_PAYLOAD_MAX + 1));
	for (uint32_t i = 0; i < 100; i++) {
		uint64_t index = put(&r, PLAIN_PAYLOAD_MAX, (uint8_t)i, 0);
		const struct plain_packet *p = plain_ring_get(&r, index);
		const uint8_t *payload = plain_ring_payload(&r, p);

		assert_true(payload >= r.bytes && payload + p->len <= r.bytes + BYTES);
		/* As many as fit are kept: 8 of 2048 in 16384 bytes. */
		if (index >= 7)
			assert_non_null(plain_ring_get(&r, index - 7));
	}
	plain_ring_fini(&r);
}

static void test_holes(void **state)
{
	static const struct {
		uint64_t lost;
		uint64_t holes;
		const char *why;
	} gaps[] = {
		{0, 0, "nothing lost"},
		{1, 1, "one"},
		{PLAIN_GAP_MAX, PLAIN_GAP_MAX, "as many as are shown"},
		{PLAIN_GAP_MAX + 1, PLAIN_GAP_MAX, "one more"},
		{UINT64_C(0x100000000), PLAIN_GAP_MAX, "beyond 32 bits"},
	};
	struct plain_ring r;

	assert_int_equal(plain_ring_init(&r, 256, BYTES), 0);
	for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		uint64_t before = put(&r, 5, 1, 0);
		uint64_t after;

		plain_ring_skip(&r, gaps[i].lost, 77);
		after = put(&r, 5, 2, 0);
		if (after - before - 1 != gaps[i].holes)
			fail_msg("%s: %llu", gaps[i].why, (unsigned long long)(after - before - 1));
		for (uint64_t n = before + 1; n < after; n++)
			assert_int_equal(plain_ring_get(&r, n)->flags, PLAIN_HOLE);
		assert_int_equal(plain_ring_payload(&r, plain_ring_get(&r, before))[4], 1);
	}
	plain_ring_fini(&r);
}

static void test_keyframe(void **state)
{
	struct plain_ring r;
	uint64_t first;

	assert_int_equal(plain_ring_init(&r, PACKETS, BYTES), 0);
	assert_false(r.has_keyframe);
	put(&r, 5, 1, 0);
	first = put(&r, 5, 2, PLAIN_KEYFRAME);
	assert_true(r.has_keyframe && r.keyframe == first);
	for (uint32_t i = 0; i < PACKETS - 1; i++) {
		assert_true(r.has_keyframe && plain_ring_get(&r, r.keyframe) != NULL);
		put(&r, 5, 3, 0);
	}
	assert_true(r.has_keyframe);
	put(&r, 5, 4, 0);
	assert_false(r.has_keyframe); /* it fell out */

	plain_ring_mark_keyframe(&r, first);      /* long gone */
	plain_ring_mark_keyframe(&r, r.next);     /* not there yet */
	plain_ring_mark_keyframe(&r, UINT64_MAX); /* never */
	assert_false(r.has_keyframe);
	plain_ring_mark_keyframe(&r, r.next - 3);
	assert_true(r.has_keyframe && r.keyframe == r.next - 3);
	assert_int_equal(plain_ring_get(&r, r.keyframe)->flags, PLAIN_KEYFRAME);
	/* A newer one takes over; the older falling out changes nothing. */
	first = put(&r, 5, 5, PLAIN_KEYFRAME);
	for (uint32_t i = 0; i < PACKETS - 1; i++)
		put(&r, 5, 6, 0);
	assert_true(r.has_keyframe && r.keyframe == first);
	plain_ring_fini(&r);
}

static void test_model(void **state)
{
	static uint8_t kept[PACKETS][PLAIN_PAYLOAD_MAX];
	static uint16_t lens[PACKETS];
	struct plain_ring r;
	struct random random;
	uint64_t bytes_least = BYTES;

	random_init(&random, 9);
	assert_int_equal(plain_ring_init(&r, PACKETS, BYTES), 0);
	for (uint32_t i = 0; i < 50000; i++) {
		uint16_t asked = (uint16_t)random_below(
			&random, random_below(&random, 4) == 0 ? PLAIN_PAYLOAD_MAX + 1 : 400);
		uint16_t len = (uint16_t)(asked - random_below(&random, asked / 2u + 1));
		uint8_t *to = plain_ring_reserve(&r, asked);
		uint64_t total = 0;

		assert_non_null(to);
		assert_true(to >= r.bytes && to + asked <= r.bytes + BYTES);
		random_bytes(&random, to, len);
		memcpy(kept[i % PACKETS], to, len);
		lens[i % PACKETS] = len;
		assert_int_equal(plain_ring_commit(&r, len, i, 0, i), i);
		assert_true(r.next - r.oldest <= PACKETS);
		for (uint64_t n = r.oldest; n < r.next; n++) {
			const struct plain_packet *p = plain_ring_get(&r, n);

			assert_int_equal(p->index, n);
			assert_int_equal(p->len, lens[n % PACKETS]);
			assert_memory_equal(plain_ring_payload(&r, p), kept[n % PACKETS], p->len);
			total += p->len;
		}
		if (r.next - r.oldest < PACKETS && i > PACKETS && total < bytes_least)
			bytes_least = total;
	}
	/* Where bytes were short, no more than two payloads' room stood empty. */
	assert_true(bytes_least > BYTES - 3 * PLAIN_PAYLOAD_MAX);
	plain_ring_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_indices),
		cmocka_unit_test(test_longest_payload),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_keyframe),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, start, end);
}
