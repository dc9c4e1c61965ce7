/* SPDX-License-Identifier: BSD-3-Clause */
/* Offer and answer, see sdp.h. Pure, any thread; GStreamer's SDP library splits the lines. */
#include "apps/viewer/sdp.h"

#include <errno.h>
#include <glib.h>
#include <gst/sdp/gstsdpmessage.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What Chromium offers, of the codecs a gateway can pass through. */
struct codec {
	enum media_kind kind;
	uint8_t type;
	uint8_t rtx_type; /* 0: none */
	const char *rtpmap;
	const char *fmtp; /* NULL: none */
};

#define H264(level, mode)                                                                          \
	"level-asymmetry-allowed=1;packetization-mode=" mode ";profile-level-id=" level

static const struct codec codecs[] = {
	{MEDIA_VIDEO, 96, 97, "VP8/90000", NULL},
	{MEDIA_VIDEO, 106, 107, "H264/90000", H264("42e01f", "1")},
	{MEDIA_VIDEO, 108, 109, "H264/90000", H264("42e01f", "0")},
	{MEDIA_VIDEO, 127, 125, "H264/90000", H264("4d001f", "1")},
	{MEDIA_VIDEO, 39, 40, "H264/90000", H264("4d001f", "0")},
	{MEDIA_VIDEO, 112, 113, "H264/90000", H264("640c1f", "1")},
	{MEDIA_VIDEO, 114, 115, "H264/90000", H264("640c1f", "0")},
	{MEDIA_AUDIO, 111, 0, "opus/48000/2", "minptime=10;useinbandfec=1"},
	{MEDIA_AUDIO, 0, 0, "PCMU/8000", NULL},
	{MEDIA_AUDIO, 8, 0, "PCMA/8000", NULL},
};

static const char *const extensions[] = {
	"1 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
	"2 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
	"3 urn:ietf:params:rtp-hdrext:sdes:mid",
};

const char *media_kind_name(enum media_kind kind)
{
	switch (kind) {
	case MEDIA_VIDEO:
		return "video";
	case MEDIA_AUDIO:
		return "audio";
	case MEDIA_RTX:
		return "rtx";
	case MEDIA_UNKNOWN:
		break;
	}
	return "unknown";
}

/* ---- the offer ---- */

static bool is_offered(const struct sdp_offer *offer, const struct codec *codec)
{
	if (strncmp(codec->rtpmap, "H264/", 5) == 0)
		return offer->h264;
	if (strncmp(codec->rtpmap, "VP8/", 4) == 0)
		return offer->vp8;
	return true;
}

static void append_codec(GString *sdp, const struct codec *codec, bool rtx)
{
	g_string_append_printf(sdp, "a=rtpmap:%u %s\r\n", codec->type, codec->rtpmap);
	if (codec->kind == MEDIA_VIDEO)
		g_string_append_printf(sdp,
			"a=rtcp-fb:%u goog-remb\r\n"
			"a=rtcp-fb:%u transport-cc\r\n"
			"a=rtcp-fb:%u ccm fir\r\n"
			"a=rtcp-fb:%u nack\r\n"
			"a=rtcp-fb:%u nack pli\r\n",
			codec->type, codec->type, codec->type, codec->type, codec->type);
	if (codec->fmtp)
		g_string_append_printf(sdp, "a=fmtp:%u %s\r\n", codec->type, codec->fmtp);
	if (rtx && codec->rtx_type)
		g_string_append_printf(sdp,
			"a=rtpmap:%u rtx/90000\r\n"
			"a=fmtp:%u apt=%u\r\n",
			codec->rtx_type, codec->rtx_type, codec->type);
}

