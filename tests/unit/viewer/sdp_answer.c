/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/viewer/sdp_offer.c and sdp_answer.c. */
#include "controlplane/viewer/sdp_answer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FINGERPRINT                                                                                \
	"AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:"  \
	"77:88:99"
#define SESSION                                                                                    \
	"v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"                    \
	"a=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n"
#define TRANSPORT                                                                                  \
	"a=ice-ufrag:Yx3f\r\na=ice-pwd:abcdefghijklmnopqrstuv12\r\na=ice-options:trickle\r\n"      \
	"a=fingerprint:sha-256 " FINGERPRINT "\r\na=setup:actpass\r\n"
#define VIDEO_HEAD                                                                                 \
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 106 108 112 109\r\nc=IN IP4 0.0.0.0\r\n"    \
	"a=rtcp:9 IN IP4 0.0.0.0\r\n" TRANSPORT "a=mid:0\r\n"
#define VIDEO_CODECS                                                                               \
	"a=rtcp-mux\r\na=rtcp-rsize\r\n"                                                           \
	"a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\n"         \
	"a=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"                   \
	"a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"                                            \
	"a=rtpmap:102 H264/90000\r\na=rtcp-fb:102 nack\r\na=rtcp-fb:102 nack pli\r\n"              \
	"a=fmtp:102 "                                                                              \
	"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\n"               \
	"a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n"                                         \
	"a=rtpmap:104 H264/90000\r\na=fmtp:104 "                                                   \
	"level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f\r\n"               \
	"a=rtpmap:106 H264/90000\r\na=fmtp:106 "                                                   \
	"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"               \
	"a=rtpmap:108 H264/90000\r\na=fmtp:108 "                                                   \
	"level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f\r\n"               \
	"a=rtpmap:112 H264/90000\r\na=fmtp:112 "                                                   \
	"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f\r\n"               \
	"a=rtpmap:109 AV1/90000\r\n"
#define VIDEO VIDEO_HEAD "a=recvonly\r\n" VIDEO_CODECS
#define AUDIO                                                                                      \
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13\r\nc=IN IP4 0.0.0.0\r\n" TRANSPORT            \
	"a=mid:1\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"                     \
	"a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\n"                     \
	"a=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"                 \
	"a=rtpmap:13 CN/8000\r\n"

static const struct track h264_high = {.kind = MR_KIND_VIDEO,
	.codec = MR_CODEC_H264,
	.clock_rate = 90000,
	.packetization_mode = 1,
	.has_profile_level_id = true,
	.profile_level_id = {0x64, 0x00, 0x28}};
static const struct track h264_main = {.kind = MR_KIND_VIDEO,
	.codec = MR_CODEC_H264,
	.packetization_mode = 1,
	.has_profile_level_id = true,
	.profile_level_id = {0x4d, 0x00, 0x1f}};
static const struct track h264_constrained = {.kind = MR_KIND_VIDEO,
	.codec = MR_CODEC_H264,
	.packetization_mode = 1,
	.has_profile_level_id = true,
	.profile_level_id = {0x42, 0xc0, 0x1f}};
static const struct track h264_mode0 = {.kind = MR_KIND_VIDEO,
	.codec = MR_CODEC_H264,
	.packetization_mode = 0,
	.has_profile_level_id = true,
	.profile_level_id = {0x42, 0xe0, 0x1f}};
static const struct track h264_unsaid = {
	.kind = MR_KIND_VIDEO, .codec = MR_CODEC_H264, .packetization_mode = 1};
static const struct track vp8 = {.kind = MR_KIND_VIDEO, .codec = MR_CODEC_VP8};
static const struct track opus = {
	.kind = MR_KIND_AUDIO, .codec = MR_CODEC_OPUS, .clock_rate = 48000, .channels = 2};
static const struct track pcmu = {.kind = MR_KIND_AUDIO, .codec = MR_CODEC_PCMU, .channels = 1};
static const struct track pcma = {.kind = MR_KIND_AUDIO, .codec = MR_CODEC_PCMA, .channels = 1};

