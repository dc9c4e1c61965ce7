/* SPDX-License-Identifier: BSD-3-Clause */
/* Bounds-checked Ethernet, VLAN, IP and UDP. Pure; runs on the worker's lcore. */
#include "dataplane/pipeline/frame_parse.h"

#include "dataplane/pipeline/checksum.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#define ETHER_LEN 14
#define VLAN_LEN 4
#define VLAN_TAGS_MAX 2
#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8
#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define IPV4_LEN 20
#define IPV4_FRAGMENT 0x3fff /* more fragments, and the offset */
#define IPV6_LEN 40
#define IPV6_HEADERS_MAX 6   /* extension headers before UDP */
#define IPV6_FRAGMENT 0xfff9 /* the offset, and more fragments */
#define UDP_LEN 8

static uint16_t read16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static enum frame_verdict verdict(struct frame *f, enum frame_verdict v, enum mr_drop reason)
{
	f->verdict = v;
	f->reason = reason;
	return v;
}

/* `end`: offset of the first byte behind the IP packet's payload. */
static enum frame_verdict udp_parse(struct frame *f, const uint8_t *data, size_t at, size_t end,
	uint64_t addresses, unsigned int flags)
{
	const uint8_t *udp = &data[at];
	size_t len;
	uint16_t field;

	if (end - at < UDP_LEN)
		return verdict(f, FRAME_DROP, MR_DROP_UDP_SHORT);
	len = read16(&udp[4]);
	if (len < UDP_LEN || len > end - at)
		return verdict(f, FRAME_DROP, MR_DROP_UDP_SHORT);
	f->l4 = (uint16_t)at;
	f->payload = (uint16_t)(at + UDP_LEN);
	f->payload_len = (uint16_t)(len - UDP_LEN);
	memcpy(&f->src.port, &udp[0], 2);
	memcpy(&f->dst.port, &udp[2], 2);

	memcpy(&field, &udp[6], 2);
	if (field == 0) {
		/* None was computed: allowed on IPv4 alone, RFC 8200 8.1. */
		if (f->ip_version == 6)
			return verdict(f, FRAME_DROP, MR_DROP_UDP_CHECKSUM);
	} else if (!(flags & FRAME_UDP_CHECKSUM_GOOD)) {
		uint64_t pseudo = addresses + htons(IPPROTO_UDP) + htons((uint16_t)len);
		bool partial =
			(flags & FRAME_UDP_CHECKSUM_PARTIAL) && field == checksum_fold(pseudo);

		if (!partial && checksum_fold(checksum_add(pseudo, udp, len)) != 0xffff)
			return verdict(f, FRAME_DROP, MR_DROP_UDP_CHECKSUM);
	}
	return verdict(f, FRAME_UDP, 0);
}

static void v4_mapped(uint8_t addr[16], const uint8_t *ipv4)
{
	memset(addr, 0, 10);
	memset(&addr[10], 0xff, 2);
	memcpy(&addr[12], ipv4, 4);
}

static enum frame_verdict ipv4_parse(
	struct frame *f, const uint8_t *data, size_t at, size_t len, unsigned int flags)
{
	const uint8_t *ip = &data[at];
	size_t header, total;

	f->l3 = (uint16_t)at;
	f->ip_version = 4;
	if (len - at < IPV4_LEN)
		return verdict(f, FRAME_DROP, MR_DROP_IP_SHORT);
	header = (size_t)(ip[0] & 0xf) * 4;
	if (ip[0] >> 4 != 4 || header < IPV4_LEN)
		return verdict(f, FRAME_DROP, MR_DROP_IP_HEADER);
	total = read16(&ip[2]);
	if (header > len - at || total < header || total > len - at)
		return verdict(f, FRAME_DROP, MR_DROP_IP_SHORT);
	if (!(flags & FRAME_IP_CHECKSUM_GOOD) &&
		checksum_fold(checksum_add(0, ip, header)) != 0xffff)
		return verdict(f, FRAME_DROP, MR_DROP_IP_CHECKSUM);
	if (read16(&ip[6]) & IPV4_FRAGMENT)
		return verdict(f, FRAME_KERNEL, MR_DROP_IP_FRAGMENT);
	if (ip[9] != IPPROTO_UDP)
		return verdict(f, FRAME_KERNEL, MR_DROP_IP_PROTOCOL);
	v4_mapped(f->src.addr, &ip[12]);
	v4_mapped(f->dst.addr, &ip[16]);
	return udp_parse(f, data, at + header, at + total, checksum_add(0, &ip[12], 8), flags);
}

