/* SPDX-License-Identifier: BSD-3-Clause */
/* Choice of codecs and the answer's text: see sdp_answer.h. Any thread. */
#include "controlplane/viewer/sdp_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* RFC 6184 8.1, table 5: profiles in the order of what a decoder must know. */
static int h264_profile_rank(const uint8_t id[3])
{
	uint8_t flags = id[1];

	switch (id[0]) {
	case 0x42:
		return flags & 0x40 ? 0 : 1; /* constrained baseline, baseline */
	case 0x4d:
		return flags & 0x80 ? 0 : 2; /* main */
	case 0x58:
		return flags & 0xc0 ? 0 : 3; /* extended */
	case 0x64:
		return (flags & 0x0c) == 0x0c ? 4 : 5; /* constrained high, high */
	case 0x6e:
		return 6; /* high 10 */
	case 0x7a:
		return 7; /* high 4:2:2 */
	case 0xf4:
		return 8; /* high 4:4:4 */
	default:
		return 9;
	}
}

/* Lower is nearer; negative: not possible. */
static int h264_distance(const struct track *track, const struct sdp_format *f)
{
	int profile = 0, level = 0;

	if (f->packetization_mode > 1 || track->packetization_mode > f->packetization_mode)
		return -1;
	if (track->has_profile_level_id) {
		profile = h264_profile_rank(f->profile_level_id) -
			  h264_profile_rank(track->profile_level_id);
		level = abs(f->profile_level_id[2] - track->profile_level_id[2]);
	}
	/* A decoder of more is better than one of less at the same distance. */
	profile = profile >= 0 ? 2 * profile : -2 * profile + 1;
	return (f->packetization_mode != track->packetization_mode) * 100000 + profile * 1000 +
	       level;
}

static const struct sdp_format *choose_format(
	const struct track *track, const struct sdp_media *media)
{
	const struct sdp_format *best = NULL;
	int best_distance = 0;

	for (unsigned int i = 0; i < media->n_formats; i++) {
		const struct sdp_format *f = &media->formats[i];
		int distance = 0;

		if (f->codec != track->codec)
			continue;
		if (f->codec == MR_CODEC_H264)
			distance = h264_distance(track, f);
		if (distance >= 0 && (!best || distance < best_distance)) {
			best = f;
			best_distance = distance;
		}
	}
	return best;
}

static bool is_usable(const struct sdp_media *m)
{
	return m->kind != 0 && m->offered && m->rtp && m->receives;
}

static const char *transport_problem(const struct sdp_transport *t)
{
	if (!t->ufrag[0] || !t->pwd[0])
		return "the offer has no ICE credentials";
	if (t->fingerprints.n == 0)
		return "the offer has no fingerprint of sha-256, sha-384 or sha-512";
	if (!t->client)
		return "the offer must be a=setup:actpass or active";
	return NULL;
}

int sdp_answer_choose(struct sdp_choices *choices, const struct sdp_offer *offer,
	const struct track *const tracks[MR_VIEWER_TRACKS], const char **why)
{
	bool taken[MR_VIEWER_TRACKS] = {false};
	bool usable = false;

	memset(choices, 0, sizeof(*choices));
	for (unsigned int i = 0; i < offer->n_media; i++) {
		const struct sdp_media *m = &offer->media[i];

		usable |= is_usable(m);
		for (unsigned int t = 0; t < MR_VIEWER_TRACKS && is_usable(m); t++) {
			struct sdp_choice *choice = &choices->choices[choices->n];
			const struct sdp_format *format;

			if (!tracks[t] || taken[t] || tracks[t]->kind != m->kind ||
				!(format = choose_format(tracks[t], m)))
				continue;
			/* One transport: what is outside the bundle cannot be served too. */
			if (!m->bundled && (choices->transport || offer->bundle))
				continue;
			taken[t] = true;
			choice->track = tracks[t];
			choice->media = i;
			choice->format = *format;
			choices->n++;
			if (!choices->transport)
				choices->transport = &m->transport;
			break;
		}
	}
	if (!usable) {
		*why = "the offer has no media section that receives audio or video by "
		       "UDP/TLS/RTP/SAVPF with rtcp-mux";
		return -EINVAL;
	}
	if (choices->n == 0) {
		*why = "the offer and the path have no codec in common";
		return -ENOTSUP;
	}
	*why = transport_problem(choices->transport);
	return *why ? -EINVAL : 0;
}

static const char *codec_text(enum mr_codec codec)
{
	switch (codec) {
	case MR_CODEC_H264:
		return "H264/90000";
	case MR_CODEC_VP8:
		return "VP8/90000";
	case MR_CODEC_OPUS:
		return "opus/48000/2";
	case MR_CODEC_PCMU:
		return "PCMU/8000";
	case MR_CODEC_PCMA:
		return "PCMA/8000";
	default:
		return "";
	}
}

