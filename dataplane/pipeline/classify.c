/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classify: what each received frame is and whose. Parses the frame, demultiplexes
 * by RFC 7983 (first byte) and RFC 5761 (RTP or RTCP), looks up the flow table.
 * What is nobody's is dropped by name, or goes to the kernel behind an owned
 * port. Runs on the worker's lcore.
 */
#include "dataplane/pipeline/frame_parse.h"
#include "dataplane/pipeline/worker.h"

#include <rte_prefetch.h>

#define PREFETCH_AHEAD 4

enum protocol { PROTOCOL_NONE, PROTOCOL_STUN, PROTOCOL_DTLS, PROTOCOL_RTP, PROTOCOL_RTCP };

/* RFC 7983 7; ZRTP and TURN channels are nothing that we take. */
static enum protocol protocol_of(const uint8_t *payload, uint16_t len)
{
	uint8_t type;

	if (len == 0)
		return PROTOCOL_NONE;
	if (payload[0] <= 3)
		return PROTOCOL_STUN;
	if (payload[0] >= 20 && payload[0] <= 63)
		return PROTOCOL_DTLS;
	if (payload[0] < 128 || payload[0] > 191)
		return PROTOCOL_NONE;
	if (len < 2)
		return PROTOCOL_RTP; /* too short for either: stream input will say so */
	type = payload[1] & 0x7f;    /* RFC 5761 4 */
	return type >= 64 && type <= 95 ? PROTOCOL_RTCP : PROTOCOL_RTP;
}

static void batch_put(struct worker *w, struct batch *b, struct rte_mbuf *m, enum packet_kind kind)
{
	packet_meta(m)->kind = kind;
	b->pkts[b->n++] = m; /* no batch is smaller than rx */
}

/* To the worker that owns the packet's object, or into its batch here. */
static void to_owner(
	struct worker *w, struct batch *b, struct rte_mbuf *m, enum packet_kind kind, uint8_t owner)
{
	packet_meta(m)->owner = owner;
	batch_put(w, owner == w->index ? b : &w->in.handoff, m, kind);
}

static void rtp_put(struct worker *w, struct rte_mbuf *m, const struct flow_value *flow)
{
	struct packet_meta *meta = packet_meta(m);
	struct input_batch *in = &w->in.rtp;

	meta->kind = PACKET_RTP;
	meta->owner = flow->owner;
	meta->stream = flow->object;
	if (flow->owner != w->index) {
		w->in.handoff.pkts[w->in.handoff.n++] = m;
		return;
	}
	in->pkts[in->n++] = (struct input_packet){
		.stream = meta->stream,
		.data = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->payload),
		.len = meta->payload_len,
		.arrival_ns = meta->arrival_ns,
		.mbuf = m,
	};
}

/* To a stream's endpoint. */
static void classify_source(
	struct worker *w, struct rte_mbuf *m, enum protocol protocol, const struct flow_value *flow)
{
	struct packet_meta *meta = packet_meta(m);

	if (protocol == PROTOCOL_RTP) {
		rtp_put(w, m, flow);
		return;
	}
	if (protocol == PROTOCOL_NONE) {
		worker_drop_mbuf(w, MR_DROP_FIRST_BYTE, m);
		return;
	}
	meta->owner = flow->owner;
	meta->stream = NULL;
	meta->stream_id = flow->id;
	batch_put(w, &w->in.punt, m, PACKET_PUNT_SOURCE);
}

/* From an established viewer. */
static void classify_viewer(
	struct worker *w, struct rte_mbuf *m, enum protocol protocol, const struct flow_value *flow)
{
	struct packet_meta *meta = packet_meta(m);