static void append_media(
	GString *sdp, const struct sdp_offer *offer, enum media_kind kind, unsigned int mid)
{
	g_string_append_printf(sdp, "m=%s 9 UDP/TLS/RTP/SAVPF", media_kind_name(kind));
	for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
		if (codecs[i].kind != kind || !is_offered(offer, &codecs[i]))
			continue;
		g_string_append_printf(sdp, " %u", codecs[i].type);
		if (offer->rtx && codecs[i].rtx_type)
			g_string_append_printf(sdp, " %u", codecs[i].rtx_type);
	}
	g_string_append_printf(sdp,
		"\r\nc=IN IP4 0.0.0.0\r\n"
		"a=rtcp:9 IN IP4 0.0.0.0\r\n"
		"%s"
		"a=end-of-candidates\r\n"
		"a=ice-ufrag:%s\r\n"
		"a=ice-pwd:%s\r\n"
		"a=fingerprint:sha-256 %s\r\n"
		"a=setup:actpass\r\n"
		"a=mid:%u\r\n",
		offer->candidates, offer->ufrag, offer->password, offer->fingerprint, mid);
	for (size_t i = 0; i < G_N_ELEMENTS(extensions); i++)
		g_string_append_printf(sdp, "a=extmap:%s\r\n", extensions[i]);
	g_string_append(sdp, "a=recvonly\r\n"
			     "a=rtcp-mux\r\n"
			     "a=rtcp-rsize\r\n");
	for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++)
		if (codecs[i].kind == kind && is_offered(offer, &codecs[i]))
			append_codec(sdp, &codecs[i], offer->rtx);
}

char *sdp_offer_format(const struct sdp_offer *offer)
{
	GString *sdp = g_string_sized_new(6144);
	unsigned int mid = 0;

	g_string_append_printf(sdp,
		"v=0\r\n"
		"o=- %" G_GUINT64_FORMAT " 2 IN IP4 127.0.0.1\r\n"
		"s=-\r\n"
		"t=0 0\r\n"
		"a=group:BUNDLE%s%s\r\n"
		"a=extmap-allow-mixed\r\n"
		"a=msid-semantic: WMS\r\n",
		(guint64)g_random_int() << 30 | g_random_int() >> 2,
		offer->video || offer->audio ? " 0" : "", offer->video && offer->audio ? " 1" : "");
	if (offer->video)
		append_media(sdp, offer, MEDIA_VIDEO, mid++);
	if (offer->audio)
		append_media(sdp, offer, MEDIA_AUDIO, mid++);
	return g_string_free(sdp, FALSE);
}

/* ---- the answer ---- */

static int parse_fingerprint(const char *text, uint8_t *digest)
{
	if (g_ascii_strncasecmp(text, "sha-256 ", 8) != 0)
		return -EBADMSG;
	text += 8;
	for (size_t i = 0; i < SDP_FINGERPRINT_SIZE; i++, text += 2) {
		if (i > 0 && *text++ != ':')
			return -EBADMSG;
		if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1]))
			return -EBADMSG;
		digest[i] = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 |
				      g_ascii_xdigit_value(text[1]));
	}
	return *text == '\0' ? 0 : -EBADMSG;
}

/* The media section's attribute, else the session's (RFC 8839 5.4, RFC 8122 5). */
static const char *get_attribute(
	const GstSDPMessage *sdp, const GstSDPMedia *media, const char *name)
{
	const char *value = gst_sdp_media_get_attribute_val(media, name);

	return value ? value : gst_sdp_message_get_attribute_val(sdp, name);
}

static int copy_credential(const char *value, char *credential, size_t least)
{
	size_t length = value ? strlen(value) : 0;

	if (length < least || length >= SDP_CREDENTIAL_SIZE)
		return -EBADMSG;
	memcpy(credential, value, length + 1);
	return 0;
}

static void add_candidates(const GstSDPMedia *media, struct sdp_answer *answer)
{
	guint count = gst_sdp_media_attributes_len(media);

	for (guint i = 0; i < count && answer->candidate_count < SDP_CANDIDATES_MAX; i++) {
		const GstSDPAttribute *attribute = gst_sdp_media_get_attribute(media, i);
		char *slot = answer->candidates[answer->candidate_count];
		int n;

		if (strcmp(attribute->key, "candidate") != 0 || attribute->value == NULL)
			continue;
		n = snprintf(slot, SDP_CANDIDATE_SIZE, "candidate:%s", attribute->value);
		if (n > 0 && n < SDP_CANDIDATE_SIZE)
			answer->candidate_count++;
	}
}

