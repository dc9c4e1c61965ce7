/* SPDX-License-Identifier: BSD-3-Clause */
/* apps/viewer/rtcp.c: what is read, what is refused, what is written. */
#include "apps/viewer/rtcp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t compound[] = {
	0x80, 200, 0, 6, 1, 2, 3, 4,               /* SR, no blocks */
	0xe0, 0, 0, 1, 0x80, 0, 0, 0,              /* NTP: half a second */
	0, 0, 1, 0, 0, 0, 0, 9, 0, 0, 0x10, 0,     /* RTP 256, 9 packets, 4096 octets */
	0x81, 202, 0, 2, 1, 2, 3, 4, 1, 1, 'a', 0, /* SDES CNAME "a" */
	0x81, 203, 0, 1, 1, 2, 3, 4,               /* BYE */
};

static void read_compound(void **state)
{
	struct rtcp_packet packet;
	size_t offset = 0;

	assert_int_equal(rtcp_next(compound, sizeof(compound), &offset, &packet), 1);
	assert_int_equal(packet.type, RTCP_SENDER_REPORT);
	assert_int_equal(packet.ssrc, 0x01020304);
	assert_int_equal(packet.ntp, 0xe000000180000000);
	assert_int_equal(packet.rtp_timestamp, 256);
	assert_int_equal(packet.packets, 9);
	assert_int_equal(packet.octets, 4096);
	assert_int_equal(rtcp_next(compound, sizeof(compound), &offset, &packet), 1);
	assert_int_equal(packet.type, RTCP_SOURCE_DESCRIPTION);
	assert_int_equal(rtcp_next(compound, sizeof(compound), &offset, &packet), 1);
	assert_int_equal(packet.type, RTCP_BYE);
	assert_int_equal(rtcp_next(compound, sizeof(compound), &offset, &packet), 0);
}

static const struct {
	const char *why;
	size_t length;
	uint8_t data[32];
} malformed[] = {
	{"shorter than a header", 3, {0x80, 200, 0}},
	{"wrong version", 8, {0x40, 201, 0, 1}},
	{"length beyond the end", 8, {0x80, 201, 0, 2}},
	{"sender report without sender info", 8, {0x80, 200, 0, 1}},
	{"sender report cut by four bytes", 24, {0x80, 200, 0, 5}},
};

static void refuse_malformed(void **state)
{
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct rtcp_packet packet;
		size_t offset = 0;

		print_message("%s\n", malformed[i].why);
		assert_int_equal(
			rtcp_next(malformed[i].data, malformed[i].length, &offset, &packet),
			-EBADMSG);
	}
}

static void write_report(void **state)
{
	static const uint8_t expected[] = {
		0x81,
		201,
		0,
		7,
		0xaa,
		0xbb,
		0xcc,
		0xdd, /* RR, one block */
		0,
		0,
		0,
		1,
		0x40,
		0xff,
		0xff,
		0xfe, /* SSRC 1, 25 %, -2 lost */
		0,
		1,
		0,
		2,
		0,
		0,
		0,
		3,
		0,
		0,
		0,
		4,
		0,
		0,
		0,
		5,
		0x81,
		202,
		0,
		3,
		0xaa,
		0xbb,
		0xcc,
		0xdd, /* SDES */
		1,
		4,
		'n',
		'a',
		'm',
		'e',
		0,
		0,
	};
	const struct rtcp_block block = {
		.ssrc = 1,
		.fraction_lost = 0x40,
		.cumulative_lost = -2,
		.highest = 0x10002,
		.jitter = 3,
		.last_sr = 4,
		.delay_since_sr = 5,
	};
	uint8_t data[RTCP_REPORT_MAX];

	assert_int_equal(rtcp_format_report(data, sizeof(data), 0xaabbccdd, &block, 1, "name"),
		sizeof(expected));
	assert_memory_equal(data, expected, sizeof(expected));
	assert_int_equal(
		rtcp_format_report(data, sizeof(expected) - 1, 0xaabbccdd, &block, 1, "name"),
		-ENOSPC);
	assert_int_equal(
		rtcp_format_report(data, sizeof(data), 1, &block, RTCP_BLOCKS_MAX + 1, "name"),
		-EINVAL);
}

static void clamp_lost(void **state)
{
	static const struct {
		const char *why;
		int32_t lost;
		uint8_t wire[3];
	} cases[] = {
		{"largest", 0x7fffff, {0x7f, 0xff, 0xff}},
		{"too large", INT32_MAX, {0x7f, 0xff, 0xff}},
		{"too small", INT32_MIN, {0x80, 0, 0}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rtcp_block block = {.cumulative_lost = cases[i].lost};
		uint8_t data[RTCP_REPORT_MAX];

		print_message("%s\n", cases[i].why);
		assert_true(rtcp_format_report(data, sizeof(data), 1, &block, 1, "n") > 0);
		assert_memory_equal(data + 13, cases[i].wire, 3);
	}
}

/* All that rtcp_format_report() may be asked for fits in RTCP_REPORT_MAX. */
static void write_largest(void **state)
{
	struct rtcp_block blocks[RTCP_BLOCKS_MAX] = {0};
	uint8_t data[RTCP_REPORT_MAX];

	assert_true(rtcp_format_report(data, sizeof(data), 1, blocks, RTCP_BLOCKS_MAX,
			    "0123456789abcdef") > 0);
}

static void ask_for_key_frames(void **state)
{
	static const uint8_t pli[RTCP_PLI_SIZE] = {
		0x81, 206, 0, 2,        /* PSFB, format 1, three words */
		0xaa, 0xbb, 0xcc, 0xdd, /* who asks */
		1, 2, 3, 4,             /* of whom */
	};
	static const uint8_t fir[RTCP_FIR_SIZE] = {
		0x84, 206, 0, 4,        /* PSFB, format 4, five words */
		0xaa, 0xbb, 0xcc, 0xdd, /* who asks */
		0, 0, 0, 0,             /* of nobody: the entry says it */
		1, 2, 3, 4,             /* of whom */
		255, 0, 0, 0,           /* which request, reserved */
	};
	uint8_t data[RTCP_FIR_SIZE];
	struct rtcp_packet packet;
	size_t offset = 0;

	assert_int_equal(rtcp_format_pli(data, 0xaabbccdd, 0x01020304), sizeof(pli));
	assert_memory_equal(data, pli, sizeof(pli));
	assert_int_equal(rtcp_format_fir(data, 0xaabbccdd, 0x01020304, 255), sizeof(fir));
	assert_memory_equal(data, fir, sizeof(fir));
	assert_int_equal(rtcp_next(data, sizeof(data), &offset, &packet), 1);
	assert_int_equal(packet.type, RTCP_PAYLOAD_FEEDBACK);
	assert_int_equal(rtcp_next(data, sizeof(data), &offset, &packet), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_compound),
		cmocka_unit_test(refuse_malformed),
		cmocka_unit_test(write_report),
		cmocka_unit_test(clamp_lost),
		cmocka_unit_test(write_largest),
		cmocka_unit_test(ask_for_key_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
