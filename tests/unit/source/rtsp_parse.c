/* SPDX-License-Identifier: BSD-3-Clause */
/* URLs, Transport headers, challenges, waiting times: the small parsers of source/. */
#include "controlplane/source/backoff.h"
#include "controlplane/source/rtsp_auth.h"
#include "controlplane/source/rtsp_transport.h"
#include "controlplane/source/rtsp_url.h"

#include <errno.h>
#include <gst/rtsp/gstrtspdefs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void control_urls(void **state)
{
	static const struct {
		const char *base, *control, *url; /* NULL: refused */
		const char *why;
	} cases[] = {
		{"rtsp://h/cam/", "trackID=1", "rtsp://h/cam/trackID=1", "base with slash"},
		{"rtsp://h/cam", "trackID=1", "rtsp://h/cam/trackID=1", "base without slash"},
		{"rtsp://h/cam/", "/trackID=1", "rtsp://h/cam/trackID=1", "both have one"},
		{"rtsp://h/cam", "*", "rtsp://h/cam", "aggregate"},
		{"rtsp://h/cam", "", "rtsp://h/cam", "empty"},
		{"rtsp://h/cam", NULL, "rtsp://h/cam", "no attribute"},
		{"rtsp://h/cam", "rtsp://10.0.0.1/t1", "rtsp://10.0.0.1/t1", "absolute"},
		{"rtsp://h/cam", "RTSP://10.0.0.1/t1", "RTSP://10.0.0.1/t1", "absolute, capitals"},
		{"rtsp://h/r?channel=1&subtype=0", "trackID=0",
			"rtsp://h/r?channel=1&subtype=0/trackID=0", "query: as cameras want it"},
		{"rtsp://h/cam", "a b", NULL, "blank"},
		{"rtsp://h/cam", "a\r\nX: y", NULL, "a line of its own"},
		{"rtsp://h/cam", "\xc3\xa4", NULL, "not ASCII"},
	};
	char out[RTSP_URL_MAX], small[16];

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		int err = rtsp_url_join(out, sizeof(out), cases[i].base, cases[i].control);

		if (!cases[i].url)
			assert_int_equal(err, -EINVAL);
		else if (err || strcmp(out, cases[i].url))
			fail_msg("%s: %s", cases[i].why, out);
	}
	assert_int_equal(
		rtsp_url_join(small, sizeof(small), "rtsp://h/cam", "track"), -ENAMETOOLONG);
	assert_int_equal(rtsp_url_join(small, sizeof(small), "rtsp://h/cam", "t0"), 0);
}

static void transports(void **state)
{
	static const struct {
		const char *header;
		int err;
		bool tcp;
		uint16_t a, b; /* server ports or channels */
		const char *why;
	} cases[] = {
		{"RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;ssrc=ABCD1234", 0,
			false, 6000, 6001, "UDP"},
		{"RTP/AVP/UDP;unicast;client_port=5000-5001;server_port=6000", 0, false, 6000, 6001,
			"one server port"},
		{"RTP/AVP;unicast;client_port=5000-5001", 0, false, 0, 0, "no server port"},
		{"RTP/AVP/TCP;unicast;interleaved=2-3", 0, true, 2, 3, "TCP"},
		{"RTP/AVP/TCP;interleaved=0-1;mode=\"PLAY\"", 0, true, 0, 1, "quoted mode"},
		{"RTP/AVP/TCP;interleaved=300-301", -EINVAL, true, 0, 0, "channel beyond a byte"},
		{"RTP/AVP/TCP;unicast", -EINVAL, true, 0, 0, "TCP without channels"},
		{"RTP/AVP;unicast;server_port=70000-70001", -EINVAL, false, 0, 0, "port too big"},
		{"RAW/RAW/UDP;unicast", -EINVAL, false, 0, 0, "not RTP"},
		{"RTP/SAVP;unicast;client_port=1-2", -ENOTSUP, false, 0, 0, "SRTP"},
		{"", -EINVAL, false, 0, 0, "empty"},
		{";;;;", -EINVAL, false, 0, 0, "nothing but separators"},
	};
	struct rtsp_transport t;
	char out[64];

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		int err = rtsp_transport_parse(&t, cases[i].header);

		if (cases[i].err ? !err : err)
			fail_msg("%s: %d", cases[i].why, err);
		if (err)
			continue;
		assert_int_equal(t.tcp, cases[i].tcp);
		assert_int_equal(t.tcp ? t.channel[0] : t.server_port[0], cases[i].a);
		if ((t.tcp ? t.channel[1] : t.server_port[1]) != cases[i].b)
			fail_msg("%s", cases[i].why);
	}
	assert_int_equal(rtsp_transport_parse(&t, "RTP/AVP;unicast;source=192.0.2.7;"
						  "client_port=5000-5001;server_port=6000-6001;"
						  "ssrc=ABCD1234"),
		0);
	assert_true(t.has_source);
	assert_int_equal(t.source[12], 192);
	assert_true(t.has_ssrc);
	assert_int_equal(t.ssrc, 0xabcd1234);
	assert_int_equal(rtsp_transport_parse(&t, "RTP/AVP;unicast;source=camera.example;"
						  "client_port=5000-5001"),
		0);
	assert_false(t.has_source);
	rtsp_transport_format_udp(out, sizeof(out), (const uint16_t[2]){5000, 5001});
	assert_string_equal(out, "RTP/AVP;unicast;client_port=5000-5001");
	rtsp_transport_format_tcp(out, sizeof(out), 2);
	assert_string_equal(out, "RTP/AVP/TCP;unicast;interleaved=2-3");
}

