/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Port rx: one burst from each port's queue, and what the control plane sends
 * down. Frames of an owned port's tap go straight out by that port. Runs on the
 * worker's lcore.
 */
#include "dataplane/pipeline/punt.h"
#include "dataplane/pipeline/worker.h"

#include <rte_ethdev.h>

#define TAP_BURST 8 /* the kernel's own frames never crowd out media */

/* The kernel's frames, whole and with their own addresses. */
static void tap_receive(struct worker *w, const struct port_queue *q)
{
	struct rte_mbuf *pkts[TAP_BURST];
	uint16_t room = (uint16_t)RTE_MIN(TAP_BURST, FRAMES_MAX - w->tx.n);
	uint16_t n = port_tap_rx_burst(q->port, q->queue, pkts, room);

	for (uint16_t i = 0; i < n; i++) {
		packet_meta(pkts[i])->kind = PACKET_KERNEL;
		packet_meta(pkts[i])->port = q->port->index;
		w->tx.pkts[w->tx.n++] = pkts[i];
	}
	w->moved |= n > 0;
}

static void queue_receive(struct worker *w, const struct port_queue *q, uint16_t room)
{
	struct rte_mbuf **pkts = &w->rx.pkts[w->rx.n];
	uint16_t n = rte_eth_rx_burst(q->dpdk_id, q->queue, pkts, RTE_MIN(room, (uint16_t)BURST));

	for (uint16_t i = 0; i < n; i++) {
		struct packet_meta *meta = packet_meta(pkts[i]);

		meta->port = q->port->index;
		meta->arrival_ns = w->now_ns;
	}
	w->rx.n = (uint16_t)(w->rx.n + n);
}

void port_rx_stage(struct worker *w)
{
	w->rx.n = 0;
	punt_receive(w);
	for (uint8_t i = 0; i < w->n_ports; i++) {
		const struct port_queue *q = &w->port[(w->first_port + i) % w->n_ports];
		/* Everything received may turn out to be RTP: it must fit in.rtp. */
		unsigned int used = w->rx.n + w->in.rtp.n;
		uint16_t room = (uint16_t)(used < BATCH_MAX ? BATCH_MAX - used : 0);

		if (room > 0)
			queue_receive(w, q, room);
		if (!q->port->shared)
			tap_receive(w, q);
	}
	if (w->n_ports > 0)
		w->first_port = (uint8_t)((w->first_port + 1) % w->n_ports);
	if (w->rx.n > 0) {
		mr_count(&w->stats->rx_packets, w->rx.n);
		w->moved = true;
	}
}
