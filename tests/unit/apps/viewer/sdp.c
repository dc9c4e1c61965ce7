/* SPDX-License-Identifier: BSD-3-Clause */
/* apps/viewer/sdp.c: the offer's lines, answers good and bad. */
#include "apps/viewer/sdp.h"

#include <errno.h>
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define DIGEST                                                                                     \
	"00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:"                                         \
	"10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:FF"
#define HEAD "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
#define UFRAG "a=ice-ufrag:abcd\r\n"
#define PASSWORD "a=ice-pwd:0123456789012345678901\r\n"
#define FINGERPRINT "a=fingerprint:sha-256 " DIGEST "\r\n"
#define PASSIVE "a=setup:passive\r\n"
#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 106 107\r\nc=IN IP4 0.0.0.0\r\n"
#define MAPS "a=rtpmap:106 H264/90000\r\na=rtpmap:107 rtx/90000\r\na=fmtp:107 apt=106\r\n"
#define GOOD UFRAG PASSWORD FINGERPRINT PASSIVE

static void offer_like_a_browser(void **state)
{
	struct sdp_offer offer = {
		.ufrag = "user",
		.password = "secret",
		.fingerprint = "AB:CD",
		.candidates = "a=candidate:1 1 UDP 1 192.0.2.1 5000 typ host\r\n",
		.video = true,
		.audio = true,
		.h264 = true,
		.vp8 = true,
		.rtx = true,
	};
	static const char *const lines[] = {
		"a=group:BUNDLE 0 1\r\n",
		"m=video 9 UDP/TLS/RTP/SAVPF 96 97 106 ",
		"m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\r\n",
		"a=setup:actpass\r\n",
		"a=rtcp-mux\r\n",
		"a=recvonly\r\n",
		"a=candidate:1 1 UDP 1 192.0.2.1 5000 typ host\r\n",
		"a=ice-ufrag:user\r\na=ice-pwd:secret\r\n",
		"a=fingerprint:sha-256 AB:CD\r\n",
		"packetization-mode=0;profile-level-id=640c1f\r\n",
		"a=fmtp:107 apt=106\r\n",
		"a=rtcp-fb:106 nack pli\r\n",
		"a=rtpmap:111 opus/48000/2\r\n",
	};
	char *sdp = sdp_offer_format(&offer);

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
		if (strstr(sdp, lines[i]) == NULL)
			fail_msg("missing: %s", lines[i]);
	g_free(sdp);

	offer.video = false;
	sdp = sdp_offer_format(&offer);
	assert_non_null(strstr(sdp, "a=group:BUNDLE 0\r\n"));
	assert_null(strstr(sdp, "m=video"));
	g_free(sdp);

	offer.video = true;
	offer.h264 = false;
	sdp = sdp_offer_format(&offer);
	assert_null(strstr(sdp, "H264"));
	assert_non_null(strstr(sdp, "VP8"));
	g_free(sdp);
}

static void read_answer(void **state)
{
	static const char text[] = HEAD
		"a=ice-lite\r\n" VIDEO GOOD "a=candidate:1 1 UDP 1 192.0.2.1 8189 typ host\r\n" MAPS
		"m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n";
	struct sdp_answer answer;
	char error[SDP_ERROR_SIZE];

	assert_int_equal(sdp_answer_parse(text, strlen(text), &answer, error), 0);
	assert_string_equal(answer.ufrag, "abcd");
	assert_true(answer.ice_lite);
	assert_true(answer.video);
	assert_false(answer.audio); /* port 0 */
	assert_int_equal(answer.setup, SDP_SETUP_PASSIVE);
	assert_int_equal(answer.fingerprint[31], 0xff);
	assert_int_equal(answer.fingerprint[26], 0x1a);
	assert_int_equal(answer.candidate_count, 1);
	assert_string_equal(answer.candidates[0], "candidate:1 1 UDP 1 192.0.2.1 8189 typ host");
	assert_int_equal(sdp_answer_payload(&answer, 106)->kind, MEDIA_VIDEO);
	assert_int_equal(sdp_answer_payload(&answer, 107)->kind, MEDIA_RTX);
	assert_null(sdp_answer_payload(&answer, 111));
}

/* Transport attributes may stand at session level; G.711 needs no rtpmap. */
static void read_session_level(void **state)
{
	static const char text[] =
		HEAD UFRAG PASSWORD FINGERPRINT "a=setup:active\r\n"
						"m=audio 9 UDP/TLS/RTP/SAVPF 8\r\n";
	struct sdp_answer answer;
	char error[SDP_ERROR_SIZE];

	assert_int_equal(sdp_answer_parse(text, strlen(text), &answer, error), 0);
	assert_int_equal(answer.setup, SDP_SETUP_ACTIVE);
	assert_int_equal(sdp_answer_payload(&answer, 8)->clock_rate, 8000);
	assert_false(answer.ice_lite);
}

