/* SPDX-License-Identifier: BSD-3-Clause */
/* Our answer to a server that offers, see sdp.h. Pure, any thread. */
#include "apps/viewer/sdp.h"

#include <glib.h>
#include <gst/sdp/gstsdpmessage.h>
#include <string.h>

static bool is_wanted(const GstSDPMedia *media, const struct sdp_offer *ours)
{
	const char *name = gst_sdp_media_get_media(media);

	if (name == NULL || gst_sdp_media_get_port(media) == 0)
		return false;
	return (strcmp(name, "video") == 0 && ours->video) ||
	       (strcmp(name, "audio") == 0 && ours->audio);
}

/* What an answer repeats of the offer: the codecs, and how losses are told (RFC 3264 6.1). */
static void append_codecs(GString *sdp, const GstSDPMedia *media)
{
	static const char *const names[] = {"mid", "rtpmap", "fmtp", "rtcp-fb"};
	guint count = gst_sdp_media_attributes_len(media);

	for (guint i = 0; i < count; i++) {
		const GstSDPAttribute *attribute = gst_sdp_media_get_attribute(media, i);

		for (size_t k = 0; k < G_N_ELEMENTS(names); k++)
			if (strcmp(attribute->key, names[k]) == 0 && attribute->value)
				g_string_append_printf(
					sdp, "a=%s:%s\r\n", attribute->key, attribute->value);
	}
}

static void append_media(GString *sdp, const GstSDPMedia *media, const struct sdp_offer *ours)
{
	bool wanted = is_wanted(media, ours);
	guint count = gst_sdp_media_formats_len(media);

	g_string_append_printf(sdp, "m=%s %u %s", gst_sdp_media_get_media(media), wanted ? 9u : 0u,
		gst_sdp_media_get_proto(media));
	for (guint i = 0; i < count; i++)
		g_string_append_printf(sdp, " %s", gst_sdp_media_get_format(media, i));
	g_string_append(sdp, "\r\nc=IN IP4 0.0.0.0\r\n");
	if (!wanted) {
		g_string_append(sdp, "a=inactive\r\n");
		return;
	}
	g_string_append_printf(sdp,
		"%s"
		"a=end-of-candidates\r\n"
		"a=ice-ufrag:%s\r\n"
		"a=ice-pwd:%s\r\n"
		"a=fingerprint:sha-256 %s\r\n"
		"a=setup:active\r\n"
		"a=recvonly\r\n"
		"a=rtcp-mux\r\n"
		"a=rtcp-rsize\r\n",
		ours->candidates, ours->ufrag, ours->password, ours->fingerprint);
	append_codecs(sdp, media);
}

static char *format(const GstSDPMessage *offer, const struct sdp_offer *ours)
{
	GString *sdp = g_string_sized_new(4096);
	guint count = gst_sdp_message_medias_len(offer);

	g_string_append(sdp, "v=0\r\n"
			     "o=- 1 1 IN IP4 127.0.0.1\r\n"
			     "s=-\r\n"
			     "t=0 0\r\n"
			     "a=group:BUNDLE");
	for (guint i = 0; i < count; i++) {
		const GstSDPMedia *media = gst_sdp_message_get_media(offer, i);
		const char *mid = gst_sdp_media_get_attribute_val(media, "mid");

		if (mid && is_wanted(media, ours))
			g_string_append_printf(sdp, " %s", mid);
	}
	g_string_append(sdp, "\r\n");
	for (guint i = 0; i < count; i++)
		append_media(sdp, gst_sdp_message_get_media(offer, i), ours);
	return g_string_free(sdp, FALSE);
}

char *sdp_reply_format(const char *text, size_t length, const struct sdp_offer *ours)
{
	GstSDPMessage *offer = NULL;
	char *answer = NULL;

	if (length == 0 || length > SDP_ANSWER_MAX || memchr(text, '\0', length))
		return NULL;
	if (gst_sdp_message_new(&offer) != GST_SDP_OK)
		return NULL;
	if (gst_sdp_message_parse_buffer((const guint8 *)text, (guint)length, offer) == GST_SDP_OK)
		answer = format(offer, ours);
	gst_sdp_message_free(offer);
	return answer;
}
