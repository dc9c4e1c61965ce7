/* SPDX-License-Identifier: BSD-3-Clause */
/* RTP headers, RFC 3550 5.1 and 5.3.1: what is payload, and what is named wrong. One thread. */
#include "dataplane/stream/rtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK (-1)

/* After the 12 bytes of the fixed header: `rest` bytes, of which these begin it. */
static const struct {
	uint8_t vpxcc;
	uint8_t extension_at; /* of the rest; its length field gets `words` */
	uint16_t words;
	uint16_t rest;
	uint8_t last; /* the last byte */
	int want;     /* OK or enum mr_drop */
	uint16_t head;
	uint16_t len;
	const char *why;
} cases[] = {
	{0x80, 0, 0, 10, 9, OK, 12, 10, "nothing but payload"},
	{0x80, 0, 0, 0, 0, OK, 12, 0, "no payload is not wrong here"},
	{0x00, 0, 0, 10, 9, MR_DROP_RTP_VERSION, 0, 0, "version 0"},
	{0x40, 0, 0, 10, 9, MR_DROP_RTP_VERSION, 0, 0, "version 1"},
	{0xc0, 0, 0, 10, 9, MR_DROP_RTP_VERSION, 0, 0, "version 3"},
	{0x81, 0, 0, 10, 9, OK, 16, 6, "one CSRC"},
	{0x8f, 0, 0, 70, 9, OK, 72, 10, "fifteen CSRCs"},
	{0x8f, 0, 0, 60, 9, OK, 72, 0, "fifteen CSRCs and nothing else"},
	{0x8f, 0, 0, 59, 9, MR_DROP_RTP_SHORT, 0, 0, "the last CSRC is cut"},
	{0x90, 0, 0, 10, 9, OK, 16, 6, "an extension without words"},
	{0x90, 0, 1, 10, 9, OK, 20, 2, "an extension of one word"},
	{0x90, 0, 1, 8, 9, OK, 20, 0, "an extension to the end"},
	{0x90, 0, 1, 7, 9, MR_DROP_RTP_SHORT, 0, 0, "an extension beyond the end"},
	{0x90, 0, 65535, 10, 9, MR_DROP_RTP_SHORT, 0, 0, "the longest extension"},
	{0x90, 0, 0, 3, 9, MR_DROP_RTP_SHORT, 0, 0, "an extension's header is cut"},
	{0x92, 8, 2, 30, 9, OK, 32, 10, "an extension behind two CSRCs"},
	{0xa0, 0, 0, 10, 1, OK, 12, 9, "one byte of padding"},
	{0xa0, 0, 0, 10, 9, OK, 12, 1, "all padding but one byte"},
	{0xa0, 0, 0, 10, 10, OK, 12, 0, "nothing but padding"},
	{0xa0, 0, 0, 10, 11, MR_DROP_RTP_PADDING, 0, 0, "padding that reaches into the header"},
	{0xa0, 0, 0, 10, 255, MR_DROP_RTP_PADDING, 0, 0, "the longest padding"},
	{0xa0, 0, 0, 10, 0, MR_DROP_RTP_PADDING, 0, 0, "padding of no length"},
	{0xa0, 0, 0, 0, 0, MR_DROP_RTP_PADDING, 0, 0, "padding announced, nothing there"},
	{0xb1, 4, 1, 20, 3, OK, 24, 5, "CSRC, extension and padding"},
	{0xb1, 4, 1, 20, 9, MR_DROP_RTP_PADDING, 0, 0, "padding that reaches into the extension"},
};

static size_t datagram(uint8_t *d, uint8_t vpxcc, uint16_t rest)
{
	static const uint8_t fixed[12] = {
		0, 0x80 | 96, 0xfe, 0xdc, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0};

	memcpy(d, fixed, sizeof(fixed));
	d[0] = vpxcc;
	memset(d + sizeof(fixed), 0x55, rest);
	return sizeof(fixed) + rest;
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t d[128];
		size_t len = datagram(d, cases[i].vpxcc, cases[i].rest);
		struct rtp_packet p;
		int rc;

		if ((cases[i].vpxcc & 0x10) != 0 && cases[i].rest >= cases[i].extension_at + 4u) {
			d[12 + cases[i].extension_at + 2] = (uint8_t)(cases[i].words >> 8);
			d[12 + cases[i].extension_at + 3] = (uint8_t)cases[i].words;
		}
		if ((cases[i].vpxcc & 0x20) != 0 && cases[i].rest > 0)
			d[len - 1] = cases[i].last;
		rc = rtp_parse(d, len, &p);
		if (cases[i].want != OK) {
			if (rc != -(1 + cases[i].want))
				fail_msg("%s: %d", cases[i].why, rc);
			continue;
		}
		if (rc != 0 || p.payload != d + cases[i].head || p.payload_len != cases[i].len)
			fail_msg("%s: rc %d, payload at %td, %u bytes", cases[i].why, rc,
				p.payload - d, p.payload_len);
	}
}

static void test_fields(void **state)
{
	uint8_t d[64];
	struct rtp_packet p;
	size_t len = datagram(d, 0x80, 4);

	assert_int_equal(rtp_parse(d, len, &p), 0);
	assert_true(p.marker);
	assert_int_equal(p.payload_type, 96);
	assert_int_equal(p.seq, 0xfedc);
	assert_int_equal(p.timestamp, 0x12345678);
	assert_int_equal(p.ssrc, 0x9abcdef0);
	d[1] = 127;
	assert_int_equal(rtp_parse(d, len, &p), 0);
	assert_false(p.marker);
	assert_int_equal(p.payload_type, 127);
}

/* In memory of exactly that length: AddressSanitizer sees every byte read beyond. */
static void test_truncated_at_every_byte(void **state)
{
	uint8_t d[64];
	size_t len = datagram(d, 0xb2, 26); /* 2 CSRCs, extension of 1 word, padding */

	d[12 + 8 + 2] = 0;
	d[12 + 8 + 3] = 1;
	d[len - 1] = 3;
	for (size_t n = 0; n <= len; n++) {
		uint8_t *cut = malloc(n == 0 ? 1 : n);
		struct rtp_packet p;
		int rc;

		assert_non_null(cut);
		memcpy(cut, d, n);
		rc = rtp_parse(cut, n, &p);
		if (n < 28)
			assert_int_equal(rc, -(1 + MR_DROP_RTP_SHORT));
		else if (n < len)
			assert_int_equal(rc, -(1 + MR_DROP_RTP_PADDING)); /* 0x55 is too much */
		else
			assert_int_equal(rc, 0);
		if (rc == 0)
			assert_int_equal(p.payload_len, len - 28 - 3);
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_truncated_at_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
