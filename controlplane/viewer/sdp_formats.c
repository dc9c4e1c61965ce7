/* SPDX-License-Identifier: BSD-3-Clause */
/* See sdp_formats.h. Any thread. */
#include "controlplane/viewer/sdp_formats.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Decimal of at most `max`; `*end` behind it. -1: none. */
static long parse_number(const char *s, long max, const char **end)
{
	long n = 0;

	if (!isdigit((unsigned char)*s))
		return -1;
	while (isdigit((unsigned char)*s)) {
		n = n * 10 + (*s++ - '0');
		if (n > max)
			return -1;
	}
	*end = s;
	return n;
}

static const struct {
	const char *name;
	enum mr_codec codec;
	enum mr_media_kind kind;
	long clock_rate; /* [Hz] */
	uint8_t channels;
} codecs[] = {
	{"H264", MR_CODEC_H264, MR_KIND_VIDEO, 90000, 1},
	{"VP8", MR_CODEC_VP8, MR_KIND_VIDEO, 90000, 1},
	{"opus", MR_CODEC_OPUS, MR_KIND_AUDIO, 48000, 2},
	{"PCMU", MR_CODEC_PCMU, MR_KIND_AUDIO, 8000, 1},
	{"PCMA", MR_CODEC_PCMA, MR_KIND_AUDIO, 8000, 1},
};

/* "102 H264/90000/1" (RFC 8866 6.6) */
static bool parse_rtpmap(struct rtpmap map[128], const char *value, enum mr_media_kind kind)
{
	long pt = parse_number(value, 127, &value);
	long rate, n = 1;
	const char *name;
	size_t len;

	if (pt < 0 || *value != ' ')
		return false;
	name = value + 1;
	len = strcspn(name, "/");
	if (len == 0 || name[len] != '/')
		return false;
	rate = parse_number(name + len + 1, 1000000, &value);
	if (rate < 0)
		return false;
	if (*value == '/' && (n = parse_number(value + 1, 255, &value)) < 0)
		return false;
	if (map[pt].seen)
		return true; /* the first one counts */
	map[pt].seen = true;
	map[pt].rtx = len == 3 && g_ascii_strncasecmp(name, "rtx", 3) == 0;
	map[pt].channels = n;
	for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
		if (codecs[i].kind == kind && strlen(codecs[i].name) == len &&
			g_ascii_strncasecmp(codecs[i].name, name, len) == 0 &&
			codecs[i].clock_rate == rate && codecs[i].channels == n)
			map[pt].codec = codecs[i].codec;
	}
	return true;
}

static struct sdp_format *find_format(struct sdp_media *m, long pt)
{
	for (unsigned int i = 0; i < m->n_formats; i++) {
		if (m->formats[i].payload_type == pt)
			return &m->formats[i];
	}
	return NULL;
}

static void add_format(struct sdp_media *m, uint8_t pt, enum mr_codec codec, uint8_t channels)
{
	struct sdp_format *f;

	/* RFC 5761 4: 64 to 95 look like RTCP on a muxed port. */
	if (codec == MR_CODEC_NONE || (pt >= 64 && pt <= 95) || find_format(m, pt) ||
		m->n_formats == SDP_FORMATS_MAX)
		return;
	f = &m->formats[m->n_formats++];
	f->payload_type = pt;
	f->codec = codec;
	f->channels = channels;
	memcpy(f->profile_level_id, (const uint8_t[]){0x42, 0x00, 0x0a}, 3); /* RFC 6184 8.1 */
}

bool sdp_formats_parse(
	struct sdp_media *m, const GstSDPMedia *media, struct rtpmap map[128], const char **why)
{
	for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
		const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, i);

		if (strcmp(a->key, "rtpmap") == 0 &&
			!parse_rtpmap(map, a->value ? a->value : "", m->kind)) {
			*why = "an a=rtpmap is malformed";
			return false;
		}
	}
	for (guint i = 0; i < gst_sdp_media_formats_len(media); i++) {
		const char *end, *text = gst_sdp_media_get_format(media, i);
		long pt = parse_number(text, 127, &end);

		if (pt < 0 || *end) {
			*why = "an m= line has a payload type that is not 0 to 127";
			return false;
		}
		if (map[pt].seen)
			add_format(m, pt, map[pt].codec, map[pt].channels);
		else if (m->kind == MR_KIND_AUDIO && (pt == 0 || pt == 8)) /* RFC 3551 6 */
			add_format(m, pt, pt == 0 ? MR_CODEC_PCMU : MR_CODEC_PCMA, 1);
	}
	return true;
}

void sdp_fmtp_parse(struct sdp_media *m, const struct rtpmap map[128], const char *value)
{
	long pt = parse_number(value, 127, &value);
	struct sdp_format *f = pt < 0 ? NULL : find_format(m, pt);
	char **parameters;

	if (pt < 0 || *value != ' ')
		return;
	parameters = g_strsplit(value + 1, ";", 64);
	for (char **p = parameters; *p; p++) {
		char *name = g_strstrip(*p), *equals = strchr(name, '=');
		const char *end;

		if (!equals)
			continue;
		*equals++ = '\0';
		if (g_ascii_strcasecmp(name, "apt") == 0 && map[pt].rtx) {
			long apt = parse_number(equals, 127, &end);
			struct sdp_format *repaired = apt < 0 ? NULL : find_format(m, apt);

			if (repaired && (pt < 64 || pt > 95)) {
				repaired->rtx = true;
				repaired->rtx_payload_type = pt;
			}
		} else if (f && g_ascii_strcasecmp(name, "packetization-mode") == 0) {
			long mode = parse_number(equals, 255, &end);

			f->packetization_mode = mode < 0 ? 255 : mode;
		} else if (f && g_ascii_strcasecmp(name, "profile-level-id") == 0 &&
			   strlen(equals) == 6 && strspn(equals, "0123456789abcdefABCDEF") == 6) {
			unsigned long id = strtoul(equals, NULL, 16);

			f->profile_level_id[0] = id >> 16;
			f->profile_level_id[1] = id >> 8;
			f->profile_level_id[2] = id;
		}
	}
	g_strfreev(parameters);
}

void sdp_rtcp_fb_parse(struct sdp_media *m, const char *value)
{
	long pt = -1;

	if (*value == '*')
		value++;
	else if ((pt = parse_number(value, 127, &value)) < 0)
		return;
	if (*value++ != ' ')
		return;
	for (unsigned int i = 0; i < m->n_formats; i++) {
		struct sdp_format *f = &m->formats[i];

		if (pt >= 0 && f->payload_type != pt)
			continue;
		f->nack |= strcmp(value, "nack") == 0;
		f->nack_pli |= strcmp(value, "nack pli") == 0;
		f->ccm_fir |= strcmp(value, "ccm fir") == 0;
	}
}
