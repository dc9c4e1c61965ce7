/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is not the data plane's to answer: datagrams for the control plane go up
 * the packet ring (worker 0 holds it, the others hand over to it), frames for
 * the kernel go to the port's tap; replies and RTP come down. Runs on the
 * worker's lcore.
 */
#include "dataplane/pipeline/punt.h"

#include "dataplane/pipeline/egress.h"
#include "dataplane/pipeline/ring_rtp.h"

#include <string.h>

#define PUNT_INTERVAL_NS 50000    /* between two datagrams to the control plane ... */
#define PUNT_BURST 2048           /* ... and how many at once */
#define RECEIVE_MESSAGES 128      /* slots taken from the packet ring per turn */
#define DOWN_WAIT_NS 200000000ull /* for the command that a datagram follows */

static void channel_broken(struct worker *w)
{
	w->packets_up = NULL;
	w->packets_down = NULL;
	worker_notify(w, NOTICE_CHANNEL_BROKEN, 0, 0, 0);
}

/* A stranger may send anything to the public port: a bucket of tokens keeps the
 * ring and the control plane from drowning. */
static bool punt_allowed(struct worker *w)
{
	uint64_t refill = (w->now_ns - w->punt_refilled_ns) / PUNT_INTERVAL_NS;

	/* What is left of an interval counts towards the next. */
	w->punt_tokens = RTE_MIN(w->punt_tokens + refill, (uint64_t)PUNT_BURST);
	w->punt_refilled_ns += refill * PUNT_INTERVAL_NS;
	if (w->punt_tokens == 0)
		return false;
	w->punt_tokens--;
	return true;
}

static void punt_to_control(struct worker *w, struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);
	struct mr_packet head;
	int rc;

	if (w->packets_up == NULL) {
		worker_drop_mbuf(w, MR_DROP_PUNT_DETACHED, m);
		return;
	}
	if (!punt_allowed(w)) {
		worker_drop_mbuf(w, MR_DROP_PUNT_RATE, m);
		return;
	}
	memset(&head, 0, offsetof(struct mr_packet, data));
	head.kind = meta->kind == PACKET_PUNT_SOURCE ? MR_PACKET_UP_SOURCE : MR_PACKET_UP_PUBLIC;
	if (meta->kind == PACKET_PUNT_SOURCE)
		head.stream_id = meta->stream_id;
	head.port = meta->port;
	head.arrival_ns = meta->arrival_ns;
	packet_endpoints(m, &head.local, &head.remote);
	rc = mr_packet_put(w->packets_up, &head,
		rte_pktmbuf_mtod_offset(m, const void *, meta->payload), meta->payload_len);
	if (rc == 0)
		mr_count(&w->stats->punted, 1);
	else
		worker_drop(w, MR_DROP_PUNT_FULL, 1);
	w->to_main = true; /* it wakes the control plane */
	if (rc == -EPROTO)
		channel_broken(w);
	rte_pktmbuf_free(m);
}

static void punt_to_kernel(struct worker *w)
{
	struct batch *in = &w->in.kernel;

	for (uint16_t i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkts[i];
		const struct port *port = w->port[packet_meta(m)->port].port;

		if (port_tap_tx_burst(port, w->index, &m, 1) != 1)
			worker_drop_mbuf(w, MR_DROP_TAP_FULL, m);
	}
	in->n = 0;
}

void punt_stage(struct worker *w)
{
	struct batch *in = &w->in.punt;

	if (in->n > 0 || w->in.kernel.n > 0)
		w->moved = true;
	for (uint16_t i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkts[i];
		struct rte_ring *to_first = w->handoff_out[0];

		if (w->index == 0)
			punt_to_control(w, m);
		else if (rte_ring_sp_enqueue(to_first, m) != 0)
			worker_drop_mbuf(w, MR_DROP_HANDOFF_FULL, m);
		else
			worker_wakes(w, 0);
	}
	in->n = 0;
	punt_to_kernel(w);
}

static void receive_send(struct worker *w, const struct mr_packet_joiner *j)
{
	const struct nexthop *nexthop = worker_nexthop(w, j->head.nexthop_id);
	struct frame_header header;
	struct rte_mbuf *m;
	char *payload;

	if (nexthop == NULL || j->head.local.port == 0 || j->head.remote.port == 0 ||
		j->head.total > w->port[nexthop->port].port->mtu - 48u) {
		worker_drop(w, MR_DROP_DOWN_INVALID, 1);
		return;
	}
	m = rte_pktmbuf_alloc(w->pool);
	if (m == NULL) {
		worker_drop(w, MR_DROP_MBUF_EMPTY, 1);
		return;
	}
	payload = rte_pktmbuf_append(m, (uint16_t)j->head.total);
	if (payload == NULL) {
		worker_drop_mbuf(w, MR_DROP_DOWN_INVALID, m);
		return;
	}
	memcpy(payload, j->data, j->head.total);
	memset(packet_meta(m), 0, sizeof(struct packet_meta));
	frame_header_build(&header, nexthop, &j->head.local, &j->head.remote);
	egress_frame(w, m, &header);
}

/* Whether the command that the datagram follows has been carried out, or is not waited
 * for any longer. What needs none passes all checks without it (a stream's RTP), and the
 * rest is dropped by them. A main thread that does nothing holds the ring up once: what
 * comes behind waits no more until a command was carried out. */
static bool receive_due(struct worker *w, const struct mr_packet_joiner *j)
{
	uint64_t done = atomic_load_explicit(&w->commands_done, memory_order_acquire);

	if (done != w->down_done) {
		w->down_done = done;
		w->down_stuck = false;
	}
	if (w->down_waits && w->now_ns - w->down_waits_ns > DOWN_WAIT_NS)
		w->down_stuck = true;
	if (j->head.after <= done || w->down_stuck) {
		w->down_waits = false;
		return true;
	}
	if (!w->down_waits)
		w->down_waits_ns = w->now_ns;
	w->down_waits = true;
	return false;
}

/* The next datagram that is due: 1; 0: none; -EPROTO. */
static int receive_next(struct worker *w, struct mr_packet_joiner *j, unsigned int *budget)
{
	int rc = 1;

	if (!w->down_waits)
		rc = mr_packet_take(w->packets_down, j, budget);
	if (rc != 1)
		return rc;
	return receive_due(w, j) ? 1 : 0;
}

void punt_receive(struct worker *w)
{
	struct mr_packet_joiner *j = w->joiner;
	unsigned int budget = RECEIVE_MESSAGES;
	int rc = 0;

	w->staging_used = 0;
	if (w->packets_down == NULL)
		return;
	/* Room for the largest datagram and for what the ports bring in this turn. */
	while (budget > 0 && w->in.rtp.n < BATCH_MAX / 2 && w->tx.n < BATCH_MAX / 2 &&
		ring_rtp_fits(w, MR_PACKET_TOTAL_MAX)) {
		rc = receive_next(w, j, &budget);
		if (rc <= 0)
			break;
		w->moved = true;
		if (j->head.kind == MR_PACKET_DOWN_SEND)
			receive_send(w, j);
		else if (j->head.kind == MR_PACKET_DOWN_RTP)
			ring_rtp_receive(w, j);
		else
			worker_drop(w, MR_DROP_DOWN_INVALID, 1);
	}
	if (j->broken > 0) {
		worker_drop(w, MR_DROP_DOWN_INVALID, j->broken);
		j->broken = 0;
	}
	if (rc == -EPROTO)
		channel_broken(w);
}
