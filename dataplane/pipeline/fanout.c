/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fan-out: reads each stream's plaintext ring at its live cursor and makes one
 * copy per viewer: an mbuf with the RTP header, and an order to encrypt the
 * shared payload into it. A job is (packet, next viewer): it stops when the
 * turn's budget is spent and goes on in the next, first stream in first out.
 * Runs on the worker's lcore.
 */
#include "dataplane/pipeline/worker.h"

#include "dataplane/stream/rtp.h"

#include <rte_byteorder.h>
#include <rte_prefetch.h>

static_assert(FANOUT_BUDGET <= BATCH_MAX, "a turn's copies fit the batch");

/* RFC 3550 5.1, without CSRCs, extension and padding: stream input removed them. */
static void copy_make(struct srtp_op *op, struct rte_mbuf *m, const struct plain_packet *p,
	const uint8_t *payload, struct viewer_track *t)
{
	struct rtp_header *h = rte_pktmbuf_mtod(m, struct rtp_header *);
	struct packet_meta *meta = packet_meta(m);
	uint64_t index = t->wire_base + (p->index - t->join_index);

	h->vpxcc = 0x80;
	h->mpt = (uint8_t)((p->flags & PLAIN_MARKER ? 0x80 : 0) | t->payload_type);
	h->seq = rte_cpu_to_be_16((uint16_t)index);
	h->timestamp = rte_cpu_to_be_32(p->timestamp + t->timestamp_base);
	h->ssrc = rte_cpu_to_be_32(t->ssrc);

	op->tx = &t->viewer->rtp_key;
	op->src = payload;
	op->dst = (uint8_t *)h;
	op->index = index;
	op->hdr_len = sizeof(*h);
	op->payload_len = p->len;
	op->ssrc = t->ssrc;

	meta->kind = PACKET_RTP;
	meta->viewer = t->viewer;
	meta->track = (uint8_t)(t - t->viewer->track);
}

/* Makes copies of one packet for at most `room` viewers. Returns how many
 * viewers were passed, served or not. */
static uint16_t fanout_packet(
	struct worker *w, struct stream *s, const struct plain_packet *p, uint16_t room)
{
	struct plain_batch *out = &w->plain;
	const uint8_t *payload = plain_ring_payload(&s->ring, p);
	struct viewer_track **tracks = &s->tracks[s->live_position];
	uint16_t n = (uint16_t)RTE_MIN((uint32_t)room, s->n_tracks - s->live_position);
	struct rte_mbuf **pkts = &out->pkts[out->n];

	if (rte_pktmbuf_alloc_bulk(w->pool, pkts, n) != 0) {
		worker_drop(w, MR_DROP_MBUF_EMPTY, n);
		return n;
	}
	for (uint16_t i = 0; i < n; i++) {
		if (i + 2 < n) {
			rte_prefetch0(tracks[i + 2]);
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + 2], void *));
		}
		copy_make(&out->op[out->n + i], pkts[i], p, payload, tracks[i]);
	}
	out->n = (uint16_t)(out->n + n);
	return n;
}

/* Serves one stream until it is done or the budget is spent. True: done. */
static bool fanout_stream(struct worker *w, struct stream *s, uint16_t *budget)
{
	while (s->live_next < s->ring.next) {
		const struct plain_packet *p;

		if (s->n_tracks == 0) {
			s->live_next = s->ring.next;
			s->live_position = 0;
			return true;
		}
		p = plain_ring_get(&s->ring, s->live_next);
		if (p == NULL) {
			uint64_t lost = (s->ring.oldest - s->live_next) * s->n_tracks;
			worker_drop(w, MR_DROP_FANOUT_OVERRUN, lost - s->live_position);
			s->live_next = s->ring.oldest;
			s->live_position = 0;
			continue;
		}
		if ((p->flags & PLAIN_HOLE) != 0) {
			s->live_next++;
			continue;
		}
		if (*budget == 0)
			return false;
		uint16_t n = fanout_packet(w, s, p, *budget);
		*budget = (uint16_t)(*budget - n);
		s->live_position += n;
		if (s->live_position >= s->n_tracks) {
			s->live_position = 0;
			s->live_next++;
		}
	}
	return true;
}

void fanout_stage(struct worker *w)
{
	uint16_t budget = FANOUT_BUDGET;

	w->plain.n = 0;
	while (w->queue_head != NULL && budget > 0) {
		struct stream *s = w->queue_head;
		bool done = fanout_stream(w, s, &budget);

		if (!done && s->next_queued == NULL)
			break;
		w->queue_head = s->next_queued;
		if (w->queue_head == NULL)
			w->queue_tail = NULL;
		s->queued = false;
		if (!done)
			worker_queue_stream(w, s); /* behind the others: nobody starves */
	}
	if (w->plain.n > 0 || w->queue_head != NULL)
		w->moved = true;
}
