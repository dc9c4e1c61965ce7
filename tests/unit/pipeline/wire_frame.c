/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for tests. One thread. */
#include "tests/unit/pipeline/wire_frame.h"

#include <arpa/inet.h>
#include <string.h>

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

void wire_endpoint(struct mr_endpoint *e, const char *address, uint16_t port)
{
	memset(e, 0, sizeof(*e));
	e->port = htons(port);
	if (inet_pton(AF_INET6, address, e->addr) == 1)
		return;
	e->addr[10] = e->addr[11] = 0xff;
	inet_pton(AF_INET, address, &e->addr[12]);
}

static uint32_t sum_octets(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
	return sum;
}

uint16_t wire_checksum(const uint8_t *data, size_t len, uint32_t sum)
{
	sum += sum_octets(data, len);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Of the pseudo-header of RFC 768 or RFC 8200 8.1. */
static uint32_t pseudo_sum(const uint8_t *addresses, size_t len, size_t udp_len)
{
	return sum_octets(addresses, len) + 17 + (uint32_t)udp_len;
}

static void udp_build(struct wire_frame *f, const struct wire_frame_spec *s,
	const uint8_t *addresses, size_t addresses_len)
{
	uint8_t *udp = &f->data[f->l4];
	size_t len = 8 + s->payload_len;
	size_t told = len + (size_t)s->udp_length_error;
	uint32_t pseudo = pseudo_sum(addresses, addresses_len, told);
	unsigned int sum;

	memcpy(udp, &f->src.port, 2);
	memcpy(udp + 2, &f->dst.port, 2);
	put16(udp + 4, (unsigned int)told);
	put16(udp + 6, 0);
	if (s->payload_len > 0)
		memcpy(udp + 8, s->payload, s->payload_len);
	if (s->udp_checksum_none)
		return;
	if (s->udp_checksum_partial) {
		sum = (uint16_t)~wire_checksum(NULL, 0, pseudo);
	} else {
		sum = wire_checksum(udp, told < len ? told : len, pseudo);
		if (sum == 0)
			sum = 0xffff;
	}
	put16(udp + 6, sum ^ s->udp_checksum_error);
}

static void ipv4_build(struct wire_frame *f, const struct wire_frame_spec *s)
{
	uint8_t *ip = &f->data[f->l3];
	size_t header = 20 + s->ip_options;

	f->l4 = f->l3 + header;
	memset(ip, 0, header);
	ip[0] = (uint8_t)((s->version != 0 ? s->version : 4) << 4 | header / 4);
	put16(ip + 2, (unsigned int)((int)(header + 8 + s->payload_len) + s->ip_length_error));
	put16(ip + 4, 4711);
	put16(ip + 6, s->fragment);
	ip[8] = 64;
	ip[9] = s->protocol != 0 ? s->protocol : 17;
	memcpy(ip + 12, &f->src.addr[12], 4);
	memcpy(ip + 16, &f->dst.addr[12], 4);
	memset(ip + 20, 1, s->ip_options);
	put16(ip + 10, wire_checksum(ip, header, 0) ^ s->ip_checksum_error);
	udp_build(f, s, ip + 12, 8);
}

static void ipv6_build(struct wire_frame *f, const struct wire_frame_spec *s)
{
	uint8_t *ip = &f->data[f->l3];
	size_t extra = s->chain_len + (s->fragment_header ? 8 : 0);

	f->l4 = f->l3 + 40 + extra;
	memset(ip, 0, 40 + extra);
	ip[0] = (uint8_t)((s->version != 0 ? s->version : 6) << 4);
	put16(ip + 4, (unsigned int)((int)(extra + 8 + s->payload_len) + s->ip_length_error));
	ip[6] = s->protocol != 0 ? s->protocol : 17;
	ip[7] = 64;
	memcpy(ip + 8, f->src.addr, 16);
	memcpy(ip + 24, f->dst.addr, 16);
	if (s->chain != NULL) {
		memcpy(ip + 40, s->chain, s->chain_len);
		ip[6] = s->first_header;
	}
	if (s->fragment_header) {
		ip[6] = 44;
		ip[40] = 17;
		put16(ip + 42, s->fragment);
	}
	udp_build(f, s, ip + 8, 32);
}

void wire_frame_build(struct wire_frame *f, const struct wire_frame_spec *s)
{
	const char *src = s->src != NULL ? s->src : "10.0.0.1";
	const char *dst = s->dst != NULL ? s->dst : "10.0.0.2";
	bool ipv6 = strchr(src, ':') != NULL;
	uint8_t *p = f->data;

	memset(f, 0, sizeof(*f));
	wire_endpoint(&f->src, src, s->src_port != 0 ? s->src_port : 4000);
	wire_endpoint(&f->dst, dst, s->dst_port != 0 ? s->dst_port : 5004);
	memcpy(p, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
	p += 12;
	for (unsigned int i = 0; i < s->vlan_tags; i++) {
		put16(p, s->vlan_tags > 1 && i == 0 ? 0x88a8 : 0x8100);
		put16(p + 2, 100 + i);
		p += 4;
	}
	put16(p, s->ether_type != 0 ? s->ether_type : ipv6 ? 0x86dd : 0x0800);
	f->l3 = (size_t)(p + 2 - f->data);
	if (ipv6)
		ipv6_build(f, s);
	else
		ipv4_build(f, s);
	f->payload = f->l4 + 8;
	f->len = f->payload + s->payload_len + s->padding;
	memset(&f->data[f->len - s->padding], 0xee, s->padding);
}

const char *wire_frame_check(const uint8_t *data, size_t len, size_t l3)
{
	const uint8_t *ip = &data[l3];
	const uint8_t *addresses, *udp;
	size_t addresses_len, udp_len;

	if (ip[0] >> 4 == 4) {
		size_t header = (size_t)(ip[0] & 15) * 4;

		if (get16(ip + 2) != len - l3)
			return "IPv4 total length";
		if (wire_checksum(ip, header, 0) != 0)
			return "IPv4 header checksum";
		addresses = ip + 12;
		addresses_len = 8;
		udp = ip + header;
	} else {
		if (get16(ip + 4) != len - l3 - 40)
			return "IPv6 payload length";
		addresses = ip + 8;
		addresses_len = 32;
		udp = ip + 40;
	}
	udp_len = (size_t)(data + len - udp);
	if (get16(udp + 4) != udp_len)
		return "UDP length";
	if (get16(udp + 6) == 0)
		return "UDP checksum is zero";
	if (wire_checksum(udp, udp_len, pseudo_sum(addresses, addresses_len, udp_len)) != 0)
		return "UDP checksum";
	return NULL;
}