/* A 401 with these challenges. */
static int challenge(struct rtsp_auth *auth, const char *first, const char *second)
{
	GstRTSPMessage *m = NULL;
	int err;

	gst_rtsp_message_new_response(&m, GST_RTSP_STS_UNAUTHORIZED, NULL, NULL);
	if (first)
		gst_rtsp_message_add_header(m, GST_RTSP_HDR_WWW_AUTHENTICATE, first);
	if (second)
		gst_rtsp_message_add_header(m, GST_RTSP_HDR_WWW_AUTHENTICATE, second);
	err = rtsp_auth_challenge(auth, m);
	gst_rtsp_message_free(m);
	return err;
}

static void basic(void **state)
{
	struct rtsp_auth auth;
	char *header;

	rtsp_auth_init(&auth, "Aladdin", "open sesame"); /* RFC 2617 2 */
	assert_null(rtsp_auth_header(&auth, "DESCRIBE", "rtsp://h/"));
	assert_int_equal(challenge(&auth, "Basic realm=\"WallyWorld\"", NULL), 0);
	header = rtsp_auth_header(&auth, "DESCRIBE", "rtsp://h/");
	assert_string_equal(header, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	rtsp_auth_free(header);
	assert_int_equal(challenge(&auth, "Basic realm=\"WallyWorld\"", NULL), -EACCES);
	rtsp_auth_fini(&auth);
}

/* RFC 2069's form, as most cameras speak it, held against the library's own. */
static void digest_md5(void **state)
{
	struct rtsp_auth auth;
	char *header, *expected;

	rtsp_auth_init(&auth, "user", "secret");
	assert_int_equal(challenge(&auth, "Digest realm=\"cam\", nonce=\"abc\"", NULL), 0);
	header = rtsp_auth_header(&auth, "SETUP", "rtsp://h/cam/trackID=0");
	expected = gst_rtsp_generate_digest_auth_response(
		NULL, "SETUP", "cam", "user", "secret", "rtsp://h/cam/trackID=0", "abc");
	assert_non_null(strstr(header, expected));
	assert_non_null(strstr(header, "uri=\"rtsp://h/cam/trackID=0\""));
	assert_null(strstr(header, "qop"));
	assert_null(strstr(header, "algorithm"));
	g_free(expected);
	rtsp_auth_free(header);
	rtsp_auth_fini(&auth);
}

/* RFC 7616 3.9.1: its user, realm, nonce, cnonce and both hashes. */
static void digest_vectors(void **state)
{
	static const struct {
		const char *algorithm, *response;
	} cases[] = {
		{"MD5", "8ca523f5e9506fed4657c9700eebdbec"},
		{"SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct rtsp_auth auth;
		char *header,
			*text = g_strdup_printf(
				"Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
				"algorithm=%s, "
				"nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
				"opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
				cases[i].algorithm);

		rtsp_auth_init(&auth, "Mufasa", "Circle of Life");
		assert_int_equal(challenge(&auth, text, NULL), 0);
		g_free(text);
		g_strlcpy(auth.cnonce, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
			sizeof(auth.cnonce));
		header = rtsp_auth_header(&auth, "GET", "/dir/index.html");
		if (!strstr(header, cases[i].response))
			fail_msg("%s: %s", cases[i].algorithm, header);
		assert_non_null(strstr(header, "nc=00000001"));
		rtsp_auth_free(header);
		rtsp_auth_fini(&auth);
	}
}

static void challenges(void **state)
{
	static const struct {
		const char *first, *second;
		int err;
		enum rtsp_auth_scheme scheme;
		const char *why;
	} cases[] = {
		{"Basic realm=\"r\"", "Digest realm=\"r\", nonce=\"n\"", 0, RTSP_AUTH_DIGEST,
			"the stronger of two"},
		{"Digest realm=\"r\", nonce=\"n\", algorithm=MD5",
			"Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256", 0, RTSP_AUTH_DIGEST,
			"SHA-256 before MD5"},
		{"Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256", NULL, -ENOTSUP,
			RTSP_AUTH_NONE, "an algorithm that we do not know"},
		{"Digest realm=\"r\"", NULL, -ENOTSUP, RTSP_AUTH_NONE, "no nonce"},
		{"Negotiate abc", NULL, -ENOTSUP, RTSP_AUTH_NONE, "another scheme"},
		{NULL, NULL, -ENOTSUP, RTSP_AUTH_NONE, "no challenge"},
		{"", NULL, -ENOTSUP, RTSP_AUTH_NONE, "an empty one"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct rtsp_auth auth;
		int err;

		rtsp_auth_init(&auth, "user", "secret");
		err = challenge(&auth, cases[i].first, cases[i].second);
		if (err != cases[i].err || auth.scheme != cases[i].scheme)
			fail_msg("%s: %d, %d", cases[i].why, err, auth.scheme);
		rtsp_auth_fini(&auth);
	}
}

static void stale_and_refused(void **state)
{
	struct rtsp_auth auth;

	rtsp_auth_init(&auth, "user", "secret");
	assert_int_equal(challenge(&auth, "Digest realm=\"r\", nonce=\"1\"", NULL), 0);
	rtsp_auth_free(rtsp_auth_header(&auth, "DESCRIBE", "rtsp://h/"));
	/* At once again with a new nonce: some cameras change it each time. */
	assert_int_equal(challenge(&auth, "Digest realm=\"r\", nonce=\"2\"", NULL), -EACCES);
	assert_int_equal(challenge(&auth, "Digest realm=\"r\", nonce=\"3\", stale=true", NULL), 0);
	rtsp_auth_free(rtsp_auth_header(&auth, "SETUP", "rtsp://h/"));
	rtsp_auth_free(rtsp_auth_header(&auth, "PLAY", "rtsp://h/"));
	assert_int_equal(challenge(&auth, "Digest realm=\"r\", nonce=\"4\"", NULL), 0);
	assert_int_equal(challenge(&auth, "Digest realm=\"r\", nonce=\"4\"", NULL), -EACCES);
	rtsp_auth_fini(&auth);
	rtsp_auth_init(&auth, NULL, NULL);
	assert_int_equal(challenge(&auth, "Basic realm=\"r\"", NULL), -EACCES);
	rtsp_auth_fini(&auth);
}

static void waiting_times(void **state)
{
	static const unsigned int base[] = {500, 1000, 2000, 4000, 8000, 10000, 10000};
	struct backoff b = {0};

	for (size_t i = 0; i < G_N_ELEMENTS(base); i++)
		assert_int_equal(backoff_next(&b, 0), base[i]);
	backoff_reset(&b);
	for (size_t i = 0; i < G_N_ELEMENTS(base); i++) {
		unsigned int wait = backoff_next(&b, 0xdeadbeef);

		assert_in_range(wait, base[i], base[i] * 5 / 4);
	}
	b.attempts = 4000000000u;
	assert_int_equal(backoff_next(&b, 0), 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_urls),
		cmocka_unit_test(transports),
		cmocka_unit_test(basic),
		cmocka_unit_test(digest_md5),
		cmocka_unit_test(digest_vectors),
		cmocka_unit_test(challenges),
		cmocka_unit_test(stale_and_refused),
		cmocka_unit_test(waiting_times),
	};

	return cmocka_run_group_tests_name("source/rtsp_parse", tests, NULL, NULL);
}