static int parse_transport(const GstSDPMessage *sdp, const GstSDPMedia *media, bool offer,
	struct sdp_answer *answer, char *error)
{
	const char *fingerprint = get_attribute(sdp, media, "fingerprint");
	const char *setup = get_attribute(sdp, media, "setup");

	if (copy_credential(get_attribute(sdp, media, "ice-ufrag"), answer->ufrag, 4) < 0 ||
		copy_credential(get_attribute(sdp, media, "ice-pwd"), answer->password, 22) < 0) {
		snprintf(error, SDP_ERROR_SIZE, "answer without valid ICE credentials");
		return -EBADMSG;
	}
	if (fingerprint == NULL || parse_fingerprint(fingerprint, answer->fingerprint) < 0) {
		snprintf(error, SDP_ERROR_SIZE, "answer without a valid SHA-256 fingerprint");
		return -EBADMSG;
	}
	if (setup && strcmp(setup, offer ? "actpass" : "passive") == 0) {
		answer->setup = SDP_SETUP_PASSIVE;
	} else if (setup && strcmp(setup, "active") == 0) {
		answer->setup = SDP_SETUP_ACTIVE;
	} else {
		snprintf(error, SDP_ERROR_SIZE,
			offer ? "offer's setup is neither actpass nor active"
			      : "answer's setup is neither passive nor active");
		return -EBADMSG;
	}
	answer->ice_lite = gst_sdp_message_get_attribute_val(sdp, "ice-lite") != NULL;
	add_candidates(media, answer);
	return 0;
}

/* "106 H264/90000" */
static void add_payload(const char *rtpmap, enum media_kind kind, struct sdp_answer *answer)
{
	struct sdp_payload *payload = &answer->payloads[answer->payload_count];
	char *end;
	unsigned long type = strtoul(rtpmap, &end, 10);
	unsigned long rate;
	size_t length;

	if (answer->payload_count == SDP_PAYLOADS_MAX || end == rtpmap || type > 127)
		return;
	while (*end == ' ')
		end++;
	length = strcspn(end, "/");
	if (length == 0 || length >= SDP_CODEC_SIZE || end[length] != '/')
		return;
	rate = strtoul(end + length + 1, NULL, 10);
	if (rate == 0 || rate > 1000000)
		return;
	payload->type = (uint8_t)type;
	payload->clock_rate = (uint32_t)rate;
	memcpy(payload->codec, end, length);
	payload->codec[length] = '\0';
	payload->kind = g_ascii_strcasecmp(payload->codec, "rtx") == 0 ? MEDIA_RTX : kind;
	answer->payload_count++;
}

static struct sdp_payload *find_payload(struct sdp_answer *answer, unsigned int type)
{
	for (size_t i = 0; i < answer->payload_count; i++)
		if (answer->payloads[i].type == type)
			return &answer->payloads[i];
	return NULL;
}

/* "97 apt=96", RFC 4588 8.6 */
static void set_apt(const char *fmtp, struct sdp_answer *answer)
{
	struct sdp_payload *payload;
	unsigned int type, apt;

	if (sscanf(fmtp, "%3u apt=%3u", &type, &apt) != 2 || apt > 127)
		return;
	payload = find_payload(answer, type);
	if (payload != NULL && payload->kind == MEDIA_RTX)
		payload->repairs = (uint8_t)apt;
}

/* "96 nack", RFC 4585 4.2 */
static void set_nack(const char *feedback, struct sdp_answer *answer)
{
	struct sdp_payload *payload;
	char name[8];
	unsigned int type;

	if (sscanf(feedback, "%3u %7[^\n]", &type, name) != 2 || strcmp(name, "nack") != 0)
		return;
	payload = find_payload(answer, type);
	if (payload != NULL)
		payload->nack = true;
}

