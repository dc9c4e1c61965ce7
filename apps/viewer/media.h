/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SRTP end of one viewer: authenticates and decrypts with libsrtp2, sorts
 * by SSRC into tracks, counts, and makes the SRTCP that goes back. One libsrtp
 * session for both directions. Owned by the thread of its viewer;
 * srtp_init() has been called by main().
 */
#ifndef APPS_VIEWER_MEDIA_H
#define APPS_VIEWER_MEDIA_H

#include "apps/viewer/dtls.h"
#include "apps/viewer/track.h"

#include <stdio.h>

#define MEDIA_TRACKS_MAX 8 /* SSRCs followed; packets of further ones are counted */
#define MEDIA_REPORT_MAX (RTCP_REPORT_MAX + SRTP_MAX_TRAILER_LEN + 4) /* bytes */

struct media;

struct media_options {
	unsigned int viewer;
	bool nack;    /* ask again for what is missing; needs `decrypt` */
	bool decrypt; /* false: SRTP is counted by its clear header; SRTCP is always decrypted */
	FILE *dump;   /* NULL: none; see dump.h */
	FILE *plain_dump;
};

struct media_counters {
	uint64_t packets;       /* RTP, accepted once */
	uint64_t bytes;         /* whole SRTP packets, repeated ones too, and SRTCP */
	uint64_t auth_failures; /* SRTP and SRTCP */
	uint64_t malformed;
	uint64_t ignored; /* more SSRCs than MEDIA_TRACKS_MAX */
	uint64_t rtcp_received;
	uint64_t reports_sent;
	uint64_t nacks_sent; /* RTCP packets */
	uint64_t plis_sent;
	uint64_t firs_sent;
};

/* `answer` is borrowed and outlives the media. 0 or -EIO. */
int media_create(const struct media_options *options, const struct sdp_answer *answer,
	const struct dtls_keys *keys, struct media **media);
void media_destroy(struct media *media); /* NULL is fine */

/* One SRTP or SRTCP packet, decrypted in place. */
void media_receive(struct media *media, uint8_t *data, size_t length, uint64_t now_us);

/* A protected receiver report into MEDIA_REPORT_MAX bytes; its length or -EIO. */
int media_format_report(struct media *media, uint64_t now_us, uint8_t *data);

/* A protected NACK that is due now into MEDIA_REPORT_MAX bytes; its length, 0: none.
 * Again until it says 0. */
int media_format_nack(struct media *media, uint64_t now_us, uint8_t *data);

/* A protected PLI, or FIR, for the first video track into MEDIA_REPORT_MAX bytes; its
 * length, 0: no such track. Each is a new request. */
int media_format_pli(struct media *media, uint8_t *data);
int media_format_fir(struct media *media, uint8_t *data);

const struct media_counters *media_counters(const struct media *media);
size_t media_track_count(const struct media *media);
const struct track *media_track(const struct media *media, size_t index);

#endif
