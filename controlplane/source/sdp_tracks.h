/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a source's SDP offers: one track per media section, those that WebRTC
 * can carry with their parameters, the others with a note that says why not and
 * what to do. Hostile text in, a struct out; pure, any thread.
 */
#ifndef CONTROLPLANE_SOURCE_SDP_TRACKS_H
#define CONTROLPLANE_SOURCE_SDP_TRACKS_H

#include "controlplane/source/path.h"
#include "controlplane/source/rtsp_url.h"

#define SDP_SIZE_MAX (64u << 10) /* bytes of an SDP that is looked at */

struct sdp_track {
	struct track track;         /* all but stream_id and ready */
	char control[RTSP_URL_MAX]; /* as written; empty: none */
	uint16_t port;              /* of the m= line, host order */
	uint8_t address[16];        /* of its c= line or the session's; all zero: none */
	bool fir;                   /* understands FIR (RFC 5104) and does not say that of PLI */
	uint16_t parameter_sets_len;
	uint8_t parameter_sets[MR_PARAMETER_SETS]; /* as STREAM_BIND takes them */
};

struct sdp_tracks {
	char control[RTSP_URL_MAX]; /* of the session, as written; empty: none */
	unsigned int n;
	struct sdp_track tracks[PATH_TRACKS_MAX];
};

/* 0; -EINVAL: not an SDP; -E2BIG; -ENOENT: it has no media section. Media
 * sections beyond PATH_TRACKS_MAX are left out. */
int sdp_tracks_parse(struct sdp_tracks *out, const char *text, size_t len);

#endif
