/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of one received SSRC: packets, gaps, jitter (RFC 3550 A.8),
 * the sender's clock from its reports, and the report block that goes back
 * (A.3). Pure; owned by the thread of its viewer. Times are microseconds of
 * the monotonic clock, 0 for never.
 */
#ifndef APPS_VIEWER_TRACK_H
#define APPS_VIEWER_TRACK_H

#include "apps/viewer/rtcp.h"
#include "apps/viewer/sdp.h"
#include "apps/viewer/sequence.h"

#define TRACK_REPORTS_MAX 128 /* sender reports remembered, the latest ones */

struct track_report {
	uint64_t at_us;
	uint64_t ntp;           /* 32.32 seconds since 1900 */
	uint32_t rtp_timestamp; /* RTP ticks */
};

struct track {
	uint32_t ssrc;
	uint32_t clock_rate; /* Hz */
	uint8_t payload_type;
	enum media_kind kind;
	char codec[SDP_CODEC_SIZE];

	struct sequence sequence;
	uint64_t packets; /* accepted, duplicates not counted */
	uint64_t bytes;   /* RTP payload of those, CSRCs, extensions and padding not counted */
	uint64_t frames;  /* changes of the timestamp, plus one */
	uint64_t key_frames;
	uint64_t auth_failures;
	uint64_t repaired;         /* were missing, asked for and came again */
	uint64_t repairs_unneeded; /* RTX of packets that had come */
	uint64_t rtx_packets;      /* in `packets`: came by RTX */
	uint64_t first_us;
	uint64_t last_us;
	uint64_t longest_gap_us;  /* between two packets */
	uint32_t first_timestamp; /* RTP ticks */
	uint32_t last_timestamp;
	uint32_t transit; /* RTP ticks, RFC 3550 A.8 */
	uint32_t jitter;  /* RTP ticks * 16 */

	/* the last key frame: the packet that told, and the first of another frame behind it */
	uint64_t key_index;
	uint64_t key_end;
	uint32_t key_timestamp;

	/* prior values of RFC 3550 A.3 */
	uint64_t expected_prior;
	uint64_t received_prior;

	bool bye;
	uint64_t report_count;
	struct track_report reports[TRACK_REPORTS_MAX]; /* ring, report_count % MAX is next */
};

void track_init(struct track *track, uint32_t ssrc, const struct sdp_payload *payload);

/* A packet that passed authentication, with its index of sequence_guess(). */
enum sequence_verdict track_receive(
	struct track *track, uint64_t index, uint32_t timestamp, size_t payload, uint64_t now_us);

/* What a packet that was accepted carries: a key frame that begins in it is counted, once,
 * but again when it is sent again as another frame. */
void track_look_for_key(struct track *track, uint64_t index, uint32_t timestamp,
	const uint8_t *payload, size_t length);

void track_receive_report(struct track *track, const struct rtcp_packet *report, uint64_t now_us);

/* The latest sender report, or NULL. */
const struct track_report *track_last_report(const struct track *track);

uint32_t track_jitter(const struct track *track); /* RTP ticks */

/* Fill the block for now and begin the next interval. */
void track_report_block(struct track *track, uint64_t now_us, struct rtcp_block *block);

#endif
