/* SPDX-License-Identifier: BSD-3-Clause */
/* SDP of a source to tracks; pure, any thread. */
#include "controlplane/source/sdp_tracks.h"

#include "controlplane/source/address.h"
#include "controlplane/source/sdp_codec.h"

#include <glib.h>
#include <gst/sdp/gstsdpmessage.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Attributes of the same name that are looked through for one payload type. */
#define ATTRIBUTES_MAX 64

/* The value of "a=KEY:PT value" behind the payload type; NULL: none. */
static const char *attribute_of_type(const GstSDPMedia *media, const char *key, unsigned int type)
{
	for (unsigned int i = 0; i < ATTRIBUTES_MAX; i++) {
		const char *value = gst_sdp_media_get_attribute_val_n(media, key, i);
		unsigned int number;
		int at = 0;

		if (!value)
			return NULL;
		if (sscanf(value, "%3u%n", &number, &at) == 1 && number == type &&
			(value[at] == ' ' || value[at] == '\t'))
			return value + at + strspn(value + at, " \t");
	}
	return NULL;
}

/* Whether an a=rtcp-fb of the type, or of '*', says so (RFC 4585 4.2). */
static bool has_feedback(const GstSDPMedia *media, unsigned int type, const char *what)
{
	for (unsigned int i = 0; i < ATTRIBUTES_MAX; i++) {
		const char *value = gst_sdp_media_get_attribute_val_n(media, "rtcp-fb", i);
		unsigned int number = type;
		int at = 0;

		if (!value)
			return false;
		if (*value == '*')
			at = 1;
		else if (sscanf(value, "%3u%n", &number, &at) != 1 || number != type)
			continue;
		if (value[at] == ' ' && !strcmp(value + at + 1, what))
			return true;
	}
	return false;
}

static int format_type(const GstSDPMedia *media, unsigned int i, unsigned int *type)
{
	const char *text = gst_sdp_media_get_format(media, i);
	int end = 0;

	if (!text || sscanf(text, "%3u%n", type, &end) != 1 || text[end] || *type > 127)
		return -EINVAL;
	return 0;
}

static void copy_control(char out[RTSP_URL_MAX], const char *value)
{
	if (value && strlen(value) < RTSP_URL_MAX && rtsp_url_is_plain(value))
		strcpy(out, value);
}

/* "224.2.1.1/127/3": only the address. */
static void take_address(uint8_t out[16], const GstSDPConnection *c)
{
	char text[ADDRESS_TEXT_MAX];
	size_t len;

	if (!c || !c->address)
		return;
	len = strcspn(c->address, "/");
	if (len >= sizeof(text))
		return;
	memcpy(text, c->address, len);
	text[len] = 0;
	if (address_parse(out, text))
		memset(out, 0, 16);
}

static enum mr_media_kind media_kind(const char *media)
{
	if (media && !strcmp(media, "video"))
		return MR_KIND_VIDEO;
	if (media && !strcmp(media, "audio"))
		return MR_KIND_AUDIO;
	return 0;
}

/* The first format that is carried wins; without one the first format is named. */
static void take_codec(struct sdp_track *out, const GstSDPMedia *media)
{
	unsigned int n = gst_sdp_media_formats_len(media);
	struct sdp_codec first;
	bool have_first = false;

	for (unsigned int i = 0; i < n && i < ATTRIBUTES_MAX; i++) {
		struct sdp_codec codec;
		unsigned int type;

		if (format_type(media, i, &type))
			continue;
		sdp_codec_parse(&codec, out->track.kind, (uint8_t)type,
			attribute_of_type(media, "rtpmap", type),
			attribute_of_type(media, "fmtp", type));
		if (codec.track.codec != MR_CODEC_NONE) {
			first = codec;
			have_first = true;
			break;
		}
		if (!have_first) {
			first = codec;
			have_first = true;
		}
	}
	if (!have_first) {
		const char *format = n ? gst_sdp_media_get_format(media, 0) : NULL;

		g_strlcpy(out->track.codec_name, "unknown", sizeof(out->track.codec_name));
		if (format && *format && rtsp_url_is_plain(format))
			g_strlcpy(out->track.codec_name, format, sizeof(out->track.codec_name));
		g_strlcpy(out->track.note, "no RTP payload type in its media section",
			sizeof(out->track.note));
		return;
	}
	first.track.kind = out->track.kind;
	out->track = first.track;
	out->parameter_sets_len = first.parameter_sets_len;
	memcpy(out->parameter_sets, first.parameter_sets, first.parameter_sets_len);
	out->fir = has_feedback(media, out->track.payload_type, "ccm fir") &&
		   !has_feedback(media, out->track.payload_type, "nack pli");
}

