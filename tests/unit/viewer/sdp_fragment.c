/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/viewer/sdp_fragment.c. */
#include "controlplane/viewer/sdp_fragment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PWD "abcdefghijklmnopqrstuv"

static void parses(void **state)
{
	static const struct {
		const char *text;
		int rc;
		const char *ufrag, *mid, *why;
	} cases[] = {
		{"", 0, "", "", "nothing"},
		{"a=candidate:1 1 udp 1 x.local 9 typ host\r\n", 0, "", "", "a candidate"},
		{"a=ice-ufrag:abcd\r\na=ice-pwd:" PWD "\r\n", 0, "abcd", "", "new credentials"},
		{"a=ice-ufrag:abcd\na=ice-pwd:" PWD, 0, "abcd", "", "bare line feeds"},
		{"m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:" PWD "\r\n", 0,
			"abcd", "0", "in a media section"},
		{"a=ice-ufrag:abcd\r\na=ice-pwd:" PWD "\r\nm=video 9 x 0\r\na=ice-ufrag:efgh\r\n",
			0, "abcd", "", "the first one counts"},
		{"a=ice-ufrag:abcd\r\n", -EINVAL, "", "", "no password"},
		{"a=ice-pwd:" PWD "\r\n", -EINVAL, "", "", "no user fragment"},
		{"a=ice-ufrag:abc\r\na=ice-pwd:" PWD, -EINVAL, "", "", "too short"},
		{"a=ice-ufrag:ab:d\r\na=ice-pwd:" PWD, -EINVAL, "", "", "no ice-char"},
		{"a=ice-ufrag:abcd\r\na=ice-pwd:short", -EINVAL, "", "", "a short password"},
		{"m= 9\r\n", -EINVAL, "", "", "no medium"},
		{"m=au\tdio 9\r\n", -EINVAL, "", "", "a medium that would end a line"},
		{"m=audio 9\r\na=mid:a b\r\n", -EINVAL, "", "", "a mid with a blank"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sdp_fragment f;
		const char *why;
		int rc = sdp_fragment_parse(&f, cases[i].text, strlen(cases[i].text), &why);

		if (rc != cases[i].rc)
			fail_msg("%s: %d", cases[i].why, rc);
		if (rc == 0 && (strcmp(f.ufrag, cases[i].ufrag) || strcmp(f.mid, cases[i].mid)))
			fail_msg("%s: ufrag %s mid %s", cases[i].why, f.ufrag, f.mid);
	}
}

static void long_ones(void **state)
{
	struct sdp_fragment f;
	const char *why;
	char *ufrag = g_strnfill(256, 'u');
	char *text = g_strdup_printf("a=ice-ufrag:%s\r\na=ice-pwd:" PWD, ufrag);

	assert_int_equal(sdp_fragment_parse(&f, text, strlen(text), &why), 0);
	assert_string_equal(f.ufrag, ufrag);
	g_free(text);
	text = g_strdup_printf("a=ice-ufrag:%su\r\na=ice-pwd:" PWD, ufrag);
	assert_int_equal(sdp_fragment_parse(&f, text, strlen(text), &why), -EINVAL);
	g_free(text);
	g_free(ufrag);
	assert_int_equal(sdp_fragment_parse(&f, "a=x\0y", 5, &why), -EINVAL);
}

static void answers(void **state)
{
	static const struct sdp_candidate candidate = {.address = "192.0.2.1", .port = 8189};
	struct sdp_fragment f = {.media = "video", .mid = "1"};
	char *text = sdp_fragment_format(&f, "ufragufragXY", PWD, &candidate, 1);

	assert_string_equal(text, "a=ice-lite\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\n"
				  "a=ice-ufrag:ufragufragXY\r\na=ice-pwd:" PWD "\r\n"
				  "a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host\r\n"
				  "a=end-of-candidates\r\n");
	g_free(text);
	memset(&f, 0, sizeof(f));
	text = sdp_fragment_format(&f, "u", "p", NULL, 0);
	assert_null(strstr(text, "m="));
	g_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(long_ones),
		cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
