/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handoff: packets whose object another worker owns go to it by reference, over
 * one ring per pair of workers; what the others have for this worker joins the
 * batches that classify filled. So do streams of others that have new packets for
 * viewers here (spread.h). Runs on the worker's lcore.
 */
#include "dataplane/pipeline/ring_rtp.h"
#include "dataplane/pipeline/spread.h"
#include "dataplane/pipeline/worker.h"

#include <rte_ring_peek.h>

static void handoff_send(struct worker *w)
{
	struct batch *out = &w->in.handoff;

	for (uint16_t i = 0; i < out->n; i++) {
		struct rte_mbuf *m = out->pkts[i];
		uint8_t owner = packet_meta(m)->owner;
		struct rte_ring *ring = w->handoff_out[owner];

		if (ring == NULL || rte_ring_sp_enqueue(ring, m) != 0)
			worker_drop_mbuf(w, MR_DROP_HANDOFF_FULL, m);
		else
			worker_wakes(w, owner);
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
		rtp->pkts[rtp->n++] = (struct input_packet){
			.stream = meta->stream,
			.data = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->payload),
			.len = meta->payload_len,
			.arrival_ns = meta->arrival_ns,
			.mbuf = m,
		};
		return;
	case PACKET_DOWN_RTP:
		ring_rtp_take(w, m);
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

/* Whether the batches have room: what does not fit stays in its ring. */
static bool handoff_fits(const struct worker *w, struct rte_mbuf *m)
{
	switch (packet_meta(m)->kind) {
	case PACKET_RTP:
		return w->in.rtp.n < BATCH_MAX;
	case PACKET_DOWN_RTP:
		return ring_rtp_fits(w, m->pkt_len);
	default:
		return true;
	}
}

static bool refers_to(const struct packet_meta *meta, const void *object)
{
	switch (meta->kind) {
	case PACKET_RTP:
		return meta->stream == object;
	case PACKET_SRTCP:
	case PACKET_STUN:
		return meta->viewer == object;
	default:
		return false;
	}
}

void handoff_forget(struct worker *w, const void *object)
{
	struct rte_mbuf *pkts[HANDOFF_RING];

	/* The flow is gone from every worker, so nothing follows. What is there keeps
	 * its place, but names the object no more: handoff_take() drops it. */
	for (uint8_t from = 0; from < w->n_workers; from++) {
		struct rte_ring *ring = w->handoff_in[from];
		unsigned int n;

		if (ring == NULL)
			continue;
		n = rte_ring_dequeue_burst_start(ring, (void **)pkts, HANDOFF_RING, NULL);
		for (unsigned int i = 0; i < n; i++)
			if (refers_to(packet_meta(pkts[i]), object))
				packet_meta(pkts[i])->kind = PACKET_OTHER;
		rte_ring_dequeue_finish(ring, 0);
	}
}

/* One burst of what `ring` holds, as far as the batches have room. */
static void handoff_receive(struct worker *w, struct rte_ring *ring)
{
	struct rte_mbuf *pkts[BURST];
	unsigned int n = rte_ring_dequeue_burst_start(ring, (void **)pkts, BURST, NULL);
	unsigned int taken = 0;

	while (taken < n && handoff_fits(w, pkts[taken]))
		handoff_take(w, pkts[taken++]);
	rte_ring_dequeue_finish(ring, taken);
	if (n > 0)
		w->moved = true;
}

void handoff_stage(struct worker *w)
{
	if (w->n_workers == 1)
		return;
	handoff_send(w);
	for (uint8_t from = 0; from < w->n_workers; from++)
		if (w->handoff_in[from] != NULL)
			handoff_receive(w, w->handoff_in[from]);
	spread_receive(w);
}
