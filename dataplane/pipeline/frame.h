/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making a frame: a viewer's prebuilt header goes in front of a UDP payload, with its
 * lengths, identification and checksums. What the port's device adds is left to it; a UDP
 * checksum in software needs the payload as it leaves, so of copies that are still to be
 * encrypted egress makes it (frame_checksum()). On the worker's lcore.
 */
#ifndef DATAPLANE_PIPELINE_FRAME_H
#define DATAPLANE_PIPELINE_FRAME_H

#include "dataplane/pipeline/checksum.h"
#include "dataplane/pipeline/worker.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <string.h>

/* Without, nobody knows where it would go. */
static inline bool frame_has_way(const struct worker *w, const struct frame_header *h)
{
	return h->valid && h->port < w->n_ports;
}

/* `ip` has no options. Its checksum is left to the device, or made. */
static inline uint64_t frame_ipv4(struct rte_ipv4_hdr *ip, const struct frame_header *h,
	bool offload, uint16_t udp_len, uint16_t id)
{
	uint16_t length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + udp_len));

	id = rte_cpu_to_be_16(id);
	ip->total_length = length;
	ip->packet_id = id;
	if (offload)
		return RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	ip->hdr_checksum = (uint16_t)~checksum_fold_32((uint32_t)h->ip_sum + length + id);
	return RTE_MBUF_F_TX_IPV4;
}

/*
 * What stands in the UDP checksum's place until the payload's sum comes to it: that of
 * the pseudo-header, for the device, or that of all headers, for frame_checksum(). The
 * length counts twice there: in the header and in the pseudo-header.
 */
static inline uint16_t frame_udp_sum(const struct frame_header *h, bool offload, uint16_t be_len)
{
	return offload ? checksum_fold_32(h->pseudo_sum + be_len)
		       : checksum_fold_32(h->transport_sum + 2u * be_len);
}

/*
 * `m`, whose buffer has a UDP payload of `len` bytes at `data`, which is its offset
 * `payload` (at least FRAME_HEADER_ROOM), becomes a frame, by `q`, the port of `h`. All
 * of its fields that a driver reads are written but those that every free buffer has
 * (one reference, one segment). Returns its length.
 */
static inline uint16_t frame_write(const struct port_queue *q, struct rte_mbuf *m,
	const struct frame_header *restrict h, uint8_t *data, uint16_t payload, uint16_t len,
	uint16_t id)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)data - 1;
	uint16_t udp_len = (uint16_t)(sizeof(*udp) + len);
	uint16_t be_len = rte_cpu_to_be_16(udp_len);
	uint16_t frame_len = (uint16_t)(h->len + len);
	uint64_t flags;

	/* More than the header: what lies before it in the headroom is nobody's. */
	if (h->len <= FRAME_HEADER_SHORT)
		memcpy(data - FRAME_HEADER_SHORT, &h->bytes[FRAME_HEADER_ROOM - FRAME_HEADER_SHORT],
			FRAME_HEADER_SHORT);
	else
		memcpy(data - FRAME_HEADER_ROOM, h->bytes, FRAME_HEADER_ROOM);
	udp->dgram_len = be_len;
	if (h->ipv4) {
		flags = frame_ipv4((struct rte_ipv4_hdr *)udp - 1, h, q->ip_checksum, udp_len, id);
	} else {
		((struct rte_ipv6_hdr *)udp - 1)->payload_len = be_len;
		flags = RTE_MBUF_F_TX_IPV6;
	}
	if (q->udp_checksum) {
		udp->dgram_cksum = frame_udp_sum(h, true, be_len);
		flags |= RTE_MBUF_F_TX_UDP_CKSUM;
	} else if (!q->udp_no_checksum || !h->ipv4) {
		udp->dgram_cksum = frame_udp_sum(h, false, be_len);
	}
	m->data_off = (uint16_t)(payload - h->len);
	m->data_len = frame_len;
	m->pkt_len = frame_len;
	m->ol_flags = flags;
	m->tx_offload = rte_mbuf_tx_offload(h->l2_len, h->l3_len, 0, 0, 0, 0, 0);
	return frame_len;
}

/* Whether a frame that leaves by `q` needs frame_checksum(). */
static inline bool frame_needs_checksum(const struct port_queue *q, const struct rte_mbuf *m)
{
	return !q->udp_checksum && (!q->udp_no_checksum || (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0);
}

/* RFC 768: a sum of zero is sent as all ones, zero would mean that there is none. */
static inline void frame_checksum(struct rte_mbuf *m)
{
	uint16_t headers = (uint16_t)(m->l2_len + m->l3_len);
	struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, headers);
	size_t len = m->data_len - headers - sizeof(*udp);
	uint16_t folded = checksum_fold(checksum_add(udp->dgram_cksum, udp + 1, len));

	udp->dgram_cksum = folded == 0xffff ? 0xffff : (uint16_t)~folded;
}

#endif
