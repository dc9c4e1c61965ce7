/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The prebuilt headers in front of everything that goes to one viewer. All sums
 * that do not change from packet to packet are made here. Runs on the worker's
 * lcore (and on none in particular for a reply that has no viewer).
 */
#include "dataplane/pipeline/checksum.h"
#include "dataplane/viewer/viewer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define TYPE_VLAN 0x8100
#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define HOP_LIMIT 64 /* RFC 1700, and what kernels use */

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put_bytes(uint8_t *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

static bool is_v4_mapped(const uint8_t addr[16])
{
	static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return memcmp(addr, prefix, sizeof(prefix)) == 0;
}

void frame_header_build(struct frame_header *h, const struct nexthop *nexthop,
	const struct mr_endpoint *local, const struct mr_endpoint *remote)
{
	bool ipv4 = is_v4_mapped(remote->addr);
	uint8_t *start, *ip, *p;

	memset(h, 0, sizeof(*h));
	if (nexthop == NULL || !nexthop->valid || ipv4 != is_v4_mapped(local->addr))
		return;
	h->l2_len = nexthop->vlan_tci != 0 ? 18 : 14;
	h->l3_len = ipv4 ? 20 : 40;
	h->len = (uint8_t)(h->l2_len + h->l3_len + 8);
	start = &h->bytes[FRAME_HEADER_ROOM - h->len];
	p = put_bytes(start, nexthop->dst, sizeof(nexthop->dst));
	p = put_bytes(p, nexthop->src, sizeof(nexthop->src));
	if (nexthop->vlan_tci != 0) {
		p = put16(p, TYPE_VLAN);
		p = put16(p, nexthop->vlan_tci);
	}
	p = put16(p, ipv4 ? TYPE_IPV4 : TYPE_IPV6);

	ip = p;
	if (ipv4) {
		*p++ = 0x45;
		*p++ = 0;
		p = put16(p, 0); /* total length, by egress */
		p = put16(p, 0); /* identification, by egress */
		p = put16(p, 0); /* may be fragmented: nobody here hears of a smaller path MTU */
		*p++ = HOP_LIMIT;
		*p++ = IPPROTO_UDP;
		p = put16(p, 0); /* checksum, by egress */
		p = put_bytes(p, &local->addr[12], 4);
		p = put_bytes(p, &remote->addr[12], 4);
		h->ip_sum = checksum_fold(checksum_add(0, ip, 20));
		h->pseudo_sum = checksum_fold(checksum_add(0, &ip[12], 8));
	} else {
		p = put_bytes(p, "\x60\0\0\0", 4);
		p = put16(p, 0); /* payload length, by egress */
		*p++ = IPPROTO_UDP;
		*p++ = HOP_LIMIT;
		p = put_bytes(p, local->addr, 16);
		p = put_bytes(p, remote->addr, 16);
		h->pseudo_sum = checksum_fold(checksum_add(0, &ip[8], 32));
	}

	p = put_bytes(p, &local->port, 2);
	p = put_bytes(p, &remote->port, 2);
	p = put16(p, 0); /* length, by egress */
	put16(p, 0);     /* checksum, by egress */
	h->pseudo_sum += htons(IPPROTO_UDP);
	h->transport_sum = h->pseudo_sum + local->port + remote->port;
	h->port = nexthop->port;
	h->ipv4 = ipv4;
	h->valid = true;
}
