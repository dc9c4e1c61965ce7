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

#define PREFETCH_AHEAD 3

static void ipv4_finish(struct worker *w, struct rte_mbuf *m, struct rte_ipv4_hdr *ip,
	const struct frame_header *h, bool offload, uint16_t len)
{
	ip->total_length = rte_cpu_to_be_16((uint16_t)(h->l3_len + len));
	ip->packet_id = rte_cpu_to_be_16(w->ip_id++);
	m->ol_flags |= RTE_MBUF_F_TX_IPV4;
	if (offload)
		m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
	else
		ip->hdr_checksum = (uint16_t)~checksum_fold(
			(uint64_t)h->ip_sum + ip->total_length + ip->packet_id);
}

/* RFC 768: a sum of zero is sent as all ones, zero would mean that there is none. */
static void udp_finish(struct rte_mbuf *m, struct rte_udp_hdr *udp, const struct frame_header *h,
	bool offload, const void *payload, size_t payload_len)
{
	uint64_t sum = (uint64_t)h->pseudo_sum + udp->dgram_len;
	uint16_t folded;

	if (offload) {
		/* The device adds the rest; the template's sum holds the ports already. */
		sum += (uint16_t)~udp->src_port;
		sum += (uint16_t)~udp->dst_port;
		udp->dgram_cksum = checksum_fold(sum);
		m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
		return;
	}
	sum += udp->dgram_len;
	folded = checksum_fold(checksum_add(sum, payload, payload_len));
	udp->dgram_cksum = folded == 0xffff ? 0xffff : (uint16_t)~folded;
}

void egress_frame(struct worker *w, struct rte_mbuf *m, const struct frame_header *h)
{
	const struct port_queue *q = &w->port[h->port];
	size_t payload_len = m->pkt_len;
	uint16_t len = (uint16_t)(sizeof(struct rte_udp_hdr) + payload_len);
	struct rte_udp_hdr *udp;
	uint8_t *frame;

	if (!h->valid || h->port >= w->n_ports) {
		worker_drop_mbuf(w, MR_DROP_NEXTHOP_UNRESOLVED, m);
		return;
	}
	frame = (uint8_t *)rte_pktmbuf_prepend(m, h->len);
	if (frame == NULL || w->tx.n == FRAMES_MAX) {
		worker_drop_mbuf(w, MR_DROP_TX_FULL, m);
		return;
	}
	memcpy(frame, h->bytes, h->len);
	m->l2_len = h->l2_len;
	m->l3_len = h->l3_len;
	udp = (struct rte_udp_hdr *)&frame[h->l2_len + h->l3_len];
	udp->dgram_len = rte_cpu_to_be_16(len);
	if (h->ip_version == 4) {
		ipv4_finish(w, m, (struct rte_ipv4_hdr *)&frame[h->l2_len], h, q->ip_checksum, len);
	} else {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)&frame[h->l2_len];

		ip->payload_len = udp->dgram_len;
		m->ol_flags |= RTE_MBUF_F_TX_IPV6;
	}
	udp_finish(m, udp, h, q->udp_checksum, &frame[h->len], payload_len);
	packet_meta(m)->port = h->port;
	w->tx.pkts[w->tx.n++] = m;
}

static void batch_send(struct worker *w, struct batch *in)
{
	for (uint16_t i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkts[i];

		if (i + PREFETCH_AHEAD < in->n)
			rte_prefetch0(&packet_meta(in->pkts[i + PREFETCH_AHEAD])->viewer->header);
		egress_frame(w, m, &packet_meta(m)->viewer->header);
	}
	in->n = 0;
}

void egress_stage(struct worker *w)
{
	batch_send(w, &w->raw); /* consent first: a viewer waits for nothing else so anxiously */
	batch_send(w, &w->srtcp_out);
	batch_send(w, &w->cipher);
}
