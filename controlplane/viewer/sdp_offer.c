/* SPDX-License-Identifier: BSD-3-Clause */
/* Parser of SDP offers: see sdp_offer.h. Any thread. */
#include "controlplane/viewer/sdp_offer.h"

#include "controlplane/viewer/sdp_formats.h"

#include <ctype.h>
#include <errno.h>
#include <gst/sdp/gstsdpmessage.h>
#include <string.h>

/* gstreamer-sdp forgives much; what no correct client sends is refused before. */
static bool text_is_sdp(const char *text, size_t len, const char **why)
{
	size_t lines = 0, start = 0;

	if (len == 0 || len > SDP_OFFER_MAX) {
		*why = "the offer is empty or too long";
		return false;
	}
	if (len < 4 || memcmp(text, "v=0", 3) != 0 || (text[3] != '\r' && text[3] != '\n')) {
		*why = "the offer does not begin with v=0";
		return false;
	}
	for (size_t i = 0; i <= len; i++) {
		unsigned char c = i < len ? text[i] : '\n';

		if (c == '\n') {
			size_t n = i - start;

			if (n > 0 && text[i - 1] == '\r')
				n--;
			if (n > SDP_LINE_MAX || ++lines > SDP_LINES_MAX) {
				*why = "the offer has too many or too long lines";
				return false;
			}
			if (n > 0 && (n < 2 || !islower((unsigned char)text[start]) ||
					     text[start + 1] != '=')) {
				*why = "the offer has a line that is not type=value";
				return false;
			}
			start = i + 1;
		} else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
			*why = "the offer has control characters";
			return false;
		}
	}
	return true;
}

static bool copy_checked(char *out, size_t size, const char *in, const char *also, size_t min)
{
	size_t n = strlen(in);

	while (n > 0 && (in[n - 1] == ' ' || in[n - 1] == '\t'))
		n--;
	if (n < min || n >= size)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)in[i]) && !strchr(also, in[i]))
			return false;
	}
	memcpy(out, in, n);
	out[n] = '\0';
	return true;
}

static void add_fingerprint(
	struct sdp_fingerprints *f, enum sdp_hash hash, const uint8_t *bytes, size_t len)
{
	if (f->inherited || hash > f->hash)
		*f = (struct sdp_fingerprints){.hash = hash, .len = len};
	if (hash == f->hash && f->n < SDP_FINGERPRINTS_MAX)
		memcpy(f->value[f->n++], bytes, len);
}

/* "sha-256 AB:CD:..." (RFC 8122 5) */
static bool parse_fingerprint(struct sdp_fingerprints *f, const char *value)
{
	static const struct {
		const char *name;
		enum sdp_hash hash;
		size_t len;
	} hashes[] = {
		{"sha-256 ", SDP_HASH_SHA256, 32},
		{"sha-384 ", SDP_HASH_SHA384, 48},
		{"sha-512 ", SDP_HASH_SHA512, 64},
	};
	uint8_t bytes[SDP_FINGERPRINT_MAX];

	for (size_t h = 0; h < G_N_ELEMENTS(hashes); h++) {
		size_t skip = strlen(hashes[h].name);
		const char *s = value + skip;

		if (g_ascii_strncasecmp(value, hashes[h].name, skip) != 0)
			continue;
		for (size_t i = 0; i < hashes[h].len; i++, s += 3) {
			if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1]))
				return false;
			if (i + 1 < hashes[h].len ? s[2] != ':' : s[2] != '\0' && s[2] != ' ')
				return false;
			bytes[i] = g_ascii_xdigit_value(s[0]) << 4 | g_ascii_xdigit_value(s[1]);
		}
		add_fingerprint(f, hashes[h].hash, bytes, hashes[h].len);
		return true;
	}
	return true; /* another hash: not used, another line may be ours */
}

