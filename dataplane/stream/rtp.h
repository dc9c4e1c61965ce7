/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RTP on the wire: RFC 3550 5.1. Pure; buffer in, struct out.
 */
#ifndef DATAPLANE_STREAM_RTP_H
#define DATAPLANE_STREAM_RTP_H

#include "dataplane/api/drops.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The fixed part; network order. */
struct rtp_header {
	uint8_t vpxcc; /* version 2 bits, padding 1, extension 1, CSRC count 4 */
	uint8_t mpt;   /* marker 1, payload type 7 */
	uint16_t seq;
	uint32_t timestamp;
	uint32_t ssrc;
};
static_assert(sizeof(struct rtp_header) == 12, "rtp_header");

/* What a packet says, host order; CSRCs, extension and padding left out. */
struct rtp_packet {
	uint32_t ssrc;
	uint32_t timestamp;
	uint16_t seq;
	uint8_t payload_type;
	bool marker;
	const uint8_t *payload; /* borrowed: inside the datagram */
	uint32_t payload_len;   /* [bytes], may be 0 */
};

/* 0, or -(1 + enum mr_drop) naming what is wrong: RTP_SHORT, RTP_VERSION, RTP_PADDING. */
int rtp_parse(const uint8_t *data, size_t len, struct rtp_packet *p);

#endif