static void refuse(struct track *t, const char *why)
{
	t->codec = MR_CODEC_NONE;
	g_strlcpy(t->note, why, sizeof(t->note));
}

static void take_media(struct sdp_track *out, const GstSDPMedia *media)
{
	const char *proto = gst_sdp_media_get_proto(media);

	out->track.kind = media_kind(gst_sdp_media_get_media(media));
	out->port = (uint16_t)gst_sdp_media_get_port(media);
	copy_control(out->control, gst_sdp_media_get_attribute_val(media, "control"));
	if (gst_sdp_media_connections_len(media) > 0)
		take_address(out->address, gst_sdp_media_get_connection(media, 0));
	take_codec(out, media);
	if (out->track.codec == MR_CODEC_NONE)
		return;
	if (proto && strcmp(proto, "RTP/AVP") && strcmp(proto, "RTP/AVPF"))
		refuse(&out->track,
			"encrypted or unknown transport; set the camera to plain RTP/AVP");
	else if (gst_sdp_media_get_attribute_val(media, "inactive"))
		refuse(&out->track, "the source says that it is inactive");
}

/* A viewer has one video and one audio track. */
static void keep_first_of_each_kind(struct sdp_tracks *out)
{
	bool seen[MR_KIND_AUDIO + 1] = {false};

	for (unsigned int i = 0; i < out->n; i++) {
		struct track *t = &out->tracks[i].track;

		if (t->codec == MR_CODEC_NONE)
			continue;
		if (seen[t->kind])
			refuse(t, t->kind == MR_KIND_VIDEO
					  ? "a second video track; only the first is carried"
					  : "a second audio track; only the first is carried");
		seen[t->kind] = true;
	}
}

int sdp_tracks_parse(struct sdp_tracks *out, const char *text, size_t len)
{
	GstSDPMessage *sdp = NULL;
	char *copy;
	unsigned int n;
	uint8_t session_address[16] = {0};
	int err = 0;

	memset(out, 0, sizeof(*out));
	len = strnlen(text, len);
	if (!len)
		return -EINVAL;
	if (len > SDP_SIZE_MAX)
		return -E2BIG;
	copy = g_strndup(text, len);
	if (gst_sdp_message_new(&sdp) != GST_SDP_OK) {
		err = -ENOMEM;
		goto out_copy;
	}
	if (gst_sdp_message_parse_buffer((const guint8 *)copy, (guint)len, sdp) != GST_SDP_OK ||
		g_strcmp0(gst_sdp_message_get_version(sdp), "0")) {
		err = -EINVAL;
		goto out_sdp;
	}
	copy_control(out->control, gst_sdp_message_get_attribute_val(sdp, "control"));
	take_address(session_address, gst_sdp_message_get_connection(sdp));
	n = gst_sdp_message_medias_len(sdp);
	if (!n)
		err = -ENOENT;
	for (unsigned int i = 0; i < n && i < PATH_TRACKS_MAX; i++) {
		struct sdp_track *t = &out->tracks[out->n++];

		take_media(t, gst_sdp_message_get_media(sdp, i));
		if (address_is_any(t->address))
			memcpy(t->address, session_address, 16);
	}
	keep_first_of_each_kind(out);
out_sdp:
	gst_sdp_message_free(sdp);
out_copy:
	g_free(copy);
	return err;
}
