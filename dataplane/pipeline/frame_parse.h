/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From an Ethernet frame to a UDP datagram: bounds, lengths and checksums, all
 * that can be said without knowing any flow. Pure: buffer in, struct out; links
 * alone into a fuzz target. classify calls it on the worker's lcore.
 *
 * Ethernet with at most two VLAN tags, IPv4 with options (RFC 791), IPv6 with
 * hop-by-hop, destination and finished routing headers (RFC 8200), UDP (RFC 768).
 * Ethernet's padding is not part of the payload.
 */
#ifndef DATAPLANE_PIPELINE_FRAME_PARSE_H
#define DATAPLANE_PIPELINE_FRAME_PARSE_H

#include "dataplane/api/abi.h"
#include "dataplane/api/drops.h"

#include <stddef.h>
#include <stdint.h>

enum frame_verdict {
	FRAME_UDP,    /* a whole datagram: all fields are set */
	FRAME_KERNEL, /* in order as far as looked at, but nothing for us; `reason` says why */
	FRAME_DROP,   /* malformed; `reason` names it */
};

/* What the device has found out already. */
#define FRAME_IP_CHECKSUM_GOOD 0x1u
#define FRAME_UDP_CHECKSUM_GOOD 0x2u
/*
 * Frames of virtual interfaces may carry a checksum that their sender left to a
 * device which is not there: the field holds the folded sum of the pseudo-header
 * alone. Such a datagram never left the host's memory, and is accepted.
 */
#define FRAME_UDP_CHECKSUM_PARTIAL 0x4u

struct frame {
	enum frame_verdict verdict;
	enum mr_drop reason;  /* unless FRAME_UDP */
	uint8_t ip_version;   /* 4 or 6 */
	uint16_t l3;          /* [bytes] offset of the IP header */
	uint16_t l4;          /* offset of the UDP header */
	uint16_t payload;     /* offset of the UDP payload */
	uint16_t payload_len; /* [bytes] */
	struct mr_endpoint src;
	struct mr_endpoint dst;
};

/* `len` is the frame's length without FCS. Returns f->verdict. */
enum frame_verdict frame_parse(
	struct frame *f, const uint8_t *data, size_t len, unsigned int flags);

#endif
