/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Audio from sources to viewers: G.711 may be cut anywhere and keeps time, Opus may not. One
 * thread.
 */
#include "dataplane/stream/repack.h"
#include "tests/unit/crypto/random.h"
#include "tests/unit/pipeline/eal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int start(void **state)
{
	return eal_start(NULL);
}

static int end(void **state)
{
	return rte_eal_cleanup();
}

static const struct {
	uint8_t codec;
	uint32_t len;
	uint32_t packets; /* 0: refused */
	uint32_t resplit;
	const char *why;
} cases[] = {
	{MR_CODEC_PCMU, 1, 1, 0, "one sample"},
	{MR_CODEC_PCMU, 160, 1, 0, "20 ms"},
	{MR_CODEC_PCMA, 1200, 1, 0, "150 ms: fits exactly"},
	{MR_CODEC_PCMA, 1201, 2, 2, "one sample too many"},
	{MR_CODEC_PCMU, 1460, 2, 2, "a 1472-byte datagram"},
	{MR_CODEC_PCMU, 65523, 55, 55, "8 s in one packet, over TCP"},
	{MR_CODEC_OPUS, 1, 1, 0, "a TOC octet alone"},
	{MR_CODEC_OPUS, 1200, 1, 0, "fits exactly"},
	{MR_CODEC_OPUS, 1201, 0, 0, "one byte too many: cannot be cut"},
	{MR_CODEC_OPUS, 65523, 0, 0, "far too big"},
};

static void test_cases(void **state)
{
	static uint8_t payload[65536];
	struct random random;

	random_init(&random, 51);
	random_bytes(&random, payload, sizeof(payload));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct repack *r = repack_create(cases[i].codec, 1200);
		struct plain_ring ring;
		struct repack_figures figures = {0};
		struct repack_input in = {.payload = payload,
			.len = cases[i].len,
			.timestamp = 0xffffff00,
			.marker = true,
			.arrival_ns = 7};
		uint32_t done = 0;
		int rc;

		assert_non_null(r);
		assert_int_equal(plain_ring_init(&ring, 64, 1u << 17), 0);
		repack_reset(r, NULL, 0);
		rc = repack_packet(r, &ring, &in, &figures);
		if (cases[i].packets == 0) {
			if (rc != -(1 + MR_DROP_PAYLOAD_TOO_BIG) ||
				figures.findings != MR_FINDING_NOT_SPLITTABLE)
				fail_msg("%s: %d, %x", cases[i].why, rc, figures.findings);
			assert_int_equal(ring.next, 1);
			assert_int_equal(plain_ring_get(&ring, 0)->flags, PLAIN_HOLE);
			assert_int_equal(figures.packets, 0);
		} else if (rc != 0 || ring.next != cases[i].packets ||
			   figures.resplit != cases[i].resplit || figures.findings != 0) {
			fail_msg("%s: %d, %llu packets", cases[i].why, rc,
				(unsigned long long)ring.next);
		}
		for (uint64_t n = 0; n < ring.next && cases[i].packets > 0; n++) {
			const struct plain_packet *p = plain_ring_get(&ring, n);

			/* One byte is one tick; the marker begins a talkspurt, once. */
			assert_int_equal(p->timestamp, 0xffffff00 + done);
			assert_int_equal(p->flags & PLAIN_MARKER, n == 0 ? PLAIN_MARKER : 0);
			assert_int_equal(p->arrival_ns, 7);
			assert_true(p->len <= 1200);
			assert_memory_equal(plain_ring_payload(&ring, p), payload + done, p->len);
			done += p->len;
		}
		if (cases[i].packets > 0) {
			assert_int_equal(done, cases[i].len);
			assert_int_equal(figures.bytes, cases[i].len);
		}
		repack_destroy(r);
		plain_ring_fini(&ring);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, start, end);
}
