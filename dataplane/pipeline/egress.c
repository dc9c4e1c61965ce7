/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Egress: the viewer's prebuilt header in front of each UDP payload, its lengths
 * and checksums filled in, by the device where it can. Runs on the worker's
 * lcore.
 */
#include "dataplane/pipeline/egress.h"

#include "dataplane/pipeline/checksum.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_prefetch.h>
#include <rte_udp.h>
#include <string.h>

#define PREFETCH_AHEAD 6

static void ipv4_finish(struct worker *w, struct rte_mbuf *m, struct rte_ipv4_hdr *ip,
	const struct frame_header *h, bool offload, uint16_t len)
{
	ip->total_length = rte_cpu_to_be_16((uint16_t)(h->l3_len + len));
	ip->packet_id = rte_cpu_to_be_16(w->ip_id++);
	m->ol_flags |= RTE_MBUF_F_TX_IPV4;
	if (offload)
		m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
	else
		ip->hdr_checksum = (uint16_t)~checksum_fold_32(
			(uint32_t)h->ip_sum + ip->total_length + ip->packet_id);
}

/* RFC 768: a sum of zero is sent as all ones, zero would mean that there is none. */
static void udp_finish(struct rte_mbuf *m, struct rte_udp_hdr *udp, const struct frame_header *h,
	bool offload, const void *payload, size_t payload_len)
{
	uint64_t sum;
	uint16_t folded;

	if (offload) { /* the device adds the rest */
		udp->dgram_cksum = checksum_fold_32(h->pseudo_sum + udp->dgram_len);
		m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
		return;
	}
	/* The length counts twice: in the header and in the pseudo-header. */
	sum = (uint64_t)h->transport_sum + 2u * udp->dgram_len;
	folded = checksum_fold(checksum_add(sum, payload, payload_len));
	udp->dgram_cksum = folded == 0xffff ? 0xffff : (uint16_t)~folded;
}

static inline void frame_finish(struct worker *w, struct rte_mbuf *m, const struct frame_header *h)
{
	const struct port_queue *q = &w->port[h->port];
	size_t payload_len = m->pkt_len;
	uint16_t len = (uint16_t)(sizeof(struct rte_udp_hdr) + payload_len);
	struct rte_udp_hdr *udp;
	uint8_t *end, *frame;

	if (!h->valid || h->port >= w->n_ports) {
		worker_drop_mbuf(w, MR_DROP_NEXTHOP_UNRESOLVED, m);
		return;
	}
	if (m->data_off < FRAME_HEADER_ROOM || w->tx.n == FRAMES_MAX) {
		worker_drop_mbuf(w, MR_DROP_TX_FULL, m);
		return;
	}
	/* More than the header: what lies before it in the headroom is nobody's. */
	end = rte_pktmbuf_mtod(m, uint8_t *);
	if (h->len <= FRAME_HEADER_SHORT)
		memcpy(end - FRAME_HEADER_SHORT, &h->bytes[FRAME_HEADER_ROOM - FRAME_HEADER_SHORT],
			FRAME_HEADER_SHORT);
	else
		memcpy(end - FRAME_HEADER_ROOM, h->bytes, FRAME_HEADER_ROOM);
	frame = end - h->len;
	m->data_off = (uint16_t)(m->data_off - h->len);
	m->data_len = (uint16_t)(m->data_len + h->len);
	m->pkt_len += h->len;
	m->tx_offload = rte_mbuf_tx_offload(h->l2_len, h->l3_len, 0, 0, 0, 0, 0);
	udp = (struct rte_udp_hdr *)(end - sizeof(*udp));
	udp->dgram_len = rte_cpu_to_be_16(len);
	if (h->ipv4) {
		ipv4_finish(w, m, (struct rte_ipv4_hdr *)&frame[h->l2_len], h, q->ip_checksum, len);
	} else {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)&frame[h->l2_len];

		ip->payload_len = udp->dgram_len;
		m->ol_flags |= RTE_MBUF_F_TX_IPV6;
	}
	if (!q->udp_no_checksum || !h->ipv4)
		udp_finish(m, udp, h, q->udp_checksum, end, payload_len);
	packet_meta(m)->port = h->port;
	w->tx.pkts[w->tx.n++] = m;
}

void egress_frame(struct worker *w, struct rte_mbuf *m, const struct frame_header *h)
{
	frame_finish(w, m, h);
}

/* The packet's own lines and that of its headers; and, of one that has these already,
 * the viewer's header. */
static void packet_prefetch(const struct batch *in, uint16_t i)
{
	if (i + 2 * PREFETCH_AHEAD < in->n) {
		struct rte_mbuf *m = in->pkts[i + 2 * PREFETCH_AHEAD];

		rte_prefetch0(m);
		rte_prefetch0(packet_meta(m));
		rte_prefetch0(rte_pktmbuf_mtod(m, const uint8_t *));
	}
	if (i + PREFETCH_AHEAD < in->n)
		rte_prefetch0(
			&packet_meta(in->pkts[i + PREFETCH_AHEAD])
				 ->viewer->header.bytes[FRAME_HEADER_ROOM - FRAME_HEADER_SHORT]);
}

static void batch_send(struct worker *w, struct batch *in)
{
	for (uint16_t i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkts[i];

		packet_prefetch(in, i);
		frame_finish(w, m, &packet_meta(m)->viewer->header);
	}
	in->n = 0;
}

void egress_stage(struct worker *w)
{
	batch_send(w, &w->raw); /* consent first: a viewer waits for nothing else so anxiously */
	batch_send(w, &w->srtcp_out);
	batch_send(w, &w->cipher);
}