static void test_choice(void **state)
{
	static const struct {
		const struct track *video, *audio;
		int video_pt, audio_pt; /* -1: none */
		const char *why;
	} cases[] = {
		{&h264_high, &opus, 112, 111, "High is nearest to main, mode 1"},
		{&h264_main, NULL, 112, -1, "the exact profile"},
		{&h264_constrained, NULL, 106, -1, "42c0 is constrained baseline, as 42e0"},
		{&h264_mode0, NULL, 108, -1, "mode 0 stays mode 0"},
		{&h264_unsaid, NULL, 102, -1, "no profile known: the client's first of the mode"},
		{&vp8, &pcmu, 96, 0, "static payload type"},
		{NULL, &pcma, -1, 8, "audio alone"},
	};
	static struct sdp_offer offer;
	const char *text = SESSION VIDEO AUDIO;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct track *tracks[2] = {cases[i].video, cases[i].audio};
		struct sdp_choices choices;
		int video = -1, audio = -1;
		const char *why = "";

		assert_int_equal(sdp_offer_parse(&offer, text, strlen(text), &why), 0);
		if (sdp_answer_choose(&choices, &offer, tracks, &why) != 0)
			fail_msg("%s: %s", cases[i].why, why);
		for (unsigned int c = 0; c < choices.n; c++) {
			if (choices.choices[c].track->kind == MR_KIND_VIDEO)
				video = choices.choices[c].format.payload_type;
			else
				audio = choices.choices[c].format.payload_type;
		}
		if (video != cases[i].video_pt || audio != cases[i].audio_pt)
			fail_msg("%s: got %d and %d", cases[i].why, video, audio);
	}
}

static void test_offer_fields(void **state)
{
	static struct sdp_offer offer;
	const char *text = SESSION VIDEO AUDIO, *why;
	const struct sdp_format *f;

	assert_int_equal(sdp_offer_parse(&offer, text, strlen(text), &why), 0);
	assert_true(offer.bundle);
	assert_int_equal(offer.n_media, 2);
	assert_string_equal(offer.media[0].transport.ufrag, "Yx3f");
	assert_int_equal(offer.media[0].transport.fingerprints.hash, SDP_HASH_SHA256);
	assert_int_equal(offer.media[0].transport.fingerprints.value[0][31], 0x99);
	assert_int_equal(offer.media[0].n_formats, 6);
	f = &offer.media[0].formats[0];
	assert_true(f->nack && f->nack_pli && f->ccm_fir && f->rtx);
	assert_int_equal(f->rtx_payload_type, 97);
	f = &offer.media[0].formats[1];
	assert_true(f->nack_pli && !f->ccm_fir);
	assert_int_equal(f->packetization_mode, 1);
	assert_int_equal(offer.media[1].n_formats, 3);
}

