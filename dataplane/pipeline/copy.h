/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One viewer's copy of one packet: its RTP header, the order to encrypt the shared
 * payload behind it, and the frame around it, in one pass while the buffer's first lines
 * are at hand. The same functions for live fan-out and everything that sends a packet
 * again, so the bytes are the same. What a copy's success changes is changed here, too;
 * protect takes back what fails. The audience's worker.
 */
#ifndef DATAPLANE_PIPELINE_COPY_H
#define DATAPLANE_PIPELINE_COPY_H

#include "dataplane/pipeline/batch.h"
#include "dataplane/pipeline/frame.h"
#include "dataplane/stream/plain_ring.h"
#include "dataplane/stream/rtp.h"
#include "dataplane/viewer/viewer.h"

#include <rte_byteorder.h>
#include <rte_prefetch.h>

/*
 * Where a copy's RTP header begins in its buffer: the payload behind it at the start
 * of a cache line, which is what encryption writes fastest, and the frame's headers
 * before it (IPv4, untagged) in the same line.
 */
#define COPY_DATA_OFF (RTE_PKTMBUF_HEADROOM - sizeof(struct rtp_header))
static_assert(RTE_PKTMBUF_HEADROOM % RTE_CACHE_LINE_SIZE == 0, "payloads start a cache line");
static_assert(COPY_DATA_OFF >= FRAME_HEADER_ROOM, "there is room for all headers");

/* Whether the viewer's next hop is known. Who has none gets no copy; its number has
 * passed all the same. */
static inline bool copy_has_way(const struct worker *w, const struct viewer_track *t)
{
	return frame_has_way(w, &t->viewer->header);
}

/* The track's line before its viewer's header can be asked for. */
static inline void copy_prefetch_header(const struct viewer_track *t)
{
	rte_prefetch0(&t->viewer->header.bytes[FRAME_HEADER_ROOM - FRAME_HEADER_SHORT]);
}

/* RFC 3550 5.1, without CSRCs, extension and padding: stream input removed them. */
static inline void copy_make(struct srtp_op *op, struct rte_mbuf *m, const struct plain_packet *p,
	const uint8_t *payload, const struct viewer_track *restrict t)
{
	uint64_t index = t->wire_base + (p->index - t->join_index);
	struct rtp_header *h = (struct rtp_header *)((uint8_t *)m->buf_addr + COPY_DATA_OFF);

	op->tx = &t->viewer->rtp_key;
	op->src = payload;
	op->dst = (uint8_t *)h;
	op->index = index;
	op->hdr_len = sizeof(*h);
	op->payload_len = p->len;
	op->ssrc = t->ssrc;

	h->vpxcc = 0x80;
	h->mpt = (uint8_t)((p->flags & PLAIN_MARKER ? 0x80 : 0) | t->payload_type);
	h->seq = rte_cpu_to_be_16((uint16_t)index);
	h->timestamp = rte_cpu_to_be_32(
		p->timestamp + t->timestamp_base - (p->index < t->live_index ? t->shift : 0));
	h->ssrc = rte_cpu_to_be_32(t->ssrc);
}

/* The sums of a plain batch, at hand while copies are added to it. */
struct copies {
	uint16_t n;
	uint32_t ports;
	uint64_t bytes;
};

/* What copy_make() began in out->op[sum->n] and `m` is a whole copy now. */
static inline void copy_finish(struct worker *w, struct plain_batch *out, struct copies *sum,
	struct rte_mbuf *m, struct viewer_track *t)
{
	const struct frame_header *h = &t->viewer->header;
	const struct srtp_op *op = &out->op[sum->n];
	uint16_t len = (uint16_t)(sizeof(struct rtp_header) + op->payload_len + t->tag_len);
	uint8_t port = h->port;

	out->port[sum->n] = port;
	out->pkts[sum->n] = m;
	out->track[sum->n] = t;
	sum->n++;
	sum->ports |= UINT32_C(1) << port;
	sum->bytes += frame_write(&w->port[port], m, h, op->dst, COPY_DATA_OFF, len, w->ip_id++);
}

static inline struct copies copies_begin(const struct plain_batch *out)
{
	return (struct copies){.n = out->n, .ports = out->ports, .bytes = out->bytes};
}

static inline void copies_end(struct plain_batch *out, const struct copies *sum)
{
	out->n = sum->n;
	out->ports = sum->ports;
	out->bytes = sum->bytes;
}

/* The same for one alone, the batch's next. */
static inline void copy_add(
	struct worker *w, struct plain_batch *out, struct rte_mbuf *m, struct viewer_track *t)
{
	struct copies sum = copies_begin(out);

	copy_finish(w, out, &sum, m, t);
	copies_end(out, &sum);
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
