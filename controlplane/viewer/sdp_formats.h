/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The payload types of one media section of an offer: what its m=, a=rtpmap, a=fmtp
 * and a=rtcp-fb lines say of the codecs that we speak. Any thread; hostile text,
 * whose lines sdp_offer.c has measured.
 */
#ifndef CONTROLPLANE_VIEWER_SDP_FORMATS_H
#define CONTROLPLANE_VIEWER_SDP_FORMATS_H

#include "controlplane/viewer/sdp_offer.h"

#include <gst/sdp/gstsdpmessage.h>

/* What the a=rtpmap lines of one media section say, by payload type. */
struct rtpmap {
	bool seen;
	bool rtx; /* RFC 4588 */
	enum mr_codec codec;
	uint8_t channels;
};

/* Fills `map` (all zero) and m->formats, in the order of the m= line: the client's
 * preference. False: `*why` is a sentence for the client (static text). */
bool sdp_formats_parse(
	struct sdp_media *m, const GstSDPMedia *media, struct rtpmap map[128], const char **why);

/* "102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"; RTX by
 * "103 apt=102". What it does not understand it leaves alone. */
void sdp_fmtp_parse(struct sdp_media *m, const struct rtpmap map[128], const char *value);

/* "102 nack pli", "* ccm fir" (RFC 4585 4.2) */
void sdp_rtcp_fb_parse(struct sdp_media *m, const char *value);

#endif