/* One attribute of the session or a media section. */
static bool parse_transport(
	struct sdp_transport *t, const char *key, const char *value, const char **why)
{
	if (strcmp(key, "ice-ufrag") == 0) {
		*why = "a=ice-ufrag is not 4 to 256 ice-chars";
		return copy_checked(t->ufrag, sizeof(t->ufrag), value, "+/", 4);
	}
	if (strcmp(key, "ice-pwd") == 0) {
		*why = "a=ice-pwd is not 22 to 256 ice-chars";
		return copy_checked(t->pwd, sizeof(t->pwd), value, "+/", 22);
	}
	if (strcmp(key, "fingerprint") == 0) {
		*why = "a=fingerprint is malformed";
		return parse_fingerprint(&t->fingerprints, value);
	}
	if (strcmp(key, "setup") == 0) {
		t->setup = true;
		t->client = strcmp(value, "actpass") == 0 || strcmp(value, "active") == 0;
	}
	return true;
}

static bool parse_media_attributes(struct sdp_media *m, const GstSDPMedia *media,
	const struct rtpmap map[128], const char **why)
{
	m->receives = true; /* sendrecv unless said otherwise: RFC 8866 6.7 */
	for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
		const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, i);
		const char *value = a->value ? a->value : "";

		if (!parse_transport(&m->transport, a->key, value, why))
			return false;
		if (strcmp(a->key, "mid") == 0) {
			/* token of RFC 8866 9 */
			if (!copy_checked(m->mid, sizeof(m->mid), value, "!#$%&'*+-.^_`{|}~", 1)) {
				*why = "a=mid is not a token of 1 to 31 characters";
				return false;
			}
		} else if (strcmp(a->key, "sendonly") == 0 || strcmp(a->key, "inactive") == 0) {
			m->receives = false;
		} else if (strcmp(a->key, "rtcp-mux") == 0) {
			m->mux = true;
		} else if (strcmp(a->key, "rtcp-rsize") == 0) {
			m->reduced = true;
		} else if (strcmp(a->key, "bundle-only") == 0) {
			m->offered = true;
		} else if (strcmp(a->key, "fmtp") == 0) {
			sdp_fmtp_parse(m, map, value);
		} else if (strcmp(a->key, "rtcp-fb") == 0) {
			sdp_rtcp_fb_parse(m, value);
		}
	}
	return true;
}

static bool parse_media(struct sdp_media *m, const GstSDPMedia *media,
	const struct sdp_transport *session, const char **why)
{
	struct rtpmap map[128] = {0};
	const char *proto = gst_sdp_media_get_proto(media), *type = gst_sdp_media_get_media(media);

	*why = "an m= line is malformed";
	if (!type || !proto || gst_sdp_media_formats_len(media) == 0 ||
		!copy_checked(m->type, sizeof(m->type), type, "-", 1) ||
		!copy_checked(m->proto, sizeof(m->proto), proto, "/-", 1) ||
		!copy_checked(m->format, sizeof(m->format), gst_sdp_media_get_format(media, 0),
			"-./*_+", 1))
		return false;
	m->transport = *session;
	m->transport.fingerprints.inherited = true;
	m->offered = gst_sdp_media_get_port(media) != 0;
	m->rtp = strcmp(m->proto, "UDP/TLS/RTP/SAVPF") == 0 ||
		 strcmp(m->proto, "UDP/TLS/RTP/SAVP") == 0;
	if (strcmp(m->type, "video") == 0)
		m->kind = MR_KIND_VIDEO;
	else if (strcmp(m->type, "audio") == 0)
		m->kind = MR_KIND_AUDIO;
	if (m->kind != 0 && m->rtp && !sdp_formats_parse(m, media, map, why))
		return false;
	return parse_media_attributes(m, media, map, why);
}

static struct sdp_media *find_mid(struct sdp_offer *offer, const char *mid)
{
	for (unsigned int i = 0; i < offer->n_media && *mid; i++) {
		if (strcmp(offer->media[i].mid, mid) == 0)
			return &offer->media[i];
	}
	return NULL;
}

/* The first section of a bundle speaks for those that say nothing of the transport:
 * RFC 9143 7.1.3 has a=bundle-only sections leave it out. */
