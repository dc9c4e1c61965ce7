/* SPDX-License-Identifier: BSD-3-Clause */
/* One RTP payload format of an SDP; pure, any thread. */
#include "controlplane/source/sdp_codec.h"

#include <glib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAL_TYPE_SPS 7
#define NAL_TYPE_PPS 8

/* RFC 3551 table 4 and 5: types that need no rtpmap. */
static const struct {
	uint8_t type;
	const char *rtpmap;
} static_types[] = {
	{0, "PCMU/8000"},
	{3, "GSM/8000"},
	{4, "G723/8000"},
	{5, "DVI4/8000"},
	{6, "DVI4/16000"},
	{8, "PCMA/8000"},
	{9, "G722/8000"},
	{10, "L16/44100/2"},
	{11, "L16/44100"},
	{14, "MPA/90000"},
	{18, "G729/8000"},
	{26, "JPEG/90000"},
	{31, "H261/90000"},
	{32, "MPV/90000"},
	{33, "MP2T/90000"},
	{34, "H263/90000"},
};

#define SET_VIDEO "browsers do not take it over WebRTC; set the camera to H.264"
#define SET_AUDIO "browsers do not take it over WebRTC; set the camera's audio to G.711 or Opus"

/* What cameras really send that WebRTC does not carry. */
static const struct {
	const char *name;
	const char *note;
} refused[] = {
	{"H265", "H.265: " SET_VIDEO},
	{"HEVC", "H.265: " SET_VIDEO},
	{"JPEG", "Motion JPEG: " SET_VIDEO},
	{"MP4V-ES", "MPEG-4 part 2: " SET_VIDEO},
	{"MPEG4-GENERIC", "AAC: " SET_AUDIO},
	{"MP4A-LATM", "AAC: " SET_AUDIO},
	{"G722", "G.722 is not carried; set the camera's audio to G.711 or Opus"},
	{"VND.ONVIF.METADATA", "ONVIF metadata is not media; nothing to do"},
	{"VP9", "VP9 is not carried; set the source to H.264 or VP8"},
	{"AV1", "AV1 is not carried; set the source to H.264 or VP8"},
	{"MP2T", "an MPEG transport stream is not carried; send its tracks as RTP of their own"},
};

static const char *static_rtpmap(uint8_t type)
{
	for (size_t i = 0; i < G_N_ELEMENTS(static_types); i++) {
		if (static_types[i].type == type)
			return static_types[i].rtpmap;
	}
	return NULL;
}

/* "NAME/CLOCK[/CHANNELS]" */
static void take_rtpmap(struct track *t, const char *rtpmap)
{
	size_t len = strcspn(rtpmap, "/");
	unsigned int clock = 0, channels = 1;

	for (size_t i = 0, n = 0; i < len && n + 1 < sizeof(t->codec_name); i++) {
		if (g_ascii_isgraph(rtpmap[i]))
			t->codec_name[n++] = rtpmap[i];
	}
	if (!t->codec_name[0])
		strcpy(t->codec_name, "unknown");
	if (rtpmap[len] == '/')
		sscanf(rtpmap + len + 1, "%9u/%3u", &clock, &channels);
	t->clock_rate = clock;
	t->channels = channels > 255 ? 255 : (uint8_t)channels;
}

/* The value of a parameter of an fmtp attribute, to be freed; NULL: not there. */
static char *fmtp_value(const char *fmtp, const char *name)
{
	size_t name_len = strlen(name);

	while (fmtp && *fmtp) {
		size_t len;

		fmtp += strspn(fmtp, "; \t");
		len = strcspn(fmtp, ";");
		if (len > name_len && fmtp[name_len] == '=' && !strncasecmp(fmtp, name, name_len))
			return g_strstrip(g_strndup(fmtp + name_len + 1, len - name_len - 1));
		fmtp += len;
	}
	return NULL;
}

static void add_parameter_set(struct sdp_codec *out, const char *base64)
{
	gsize len = 0;
	guchar *nal = g_base64_decode(base64, &len);
	uint8_t *at = out->parameter_sets + out->parameter_sets_len;
	uint8_t type;

	if (!len || len > sizeof(out->parameter_sets) - 2 ||
		out->parameter_sets_len > sizeof(out->parameter_sets) - 2 - len)
		goto out;
	type = nal[0] & 31;
	if (type != NAL_TYPE_SPS && type != NAL_TYPE_PPS)
		goto out;
	at[0] = (uint8_t)(len >> 8);
	at[1] = (uint8_t)len;
	memcpy(at + 2, nal, len);
	out->parameter_sets_len = (uint16_t)(out->parameter_sets_len + 2 + len);
	/* The SPS starts with what profile-level-id says (RFC 6184 8.1). */
	if (type == NAL_TYPE_SPS && len >= 4 && !out->track.has_profile_level_id) {
		memcpy(out->track.profile_level_id, nal + 1, 3);
		out->track.has_profile_level_id = true;
	}
out:
	g_free(nal);
}

