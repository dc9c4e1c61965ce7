/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a source's payload to payloads for viewers, per codec: what fits passes
 * unchanged, what does not is split once for all viewers, parameter sets are put
 * before key frames that come without them. Writes into the stream's plaintext
 * ring. Pure but for that ring; private to the stream's worker.
 */
#ifndef DATAPLANE_STREAM_REPACK_H
#define DATAPLANE_STREAM_REPACK_H

#include "dataplane/api/drops.h"
#include "dataplane/api/event.h"
#include "dataplane/stream/plain_ring.h"

#include <stdbool.h>
#include <stdint.h>

struct repack;

struct repack_input {
	const uint8_t *payload;
	uint32_t len;       /* [bytes], at least 1 */
	uint32_t timestamp; /* output RTP time */
	bool marker;
	uint64_t arrival_ns; /* CLOCK_MONOTONIC */
};

/* Sums over calls; the caller reads and resets. */
struct repack_figures {
	uint32_t packets; /* put into the ring */
	uint32_t held;    /* not put: other workers hold all that is there; holes follow */
	uint32_t bytes;
	uint32_t resplit;
	uint32_t injected;
	uint32_t keyframes;
	uint32_t frames;
	uint32_t findings; /* MR_FINDING_* */
};

#define REPACK_PAYLOAD_MIN 256 /* [bytes] that a packet to viewers must have room for */

/* NULL: no memory, a codec that is not carried, or a `max_payload` below
 * REPACK_PAYLOAD_MIN or above what the ring takes. */
struct repack *repack_create(uint8_t codec, uint16_t max_payload);
void repack_destroy(struct repack *r);

/* The source (re)connected: parameter sets of its SDP (command.h: mr_stream_bind).
 * What was half done of a frame is forgotten. */
void repack_reset(struct repack *r, const uint8_t *parameter_sets, uint16_t len);

/* 0, or -(1 + enum mr_drop): PAYLOAD_MALFORMED, PAYLOAD_TOO_BIG. What is refused leaves
 * a hole, but for payloads that RFC 6184 wants ignored (types 0, 30, 31). */
int repack_packet(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	struct repack_figures *figures);

#endif