/* What sdp_offer_parse() or sdp_answer_choose() must refuse, and with what. */
static void test_refused(void **state)
{
	static const struct {
		const char *text;
		int rc;
		const char *why;
	} cases[] = {
		{"", -EINVAL, "nothing"},
		{"hello", -EINVAL, "not SDP"},
		{"v=0\r\n", -EINVAL, "no media"},
		{"v=0\r\nnonsense\r\n" VIDEO, -EINVAL, "a line without type"},
		{SESSION "m=video 9 UDP/TLS/RTP/SAVPF 300\r\n" TRANSPORT, -EINVAL,
			"payload type above 127"},
		{SESSION "m=video 9 UDP/TLS/RTP/SAVPF\r\n" TRANSPORT, -EINVAL, "m= without format"},
		{SESSION "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96\r\n" TRANSPORT, -EINVAL,
			"rtpmap without encoding"},
		{SESSION "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:a b c d\r\n", -EINVAL,
			"ufrag with spaces"},
		{SESSION "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-pwd:short\r\n", -EINVAL,
			"password too short"},
		{SESSION "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=fingerprint:sha-256 AA:BB\r\n",
			-EINVAL, "fingerprint too short"},
		{SESSION VIDEO VIDEO, -EINVAL, "the same mid twice"},
		{SESSION "m=video 9 RTP/AVP 96\r\na=mid:0\r\n" TRANSPORT
			 "a=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n",
			-EINVAL, "no DTLS"},
		{SESSION VIDEO_HEAD "a=sendonly\r\n" VIDEO_CODECS, -EINVAL, "nothing receives"},
		{SESSION "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=rtpmap:96 "
			 "VP8/90000\r\n" TRANSPORT,
			-EINVAL, "no rtcp-mux"},
		{SESSION "m=video 9 UDP/TLS/RTP/SAVPF 109\r\na=mid:0\r\na=rtcp-mux\r\n"
			 "a=rtpmap:109 AV1/90000\r\n" TRANSPORT,
			-ENOTSUP, "no common codec"},
		{SESSION "m=video 9 UDP/TLS/RTP/SAVPF 104\r\na=mid:0\r\na=rtcp-mux\r\n"
			 "a=rtpmap:104 H264/90000\r\na=fmtp:104 packetization-mode=0\r\n" TRANSPORT,
			-ENOTSUP, "mode 1 cannot be sent as mode 0"},
		{SESSION "m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=mid:0\r\na=rtcp-mux\r\n"
			 "a=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1\r\n",
			-EINVAL, "no ICE credentials"},
		{SESSION "m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=mid:0\r\na=rtcp-mux\r\n"
			 "a=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1\r\n"
			 "a=ice-ufrag:Yx3f\r\na=ice-pwd:abcdefghijklmnopqrstuv12\r\n"
			 "a=fingerprint:sha-256 " FINGERPRINT "\r\na=setup:passive\r\n",
			-EINVAL, "a client that is passive, too"},
		{SESSION "m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=mid:0\r\na=rtcp-mux\r\n"
			 "a=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1\r\n"
			 "a=ice-ufrag:Yx3f\r\na=ice-pwd:abcdefghijklmnopqrstuv12\r\n"
			 "a=fingerprint:sha-1 AA:BB\r\na=setup:actpass\r\n",
			-EINVAL, "only a weak hash"},
	};
	const struct track *tracks[2] = {&h264_high, NULL};
	static struct sdp_offer offer;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sdp_choices choices;
		const char *why = NULL;
		int rc = sdp_offer_parse(&offer, cases[i].text, strlen(cases[i].text), &why);

		if (rc == 0)
			rc = sdp_answer_choose(&choices, &offer, tracks, &why);
		if (rc != cases[i].rc || !why)
			fail_msg("%s: got %d", cases[i].why, rc);
	}
}

#define OTHER_FINGERPRINT                                                                          \
	"00:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:"  \
	"77:88:99"
#define FINGERPRINT_384 FINGERPRINT ":00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f"

/* The strongest hash, of the section before the session. */
static void test_fingerprints(void **state)
{
	static const struct {
		const char *session, *media;
		enum sdp_hash hash;
		unsigned int n;
		uint8_t last; /* first byte of the last one */
		const char *why;
	} cases[] = {
		{"", "sha-256 " FINGERPRINT "\r\n", SDP_HASH_SHA256, 1, 0xaa, "one"},
		{"sha-256 " FINGERPRINT "\r\n", "", SDP_HASH_SHA256, 1, 0xaa, "of the session"},
		{"", "SHA-384 " FINGERPRINT_384 "\r\n", SDP_HASH_SHA384, 1, 0xaa,
			"name in capitals, bytes in both cases"},
		{"", "sha-384 " FINGERPRINT_384 "\r\na=fingerprint:sha-256 " FINGERPRINT "\r\n",
			SDP_HASH_SHA384, 1, 0xaa, "the stronger first"},
		{"", "sha-256 " FINGERPRINT "\r\na=fingerprint:sha-384 " FINGERPRINT_384 "\r\n",
			SDP_HASH_SHA384, 1, 0xaa, "the stronger last"},
		{"", "sha-256 " FINGERPRINT "\r\na=fingerprint:sha-256 " OTHER_FINGERPRINT "\r\n",
			SDP_HASH_SHA256, 2, 0x00, "two certificates"},
		{"sha-384 " FINGERPRINT_384 "\r\n", "sha-256 " OTHER_FINGERPRINT "\r\n",
			SDP_HASH_SHA256, 1, 0x00, "the section's own replaces the session's"},
		{"", "sha-1 AA:BB\r\na=fingerprint:sha-256 " FINGERPRINT "\r\n", SDP_HASH_SHA256, 1,
			0xaa, "a weak one beside it"},
		{"sha-1 AA:BB\r\n", "md5 AA\r\n", SDP_HASH_NONE, 0, 0, "weak ones alone"},
	};
	static struct sdp_offer offer;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sdp_fingerprints *f = &offer.media[0].transport.fingerprints;
		char *text = g_strdup_printf("v=0\r\n%s%sm=video 9 UDP/TLS/RTP/SAVPF 96\r\n%s%s",
			*cases[i].session ? "a=fingerprint:" : "", cases[i].session,
			*cases[i].media ? "a=fingerprint:" : "", cases[i].media);
		const char *why = "";

		if (sdp_offer_parse(&offer, text, strlen(text), &why) != 0)
			fail_msg("%s: %s", cases[i].why, why);
		if (f->hash != cases[i].hash || f->n != cases[i].n ||
			(f->n > 0 && f->value[f->n - 1][0] != cases[i].last))
			fail_msg("%s: hash %d, %u of them", cases[i].why, f->hash, f->n);
		g_free(text);
	}
}

