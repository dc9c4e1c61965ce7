/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A WHEP client's SDP offer (RFC 8866, RFC 8829), text in, plain struct out.
 * Any thread: no sockets, no globals, no logging. What is kept of the hostile
 * text is bounded and checked: numbers in range, ICE credentials of ice-chars
 * (RFC 8839 5.4), mids of token characters. Candidates are not even looked at.
 */
#ifndef CONTROLPLANE_VIEWER_SDP_OFFER_H
#define CONTROLPLANE_VIEWER_SDP_OFFER_H

#include "dataplane/api/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SDP_OFFER_MAX (64u * 1024) /* bytes of an offer */
#define SDP_LINE_MAX 4096          /* bytes of a line */
#define SDP_LINES_MAX 2048
#define SDP_MEDIA_MAX 16
#define SDP_FORMATS_MAX 64     /* of one media section; what comes after is not seen */
#define SDP_MID_MAX 32         /* bytes, the final 0 included */
#define SDP_FINGERPRINT_MAX 64 /* bytes */
#define SDP_FINGERPRINTS_MAX 4 /* of one hash; what comes after is not seen */

/* The later the stronger. */
enum sdp_hash { SDP_HASH_NONE, SDP_HASH_SHA256, SDP_HASH_SHA384, SDP_HASH_SHA512 };

/* A payload type that maps to a codec of ours. */
struct sdp_format {
	uint8_t payload_type;
	enum mr_codec codec;
	uint8_t channels;
	/* H.264 (RFC 6184 8.1) */
	uint8_t packetization_mode;  /* 0 or 1 */
	uint8_t profile_level_id[3]; /* 42 00 0a where the offer says nothing */
	bool nack;                   /* a=rtcp-fb, its own or '*' */
	bool nack_pli;
	bool ccm_fir;
	bool rtx; /* RFC 4588: rtx_payload_type repairs this one */
	uint8_t rtx_payload_type;
};

/* The certificate must match one of them (RFC 8122 5): those of the strongest
 * hash of the level that names any, the media section before the session. */
struct sdp_fingerprints {
	enum sdp_hash hash;
	size_t len; /* bytes of each */
	unsigned int n;
	uint8_t value[SDP_FINGERPRINTS_MAX][SDP_FINGERPRINT_MAX];
	bool inherited; /* of the session: the section's own replaces it */
};

/* Of a media section, or inherited from the session level. */
struct sdp_transport {
	char ufrag[MR_UFRAG_MAX + 1];
	char pwd[MR_ICE_PWD_MAX + 1];
	struct sdp_fingerprints fingerprints;
	bool setup;  /* there is an a=setup */
	bool client; /* a=setup:actpass or active */
};

struct sdp_media {
	char type[16];   /* "video", "audio", "application" */
	char proto[32];  /* "UDP/TLS/RTP/SAVPF" */
	char format[32]; /* the first one, for the line that rejects it */
	char mid[SDP_MID_MAX];
	enum mr_media_kind kind; /* 0: neither audio nor video */
	bool offered;            /* port not 0, or bundle-only */
	bool rtp;                /* a profile that we speak, with rtcp-mux */
	bool mux;                /* a=rtcp-mux of its own */
	bool reduced;            /* a=rtcp-rsize: RFC 5506 */
	bool receives;           /* recvonly or sendrecv */
	bool bundled;            /* in the BUNDLE group; true for a single section */
	struct sdp_transport transport;
	unsigned int n_formats;
	struct sdp_format formats[SDP_FORMATS_MAX]; /* in the offer's order */
};

struct sdp_offer {
	bool bundle; /* there is a BUNDLE group */
	unsigned int n_media;
	struct sdp_media media[SDP_MEDIA_MAX];
};

/* 0; -EINVAL: `*why` is a sentence for the client (static text). */
int sdp_offer_parse(struct sdp_offer *offer, const char *text, size_t len, const char **why);

#endif
