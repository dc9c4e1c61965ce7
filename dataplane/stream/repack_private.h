/* SPDX-License-Identifier: BSD-3-Clause */
/* What the codecs' repackers share. */
#ifndef DATAPLANE_STREAM_REPACK_PRIVATE_H
#define DATAPLANE_STREAM_REPACK_PRIVATE_H

#include "dataplane/stream/repack.h"

#define H264_SET_MAX REPACK_PAYLOAD_MIN /* [bytes]: any set fits a packet */

struct h264_set {
	uint8_t type; /* NAL type: 7 or 8 */
	uint8_t id;   /* seq_parameter_set_id, pic_parameter_set_id */
	uint16_t len; /* [bytes] */
	uint8_t bytes[H264_SET_MAX];
};

#define H264_SETS_MAX 8

/* Of H.264 only. */
struct h264_state {
	struct h264_set sets[H264_SETS_MAX]; /* SPS and PPS in force, in their order */
	unsigned int n_sets;
	bool seen_sps; /* in this access unit */
	bool seen_pps;
	bool seen_idr;
	uint64_t start_index; /* ring index of the access unit's first parameter set */
	bool has_start;
};

struct repack {
	uint8_t codec;        /* enum mr_codec */
	uint16_t max_payload; /* [bytes] */
	bool started;
	uint32_t timestamp; /* of the frame in work */
	struct h264_state h264;
};

/* A piece of output: what is before the source's bytes, and those. */
struct repack_piece {
	const uint8_t *head; /* at most 16 bytes, or NULL */
	uint16_t head_len;
	const uint8_t *body;
	uint16_t body_len;
};

/* Puts one packet into the ring; its index (held: where its hole will be). */
uint64_t repack_put(struct plain_ring *ring, const struct repack_input *in,
	const struct repack_piece *piece, bool marker, uint16_t flags,
	struct repack_figures *figures);

/* For what is not passed on although pictures or sound were in it: viewers see a
 * gap. Returns what repack_packet() does. */
int repack_refuse(struct plain_ring *ring, const struct repack_input *in, enum mr_drop reason);

int repack_h264(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	bool frame_start, struct repack_figures *figures);
void repack_h264_reset(struct repack *r, const uint8_t *sets, uint16_t len);
int repack_vp8(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	bool frame_start, struct repack_figures *figures);

#endif
