/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/source/rtsp_wire.c. */
#include "controlplane/source/rtsp_wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define OK "RTSP/1.0 200 OK\r\nCSeq: 1\r\n"

static void units(void **state)
{
	static const struct {
		const char *bytes;
		ssize_t taken; /* -1: -EPROTO */
		const char *why;
	} cases[] = {
		{"", 0, "nothing"},
		{"RTSP/1.0 200 OK\r\n", 0, "no empty line yet"},
		{OK "\r\n", 28, "a response"},
		{"RTSP/1.0 200 OK\nCSeq: 1\n\n", 25, "bare line feeds"},
		{"RTSP/1.0 200\r\n\r\n", 16, "no reason"},
		{OK "Content-Length: 3\r\n\r\nab", 0, "a part of the body"},
		{OK "Content-Length: 3\r\n\r\nabcd", 50, "the body, and the next unit"},
		{OK "Content-Length: 262145\r\n\r\n", -1, "a body too long"},
		{OK "Content-Length: 99999999999999999999\r\n\r\n", -1, "a number too long"},
		{OK "Content-Length: -1\r\n\r\n", -1, "less than nothing"},
		{OK "Content-Length: 1x\r\n\r\n", -1, "no number"},
		{"RTSP/1.0 x\r\n\r\n", -1, "no status"},
		{"RTSP/1.0 20\r\n\r\n", -1, "a status too short"},
		{"RTSP/1.0 200000000000000000000000 OK\r\n\r\n", -1, "a status too long"},
		{"RTSP/1.0\r\n\r\n", -1, "a version alone"},
		{"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", 31, "a request"},
		{"FOO * RTSP/1.0\r\n\r\n", 18, "a request that we do not know"},
		{"HTTP/1.1 200 OK\r\n\r\n", -1, "another protocol"},
		{"GET / HTTP/1.1\r\n\r\n", -1, "and its requests"},
		{"\r\n\r\n" OK, 4, "empty lines before a message"},
		{"\x16\x03\x01", -1, "TLS"},
		{" RTSP/1.0 200 OK\r\n\r\n", -1, "a blank before the message"},
		{"$", 0, "the beginning of a frame"},
		{"$\x01\x01\x01", 0, "its header"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct rtsp_unit unit;
		ssize_t want = cases[i].taken < 0 ? -EPROTO : cases[i].taken;
		ssize_t n = rtsp_wire_parse(
			&unit, (const uint8_t *)cases[i].bytes, strlen(cases[i].bytes));

		if (n != want)
			fail_msg("%s: %zd", cases[i].why, n);
		if ((n <= 0 || strchr("\r\n", cases[i].bytes[0])) && unit.message)
			fail_msg("%s: a message", cases[i].why);
		g_clear_pointer(&unit.message, gst_rtsp_message_free);
	}
}

static void frames(void **state)
{
	static uint8_t bytes[4 + 65535 + 1] = {'$', 7, 0xff, 0xff};
	struct rtsp_unit unit;

	assert_int_equal(rtsp_wire_parse(&unit, bytes, 4 + 65534), 0);
	assert_int_equal(rtsp_wire_parse(&unit, bytes, sizeof(bytes)), 4 + 65535);
	assert_int_equal(unit.channel, 7);
	assert_ptr_equal(unit.data, bytes + 4);
	assert_int_equal(unit.len, 65535);
	assert_int_equal(rtsp_wire_parse(&unit, (const uint8_t *)"$\0\0\0", 4), 4);
	assert_non_null(unit.data);
	assert_int_equal(unit.len, 0);
}

static const char *header(GstRTSPMessage *m, GstRTSPHeaderField field)
{
	char *value = NULL;

	gst_rtsp_message_get_header(m, field, &value, 0);
	return value;
}

static void headers(void **state)
{
	static const char text[] =
		"RTSP/1.0 454 Session Not Found\r\ncseq:7\r\nSession :  ab;timeout=5  \r\n"
		"Public: OPTIONS,\r\n\t GET_PARAMETER\r\nno colon\r\n: no name\r\nX-Own: y\r\n"
		"Content-Length: 4\r\n\r\nbody";
	GstRTSPStatusCode code;
	struct rtsp_unit unit;
	const char *reason;
	guint8 *body;
	guint size;
	char *own;

	assert_int_equal(rtsp_wire_parse(&unit, (const uint8_t *)text, strlen(text)), strlen(text));
	gst_rtsp_message_parse_response(unit.message, &code, &reason, NULL);
	assert_int_equal(code, 454);
	assert_string_equal(reason, "Session Not Found");
	assert_string_equal(header(unit.message, GST_RTSP_HDR_CSEQ), "7");
	assert_string_equal(header(unit.message, GST_RTSP_HDR_SESSION), "ab;timeout=5");
	assert_non_null(strstr(header(unit.message, GST_RTSP_HDR_PUBLIC), "GET_PARAMETER"));
	assert_int_equal(gst_rtsp_message_get_header_by_name(unit.message, "X-Own", &own, 0), 0);
	assert_string_equal(own, "y");
	gst_rtsp_message_get_body(unit.message, &body, &size);
	assert_int_equal(size, 4);
	assert_memory_equal(body, "body", 4);
	gst_rtsp_message_free(unit.message);
}

static void what_is_too_long(void **state)
{
	char *text = g_strnfill(RTSP_HEAD_MAX + 10, 'a');
	struct rtsp_unit unit;

	memcpy(text, OK, strlen(OK));
	assert_int_equal(rtsp_wire_parse(&unit, (const uint8_t *)text, RTSP_HEAD_MAX - 1), 0);
	assert_int_equal(rtsp_wire_parse(&unit, (const uint8_t *)text, RTSP_HEAD_MAX), -EPROTO);
	memcpy(text + RTSP_HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(
		rtsp_wire_parse(&unit, (const uint8_t *)text, RTSP_HEAD_MAX + 10), RTSP_HEAD_MAX);
	gst_rtsp_message_free(unit.message);
	text[100] = 0;
	assert_int_equal(rtsp_wire_parse(&unit, (const uint8_t *)text, RTSP_HEAD_MAX), -EPROTO);
	g_free(text);
}

static void what_we_say(void **state)
{
	GstRTSPMessage *m = NULL;
	struct rtsp_unit unit;
	GString *text;

	gst_rtsp_message_new_request(&m, GST_RTSP_SETUP, "rtsp://h/x");
	gst_rtsp_message_add_header(m, GST_RTSP_HDR_TRANSPORT, "RTP/AVP;unicast");
	text = rtsp_wire_format(m, 9);
	assert_string_equal(text->str, "SETUP rtsp://h/x RTSP/1.0\r\nCSeq: 9\r\n"
				       "Transport: RTP/AVP;unicast\r\n\r\n");
	g_string_free(text, TRUE);
	gst_rtsp_message_free(m);

	assert_true(rtsp_wire_parse(&unit, (const uint8_t *)"OPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n",
			    31) == 31);
	gst_rtsp_message_new_response(&m, GST_RTSP_STS_OK, NULL, unit.message);
	text = rtsp_wire_format(m, 9);
	assert_non_null(strstr(text->str, "RTSP/1.0 200 "));
	assert_non_null(strstr(text->str, "CSeq: 3\r\n"));
	g_string_free(text, TRUE);
	gst_rtsp_message_free(m);
	gst_rtsp_message_free(unit.message);
}

/* ---- finding the way back in ---- */

static const struct rtsp_channels channels = {
	.n = 2, .track = {{.rtp = 0, .rtcp = 1, .payload_type = 96}, {2, 3, 8}}};

static void way_back(void **state)
{
#define RTP96 "$\0\0\x0d\x80\xe0xxxxxxxxxxx"
#define SR "$\1\0\x08\x80\xc8yyyyyy"
	static const struct {
		const char *bytes;
		size_t len;
		size_t skip;
		bool found;
		const char *why;
	} cases[] = {
		{"", 0, 0, false, "nothing"},
		{"abcdef", 6, 6, false, "the middle of a payload"},
		{RTP96 "$\1", 19, 0, true, "a frame, and the next"},
		{"tail" RTP96 "$\1", 23, 4, true, "the end of a frame before it"},
		{RTP96, 17, 0, false, "a frame: does another follow?"},
		{RTP96 "$", 18, 0, false, "ditto"},
		{RTP96 "$\7", 19, 19, false, "what follows has no channel of ours"},
		{RTP96 "\x80z", 19, 19, false, "what follows is no unit"},
		{RTP96 "RTSP/", 22, 0, true, "a response follows"},
		{SR "$\0", 14, 0, true, "RTCP"},
		{"$\0\0", 3, 0, false, "the beginning of a frame, maybe"},
		{"$\7\0", 3, 3, false, "another channel"},
		{"$\0\0\x0d\x80\xe1xxxxxxxxxxx$\1", 19, 17, false, "another payload type"},
		{"$\0\0\x0d\x40\xe0xxxxxxxxxxx$\1", 19, 17, false, "version 1"},
		{"$\0\0\2\x80\xe0$\1", 8, 6, false, "too short for RTP"},
		{"$\2" RTP96 "$\1", 21, 2, true, "a dollar sign in a payload"},
		{"xyRTSP/1.0 200 OK", 17, 2, true, "a response"},
		{"xyRTSP/1", 8, 2, false, "the beginning of one"},
		{"xyRTSP/2.0 200 OK", 17, 17, false, "another version"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found;
		size_t skip = rtsp_wire_resync(
			&channels, (const uint8_t *)cases[i].bytes, cases[i].len, &found);

		if (skip != cases[i].skip || found != cases[i].found)
			fail_msg("%s: skips %zu, found %d", cases[i].why, skip, found);
	}
}

/* Cut anywhere, given byte by byte: the frames behind the cut are found whole. */
static void cut_anywhere(void **state)
{
	uint8_t stream[2 * 17 + 12 + 2];
	size_t len = 0;

	memcpy(stream, RTP96, 17);
	memcpy(stream + 17, SR, 12);
	len = 17 + 12;
	memcpy(stream + len, RTP96, 17);
	len += 17;
	memcpy(stream + len, "$\1", 2);
	len += 2;
	for (size_t cut = 1; cut <= 17; cut++) {
		size_t at = cut;
		bool found = false;

		for (size_t end = cut; end <= len && !found; end++)
			at += rtsp_wire_resync(&channels, stream + at, end - at, &found);
		assert_true(found);
		assert_int_equal(at, 17);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units),
		cmocka_unit_test(frames),
		cmocka_unit_test(headers),
		cmocka_unit_test(what_is_too_long),
		cmocka_unit_test(what_we_say),
		cmocka_unit_test(way_back),
		cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests_name("source/rtsp_wire", tests, NULL, NULL);
}
