/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The XDP program of a shared port, run by the kernel for every frame that the
 * interface receives. UDP datagrams to an endpoint in `listen` go to the AF_XDP
 * socket of the frame's queue; everything else, and everything that is not
 * understood at a glance (fragments, IPv6 extension headers), passes to the
 * kernel as if nobody were here. So it does while no socket is bound.
 */
#include "dataplane/port/xdp/listen_map.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define VLAN_TAGS_MAX 2
#define IP_FRAGMENT_BITS 0x3fff /* more fragments, and the offset: RFC 791 3.1 */

struct vlan_tag {
	__be16 tci;
	__be16 type;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XDP_LISTEN_MAX);
	__type(key, struct xdp_listen_key);
	__type(value, __u32);
} listen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, XDP_SOCKETS_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} xsks_map SEC(".maps");

static __always_inline bool is_vlan(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

/* RFC 7983: 128 to 191 is RTP or RTCP; RFC 5761 4: which of the two. */
static __always_inline bool is_rtp(const __u8 *payload, const void *end)
{
	__u8 type;

	if ((const void *)(payload + 2) > end)
		return false;
	if (payload[0] < 128 || payload[0] > 191)
		return false;
	type = payload[1] & 0x7f;
	return type < 64 || type > 95;
}

SEC("xdp")
int millrace_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct xdp_listen_key key = {};
	struct udphdr *udp;
	void *next;
	__be16 type;
	__u32 *flags;

	if ((void *)(eth + 1) > end)
		return XDP_PASS;
	type = eth->h_proto;
	next = eth + 1;
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		struct vlan_tag *tag = next;

		if (!is_vlan(type))
			break;
		if ((void *)(tag + 1) > end)
			return XDP_PASS;
		type = tag->type;
		next = tag + 1;
	}

	if (type == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = next;

		if ((void *)(ip + 1) > end)
			return XDP_PASS;
		if (ip->version != 4 || ip->ihl < 5 || ip->protocol != IPPROTO_UDP)
			return XDP_PASS;
		if (ip->frag_off & bpf_htons(IP_FRAGMENT_BITS))
			return XDP_PASS;
		key.addr[10] = 0xff;
		key.addr[11] = 0xff;
		__builtin_memcpy(&key.addr[12], &ip->daddr, 4);
		next = (void *)ip + ip->ihl * 4;
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = next;

		if ((void *)(ip6 + 1) > end)
			return XDP_PASS;
		if (ip6->version != 6 || ip6->nexthdr != IPPROTO_UDP)
			return XDP_PASS;
		__builtin_memcpy(key.addr, &ip6->daddr, 16);
		next = ip6 + 1;
	} else {
		return XDP_PASS;
	}

	udp = next;
	if ((void *)(udp + 1) > end)
		return XDP_PASS;
	key.port = udp->dest;
	flags = bpf_map_lookup_elem(&listen, &key);
	if (!flags) {
		__builtin_memset(key.addr, 0, sizeof(key.addr));
		flags = bpf_map_lookup_elem(&listen, &key);
		if (!flags)
			return XDP_PASS;
	}
	if ((*flags & XDP_LISTEN_RTP) && !is_rtp((const __u8 *)(udp + 1), end))
		return XDP_PASS;
	return bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_PASS);
}

/* Calls no helper that the kernel reserves for GPL programs. */
char _license[] SEC("license") = "BSD-3-Clause";
