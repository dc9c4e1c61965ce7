/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One RTP payload format of an SDP: which codec it is, with which parameters,
 * and whether WebRTC can carry it. Pure; any thread.
 */
#ifndef CONTROLPLANE_SOURCE_SDP_CODEC_H
#define CONTROLPLANE_SOURCE_SDP_CODEC_H

#include "controlplane/source/path.h"

struct sdp_codec {
	struct track track; /* codec, codec_name, note, clock_rate, channels, payload_type, H.264 */
	uint16_t parameter_sets_len;
	uint8_t parameter_sets[MR_PARAMETER_SETS]; /* H.264, as STREAM_BIND takes them */
};

/* `rtpmap` and `fmtp` are the attributes' values behind the payload type, or NULL. */
void sdp_codec_parse(struct sdp_codec *out, enum mr_media_kind kind, uint8_t payload_type,
	const char *rtpmap, const char *fmtp);

#endif
