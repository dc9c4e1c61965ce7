/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Port tx: whole frames to the ports' queues, media behind all else. What a queue does
 * not take at once waits, in order, for the next turns; beyond TX_BUFFER it is dropped
 * by name. Runs on the worker's lcore.
 */
#include "dataplane/pipeline/worker.h"

#include <rte_ethdev.h>

#define TX_RETRIES 4 /* of a full queue, before frames are dropped */

/* Offers what waits. Returns whether any was taken. */
static bool queue_flush(struct worker *w, struct port_queue *q)
{
	uint16_t done = 0;
	uint64_t bytes = 0;

	while (done < q->n_tx) {
		uint16_t n = (uint16_t)RTE_MIN((unsigned int)BURST, (unsigned int)(q->n_tx - done));
		uint16_t sent;

		/* A frame that was taken is the driver's, so all are counted before. */
		for (uint16_t i = 0; i < n; i++)
			bytes += q->tx[done + i]->pkt_len;
		sent = rte_eth_tx_burst(q->dpdk_id, q->queue, &q->tx[done], n);
		for (uint16_t i = sent; i < n; i++)
			bytes -= q->tx[done + i]->pkt_len;
		done = (uint16_t)(done + sent);
		if (sent < n)
			break;
	}
	if (done == 0)
		return false;
	for (uint16_t i = done; i < q->n_tx; i++)
		q->tx[i - done] = q->tx[i];
	q->n_tx = (uint16_t)(q->n_tx - done);
	mr_count(&w->stats->tx_packets, done);
	mr_count(&w->stats->tx_bytes, bytes);
	return true;
}

static bool queue_make_room(struct worker *w, struct port_queue *q)
{
	for (unsigned int i = 0; i < TX_RETRIES && q->n_tx == TX_BUFFER; i++)
		queue_flush(w, q);
	return q->n_tx < TX_BUFFER;
}

static void queue_put(struct worker *w, struct port_queue *q, struct rte_mbuf *m)
{
	if (q->n_tx < TX_BUFFER || queue_make_room(w, q))
		q->tx[q->n_tx++] = m;
	else
		worker_drop_mbuf(w, MR_DROP_TX_FULL, m);
}

/* Media alone, all for one port that has nothing waiting: from the batch to the driver,
 * which is the first to look at a frame again. What it does not take waits. */
static void media_send(struct worker *w, struct media_batch *in)
{
	struct port_queue *q = &w->port[__builtin_ctz(in->ports)];
	uint16_t done = 0;

	while (done < in->n) {
		uint16_t n = (uint16_t)RTE_MIN(BURST, in->n - done);
		uint16_t sent = rte_eth_tx_burst(q->dpdk_id, q->queue, &in->pkts[done], n);

		done = (uint16_t)(done + sent);
		if (sent < n)
			break;
	}
	for (uint16_t i = done; i < in->n; i++) {
		in->bytes -= in->pkts[i]->pkt_len;
		q->tx[q->n_tx++] = in->pkts[i];
	}
	mr_count(&w->stats->tx_packets, done);
	mr_count(&w->stats->tx_bytes, in->bytes);
}
static_assert(BATCH_MAX <= TX_BUFFER, "a batch of media may wait");

/* Behind what waits: a burst of the driver's may be a system call. */
static void media_put(struct worker *w, struct media_batch *in)
{
	for (uint16_t i = 0; i < in->n; i++)
		queue_put(w, &w->port[in->port[i]], in->pkts[i]);
}

static bool media_goes_straight(const struct worker *w, const struct media_batch *in)
{
	return (in->ports & (in->ports - 1)) == 0 && w->port[__builtin_ctz(in->ports)].n_tx == 0;
}

void port_tx_stage(struct worker *w)
{
	struct frame_batch *in = &w->tx;
	struct media_batch *media = &w->cipher;

	w->moved |= in->n > 0 || media->n > 0;
	for (uint16_t i = 0; i < in->n; i++)
		queue_put(w, &w->port[packet_meta(in->pkts[i])->port], in->pkts[i]);
	in->n = 0;
	if (media->n > 0 && media_goes_straight(w, media))
		media_send(w, media);
	else
		media_put(w, media);
	media->n = 0;

	for (uint8_t p = 0; p < w->n_ports; p++) {
		struct port_queue *q = &w->port[p];

		if (q->n_tx > 0) {
			queue_flush(w, q);
			w->moved = true; /* what still waits must not wait for a sleep */
		}
	}
}