static void test_limits(void **state)
{
	static struct sdp_offer offer;
	char *text = malloc(SDP_OFFER_MAX + 2);
	const char *why;
	size_t n = 0;

	memset(text, 'a', SDP_OFFER_MAX + 1);
	memcpy(text, "v=0\r\n", 5);
	assert_int_equal(sdp_offer_parse(&offer, text, SDP_OFFER_MAX + 1, &why), -EINVAL);
	assert_int_equal(sdp_offer_parse(&offer, text, SDP_LINE_MAX + 100, &why), -EINVAL);
	/* 17 media sections */
	n = sprintf(text, "v=0\r\n");
	for (int i = 0; i < 17; i++)
		n += sprintf(text + n, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n");
	assert_int_equal(sdp_offer_parse(&offer, text, n, &why), -EINVAL);
	/* NUL in the text */
	n = sprintf(text, "v=0\r\ns=ab\r\n");
	text[7] = '\0';
	assert_int_equal(sdp_offer_parse(&offer, text, n, &why), -EINVAL);
	/* every prefix of a good offer: no crash */
	for (size_t len = 0; len < strlen(SESSION VIDEO AUDIO); len++)
		sdp_offer_parse(&offer, SESSION VIDEO AUDIO, len, &why);
	free(text);
}

static char *make_answer_with(const char *text, const struct track *video,
	const struct track *audio, bool repairs, uint32_t rtx_ssrc)
{
	static const struct sdp_candidate candidates[] = {
		{"192.0.2.1", 8189, false}, {"2001:db8::1", 8189, true}};
	const struct sdp_answer answer = {
		.repairs = repairs,
		.rtx_ssrc = {rtx_ssrc},
		.session_id = 42,
		.ufrag = "LocalUfrag12",
		.pwd = "LocalPasswordOf24Letters",
		.fingerprint = FINGERPRINT,
		.cname = "cname123",
		.ssrc = {11, 22},
		.candidates = candidates,
		.n_candidates = 2,
	};
	const struct track *tracks[2] = {video, audio};
	static struct sdp_offer offer;
	struct sdp_choices choices;
	const char *why;

	assert_int_equal(sdp_offer_parse(&offer, text, strlen(text), &why), 0);
	assert_int_equal(sdp_answer_choose(&choices, &offer, tracks, &why), 0);
	return sdp_answer_format(&answer, &offer, &choices);
}

static char *make_answer(const char *text, const struct track *video, const struct track *audio)
{
	return make_answer_with(text, video, audio, false, 0);
}

static unsigned int count(const char *text, const char *what)
{
	unsigned int n = 0;

	for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static void test_answer_text(void **state)
{
	char *s = make_answer(SESSION VIDEO AUDIO, &h264_high, &opus);

	assert_non_null(strstr(s, "a=ice-lite\r\n"));
	assert_non_null(strstr(s, "a=group:BUNDLE 0 1\r\n"));
	assert_non_null(strstr(s, "m=video 8189 UDP/TLS/RTP/SAVPF 112\r\nc=IN IP4 192.0.2.1\r\n"));
	assert_non_null(strstr(s, "a=fmtp:112 level-asymmetry-allowed=1;packetization-mode=1;"
				  "profile-level-id=4d001f\r\n"));
	assert_non_null(strstr(s, "m=audio 8189 UDP/TLS/RTP/SAVPF 111\r\n"));
	assert_non_null(strstr(s, "a=ssrc:11 cname:cname123\r\n"));
	assert_non_null(strstr(s, "a=ssrc:22 cname:cname123\r\n"));
	assert_int_equal(count(s, "a=setup:passive\r\n"), 2);
	assert_int_equal(count(s, "a=sendonly\r\n"), 2);
	assert_int_equal(count(s, "a=candidate:"), 2);
	assert_non_null(strstr(s, " 2001:db8::1 8189 typ host\r\n"));
	assert_non_null(strstr(s, "a=end-of-candidates\r\n"));
	assert_null(strstr(s, "extmap"));
	assert_null(strstr(s, "goog-remb"));
	free(s);
}

/* NACK and RTX are answered where they were offered and can be served. */
static void test_repairs(void **state)
{
	char *s = make_answer_with(SESSION VIDEO AUDIO, &vp8, &opus, true, 12);

	assert_non_null(strstr(s, "m=video 8189 UDP/TLS/RTP/SAVPF 96 97\r\n"));
	assert_non_null(strstr(s, "a=rtcp-fb:96 nack\r\n"));
	assert_non_null(strstr(s, "a=rtcp-fb:96 nack pli\r\n"));
	assert_non_null(strstr(s, "a=rtcp-fb:96 ccm fir\r\n"));
	assert_non_null(strstr(s, "a=rtpmap:97 rtx/"));
	assert_non_null(strstr(s, "a=fmtp:97 apt=96\r\n"));
	assert_non_null(strstr(s, "a=ssrc-group:FID 11 12\r\n"));
	assert_non_null(strstr(s, "a=ssrc:12 cname:cname123\r\n"));
	assert_int_equal(count(s, " nack\r\n"), 1);        /* not of audio: it was not offered */
	assert_int_equal(count(s, "a=rtcp-rsize\r\n"), 1); /* ditto, RFC 5506 5 */
	free(s);

	s = make_answer_with(SESSION VIDEO AUDIO, &vp8, &opus, true, 0);
	assert_non_null(strstr(s, "m=video 8189 UDP/TLS/RTP/SAVPF 96\r\n"));
	assert_non_null(strstr(s, "a=rtcp-fb:96 nack\r\n")); /* the same bytes again */
	assert_null(strstr(s, "rtx"));
	free(s);

	s = make_answer_with(SESSION VIDEO AUDIO, &vp8, &opus, false, 0);
	assert_null(strstr(s, " nack\r\n"));
	free(s);
}

static void test_rejected_section(void **state)
{
	char *s = make_answer(SESSION VIDEO AUDIO, NULL, &opus);

	assert_non_null(strstr(s, "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"));
	assert_non_null(strstr(s, "a=group:BUNDLE 1\r\n"));
	assert_int_equal(count(s, "a=candidate:"), 2);
	free(s);
	/* a data channel is rejected, the section kept in its place */
	s = make_answer(SESSION
		"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:9\r\n" VIDEO,
		&vp8, NULL);
	assert_non_null(strstr(s, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
	assert_true(strstr(s, "m=application") < strstr(s, "m=video"));
	free(s);
}

/* RFC 9143 7.1.3: what is bundle-only says nothing of its transport. */
static void test_bundle_only(void **state)
{
	char *s = make_answer(SESSION VIDEO
		"m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=bundle-only\r\na=recvonly\r\n"
		"a=rtpmap:111 opus/48000/2\r\n",
		NULL, &opus);

	assert_non_null(strstr(s, "m=video 0 "));
	assert_non_null(strstr(s, "m=audio 8189 UDP/TLS/RTP/SAVPF 111\r\n"));
	assert_non_null(strstr(s, "a=group:BUNDLE 1\r\n"));
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_offer_fields),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_fingerprints),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_answer_text),
		cmocka_unit_test(test_repairs),
		cmocka_unit_test(test_rejected_section),
		cmocka_unit_test(test_bundle_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
