/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The viewer's SDP texts: an offer like Chromium's (bundle, rtcp-mux, recvonly,
 * RFC 8829), what the answer says, and the answer to a server that offers
 * itself. Pure; any thread. What a server says is a stranger's text: every count
 * and length is bounded here.
 */
#ifndef APPS_VIEWER_SDP_H
#define APPS_VIEWER_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SDP_ANSWER_MAX 65536    /* bytes of text that are parsed at all */
#define SDP_CANDIDATES_MAX 16   /* further ones are ignored */
#define SDP_CANDIDATE_SIZE 256  /* bytes, NUL included */
#define SDP_PAYLOADS_MAX 64     /* further ones are ignored */
#define SDP_CREDENTIAL_SIZE 257 /* bytes: RFC 8839 5.4 allows 256 characters */
#define SDP_CODEC_SIZE 16       /* bytes, NUL included */
#define SDP_FINGERPRINT_SIZE 32 /* bytes: SHA-256 */
#define SDP_ERROR_SIZE 160      /* bytes, NUL included */

enum media_kind {
	MEDIA_UNKNOWN,
	MEDIA_VIDEO,
	MEDIA_AUDIO,
	MEDIA_RTX, /* RFC 4588: repairs of a video track, an SSRC of their own */
};

struct sdp_offer {
	const char *ufrag;
	const char *password;
	const char *fingerprint; /* "AB:CD:...", SHA-256 */
	const char *candidates;  /* whole lines "a=candidate:...\r\n" */
	bool video;
	bool audio;
	bool h264;
	bool vp8;
	bool rtx;
};

enum sdp_setup {
	SDP_SETUP_PASSIVE, /* the peer is DTLS server, the viewer client */
	SDP_SETUP_ACTIVE,  /* the other way round */
};

struct sdp_payload {
	uint8_t type;
	enum media_kind kind;
	uint32_t clock_rate; /* Hz */
	uint8_t repairs;     /* rtx: payload type of what it repairs (apt) */
	bool nack;           /* a=rtcp-fb nack: what is missing may be asked for again */
	char codec[SDP_CODEC_SIZE];
};

struct sdp_answer {
	char ufrag[SDP_CREDENTIAL_SIZE];
	char password[SDP_CREDENTIAL_SIZE];
	uint8_t fingerprint[SDP_FINGERPRINT_SIZE];
	enum sdp_setup setup;
	bool ice_lite;
	bool video; /* accepted, not port 0 */
	bool audio;
	size_t candidate_count;
	char candidates[SDP_CANDIDATES_MAX][SDP_CANDIDATE_SIZE]; /* "candidate:..." */
	size_t payload_count;
	struct sdp_payload payloads[SDP_PAYLOADS_MAX];
};

/* To be freed with g_free(). */
char *sdp_offer_format(const struct sdp_offer *offer);

/* 0, or -EBADMSG with a sentence in `error` (SDP_ERROR_SIZE bytes). */
int sdp_answer_parse(const char *text, size_t length, struct sdp_answer *answer, char *error);

/* The same for a server's offer, whose setup is actpass: it becomes DTLS server. */
int sdp_remote_offer_parse(const char *text, size_t length, struct sdp_answer *answer, char *error);

/*
 * The answer to a server's offer: its codecs, of the kinds that we want, with
 * our transport. To be freed with g_free(); NULL when it is not SDP.
 */
char *sdp_reply_format(const char *text, size_t length, const struct sdp_offer *ours);

/* NULL for a payload type the answer does not name. */
const struct sdp_payload *sdp_answer_payload(const struct sdp_answer *answer, uint8_t type);

const char *media_kind_name(enum media_kind kind);

#endif