static void inherit_transport(struct sdp_offer *offer, const struct sdp_media *tagged)
{
	for (unsigned int i = 0; i < offer->n_media; i++) {
		struct sdp_media *m = &offer->media[i];
		struct sdp_transport *t = &m->transport;

		if (!m->bundled || m == tagged)
			continue;
		if (!t->ufrag[0] && !t->pwd[0]) {
			memcpy(t->ufrag, tagged->transport.ufrag, sizeof(t->ufrag));
			memcpy(t->pwd, tagged->transport.pwd, sizeof(t->pwd));
		}
		if (t->fingerprints.n == 0)
			t->fingerprints = tagged->transport.fingerprints;
		if (!t->setup)
			t->client = tagged->transport.client;
		m->mux |= tagged->mux;
	}
}

/* "BUNDLE 0 1" (RFC 9143) */
static void parse_group(struct sdp_offer *offer, const char *value)
{
	char **words;

	if (strncmp(value, "BUNDLE", 6) != 0 || (value[6] != ' ' && value[6] != '\0'))
		return;
	offer->bundle = true;
	words = g_strsplit(value + 6, " ", 2 * SDP_MEDIA_MAX);
	for (unsigned int i = 0; i < offer->n_media; i++) {
		struct sdp_media *m = &offer->media[i];

		m->bundled |= m->mid[0] && g_strv_contains((const char *const *)words, m->mid);
	}
	for (char **w = words; *w; w++) {
		const struct sdp_media *tagged = find_mid(offer, *w);

		if (tagged) {
			inherit_transport(offer, tagged);
			break;
		}
	}
	g_strfreev(words);
}

static bool mids_are_unique(const struct sdp_offer *offer)
{
	for (unsigned int i = 0; i < offer->n_media; i++) {
		for (unsigned int j = 0; j < i; j++) {
			if (offer->media[i].mid[0] &&
				strcmp(offer->media[i].mid, offer->media[j].mid) == 0)
				return false;
		}
	}
	return true;
}

static bool parse_message(struct sdp_offer *offer, const GstSDPMessage *message, const char **why)
{
	struct sdp_transport session = {0};
	guint n = gst_sdp_message_medias_len(message);

	for (guint i = 0; i < gst_sdp_message_attributes_len(message); i++) {
		const GstSDPAttribute *a = gst_sdp_message_get_attribute(message, i);

		if (!parse_transport(&session, a->key, a->value ? a->value : "", why))
			return false;
	}
	if (n == 0 || n > SDP_MEDIA_MAX) {
		*why = "the offer has no media section, or more than 16";
		return false;
	}
	for (guint i = 0; i < n; i++) {
		offer->n_media++;
		if (!parse_media(
			    &offer->media[i], gst_sdp_message_get_media(message, i), &session, why))
			return false;
	}
	if (!mids_are_unique(offer)) {
		*why = "two media sections have the same a=mid";
		return false;
	}
	for (guint i = 0; i < gst_sdp_message_attributes_len(message); i++) {
		const GstSDPAttribute *a = gst_sdp_message_get_attribute(message, i);

		if (strcmp(a->key, "group") == 0 && a->value)
			parse_group(offer, a->value);
	}
	if (!offer->bundle && n == 1)
		offer->media[0].bundled = true;
	for (guint i = 0; i < n; i++)
		offer->media[i].rtp = offer->media[i].rtp && offer->media[i].mux;
	return true;
}

int sdp_offer_parse(struct sdp_offer *offer, const char *text, size_t len, const char **why)
{
	GstSDPMessage *message = NULL;
	int rc = -EINVAL;

	memset(offer, 0, sizeof(*offer));
	if (!text_is_sdp(text, len, why))
		return -EINVAL;
	*why = "the offer is not SDP";
	if (gst_sdp_message_new(&message) != GST_SDP_OK)
		return -EINVAL;
	if (gst_sdp_message_parse_buffer((const guint8 *)text, len, message) == GST_SDP_OK &&
		parse_message(offer, message, why))
		rc = 0;
	gst_sdp_message_free(message);
	return rc;
}