	meta->viewer = flow->object;
	switch (protocol) {
	case PROTOCOL_STUN:
		to_owner(w, &w->in.stun, m, PACKET_STUN, flow->owner);
		break;
	case PROTOCOL_RTCP:
		to_owner(w, &w->in.srtcp, m, PACKET_SRTCP, flow->owner);
		break;
	case PROTOCOL_DTLS:
		meta->viewer = NULL; /* the control plane goes by its addresses */
		batch_put(w, &w->in.punt, m, PACKET_PUNT);
		break;
	case PROTOCOL_RTP:
		worker_drop_mbuf(w, MR_DROP_SRTP_UNWANTED, m);
		break;
	case PROTOCOL_NONE:
		worker_drop_mbuf(w, MR_DROP_FIRST_BYTE, m);
		break;
	}
}

/* To the public port, from no viewer that we know. */
static void classify_stranger(struct worker *w, struct rte_mbuf *m, enum protocol protocol)
{
	switch (protocol) {
	case PROTOCOL_STUN:
	case PROTOCOL_DTLS:
		packet_meta(m)->viewer = NULL;
		batch_put(w, &w->in.punt, m, PACKET_PUNT);
		break;
	case PROTOCOL_RTP:
	case PROTOCOL_RTCP:
		worker_drop_mbuf(w, MR_DROP_VIEWER_UNKNOWN, m);
		break;
	case PROTOCOL_NONE:
		worker_drop_mbuf(w, MR_DROP_FIRST_BYTE, m);
		break;
	}
}

/* Nothing of ours: an owned port has a kernel behind it, a shared one should
 * not have brought it. */
static void not_ours(
	struct worker *w, const struct port *port, struct rte_mbuf *m, enum mr_drop reason)
{
	if (port->shared || port->tap_dpdk_id == RTE_MAX_ETHPORTS)
		worker_drop_mbuf(w, reason, m);
	else
		batch_put(w, &w->in.kernel, m, PACKET_KERNEL);
}

static unsigned int checksum_flags(const struct rte_mbuf *m, const struct port *port)
{
	unsigned int flags = 0;

	if ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		flags |= FRAME_IP_CHECKSUM_GOOD;
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		flags |= FRAME_UDP_CHECKSUM_GOOD;
	if (port->partial_checksums)
		flags |= FRAME_UDP_CHECKSUM_PARTIAL;
	return flags;
}

static void classify_mbuf(struct worker *w, struct rte_mbuf *m)
{
	struct packet_meta *meta = packet_meta(m);
	const struct port *port = w->port[meta->port].port;
	struct flow_value flow;
	struct frame f;
	enum protocol protocol;

	if (m->nb_segs != 1) {
		worker_drop_mbuf(w, MR_DROP_RX_SEGMENTED, m);
		return;
	}
	switch (frame_parse(
		&f, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, checksum_flags(m, port))) {
	case FRAME_UDP:
		break;
	case FRAME_KERNEL:
		not_ours(w, port, m, f.reason);
		return;
	case FRAME_DROP:
		worker_drop_mbuf(w, f.reason, m);
		return;
	}
	meta->ip_version = f.ip_version;
	meta->l3 = f.l3;
	meta->l4 = f.l4;
	meta->payload = f.payload;
	meta->payload_len = f.payload_len;
	protocol =
		protocol_of(rte_pktmbuf_mtod_offset(m, const uint8_t *, f.payload), f.payload_len);

	if (flow_table_lookup_source(w->flows, &f.dst, &flow))
		classify_source(w, m, protocol, &flow);
	else if (flow_table_lookup_viewer(w->flows, &f.dst, &f.src, &flow))
		classify_viewer(w, m, protocol, &flow);
	else if (flow_table_is_public(w->flows, &f.dst))
		classify_stranger(w, m, protocol);
	else
		not_ours(w, port, m, MR_DROP_FLOW_UNKNOWN);
}

void classify_stage(struct worker *w)
{
	struct batch *in = &w->rx;

	for (uint16_t i = 0; i < in->n && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(in->pkts[i], void *));
	for (uint16_t i = 0; i < in->n; i++) {
		if (i + PREFETCH_AHEAD < in->n)
			rte_prefetch0(rte_pktmbuf_mtod(in->pkts[i + PREFETCH_AHEAD], void *));
		classify_mbuf(w, in->pkts[i]);
	}
	in->n = 0;
}
