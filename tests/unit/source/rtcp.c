/* SPDX-License-Identifier: BSD-3-Clause */
/* RTCP with a source. */
#include "controlplane/source/rtcp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t sr[] = {0x80, 200, 0, 6, 0x11, 0x22, 0x33, 0x44, 0xe0, 1, 2, 3, 0x80, 0, 0, 0,
	0, 0, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 99};

static void parses_sender_reports(void **state)
{
	static const uint8_t compound[] = {0x80, 200, 0, 6, 0x11, 0x22, 0x33, 0x44, 0xe0, 1, 2, 3,
		0x80, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 99,
		/* BYE */ 0x81, 203, 0, 1, 0x11, 0x22, 0x33, 0x44};
	struct rtcp_info info;

	assert_int_equal(rtcp_parse(&info, sr, sizeof(sr)), 0);
	assert_true(info.has_sr);
	assert_false(info.bye);
	assert_int_equal(info.ssrc, 0x11223344);
	assert_true(info.ntp == 0xe001020380000000);
	assert_int_equal(info.rtp, 0x1234);
	assert_int_equal(rtcp_parse(&info, compound, sizeof(compound)), 0);
	assert_true(info.has_sr && info.bye);
}

static void refuses_what_is_malformed(void **state)
{
	static const struct {
		size_t len;
		size_t at; /* byte that is changed */
		uint8_t value;
		const char *why;
	} cases[] = {
		{0, 0, 0x80, "empty"},
		{3, 0, 0x80, "shorter than a header"},
		{27, 0, 0x80, "cut"},
		{28, 0, 0x40, "version 1"},
		{28, 3, 7, "length beyond the datagram"},
		{28, 2, 0xff, "length far beyond it"},
		{28, 3, 5, "sender information cut"},
		{28, 0, 0x81, "a report block that is not there"},
	};
	struct rtcp_info info;
	uint8_t packet[sizeof(sr)];

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		memcpy(packet, sr, sizeof(sr));
		packet[cases[i].at] = cases[i].value;
		if (rtcp_parse(&info, packet, cases[i].len) != -EINVAL)
			fail_msg("%s", cases[i].why);
	}
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void formats_receiver_reports(void **state)
{
	struct rtcp_reporter r = {0};
	struct rtcp_received received = {.expected = 1000,
		.lost = 10,
		.extended_highest = 0x10042,
		.jitter = 77,
		.ssrc = 0x11223344};
	struct rtcp_info info;
	uint8_t out[RTCP_REPORT_MAX];
	size_t len;

	rtcp_parse(&info, sr, sizeof(sr));
	rtcp_reporter_sender(&r, &info, 1000000);
	/* The first report is the base of the session: nothing lost in it. */
	len = rtcp_format_report(&r, out, 0xaabbccdd, "name", &received, 1500000);
	assert_int_equal(len % 4, 0);
	assert_int_equal(rtcp_parse(&info, out, len), 0);
	assert_false(info.has_sr);
	assert_int_equal(out[0], 0x81);
	assert_int_equal(out[1], 201);
	assert_int_equal(get32(out + 4), 0xaabbccdd);
	assert_int_equal(get32(out + 8), 0x11223344);
	assert_int_equal(get32(out + 12), 0);
	assert_int_equal(get32(out + 16), 0x10042);
	assert_int_equal(get32(out + 20), 77);
	assert_int_equal(get32(out + 24), 0x02038000); /* LSR: the middle of e0010203.80000000 */
	assert_int_equal(get32(out + 28), 32768);      /* DLSR: 0.5 s */
	assert_int_equal(out[33], 202);
	assert_memory_equal(out + 42, "name", 4);
	/* A quarter of the next 100 is lost. */
	received.expected += 100;
	received.lost += 25;
	rtcp_format_report(&r, out, 0xaabbccdd, "name", &received, 2000000);
	assert_int_equal(out[12], 64);
	assert_int_equal(get32(out + 12) & 0xffffff, 25);
	/* Late ones take some back. */
	received.expected += 100;
	received.lost -= 5;
	rtcp_format_report(&r, out, 0xaabbccdd, "name", &received, 2500000);
	assert_int_equal(out[12], 0);
	assert_int_equal(get32(out + 12) & 0xffffff, 20);
	/* Nothing received yet: an empty report, for the firewalls between. */
	len = rtcp_format_report(&r, out, 0xaabbccdd,
		"a name that is longer than the thirty-two bytes we send", NULL, 0);
	assert_int_equal(out[0], 0x80);
	assert_true(len <= RTCP_REPORT_MAX);
	assert_int_equal(rtcp_parse(&info, out, len), 0);
}

static void formats_keyframe_requests(void **state)
{
	static const uint8_t pli[] = {
		0x81, 206, 0, 2, 0xaa, 0xbb, 0xcc, 0xdd, 0x11, 0x22, 0x33, 0x44};
	static const uint8_t fir[] = {0x84, 206, 0, 4, 0xaa, 0xbb, 0xcc, 0xdd, 0, 0, 0, 0, 0x11,
		0x22, 0x33, 0x44, 7, 0, 0, 0};
	static const uint8_t rr[] = {0x80, 201, 0, 1, 0xaa, 0xbb, 0xcc, 0xdd};
	struct rtcp_info info;
	uint8_t out[RTCP_REPORT_MAX];
	size_t len;

	len = rtcp_format_keyframe(out, 0xaabbccdd, "cname", 0x11223344, false, 7);
	assert_int_equal(rtcp_parse(&info, out, len), 0);
	assert_memory_equal(out, rr, sizeof(rr)); /* a compound begins with a report */
	assert_memory_equal(out + len - sizeof(pli), pli, sizeof(pli));
	len = rtcp_format_keyframe(out, 0xaabbccdd, "cname", 0x11223344, true, 7);
	assert_int_equal(rtcp_parse(&info, out, len), 0);
	assert_memory_equal(out + len - sizeof(fir), fir, sizeof(fir));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_keyframe_requests),
		cmocka_unit_test(parses_sender_reports),
		cmocka_unit_test(refuses_what_is_malformed),
		cmocka_unit_test(formats_receiver_reports),
	};

	return cmocka_run_group_tests_name("source/rtcp", tests, NULL, NULL);
}
