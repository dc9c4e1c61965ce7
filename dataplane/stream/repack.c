/* SPDX-License-Identifier: BSD-3-Clause */
/* See repack.h: what is common to all codecs, and audio. The stream's worker. */
#include "dataplane/stream/repack_private.h"

#include <rte_malloc.h>
#include <string.h>

struct repack *repack_create(uint8_t codec, uint16_t max_payload)
{
	struct repack *r;

	if (codec == MR_CODEC_NONE || codec > MR_CODEC_PCMA)
		return NULL;
	if (max_payload < REPACK_PAYLOAD_MIN || max_payload > PLAIN_PAYLOAD_MAX)
		return NULL;
	r = rte_zmalloc("repack", sizeof(*r), 64);
	if (r == NULL)
		return NULL;
	r->codec = codec;
	r->max_payload = max_payload;
	return r;
}

void repack_destroy(struct repack *r)
{
	rte_free(r);
}

void repack_reset(struct repack *r, const uint8_t *parameter_sets, uint16_t len)
{
	r->started = false;
	if (r->codec == MR_CODEC_H264)
		repack_h264_reset(r, parameter_sets, len);
}

uint64_t repack_put(struct plain_ring *ring, const struct repack_input *in,
	const struct repack_piece *piece, bool marker, uint16_t flags,
	struct repack_figures *figures)
{
	uint16_t len = (uint16_t)(piece->head_len + piece->body_len);
	uint8_t *to = plain_ring_reserve(ring, len);

	if (to == NULL) {
		figures->held++;
		return ring->next;
	}
	if (piece->head_len > 0)
		memcpy(to, piece->head, piece->head_len);
	memcpy(to + piece->head_len, piece->body, piece->body_len);
	figures->packets++;
	figures->bytes += len;
	return plain_ring_commit(ring, len, in->timestamp,
		(uint16_t)(flags | (marker ? PLAIN_MARKER : 0)), in->arrival_ns);
}

int repack_refuse(struct plain_ring *ring, const struct repack_input *in, enum mr_drop reason)
{
	plain_ring_skip(ring, 1, in->arrival_ns);
	return -(1 + (int)reason);
}

/* One byte is one sample, RFC 3551 4.5.14: it may be cut anywhere. */
static int repack_pcm(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	struct repack_figures *figures)
{
	struct repack_input part = *in;
	uint32_t done = 0;

	if (in->len > r->max_payload)
		figures->resplit += (in->len + r->max_payload - 1) / r->max_payload;
	while (done < in->len) {
		uint32_t n = in->len - done < r->max_payload ? in->len - done : r->max_payload;
		struct repack_piece piece = {.body = in->payload + done, .body_len = (uint16_t)n};

		part.timestamp = in->timestamp + done;
		repack_put(ring, &part, &piece, in->marker && done == 0, 0, figures);
		done += n;
	}
	return 0;
}

static int repack_opus(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	struct repack_figures *figures)
{
	struct repack_piece piece = {.body = in->payload, .body_len = (uint16_t)in->len};

	if (in->len > r->max_payload) {
		figures->findings |= MR_FINDING_NOT_SPLITTABLE;
		return repack_refuse(ring, in, MR_DROP_PAYLOAD_TOO_BIG);
	}
	repack_put(ring, in, &piece, in->marker, 0, figures);
	return 0;
}

int repack_packet(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	struct repack_figures *figures)
{
	bool frame_start = !r->started || in->timestamp != r->timestamp;

	r->started = true;
	r->timestamp = in->timestamp;
	if (frame_start)
		figures->frames++;
	switch (r->codec) {
	case MR_CODEC_H264:
		return repack_h264(r, ring, in, frame_start, figures);
	case MR_CODEC_VP8:
		return repack_vp8(r, ring, in, frame_start, figures);
	case MR_CODEC_OPUS:
		return repack_opus(r, ring, in, figures);
	default:
		return repack_pcm(r, ring, in, figures);
	}
}
