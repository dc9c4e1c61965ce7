/* SPDX-License-Identifier: BSD-3-Clause */
/* See wire_stun.h. Any thread. */
#include "apps/bench/wire_stun.h"

#include "apps/bench/rig.h"
#include "apps/bench/wire_install.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <string.h>

#define STUN_AT 42 /* [bytes] offset in the frame */
#define HEADER_LEN 20
#define MAGIC_COOKIE 0x2112a442u
#define USERNAME WIRE_UFRAG ":" WIRE_REMOTE_UFRAG
#define INTEGRITY_LEN 20

static uint8_t *put(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

/* RFC 8489 5, 14.3, 14.5: header, USERNAME, MESSAGE-INTEGRITY. The length, or 0. */
static unsigned int message_write(uint8_t *m)
{
	const uint16_t name = sizeof(USERNAME) - 1, padded = (name + 3) & ~3;
	uint8_t *p = m + HEADER_LEN;
	unsigned int len = 0;

	memset(m, 0, HEADER_LEN + 4 + padded);
	put(m, 0x0001);
	put(m + 2, 4 + padded + 4 + INTEGRITY_LEN);
	*(rte_be32_t *)(m + 4) = rte_cpu_to_be_32(MAGIC_COOKIE);
	memcpy(m + 8, "millracewire", 12);
	p = put(put(p, 0x0006), name);
	memcpy(p, USERNAME, name);
	p += padded;
	if (HMAC(EVP_sha1(), WIRE_PASSWORD, sizeof(WIRE_PASSWORD) - 1, m, (size_t)(p - m), p + 4,
		    &len) == NULL ||
		len != INTEGRITY_LEN)
		return 0;
	put(put(p, 0x0008), INTEGRITY_LEN);
	return (unsigned int)(p - m) + 4 + INTEGRITY_LEN;
}

int wire_stun_init(struct wire_stun *s)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)s->frame;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	unsigned int len;

	memset(s, 0, sizeof(*s));
	len = message_write(&s->frame[STUN_AT]);
	if (len == 0)
		return -1;
	s->len = (uint16_t)(STUN_AT + len);
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(s->len - sizeof(*eth)));
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_UDP;
	ip->dst_addr = rte_cpu_to_be_32(RIG_GATEWAY);
	udp->src_port = rte_cpu_to_be_16(RIG_VIEWER_PORT);
	udp->dst_port = rte_cpu_to_be_16(WIRE_PUBLIC_PORT);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(len + sizeof(*udp)));
	return 0;
}

void wire_stun_set_macs(struct wire_stun *s, const uint8_t ours[6], const uint8_t gateway[6])
{
	memcpy(s->frame, gateway, 6);
	memcpy(s->frame + 6, ours, 6);
}

void wire_stun_frame(const struct wire_stun *s, uint32_t address, uint8_t *to)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(to + RTE_ETHER_HDR_LEN);

	memcpy(to, s->frame, s->len);
	ip->src_addr = rte_cpu_to_be_32(address);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}
