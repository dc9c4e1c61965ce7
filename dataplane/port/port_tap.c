/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames between an owned port's wire and the kernel, by the tap. Few: ARP, TCP,
 * what the kernel's own sockets send and receive. Runs on the worker's lcore.
 */
#include "dataplane/pipeline/checksum.h"
#include "dataplane/port/port.h"

#include <netinet/in.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <string.h>

#define TAP_BURST_MAX 32
#define VLAN_TAGS_MAX 2
#define FRAGMENT_BITS 0x3fff

/* Where the checksum lies in a header of the protocol; 0: not one we know. */
static size_t checksum_offset(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 0;
}

/*
 * A sender on a virtual wire of this host may leave a checksum to hardware that
 * never comes: the field then holds the folded sum of the pseudo-header. The
 * kernel behind the tap, or a real peer, would drop that frame.
 */
static void l4_complete(uint8_t *l4, size_t len, uint8_t protocol, uint64_t addresses)
{
	size_t at = checksum_offset(protocol);
	uint64_t pseudo = addresses + htons(protocol) + htons((uint16_t)len);
	uint16_t field;

	if (at == 0 || len < at + 2)
		return;
	memcpy(&field, &l4[at], 2);
	if (field != checksum_fold(pseudo))
		return;
	/* The field's own content is the pseudo-header's sum: all is in. */
	field = checksum_fold(checksum_add(0, l4, len));
	if (protocol != IPPROTO_UDP || field != 0xffff) /* RFC 768: zero would mean none */
		field = (uint16_t)~field;
	memcpy(&l4[at], &field, 2);
}

static void frame_complete(struct rte_mbuf *m)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	size_t len = m->data_len, at = sizeof(struct rte_ether_hdr);
	uint16_t type;

	if (m->nb_segs != 1 || len < at)
		return;
	type = (uint16_t)(data[at - 2] << 8 | data[at - 1]);
	for (int i = 0;
		i < VLAN_TAGS_MAX && (type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ);
		i++) {
		at += sizeof(struct rte_vlan_hdr);
		if (len < at)
			return;
		type = (uint16_t)(data[at - 2] << 8 | data[at - 1]);
	}
	if (type == RTE_ETHER_TYPE_IPV4 && len - at >= sizeof(struct rte_ipv4_hdr)) {
		const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)&data[at];
		size_t header = rte_ipv4_hdr_len(ip);
		size_t total = rte_be_to_cpu_16(ip->total_length);

		if (header < sizeof(*ip) || total < header || total > len - at ||
			(rte_be_to_cpu_16(ip->fragment_offset) & FRAGMENT_BITS))
			return;
		l4_complete(&data[at + header], total - header, ip->next_proto_id,
			checksum_add(0, &ip->src_addr, 8));
	} else if (type == RTE_ETHER_TYPE_IPV6 && len - at >= sizeof(struct rte_ipv6_hdr)) {
		const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)&data[at];
		size_t payload = rte_be_to_cpu_16(ip->payload_len);

		at += sizeof(*ip);
		if (payload > len - at)
			return;
		l4_complete(&data[at], payload, ip->proto, checksum_add(0, ip->src_addr, 32));
	}
}

static bool has_tap(const struct port *port, uint16_t queue)
{
	return port->tap_dpdk_id != RTE_MAX_ETHPORTS && queue < port->queues;
}

uint16_t port_tap_tx_burst(
	const struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	if (!has_tap(port, queue))
		return 0;
	for (uint16_t i = 0; port->partial_checksums && i < n; i++)
		frame_complete(pkts[i]);
	return rte_eth_tx_burst(port->tap_dpdk_id, queue, pkts, n);
}

uint16_t port_tap_rx_burst(
	const struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	if (!has_tap(port, queue))
		return 0;
	n = rte_eth_rx_burst(port->tap_dpdk_id, queue, pkts, RTE_MIN(n, (uint16_t)TAP_BURST_MAX));
	for (uint16_t i = 0; i < n; i++)
		frame_complete(pkts[i]);
	return n;
}
