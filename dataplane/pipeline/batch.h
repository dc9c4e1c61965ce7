/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What moves between the stages of a worker's turn. Every batch lives in the
 * worker and is valid within one turn. A stage empties its input batch, fills
 * its output batches, and frees by drop_*() what it does not pass on.
 */
#ifndef DATAPLANE_PIPELINE_BATCH_H
#define DATAPLANE_PIPELINE_BATCH_H

#include "crypto/crypto_device.h"
#include "dataplane/api/abi.h"

#include <rte_mbuf.h>
#include <stdint.h>

#define BURST 32      /* packets received per port and turn */
#define BATCH_MAX 320 /* packets of any one batch */
/*
 * Live viewers' copies per turn: as many as leave their packets in the second cache
 * level until they are sent (2.4 KB each), and let a turn end soon.
 */
#define FANOUT_BUDGET 64
#define FANOUT_SLICE 16    /* of them, of one stream, while others wait */
#define FANOUT_SHORT 32    /* where a stream has got all its copies */
#define CATCH_UP_BUDGET 32 /* copies per turn for those who catch up */
#define REPAIR_BUDGET 32   /* packets sent again per turn */
static_assert(FANOUT_BUDGET + CATCH_UP_BUDGET + REPAIR_BUDGET <= BATCH_MAX, "a turn's copies");

struct stream;
struct viewer;
struct viewer_track;

struct batch {
	uint16_t n;
	struct rte_mbuf *pkts[BATCH_MAX];
};

/* All that one turn may send beside media: two batches of egress, the taps, replies that
 * came down the packet ring. */
#define FRAMES_MAX (4 * BATCH_MAX)

struct frame_batch {
	uint16_t n;
	struct rte_mbuf *pkts[FRAMES_MAX];
};

enum packet_kind {
	PACKET_OTHER = 0,
	PACKET_RTP = 1,         /* to a stream's endpoint: `stream` is set */
	PACKET_SRTCP = 2,       /* of an established viewer: `viewer` is set */
	PACKET_STUN = 3,        /* of an established viewer: `viewer` is set */
	PACKET_PUNT = 4,        /* to the public port, for the control plane */
	PACKET_PUNT_SOURCE = 5, /* not RTP, to the endpoint of `stream_id` */
	PACKET_KERNEL = 6,      /* owned port: for the tap */
	PACKET_DOWN_RTP = 7,    /* RTP of the packet ring, on its way to `stream_id`'s worker */
};

/* In every mbuf's private area. classify writes it for received packets, reports and
 * consent for packets to send. Copies have none: what is known of them stands in their
 * batch, which spares them a cache line. */
struct packet_meta {
	uint8_t kind;         /* enum packet_kind */
	uint8_t port;         /* index of the port it came in by, or leaves by */
	uint8_t owner;        /* index of the worker that owns the object */
	uint8_t ip_version;   /* 4 or 6 */
	uint16_t l3;          /* [bytes] offset of the IP header in the frame */
	uint16_t l4;          /* offset of the UDP header */
	uint16_t payload;     /* offset of the UDP payload */
	uint16_t payload_len; /* [bytes] */
	uint64_t arrival_ns;  /* CLOCK_MONOTONIC */
	union {
		struct stream *stream;
		struct viewer *viewer;
	};
	uint32_t reserved;
	/* PUNT_SOURCE and DOWN_RTP go to workers that do not own the stream: it may
	 * be gone when they look, so they have its name only. */
	uint32_t stream_id;
};
static_assert(sizeof(struct packet_meta) <= 64, "packet_meta");

static inline struct packet_meta *packet_meta(struct rte_mbuf *m)
{
	return (struct packet_meta *)rte_mbuf_to_priv(m);
}

/* One RTP packet for stream input: in an mbuf, or in the worker's staging area
 * (what came down the packet ring may be longer than any mbuf). */
struct input_packet {
	struct stream *stream;
	const uint8_t *data;   /* from the RTP header on */
	uint32_t len;          /* [bytes] */
	uint64_t arrival_ns;   /* CLOCK_MONOTONIC */
	struct rte_mbuf *mbuf; /* owned; NULL: staged */
};

struct input_batch {
	uint16_t n;
	struct input_packet pkts[BATCH_MAX];
};

/* Copies to encrypt: op[i] writes into pkts[i], for track[i]. An mbuf is the whole frame
 * but for what encryption writes, and a UDP checksum in software. Repairs are the first
 * ones. */
struct plain_batch {
	uint16_t n;
	uint16_t n_repairs;
	uint32_t ports; /* a bit for each port that they leave by */
	uint64_t bytes; /* of all frames */
	struct srtp_op op[BATCH_MAX];
	struct rte_mbuf *pkts[BATCH_MAX];
	struct viewer_track *track[BATCH_MAX];
	uint8_t port[BATCH_MAX]; /* index */
};
static_assert(MR_PORTS_MAX <= 32, "a bit for each port");

/* Frames with encrypted copies. */
struct media_batch {
	uint16_t n;
	uint32_t ports;
	uint64_t bytes;
	struct rte_mbuf *pkts[BATCH_MAX];
	uint8_t port[BATCH_MAX];
};

/* Everything that classify sorts into. */
struct ingress {
	struct input_batch rtp;
	struct batch srtcp;
	struct batch stun;
	struct batch punt;    /* PACKET_PUNT, PACKET_PUNT_SOURCE */
	struct batch kernel;  /* PACKET_KERNEL */
	struct batch handoff; /* of other workers */
};

#endif
