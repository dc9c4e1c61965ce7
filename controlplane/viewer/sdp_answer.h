/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The answer to a WHEP offer: which of the path's tracks go to which media
 * section with which payload type, and the SDP text that says so (RFC 8829,
 * RFC 8839 for ICE, RFC 8842 for DTLS, RFC 9143 for BUNDLE). Any thread: no
 * sockets, no globals, no logging.
 */
#ifndef CONTROLPLANE_VIEWER_SDP_ANSWER_H
#define CONTROLPLANE_VIEWER_SDP_ANSWER_H

#include "controlplane/source/path.h"
#include "controlplane/viewer/sdp_offer.h"

#include <glib.h>

#define SDP_CANDIDATES_MAX 64

/* One host candidate: an address of ours that reaches the public port. */
struct sdp_candidate {
	char address[46];
	uint16_t port; /* host order */
	bool ipv6;
};

/* One track that goes to the viewer. */
struct sdp_choice {
	const struct track *track;
	unsigned int media; /* index in the offer */
	struct sdp_format format;
};

struct sdp_choices {
	unsigned int n;
	struct sdp_choice choices[MR_VIEWER_TRACKS]; /* in the order of the media sections */
	const struct sdp_transport *transport;       /* the offer's, of the bundle */
};

struct sdp_answer {
	uint64_t session_id; /* random, 63 bits */
	const char *ufrag;
	const char *pwd;
	const char *fingerprint; /* "AB:CD:...", sha-256 */
	const char *cname;
	bool repairs; /* the data plane repairs losses: a=rtcp-fb nack and RTX are answered */
	uint32_t ssrc[MR_VIEWER_TRACKS];     /* as the choices */
	uint32_t rtx_ssrc[MR_VIEWER_TRACKS]; /* 0: not negotiated */
	const struct sdp_candidate *candidates;
	size_t n_candidates;
};

/*
 * Chooses. H.264 by packetization mode first (what the source sends must be
 * allowed), then by the nearest profile, then level: browsers decode High under
 * any profile they offered. `tracks` may hold NULL. 0; -ENOTSUP: no track of
 * the path can be carried; -EINVAL: the transport is not one that we speak.
 * `*why` then is a sentence for the client.
 */
int sdp_answer_choose(struct sdp_choices *choices, const struct sdp_offer *offer,
	const struct track *const tracks[MR_VIEWER_TRACKS], const char **why);

/* The text; g_free() it. Media sections not chosen are rejected (port 0). */
char *sdp_answer_format(const struct sdp_answer *answer, const struct sdp_offer *offer,
	const struct sdp_choices *choices);

/* a=candidate lines and the end of them. */
void sdp_candidates_append(GString *s, const struct sdp_candidate *candidates, size_t n);

#endif