static const struct {
	const char *why;
	const char *text;
} refused[] = {
	{"empty", ""},
	{"no SDP", "<html></html>"},
	{"no media", HEAD GOOD},
	{"all media rejected", HEAD "m=video 0 UDP/TLS/RTP/SAVPF 106\r\n" GOOD},
	{"no user fragment", HEAD VIDEO PASSWORD FINGERPRINT PASSIVE MAPS},
	{"user fragment too short", HEAD VIDEO "a=ice-ufrag:abc\r\n" PASSWORD FINGERPRINT PASSIVE},
	{"password too short", HEAD VIDEO UFRAG "a=ice-pwd:short\r\n" FINGERPRINT PASSIVE},
	{"no fingerprint", HEAD VIDEO UFRAG PASSWORD PASSIVE},
	{"another hash", HEAD VIDEO UFRAG PASSWORD "a=fingerprint:sha-1 AB:CD\r\n" PASSIVE},
	{"short fingerprint", HEAD VIDEO UFRAG PASSWORD "a=fingerprint:sha-256 AB:CD\r\n" PASSIVE},
	{"long fingerprint",
		HEAD VIDEO UFRAG PASSWORD "a=fingerprint:sha-256 " DIGEST ":00\r\n" PASSIVE},
	{"no setup", HEAD VIDEO UFRAG PASSWORD FINGERPRINT},
	{"actpass in an answer", HEAD VIDEO UFRAG PASSWORD FINGERPRINT "a=setup:actpass\r\n"},
};

static void refuse_answers(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
		struct sdp_answer answer;
		char error[SDP_ERROR_SIZE] = "";

		print_message("%s\n", refused[i].why);
		assert_int_equal(
			sdp_answer_parse(refused[i].text, strlen(refused[i].text), &answer, error),
			-EBADMSG);
		assert_true(error[0] != '\0');
	}
}

/* However many lines there are, the tables hold; other lines are cut off. */
static void bound_tables(void **state)
{
	GString *text = g_string_new(HEAD VIDEO GOOD);
	struct sdp_answer answer;
	char error[SDP_ERROR_SIZE];

	for (int i = 0; i < 100; i++) {
		g_string_append_printf(text, "a=rtpmap:%d X%d/90000\r\n", i, i);
		g_string_append_printf(
			text, "a=candidate:%d 1 UDP 1 192.0.2.1 8189 typ host\r\n", i);
	}
	g_string_append(text, "a=rtpmap:300 big/90000\r\na=rtpmap:1 ratelesss\r\n");
	g_string_append(text, "a=rtpmap:1 averyveryverylongname/90000\r\n");
	assert_int_equal(sdp_answer_parse(text->str, text->len, &answer, error), 0);
	assert_int_equal(answer.payload_count, SDP_PAYLOADS_MAX);
	assert_int_equal(answer.candidate_count, SDP_CANDIDATES_MAX);
	g_string_free(text, TRUE);
}

/* A server that offers: its codecs come back, of the kinds wanted, with our transport. */
static void answer_an_offer(void **state)
{
	static const char text[] =
		HEAD "a=group:BUNDLE a v\r\n"
		     "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 192.0.2.1\r\na=mid:a\r\n" UFRAG
			     PASSWORD FINGERPRINT "a=setup:actpass\r\na=rtpmap:111 opus/48000/2\r\n"
		     "a=sendonly\r\na=ssrc:1 cname:x\r\n" VIDEO "a=mid:v\r\n" MAPS
		     "a=rtcp-fb:106 nack\r\nm=application 9 UDP/DTLS/SCTP "
		     "webrtc-datachannel\r\na=mid:d\r\n";
	struct sdp_offer ours = {
		.ufrag = "user",
		.password = "secret",
		.fingerprint = "AB:CD",
		.candidates = "a=candidate:1 1 UDP 1 192.0.2.1 5000 typ host\r\n",
		.video = true,
	};
	static const char *const lines[] = {
		"a=group:BUNDLE v\r\n",
		"m=audio 0 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n",
		"m=video 9 UDP/TLS/RTP/SAVPF 106 107\r\n",
		"a=setup:active\r\na=recvonly\r\n",
		"a=rtcp-fb:106 nack\r\n",
		"a=fmtp:107 apt=106\r\n",
		"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n",
	};
	struct sdp_answer peer;
	char error[SDP_ERROR_SIZE], *sdp;

	assert_int_equal(sdp_remote_offer_parse(text, strlen(text), &peer, error), 0);
	assert_int_equal(peer.setup, SDP_SETUP_PASSIVE);
	assert_string_equal(peer.ufrag, "abcd");
	assert_int_equal(sdp_answer_parse(text, strlen(text), &peer, error), -EBADMSG);

	sdp = sdp_reply_format(text, strlen(text), &ours);
	assert_non_null(sdp);
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
		if (strstr(sdp, lines[i]) == NULL)
			fail_msg("missing: %s in %s", lines[i], sdp);
	assert_null(strstr(sdp, "ssrc"));
	g_free(sdp);
	assert_null(sdp_reply_format("", 0, &ours));
	assert_null(sdp_reply_format("v=0\0\n", 6, &ours));
}

/* Any beginning of a good answer, and any single byte of it changed. */
static void survive_damage(void **state)
{
	static const char good[] = HEAD VIDEO GOOD MAPS;
	struct sdp_answer answer;
	char error[SDP_ERROR_SIZE];
	char text[sizeof(good)];
	struct sdp_offer ours = {.ufrag = "", .password = "", .fingerprint = "", .candidates = ""};

	for (size_t i = 0; i < strlen(good); i++) {
		sdp_answer_parse(good, i, &answer, error);
		g_free(sdp_reply_format(good, i, &ours));
		memcpy(text, good, sizeof(good));
		for (int byte = 0; byte < 256; byte += 5) {
			text[i] = (char)byte;
			sdp_answer_parse(text, strlen(good), &answer, error);
			g_free(sdp_reply_format(text, strlen(good), &ours));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offer_like_a_browser),
		cmocka_unit_test(read_answer),
		cmocka_unit_test(read_session_level),
		cmocka_unit_test(refuse_answers),
		cmocka_unit_test(answer_an_offer),
		cmocka_unit_test(bound_tables),
		cmocka_unit_test(survive_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
