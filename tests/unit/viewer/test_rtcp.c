/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of dataplane/viewer/rtcp.c: shapes of compounds, figures, what we write. */
#include "dataplane/viewer/rtcp.h"
#include "tests/unit/crypto/random.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1
#define SSRC_1 "\x01\x02\x03\x04"
#define SSRC_2 "\x05\x06\x07\x08"
#define RR0 "\x80\xc9\0\1" SSRC_1
#define BLOCK "\x05\x06\x07\x08\x40\xff\xff\xfe\0\1\0\2\0\0\1\0\x11\x22\x33\x44\0\0\x80\0"
#define RR1 "\x81\xc9\0\7" SSRC_1 BLOCK
#define SDES "\x81\xca\0\3" SSRC_1 "\1\2ab\0\0\0\0"
#define PLI "\x81\xce\0\2" SSRC_1 SSRC_2
#define NACK "\x81\xcd\0\3" SSRC_1 SSRC_2 "\0\1\x80\1"

static void test_compounds(void **state)
{
	static const struct {
		const char *why;
		const uint8_t *data;
		size_t len;
		int rc;
	} cases[] = {
		{"nothing", BYTES(""), -EBADMSG},
		{"three bytes", BYTES("\x80\xc9\0"), -EBADMSG},
		{"an empty receiver report", BYTES(RR0), 0},
		{"with a block", BYTES(RR1), 0},
		{"a block less than it says", BYTES("\x82\xc9\0\7" SSRC_1 BLOCK), -EBADMSG},
		{"profile extensions behind the block", BYTES("\x80\xc9\0\2" SSRC_1 "abcd"), 0},
		{"no sender", BYTES("\x80\xc9\0\0"), -EBADMSG},
		{"version 1", BYTES("\x40\xc9\0\1" SSRC_1), -EBADMSG},
		{"longer than the datagram", BYTES("\x80\xc9\0\2" SSRC_1), -EBADMSG},
		{"compound", BYTES(RR1 SDES PLI NACK), 0},
		{"reduced size, RFC 5506: feedback alone", BYTES(PLI), 0},
		{"a stray byte behind", BYTES(RR0 "\x80"), -EBADMSG},
		{"a stray word behind", BYTES(RR0 "\0\0\0\0"), -EBADMSG},
		{"a sender report without its information", BYTES("\x80\xc8\0\1" SSRC_1), -EBADMSG},
		{"padding of the last", BYTES(RR0 "\xa0\xc9\0\2" SSRC_1 "\0\0\0\4"), 0},
		{"padding of the first", BYTES("\xa0\xc9\0\2" SSRC_1 "\0\0\0\4" RR0), -EBADMSG},
		{"padding of 0", BYTES("\xa0\xc9\0\2" SSRC_1 "\0\0\0\0"), -EBADMSG},
		{"padding of 3", BYTES("\xa0\xc9\0\2" SSRC_1 "\0\0\0\3"), -EBADMSG},
		{"padding over the sender", BYTES("\xa0\xc9\0\2" SSRC_1 "\0\0\0\10"), -EBADMSG},
		{"padding over everything", BYTES("\xa0\xc9\0\2" SSRC_1 "\0\0\0\14"), -EBADMSG},
		{"BYE", BYTES("\x81\xcb\0\1" SSRC_1), 0},
		{"BYE of nobody", BYTES("\x80\xcb\0\0"), 0},
		{"BYE of two in room for one", BYTES("\x82\xcb\0\1" SSRC_1), -EBADMSG},
		{"PLI without a stream", BYTES("\x81\xce\0\1" SSRC_1), -EBADMSG},
		{"FIR with an entry", BYTES("\x84\xce\0\4" SSRC_1 "\0\0\0\0" SSRC_2 "\1\0\0\0"), 0},
		{"FIR with half an entry", BYTES("\x84\xce\0\3" SSRC_1 "\0\0\0\0" SSRC_2),
			-EBADMSG},
		{"NACK of nothing", BYTES("\x81\xcd\0\2" SSRC_1 SSRC_2), 0},
		{"XR, unknown to us", BYTES("\x80\xcf\0\1" SSRC_1), 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (rtcp_check(cases[i].data, cases[i].len) != cases[i].rc)
			fail_msg("%s", cases[i].why);
}

static void test_report_block(void **state)
{
	struct rtcp_packet p;
	struct rtcp_block b;
	size_t offset = 0;

	assert_int_equal(rtcp_next(BYTES(RR1 SDES), &offset, &p), 1);
	assert_int_equal(p.type, RTCP_RR);
	assert_int_equal(p.count, 1);
	assert_int_equal(p.ssrc, 0x01020304);
	rtcp_block(&p, 0, &b);
	assert_int_equal(b.ssrc, 0x05060708);
	assert_int_equal(b.fraction_lost, 0x40);
	assert_int_equal(b.cumulative_lost, -2); /* duplicates: 24 bits, signed */
	assert_int_equal(b.highest, 0x00010002);
	assert_int_equal(b.jitter, 256);
	assert_int_equal(b.last_sr, 0x11223344);
	assert_int_equal(b.delay_since_sr, 0x8000);
	assert_int_equal(rtcp_next(BYTES(RR1 SDES), &offset, &p), 1);
	assert_int_equal(p.type, RTCP_SDES);
	assert_int_equal(rtcp_next(BYTES(RR1 SDES), &offset, &p), 0);
}

static void test_feedback(void **state)
{
	struct rtcp_packet p;
	size_t offset = 0;

	assert_int_equal(
		rtcp_next(BYTES("\x81\xcd\0\4" SSRC_1 SSRC_2 "\0\1\x80\1\0\x20\0\0"), &offset, &p),
		1);
	assert_int_equal(rtcp_media_ssrc(&p), 0x05060708);
	assert_int_equal(rtcp_nack_packets(&p), 4); /* 1 + two bits, and one alone */

	offset = 0;
	assert_int_equal(rtcp_next(BYTES("\x84\xce\0\6" SSRC_1 "\0\0\0\0" SSRC_2 "\1\0\0\0" SSRC_1
					 "\2\0\0\0"),
				 &offset, &p),
		1);
	assert_int_equal(rtcp_fir_entries(&p), 2);
	assert_int_equal(rtcp_fir_ssrc(&p, 0), 0x05060708);
	assert_int_equal(rtcp_fir_ssrc(&p, 1), 0x01020304);

	offset = 0;
	assert_int_equal(rtcp_next(BYTES("\x82\xcb\0\2" SSRC_1 SSRC_2), &offset, &p), 1);
	assert_int_equal(rtcp_bye_ssrc(&p, 1), 0x05060708);
}

static void test_format(void **state)
{
	static const struct rtcp_sender_info info = {
		.ssrc = 0x0a0b0c0d,
		.ntp = 0x1122334455667788,
		.rtp = 0xdeadbeef,
		.packets = 1000,
		.octets = 123456,
	};
	static const uint8_t report[] = "\x80\xc8\0\6\x0a\x0b\x0c\x0d\x11\x22\x33\x44\x55\x66\x77"
					"\x88\xde\xad\xbe\xef\0\0\3\xe8\0\1\xe2\x40";
	static const struct {
		const char *why;
		const char *cname;
		size_t sdes_len; /* words of padding: at least one 0 ends the items */
	} cases[] = {
		{"one byte of padding", "12345", 16},
		{"an end of its own word", "123456", 20},
		{"three bytes of padding", "1234567", 20},
		{"no name", "", 12},
		{"the longest of a viewer", "1234567890123456789012345678901", 44},
	};
	uint8_t out[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t name = strlen(cases[i].cname);
		struct rtcp_packet p;
		size_t offset = 0;
		int len;

		memset(out, 0xff, sizeof(out));
		len = rtcp_format_report(out, sizeof(out), &info, cases[i].cname);
		if (len != (int)(sizeof(report) - 1 + cases[i].sdes_len))
			fail_msg("%s", cases[i].why);
		assert_memory_equal(out, report, sizeof(report) - 1);
		assert_int_equal(rtcp_check(out, (size_t)len), 0);
		assert_int_equal(rtcp_next(out, (size_t)len, &offset, &p), 1);
		assert_int_equal(rtcp_next(out, (size_t)len, &offset, &p), 1);
		assert_int_equal(p.type, RTCP_SDES);
		assert_int_equal(p.ssrc, info.ssrc);
		assert_int_equal(p.data[9], name);
		assert_memory_equal(p.data + 10, cases[i].cname, name);
		for (size_t k = 10 + name; k < p.len; k++)
			assert_int_equal(p.data[k], 0);
		assert_int_equal(
			rtcp_format_report(out, (size_t)len - 1, &info, cases[i].cname), -ENOSPC);
	}
}

static void test_ntp(void **state)
{
	/* RFC 868's example: 1970 is 2208988800. */
	assert_int_equal(rtcp_ntp(0) >> 32, 2208988800u);
	assert_int_equal(rtcp_ntp(1500000000) & 0xffffffff, 0x80000000);
	assert_int_equal(rtcp_ntp(999999999) & 0xffffffff, 0xfffffffb);
	assert_int_equal(rtcp_ntp_middle(0x1122334455667788), 0x33445566);
}

/* No byte sequence makes it read beyond its end, and what it accepts is whole. */
static void test_random_bytes(void **state)
{
	struct random r;

	random_init(&r, 3550);
	for (int i = 0; i < 20000; i++) {
		size_t len = random_below(&r, 80);
		uint8_t *data = malloc(len + 1);
		struct rtcp_packet p;
		size_t offset = 0;

		assert_non_null(data);
		random_bytes(&r, data, len);
		/* Near enough to RTCP to get somewhere. */
		for (size_t at = 0; at + 4 <= len; at += 4 * (1 + random_below(&r, 6))) {
			data[at] = (uint8_t)(0x80 | (data[at] & 0x27));
			data[at + 1] = (uint8_t)(200 + data[at + 1] % 8);
			data[at + 2] = 0;
			data[at + 3] = (uint8_t)random_below(&r, 8);
		}
		while (rtcp_next(data, len, &offset, &p) == 1) {
			struct rtcp_block b;
			assert_true(p.data + p.len <= data + len);
			for (unsigned int k = 0;
				(p.type == RTCP_SR || p.type == RTCP_RR) && k < p.count; k++)
				rtcp_block(&p, k, &b);
			if (p.type == RTCP_RTPFB)
				rtcp_nack_packets(&p);
		}
		free(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compounds),
		cmocka_unit_test(test_report_block),
		cmocka_unit_test(test_feedback),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_ntp),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
