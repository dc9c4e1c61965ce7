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

/* classify has judged it on the other worker: its meta says what it is. */
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

static uint16_t batch_forget(
	struct worker *w, struct rte_mbuf **pkts, uint16_t n, const void *object)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (packet_meta(pkts[i])->stream == object)
			worker_drop_mbuf(w, MR_DROP_FLOW_UNKNOWN, pkts[i]);
		else
			pkts[kept++] = pkts[i];
	}
	return kept;
}

static void input_forget(struct worker *w, const struct stream *s)
{
	struct input_batch *in = &w->in.rtp;
	uint16_t kept = 0;

	for (uint16_t i = 0; i < in->n; i++) {
		if (in->pkts[i].stream == s)
			worker_drop_mbuf(w, MR_DROP_STREAM_UNBOUND, in->pkts[i].mbuf);
		else
			in->pkts[kept++] = in->pkts[i];
	}
	in->n = kept;
}

void handoff_forget(struct worker *w, const void *object)
{
	if (w->n_workers == 1)
		return;
	/* Between two turns all batches are empty, so what the rings hold now fits or is
	 * dropped by name; the flow is gone from every worker, so nothing follows. */
	for (uint8_t from = 0; from < w->n_workers; from++) {
		void *m;

		if (from == w->index)
			continue;
		while (rte_ring_sc_dequeue(w->handoff_in[from], &m) == 0)
			handoff_take(w, m);
	}
	input_forget(w, object);
	w->in.srtcp.n = batch_forget(w, w->in.srtcp.pkts, w->in.srtcp.n, object);
	w->in.stun.n = batch_forget(w, w->in.stun.pkts, w->in.stun.n, object);
	w->in.punt.n = batch_forget(w, w->in.punt.pkts, w->in.punt.n, object);
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
