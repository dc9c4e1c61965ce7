/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handoff: packets whose object another worker owns go to it by reference, over
 * one ring per pair of workers; what the others have for this worker joins the
 * batches that classify filled. Runs on the worker's lcore.
 */
#include "dataplane/pipeline/worker.h"

static void handoff_send(struct worker *w)
{
	struct batch *out = &w->in.handoff;

	for (uint16_t i = 0; i < out->n; i++) {
		struct rte_mbuf *m = out->pkts[i];
		struct rte_ring *ring = w->handoff_out[packet_meta(m)->owner];

		if (ring == NULL || rte_ring_sp_enqueue(ring, m) != 0)
			worker_drop_mbuf(w, MR_DROP_HANDOFF_FULL, m);
	}
	out->n = 0;
}

static void batch_add(struct worker *w, struct batch *b, struct rte_mbuf *m)
{
	if (b->n == BATCH_MAX)
		worker_drop_mbuf(w, MR_DROP_HANDOFF_FULL, m);
	else
		b->pkts[b->n++] = m;
}

/* classify has judged it on the other worker: its meta says what it is. The
 * object may have gone since; its flow has gone with it, so has its owner's
 * link: whoever unlinks drains the rings first (control/order.c). */
static void handoff_take(struct worker *w, struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);
	struct input_batch *rtp = &w->in.rtp;

	switch (meta->kind) {
	case PACKET_RTP:
		if (rtp->n == BATCH_MAX) {
			worker_drop_mbuf(w, MR_DROP_HANDOFF_FULL, m);
			return;
		}
		rtp->pkts[rtp->n++] = (struct input_packet){
			.stream = meta->stream,
			.data = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->payload),
			.len = meta->payload_len,
			.arrival_ns = meta->arrival_ns,
			.mbuf = m,
		};
		return;
	case PACKET_SRTCP:
		batch_add(w, &w->in.srtcp, m);
		return;
	case PACKET_STUN:
		batch_add(w, &w->in.stun, m);
		return;
	case PACKET_PUNT:
	case PACKET_PUNT_SOURCE:
		batch_add(w, &w->in.punt, m);
		return;
	default:
		worker_drop_mbuf(w, MR_DROP_FLOW_UNKNOWN, m);
	}
}

void handoff_stage(struct worker *w)
{
	struct rte_mbuf *pkts[BURST];

	if (w->n_workers == 1)
		return;
	handoff_send(w);
	for (uint8_t from = 0; from < w->n_workers; from++) {
		unsigned int n;

		if (from == w->index)
			continue;
		n = rte_ring_sc_dequeue_burst(w->handoff_in[from], (void **)pkts, BURST, NULL);
		if (n > 0)
			w->moved = true;
		for (unsigned int i = 0; i < n; i++)
			handoff_take(w, pkts[i]);
	}
}