static void append_format(GString *s, const struct sdp_choice *choice, bool repairs, bool rtx)
{
	const struct sdp_format *f = &choice->format;
	unsigned int pt = f->payload_type;

	g_string_append_printf(s, "a=rtpmap:%u %s\r\n", pt, codec_text(f->codec));
	if (f->codec == MR_CODEC_H264)
		g_string_append_printf(s,
			"a=fmtp:%u level-asymmetry-allowed=1;packetization-mode=%u;"
			"profile-level-id=%02x%02x%02x\r\n",
			pt, f->packetization_mode, f->profile_level_id[0], f->profile_level_id[1],
			f->profile_level_id[2]);
	else if (f->codec == MR_CODEC_OPUS && choice->track->channels == 2)
		g_string_append_printf(s, "a=fmtp:%u stereo=1;sprop-stereo=1\r\n", pt);
	if (f->nack_pli)
		g_string_append_printf(s, "a=rtcp-fb:%u nack pli\r\n", pt);
	if (f->ccm_fir)
		g_string_append_printf(s, "a=rtcp-fb:%u ccm fir\r\n", pt);
	if (repairs && f->nack)
		g_string_append_printf(s, "a=rtcp-fb:%u nack\r\n", pt);
	if (rtx)
		g_string_append_printf(s, "a=rtpmap:%u rtx/%u\r\na=fmtp:%u apt=%u\r\n",
			f->rtx_payload_type, choice->track->clock_rate, f->rtx_payload_type, pt);
}

static void append_source(GString *s, const struct sdp_answer *a, unsigned int i, const char *name)
{
	g_string_append_printf(s, "a=msid:millrace %s\r\n", name);
	if (a->rtx_ssrc[i])
		g_string_append_printf(s, "a=ssrc-group:FID %u %u\r\n", a->ssrc[i], a->rtx_ssrc[i]);
	g_string_append_printf(s, "a=ssrc:%u cname:%s\r\na=ssrc:%u msid:millrace %s\r\n",
		a->ssrc[i], a->cname, a->ssrc[i], name);
	if (a->rtx_ssrc[i])
		g_string_append_printf(s, "a=ssrc:%u cname:%s\r\na=ssrc:%u msid:millrace %s\r\n",
			a->rtx_ssrc[i], a->cname, a->rtx_ssrc[i], name);
}

void sdp_candidates_append(GString *s, const struct sdp_candidate *candidates, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* RFC 8445 5.1.2.1: type preference 126, component 1 */
		uint32_t priority = 126u << 24 | (65535u - (uint32_t)i) << 8 | 255u;

		g_string_append_printf(s, "a=candidate:%zu 1 udp %u %s %u typ host\r\n", i + 1,
			priority, candidates[i].address, candidates[i].port);
	}
	g_string_append(s, "a=end-of-candidates\r\n");
}

static void append_accepted(GString *s, const struct sdp_answer *a, const struct sdp_media *m,
	const struct sdp_choices *choices, unsigned int i, bool first)
{
	const struct sdp_choice *choice = &choices->choices[i];
	const struct sdp_candidate *host = a->n_candidates ? &a->candidates[0] : NULL;
	bool rtx = a->repairs && choice->format.rtx && a->rtx_ssrc[i];

	g_string_append_printf(s, "m=%s %u %s %u", m->type, host ? host->port : 9u, m->proto,
		choice->format.payload_type);
	if (rtx)
		g_string_append_printf(s, " %u", choice->format.rtx_payload_type);
	g_string_append_printf(s, "\r\nc=IN %s %s\r\n", host && host->ipv6 ? "IP6" : "IP4",
		host ? host->address : "0.0.0.0");
	if (m->mid[0])
		g_string_append_printf(s, "a=mid:%s\r\n", m->mid);
	g_string_append_printf(s,
		"a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s\r\n"
		"a=setup:passive\r\na=sendonly\r\na=rtcp-mux\r\n",
		a->ufrag, a->pwd, a->fingerprint);
	if (m->reduced)
		g_string_append(s, "a=rtcp-rsize\r\n");
	append_format(s, choice, a->repairs, rtx);
	append_source(s, a, i, m->kind == MR_KIND_VIDEO ? "video" : "audio");
	if (first) /* of the bundle: RFC 9143 7.3 */
		sdp_candidates_append(s, a->candidates, a->n_candidates);
}

static void append_rejected(GString *s, const struct sdp_media *m)
{
	g_string_append_printf(
		s, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\n", m->type, m->proto, m->format);
	if (m->mid[0])
		g_string_append_printf(s, "a=mid:%s\r\n", m->mid);
	g_string_append(s, "a=inactive\r\n");
}

char *sdp_answer_format(const struct sdp_answer *a, const struct sdp_offer *offer,
	const struct sdp_choices *choices)
{
	GString *s = g_string_sized_new(4096);
	unsigned int next = 0;

	g_string_append_printf(s,
		"v=0\r\no=- %" G_GUINT64_FORMAT " 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
		"a=ice-lite\r\n",
		a->session_id);
	if (offer->bundle) {
		g_string_append(s, "a=group:BUNDLE");
		for (unsigned int i = 0; i < choices->n; i++)
			g_string_append_printf(
				s, " %s", offer->media[choices->choices[i].media].mid);
		g_string_append(s, "\r\n");
	}
	g_string_append(s, "a=msid-semantic: WMS millrace\r\n");
	for (unsigned int i = 0; i < offer->n_media; i++) {
		if (next < choices->n && choices->choices[next].media == i) {
			append_accepted(s, a, &offer->media[i], choices, next, next == 0);
			next++;
		} else {
			append_rejected(s, &offer->media[i]);
		}
	}
	return g_string_free(s, FALSE);
}
