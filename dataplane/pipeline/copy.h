/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One viewer's copy of one packet: its RTP header, its length, and the order to
 * encrypt the shared payload behind it. The same function for live fan-out and
 * everything that sends a packet again, so the bytes are the same. What a copy's
 * success changes is changed here, where all is at hand; protect takes back what
 * fails. The audience's worker.
 */
#ifndef DATAPLANE_PIPELINE_COPY_H
#define DATAPLANE_PIPELINE_COPY_H

#include "dataplane/pipeline/batch.h"
#include "dataplane/stream/plain_ring.h"
#include "dataplane/stream/rtp.h"
#include "dataplane/viewer/viewer.h"

#include <rte_byteorder.h>

/*
 * Where a copy's RTP header begins in its buffer: the payload behind it at the start
 * of a cache line, which is what encryption writes fastest, and the frame's headers
 * before it (IPv4, untagged) in the same line.
 */
#define COPY_DATA_OFF (RTE_PKTMBUF_HEADROOM - sizeof(struct rtp_header))
static_assert(RTE_PKTMBUF_HEADROOM % RTE_CACHE_LINE_SIZE == 0, "payloads start a cache line");

/* RFC 3550 5.1, without CSRCs, extension and padding: stream input removed them. */
static inline void copy_make(struct srtp_op *op, struct rte_mbuf *m, const struct plain_packet *p,
	const uint8_t *payload, struct viewer_track *t)
{
	struct packet_meta *meta = packet_meta(m);
	uint16_t len = (uint16_t)(sizeof(struct rtp_header) + p->len + t->tag_len);
	uint64_t index = t->wire_base + (p->index - t->join_index);
	struct rtp_header *h;

	m->data_off = COPY_DATA_OFF;
	m->data_len = len;
	m->pkt_len = len;
	h = rte_pktmbuf_mtod(m, struct rtp_header *);

	h->vpxcc = 0x80;
	h->mpt = (uint8_t)((p->flags & PLAIN_MARKER ? 0x80 : 0) | t->payload_type);
	h->seq = rte_cpu_to_be_16((uint16_t)index);
	h->timestamp = rte_cpu_to_be_32(
		p->timestamp + t->timestamp_base - (p->index < t->live_index ? t->shift : 0));
	h->ssrc = rte_cpu_to_be_32(t->ssrc);

	op->tx = &t->viewer->rtp_key;
	op->src = payload;
	op->dst = (uint8_t *)h;
	op->index = index;
	op->hdr_len = sizeof(*h);
	op->payload_len = p->len;
	op->ssrc = t->ssrc;
	op->soon = &t->viewer->header.bytes[FRAME_HEADER_ROOM - FRAME_HEADER_SHORT];

	meta->kind = PACKET_RTP;
	meta->viewer = t->viewer;
	meta->track = (uint8_t)(t - t->viewer->track);
}

/* The track was sent a packet for the first time: what sender reports say. Reports
 * publish it, so that the statistics' lines stay out of the loop. */
static inline void copy_count(struct viewer_track *t, uint32_t payload_len)
{
	t->packets_sent++;
	t->octets_sent += payload_len;
}

static inline void copy_uncount(struct viewer_track *t, uint32_t payload_len)
{
	t->packets_sent--;
	t->octets_sent -= payload_len;
}

#endif