static void add_payloads(const GstSDPMedia *media, enum media_kind kind, struct sdp_answer *answer)
{
	guint count = gst_sdp_media_attributes_len(media);

	for (guint i = 0; i < count; i++) {
		const GstSDPAttribute *attribute = gst_sdp_media_get_attribute(media, i);

		if (strcmp(attribute->key, "rtpmap") == 0 && attribute->value)
			add_payload(attribute->value, kind, answer);
	}
	for (guint i = 0; i < count; i++) {
		const GstSDPAttribute *attribute = gst_sdp_media_get_attribute(media, i);

		if (attribute->value == NULL)
			continue;
		if (strcmp(attribute->key, "fmtp") == 0)
			set_apt(attribute->value, answer);
		else if (strcmp(attribute->key, "rtcp-fb") == 0)
			set_nack(attribute->value, answer);
	}
}

/* PCMU and PCMA need no rtpmap (RFC 3551 6). */
static void add_static_payloads(const GstSDPMedia *media, struct sdp_answer *answer)
{
	guint count = gst_sdp_media_formats_len(media);

	for (guint i = 0; i < count; i++) {
		const char *format = gst_sdp_media_get_format(media, i);

		if (strcmp(format, "0") == 0 && !sdp_answer_payload(answer, 0))
			add_payload("0 PCMU/8000", MEDIA_AUDIO, answer);
		if (strcmp(format, "8") == 0 && !sdp_answer_payload(answer, 8))
			add_payload("8 PCMA/8000", MEDIA_AUDIO, answer);
	}
}

static int parse_media(const GstSDPMessage *sdp, bool offer, struct sdp_answer *answer, char *error)
{
	guint count = gst_sdp_message_medias_len(sdp);

	for (guint i = 0; i < count; i++) {
		const GstSDPMedia *media = gst_sdp_message_get_media(sdp, i);
		const char *name = gst_sdp_media_get_media(media);
		bool first = !answer->video && !answer->audio;

		if (gst_sdp_media_get_port(media) == 0 || name == NULL)
			continue;
		if (strcmp(name, "video") == 0) {
			answer->video = true;
			add_payloads(media, MEDIA_VIDEO, answer);
		} else if (strcmp(name, "audio") == 0) {
			answer->audio = true;
			add_payloads(media, MEDIA_AUDIO, answer);
			add_static_payloads(media, answer);
		} else {
			continue;
		}
		/* One bundle: the first accepted section speaks for all. */
		if (first && parse_transport(sdp, media, offer, answer, error) < 0)
			return -EBADMSG;
	}
	if (!answer->video && !answer->audio) {
		snprintf(error, SDP_ERROR_SIZE, "answer accepts neither video nor audio");
		return -EBADMSG;
	}
	return 0;
}

static int parse(
	const char *text, size_t length, bool offer, struct sdp_answer *answer, char *error)
{
	GstSDPMessage *sdp = NULL;
	int rc = -EBADMSG;

	memset(answer, 0, sizeof(*answer));
	if (length == 0 || length > SDP_ANSWER_MAX || memchr(text, '\0', length)) {
		snprintf(error, SDP_ERROR_SIZE, "answer is empty, too long or not text");
		return -EBADMSG;
	}
	if (gst_sdp_message_new(&sdp) != GST_SDP_OK)
		return -ENOMEM;
	if (gst_sdp_message_parse_buffer((const guint8 *)text, (guint)length, sdp) != GST_SDP_OK)
		snprintf(error, SDP_ERROR_SIZE, "answer is not SDP");
	else
		rc = parse_media(sdp, offer, answer, error);
	gst_sdp_message_free(sdp);
	return rc;
}

int sdp_answer_parse(const char *text, size_t length, struct sdp_answer *answer, char *error)
{
	return parse(text, length, false, answer, error);
}

int sdp_remote_offer_parse(const char *text, size_t length, struct sdp_answer *answer, char *error)
{
	return parse(text, length, true, answer, error);
}

const struct sdp_payload *sdp_answer_payload(const struct sdp_answer *answer, uint8_t type)
{
	for (size_t i = 0; i < answer->payload_count; i++)
		if (answer->payloads[i].type == type)
			return &answer->payloads[i];
	return NULL;
}
