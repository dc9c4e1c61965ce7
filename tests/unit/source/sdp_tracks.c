/* SPDX-License-Identifier: BSD-3-Clause */
/* SDP of sources to tracks. */
#include "controlplane/source/sdp_tracks.h"

#include <errno.h>
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=x\r\nt=0 0\r\n"
#define SPS "Z0LAFdoKEflwFqDAwNSgAAADACAAAAMD0eLF1A=="
#define PPS "aM48gA=="

static void one_track(void **state)
{
	static const struct {
		const char *media;
		enum mr_media_kind kind;
		enum mr_codec codec;
		const char *name;
		const char *note; /* is in it; NULL: empty */
		uint32_t clock;
		uint8_t channels, type;
		const char *why;
	} cases[] = {
		{"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", MR_KIND_VIDEO, MR_CODEC_H264,
			"H264", NULL, 90000, 1, 96, "H.264 without fmtp"},
		{"m=video 0 RTP/AVP 96\r\na=rtpmap:96 h264/90000\r\n", MR_KIND_VIDEO, MR_CODEC_H264,
			"h264", NULL, 90000, 1, 96, "small letters"},
		{"m=video 0 RTP/AVP 35\r\na=rtpmap:35 VP8/90000\r\n", MR_KIND_VIDEO, MR_CODEC_VP8,
			"VP8", NULL, 90000, 1, 35, "VP8"},
		{"m=audio 0 RTP/AVP 0\r\n", MR_KIND_AUDIO, MR_CODEC_PCMU, "PCMU", NULL, 8000, 1, 0,
			"static type without rtpmap"},
		{"m=audio 0 RTP/AVP 8\r\n", MR_KIND_AUDIO, MR_CODEC_PCMA, "PCMA", NULL, 8000, 1, 8,
			"static type without rtpmap"},
		{"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n", MR_KIND_AUDIO,
			MR_CODEC_OPUS, "opus", NULL, 48000, 2, 97, "Opus"},
		{"m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/16000\r\n", MR_KIND_AUDIO, MR_CODEC_NONE,
			"PCMU", "8000 Hz mono", 16000, 1, 0, "wide G.711 of some cameras"},
		{"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\n", MR_KIND_VIDEO, MR_CODEC_NONE,
			"H265", "H.264", 90000, 1, 96, "H.265"},
		{"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\n", MR_KIND_AUDIO,
			MR_CODEC_NONE, "MPEG4-GENERIC", "AAC", 16000, 1, 97, "AAC"},
		{"m=video 0 RTP/AVP 26\r\n", MR_KIND_VIDEO, MR_CODEC_NONE, "JPEG", "Motion JPEG",
			90000, 1, 26, "static type of Motion JPEG"},
		{"m=audio 0 RTP/AVP 9\r\n", MR_KIND_AUDIO, MR_CODEC_NONE, "G722", "G.711", 8000, 1,
			9, "G.722"},
		{"m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n", 0,
			MR_CODEC_NONE, "vnd.onvif.metadata", "ONVIF", 90000, 1, 107, "metadata"},
		{"m=video 0 RTP/AVP 96\r\n", MR_KIND_VIDEO, MR_CODEC_NONE, "type 96",
			"without rtpmap", 0, 1, 96, "dynamic type without rtpmap"},
		{"m=video 0 RTP/AVP 97 96\r\na=rtpmap:97 H265/90000\r\na=rtpmap:96 H264/90000\r\n",
			MR_KIND_VIDEO, MR_CODEC_H264, "H264", NULL, 90000, 1, 96,
			"the first format that is carried"},
		{"m=video 0 RTP/SAVP 96\r\na=rtpmap:96 H264/90000\r\n", MR_KIND_VIDEO,
			MR_CODEC_NONE, "H264", "RTP/AVP", 90000, 1, 96, "encrypted"},
		{"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=inactive\r\n", MR_KIND_VIDEO,
			MR_CODEC_NONE, "H264", "inactive", 90000, 1, 96, "inactive"},
		{"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 "
		 "packetization-mode=2\r\n",
			MR_KIND_VIDEO, MR_CODEC_NONE, "H264", "mode 0 or 1", 90000, 1, 96,
			"interleaved"},
		{"m=video 0 RTP/AVP 300\r\n", MR_KIND_VIDEO, MR_CODEC_NONE, "300",
			"no RTP payload type", 0, 0, 0, "no such type"},
		{"m=video 0 RTP/AVP 96\r\na=rtpmap:96 /90000\r\n", MR_KIND_VIDEO, MR_CODEC_NONE,
			"unknown", "H.264", 90000, 1, 96, "a rtpmap without name"},
		{"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/99999999999999999999\r\n", MR_KIND_VIDEO,
			MR_CODEC_NONE, "H264", "H264 at", 999999999, 1, 96,
			"a clock rate beyond all numbers"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct sdp_tracks *s = g_new0(struct sdp_tracks, 1);
		char *text = g_strconcat(HEAD, cases[i].media, NULL);
		const struct track *t = &s->tracks[0].track;

		assert_int_equal(sdp_tracks_parse(s, text, strlen(text)), 0);
		assert_int_equal(s->n, 1);
		if (t->codec != cases[i].codec || strcmp(t->codec_name, cases[i].name))
			fail_msg("%s: %d %s", cases[i].why, t->codec, t->codec_name);
		assert_int_equal(t->kind, cases[i].kind);
		assert_int_equal(t->clock_rate, cases[i].clock);
		assert_int_equal(t->channels, cases[i].channels);
		assert_int_equal(t->payload_type, cases[i].type);
		if (!cases[i].note)
			assert_string_equal(t->note, "");
		else if (!strstr(t->note, cases[i].note))
			fail_msg("%s: %s", cases[i].why, t->note);
		g_free(text);
		g_free(s);
	}
}

static void h264_parameters(void **state)
{
	static const char text[] = HEAD
		"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
		"a=fmtp:96 profile-level-id=640029; packetization-mode=1; sprop-parameter-sets=" SPS
		"," PPS "\r\na=control:trackID=1\r\n";
	struct sdp_tracks *s = g_new0(struct sdp_tracks, 1);
	const struct sdp_track *t = &s->tracks[0];
	static const uint8_t profile[3] = {0x64, 0x00, 0x29};
	size_t sps_len;

	assert_int_equal(sdp_tracks_parse(s, text, strlen(text)), 0);
	assert_int_equal(t->track.packetization_mode, 1);
	assert_true(t->track.has_profile_level_id);
	assert_memory_equal(t->track.profile_level_id, profile, 3);
	assert_string_equal(t->control, "trackID=1");
	sps_len = (size_t)t->parameter_sets[0] << 8 | t->parameter_sets[1];
	assert_int_equal(t->parameter_sets[2], 0x67);
	assert_int_equal(t->parameter_sets[2 + sps_len + 1], 4);
	assert_int_equal(t->parameter_sets[2 + sps_len + 2], 0x68);
	assert_int_equal(t->parameter_sets_len, 2 + sps_len + 2 + 4);
	g_free(s);
}

static void profile_comes_from_the_sps(void **state)
{
	static const char text[] = HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
					"a=fmtp:96 sprop-parameter-sets=" SPS "," PPS ",!!!!,\r\n";
	static const uint8_t profile[3] = {0x42, 0xc0, 0x15};
	struct sdp_tracks *s = g_new0(struct sdp_tracks, 1);

	assert_int_equal(sdp_tracks_parse(s, text, strlen(text)), 0);
	assert_int_equal(s->tracks[0].track.packetization_mode, 0);
	assert_true(s->tracks[0].track.has_profile_level_id);
	assert_memory_equal(s->tracks[0].track.profile_level_id, profile, 3);
	g_free(s);
}

static void parameter_sets_are_bounded(void **state)
{
	GString *text = g_string_new(HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
					  "a=fmtp:96 sprop-parameter-sets=Z0LA");
	struct sdp_tracks *s = g_new0(struct sdp_tracks, 1);

	for (int i = 0; i < 1000; i++)
		g_string_append(text, "AAAA");
	g_string_append(text, "," SPS "\r\n");
	assert_int_equal(sdp_tracks_parse(s, text->str, text->len), 0);
	/* What is too long is left out, what fits is kept. */
	assert_true(s->tracks[0].parameter_sets_len > 0);
	assert_true(s->tracks[0].parameter_sets_len < 64);
	g_string_free(text, TRUE);
	g_free(s);
}

static void first_of_each_kind_is_carried(void **state)
{
	static const char text[] =
		HEAD "a=control:rtsp://192.0.2.9/all/\r\nc=IN IP4 239.1.1.1/32\r\n"
		     "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:a\r\n"
		     "m=video 5002 RTP/AVP 96\r\nc=IN IP6 ff15::1\r\na=rtpmap:96 VP8/90000\r\n"
		     "m=audio 5004 RTP/AVP 98 0\r\na=rtpmap:98 MPEG4-GENERIC/8000\r\n"
		     "m=audio 5006 RTP/AVP 8\r\na=control:bad url\r\n";
	static const uint8_t group4[4] = {239, 1, 1, 1};
	struct sdp_tracks *s = g_new0(struct sdp_tracks, 1);

	assert_int_equal(sdp_tracks_parse(s, text, strlen(text)), 0);
	assert_int_equal(s->n, 4);
	assert_string_equal(s->control, "rtsp://192.0.2.9/all/");
	assert_int_equal(s->tracks[0].track.codec, MR_CODEC_H264);
	assert_memory_equal(s->tracks[0].address + 12, group4, 4);
	assert_int_equal(s->tracks[0].port, 5000);
	assert_int_equal(s->tracks[1].track.codec, MR_CODEC_NONE);
	assert_non_null(strstr(s->tracks[1].track.note, "only the first is carried"));
	assert_int_equal(s->tracks[1].address[0], 0xff);
	assert_int_equal(s->tracks[2].track.codec, MR_CODEC_PCMU);
	assert_int_equal(s->tracks[3].track.codec, MR_CODEC_NONE);
	assert_string_equal(s->tracks[3].control, "");
	g_free(s);
}

static void refusals(void **state)
{
	struct sdp_tracks *s = g_new0(struct sdp_tracks, 1);
	GString *many = g_string_new(HEAD);
	char *long_text;

	assert_int_equal(sdp_tracks_parse(s, "", 0), -EINVAL);
	assert_int_equal(sdp_tracks_parse(s, "hello", 5), -EINVAL);
	assert_int_equal(sdp_tracks_parse(s, "v=1\r\n", 5), -EINVAL);
	assert_int_equal(sdp_tracks_parse(s, HEAD, strlen(HEAD)), -ENOENT);
	assert_int_equal(sdp_tracks_parse(s, HEAD "m=\r\n", strlen(HEAD) + 4), 0);
	long_text = g_strnfill(SDP_SIZE_MAX + 1, 'v');
	assert_int_equal(sdp_tracks_parse(s, long_text, SDP_SIZE_MAX + 1), -E2BIG);
	for (int i = 0; i < 100; i++)
		g_string_append(many, "m=video 0 RTP/AVP 96\r\n");
	assert_int_equal(sdp_tracks_parse(s, many->str, many->len), 0);
	assert_int_equal(s->n, PATH_TRACKS_MAX);
	g_string_free(many, TRUE);
	g_free(long_text);
	g_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_track),
		cmocka_unit_test(h264_parameters),
		cmocka_unit_test(profile_comes_from_the_sps),
		cmocka_unit_test(parameter_sets_are_bounded),
		cmocka_unit_test(first_of_each_kind_is_carried),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests_name("source/sdp_tracks", tests, NULL, NULL);
}
