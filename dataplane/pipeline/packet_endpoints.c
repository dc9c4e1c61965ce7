/* SPDX-License-Identifier: BSD-3-Clause */
/* The addresses of a frame that classify has checked: see worker.h. */
#include "dataplane/pipeline/worker.h"

#include <rte_ip.h>
#include <rte_udp.h>
#include <string.h>

static void endpoint_v4(struct mr_endpoint *e, rte_be32_t addr, rte_be16_t port)
{
	memset(e, 0, sizeof(*e));
	e->addr[10] = 0xff;
	e->addr[11] = 0xff;
	memcpy(&e->addr[12], &addr, sizeof(addr));
	e->port = port;
}

static void endpoint_v6(struct mr_endpoint *e, const uint8_t *addr, rte_be16_t port)
{
	memset(e, 0, sizeof(*e));
	memcpy(e->addr, addr, sizeof(e->addr));
	e->port = port;
}

void packet_endpoints(struct rte_mbuf *m, struct mr_endpoint *local, struct mr_endpoint *remote)
{
	const struct packet_meta *meta = packet_meta(m);
	const struct rte_udp_hdr *udp =
		rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, meta->l4);

	if (meta->ip_version == 4) {
		const struct rte_ipv4_hdr *ip =
			rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, meta->l3);
		endpoint_v4(local, ip->dst_addr, udp->dst_port);
		endpoint_v4(remote, ip->src_addr, udp->src_port);
	} else {
		const struct rte_ipv6_hdr *ip =
			rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, meta->l3);
		endpoint_v6(local, ip->dst_addr, udp->dst_port);
		endpoint_v6(remote, ip->src_addr, udp->src_port);
	}
}