static void take_h264(struct sdp_codec *out, const char *fmtp)
{
	struct track *t = &out->track;
	char *mode = fmtp_value(fmtp, "packetization-mode");
	char *profile = fmtp_value(fmtp, "profile-level-id");
	char *sets = fmtp_value(fmtp, "sprop-parameter-sets");
	char **list = sets ? g_strsplit(sets, ",", 16) : NULL;
	char *end;

	if (profile && strlen(profile) == 6) {
		unsigned long value = strtoul(profile, &end, 16);

		if (!*end) {
			t->profile_level_id[0] = (uint8_t)(value >> 16);
			t->profile_level_id[1] = (uint8_t)(value >> 8);
			t->profile_level_id[2] = (uint8_t)value;
			t->has_profile_level_id = true;
		}
	}
	for (char **s = list; s && *s; s++)
		add_parameter_set(out, *s);
	if (!mode || !strcmp(mode, "0")) {
		t->packetization_mode = 0;
	} else if (!strcmp(mode, "1")) {
		t->packetization_mode = 1;
	} else {
		t->codec = MR_CODEC_NONE;
		g_strlcpy(t->note,
			"interleaved packetization; set the camera to packetization mode 0 or 1",
			sizeof(t->note));
	}
	g_strfreev(list);
	g_free(sets);
	g_free(profile);
	g_free(mode);
}

/* The codec that the name means where its clock and channels fit WebRTC. */
static void take_codec(struct sdp_codec *out, enum mr_media_kind kind, const char *fmtp)
{
	struct track *t = &out->track;
	const char *name = t->codec_name;

	if (kind == MR_KIND_VIDEO && !strcasecmp(name, "H264") && t->clock_rate == 90000) {
		t->codec = MR_CODEC_H264;
		take_h264(out, fmtp);
	} else if (kind == MR_KIND_VIDEO && !strcasecmp(name, "VP8") && t->clock_rate == 90000) {
		t->codec = MR_CODEC_VP8;
	} else if (kind == MR_KIND_AUDIO && !strcasecmp(name, "opus") && t->clock_rate == 48000) {
		t->codec = MR_CODEC_OPUS;
	} else if (kind == MR_KIND_AUDIO &&
		   (!strcasecmp(name, "PCMU") || !strcasecmp(name, "PCMA"))) {
		if (t->clock_rate == 8000 && t->channels == 1)
			t->codec = strcasecmp(name, "PCMU") ? MR_CODEC_PCMA : MR_CODEC_PCMU;
		else
			g_strlcpy(t->note,
				"browsers take G.711 at 8000 Hz mono only; set the camera so",
				sizeof(t->note));
	}
}

static void explain(struct track *t, enum mr_media_kind kind)
{
	if (t->note[0])
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
		if (!strcasecmp(refused[i].name, t->codec_name)) {
			g_strlcpy(t->note, refused[i].note, sizeof(t->note));
			return;
		}
	}
	if (kind == MR_KIND_VIDEO)
		snprintf(t->note, sizeof(t->note), "%s at %u Hz: " SET_VIDEO, t->codec_name,
			t->clock_rate);
	else if (kind == MR_KIND_AUDIO)
		snprintf(t->note, sizeof(t->note), "%s at %u Hz: " SET_AUDIO, t->codec_name,
			t->clock_rate);
	else
		g_strlcpy(t->note, "neither video nor audio; nothing to do", sizeof(t->note));
}

void sdp_codec_parse(struct sdp_codec *out, enum mr_media_kind kind, uint8_t payload_type,
	const char *rtpmap, const char *fmtp)
{
	struct track *t = &out->track;

	memset(out, 0, sizeof(*out));
	t->kind = kind;
	t->payload_type = payload_type;
	t->channels = 1;
	if (!rtpmap)
		rtpmap = static_rtpmap(payload_type);
	if (rtpmap) {
		take_rtpmap(t, rtpmap);
	} else {
		snprintf(t->codec_name, sizeof(t->codec_name), "type %u", payload_type);
		g_strlcpy(t->note, "a payload type without rtpmap", sizeof(t->note));
	}
	if (rtpmap)
		take_codec(out, kind, fmtp);
	if (t->codec == MR_CODEC_NONE)
		explain(t, kind);
}
