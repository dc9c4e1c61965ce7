/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a WHEP client PATCHes to its session (RFC 9725 4.3, RFC 8840 9): an SDP fragment
 * with trickled candidates, or with new ICE credentials. And the answer to the latter.
 * Hostile text in, a struct out; pure, any thread.
 */
#ifndef CONTROLPLANE_VIEWER_SDP_FRAGMENT_H
#define CONTROLPLANE_VIEWER_SDP_FRAGMENT_H

#include "controlplane/viewer/sdp_answer.h"

#define SDP_FRAGMENT_TOKEN 65 /* bytes, the final 0 included */

struct sdp_fragment {
	char ufrag[MR_UFRAG_MAX + 1]; /* empty: none is said */
	char pwd[MR_ICE_PWD_MAX + 1];
	char media[SDP_FRAGMENT_TOKEN]; /* of its first m= line; empty: none */
	char mid[SDP_FRAGMENT_TOKEN];
};

/* Candidates are not looked at: we never send a check. 0, or -EINVAL: `*why` then is a
 * sentence for the client. */
int sdp_fragment_parse(struct sdp_fragment *f, const char *text, size_t len, const char **why);

/* Our credentials and candidates, for the media section that `f` names. g_free() it. */
char *sdp_fragment_format(const struct sdp_fragment *f, const char *ufrag, const char *pwd,
	const struct sdp_candidate *candidates, size_t n);

#endif