/* Walks to the UDP header: its offset, or 0 with the verdict set. */
static size_t ipv6_walk(struct frame *f, const uint8_t *data, size_t at, size_t end, uint8_t next)
{
	for (int i = 0; i <= IPV6_HEADERS_MAX; i++) {
		const uint8_t *h = &data[at];
		size_t len;

		switch (next) {
		case IPPROTO_UDP:
			return at;
		case IPPROTO_HOPOPTS:
			if (i != 0) /* RFC 8200 4.1: only right behind the IPv6 header */
				goto extension;
			break;
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_FRAGMENT:
			break;
		case IPPROTO_AH:
			goto extension;
		default:
			verdict(f, FRAME_KERNEL, MR_DROP_IP_PROTOCOL);
			return 0;
		}
		if (end - at < 8) {
			verdict(f, FRAME_DROP, MR_DROP_IP_SHORT);
			return 0;
		}
		len = next == IPPROTO_FRAGMENT ? 8 : ((size_t)h[1] + 1) * 8;
		if (len > end - at) {
			verdict(f, FRAME_DROP, MR_DROP_IP_SHORT);
			return 0;
		}
		/* An atomic fragment is a whole packet: RFC 6946. */
		if (next == IPPROTO_FRAGMENT && (read16(&h[2]) & IPV6_FRAGMENT)) {
			verdict(f, FRAME_KERNEL, MR_DROP_IP_FRAGMENT);
			return 0;
		}
		/* Segments left: we are not the final destination. */
		if (next == IPPROTO_ROUTING && h[3] != 0)
			goto extension;
		next = h[0];
		at += len;
	}
extension:
	verdict(f, FRAME_KERNEL, MR_DROP_IP_EXTENSION);
	return 0;
}

static enum frame_verdict ipv6_parse(
	struct frame *f, const uint8_t *data, size_t at, size_t len, unsigned int flags)
{
	const uint8_t *ip = &data[at];
	size_t end, udp;

	f->l3 = (uint16_t)at;
	f->ip_version = 6;
	if (len - at < IPV6_LEN)
		return verdict(f, FRAME_DROP, MR_DROP_IP_SHORT);
	if (ip[0] >> 4 != 6)
		return verdict(f, FRAME_DROP, MR_DROP_IP_HEADER);
	end = at + IPV6_LEN + read16(&ip[4]);
	if (end > len)
		return verdict(f, FRAME_DROP, MR_DROP_IP_SHORT);
	udp = ipv6_walk(f, data, at + IPV6_LEN, end, ip[6]);
	if (udp == 0)
		return f->verdict;
	memcpy(f->src.addr, &ip[8], 16);
	memcpy(f->dst.addr, &ip[24], 16);
	return udp_parse(f, data, udp, end, checksum_add(0, &ip[8], 32), flags);
}

enum frame_verdict frame_parse(struct frame *f, const uint8_t *data, size_t len, unsigned int flags)
{
	size_t at = ETHER_LEN;
	uint16_t type;

	memset(f, 0, sizeof(*f));
	if (len > UINT16_MAX)
		len = UINT16_MAX; /* offsets are 16 bits; no Ethernet frame is longer */
	if (len < ETHER_LEN)
		return verdict(f, FRAME_DROP, MR_DROP_ETH_SHORT);
	type = read16(&data[at - 2]);
	for (int i = 0; i < VLAN_TAGS_MAX && (type == TYPE_VLAN || type == TYPE_QINQ); i++) {
		if (len - at < VLAN_LEN)
			return verdict(f, FRAME_DROP, MR_DROP_ETH_SHORT);
		at += VLAN_LEN;
		type = read16(&data[at - 2]);
	}
	switch (type) {
	case TYPE_IPV4:
		return ipv4_parse(f, data, at, len, flags);
	case TYPE_IPV6:
		return ipv6_parse(f, data, at, len, flags);
	default:
		return verdict(f, FRAME_KERNEL, MR_DROP_ETH_TYPE);
	}
}
