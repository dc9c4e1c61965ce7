/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams through the shared rings, by value. Up: STUN, DTLS and RTCP that
 * the data plane does not answer itself. Down: replies to those, and RTP that
 * arrived at the control plane (RTSP over TCP; fragmented datagrams that the
 * kernel put together).
 *
 * A datagram longer than one slot takes several in a row: same kind, `offset`
 * rising, `total` the same in each. What does not continue its predecessor is
 * dropped with it.
 */
#ifndef DATAPLANE_API_PACKET_H
#define DATAPLANE_API_PACKET_H

#include "dataplane/api/abi.h"

enum mr_packet_kind {
	MR_PACKET_UP_PUBLIC = 1, /* to the public port; local and remote say from where to where */
	MR_PACKET_UP_SOURCE =
		2, /* not RTP, to a stream's RTP port (muxed RTCP); stream_id is set */
	MR_PACKET_DOWN_SEND = 3, /* send the payload from `local` to `remote` by `nexthop_id` */
	MR_PACKET_DOWN_RTP = 4,  /* one RTP packet of `stream_id`, as if it had arrived */
};

#define MR_PACKET_SIZE 2048
#define MR_PACKET_DATA (MR_PACKET_SIZE - 96) /* bytes per slot */
#define MR_PACKET_TOTAL_MAX 65535            /* bytes of one datagram */

struct mr_packet {
	uint32_t kind; /* enum mr_packet_kind */
	uint32_t stream_id;
	uint32_t nexthop_id;
	uint32_t total;  /* [bytes] of the whole datagram */
	uint32_t offset; /* [bytes] of this slot's data in it */
	uint32_t len;    /* [bytes] of data in this slot */
	uint32_t port;   /* up: index of the port it came in by */
	uint32_t reserved;
	uint64_t arrival_ns; /* CLOCK_MONOTONIC; 0 down: now */
	struct mr_endpoint local;
	struct mr_endpoint remote;
	/* Down: cookie of the command that has to be carried out before, 0: none. The
	 * rings are apart: without it a packet may overtake the command that it needs. */
	uint64_t after;
	uint8_t data[MR_PACKET_DATA];
};
static_assert(sizeof(struct mr_packet) == MR_PACKET_SIZE, "mr_packet");

#endif
