/* SPDX-License-Identifier: BSD-3-Clause */
/* See live_frame.h. */
#include "tests/unit/control/live_frame.h"

#include <string.h>
#include <unistd.h>

#define HEADERS 42 /* bytes: Ethernet, IPv4, UDP */

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint16_t ip_sum(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

struct rte_mbuf *live_frame(struct live *l, const struct mr_endpoint *from,
	const struct mr_endpoint *to, const void *data, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(l->pool);

	LIVE_CHECK(m != NULL);
	memset(packet_meta(m), 0xa5, sizeof(struct packet_meta)); /* of an earlier packet */
	LIVE_CHECK(HEADERS + len <= rte_pktmbuf_tailroom(m));
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(HEADERS + len));
	memcpy(p, "\2\0\0\0\0\1\2\0\0\0\0\2\x08\0\x45\0", 16);
	uint8_t *ip = p + 14;
	put16(ip + 2, (uint16_t)(28 + len));
	memcpy(ip + 4, "\0\0\0\0\x40\x11\0\0", 8);
	memcpy(ip + 12, &from->addr[12], 4);
	memcpy(ip + 16, &to->addr[12], 4);
	put16(ip + 10, ip_sum(ip));
	memcpy(ip + 20, &from->port, 2);
	memcpy(ip + 22, &to->port, 2);
	put16(ip + 24, (uint16_t)(8 + len));
	put16(ip + 26, 0);
	memcpy(p + HEADERS, data, len);
	return m;
}

void live_send(struct live *l, unsigned int queue, const struct mr_endpoint *from,
	const struct mr_endpoint *to, const void *data, size_t len)
{
	struct rte_mbuf *m = live_frame(l, from, to, data, len);

	while (rte_ring_enqueue(l->rx[queue], m) != 0)
		usleep(50);
}

size_t live_rtp(uint8_t *to, uint8_t payload_type, uint16_t sequence, uint32_t timestamp,
	uint32_t ssrc, const void *payload, size_t len)
{
	to[0] = 0x80;
	to[1] = payload_type;
	put16(to + 2, sequence);
	put16(to + 4, (uint16_t)(timestamp >> 16));
	put16(to + 6, (uint16_t)timestamp);
	put16(to + 8, (uint16_t)(ssrc >> 16));
	put16(to + 10, (uint16_t)ssrc);
	memcpy(to + 12, payload, len);
	return 12 + len;
}

uint8_t *live_payload(struct rte_mbuf *m, struct mr_endpoint *to, size_t *len)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	if (m->data_len < HEADERS || p[12] != 0x08 || p[13] != 0 || p[14] != 0x45 || p[23] != 17)
		return NULL;
	memset(to, 0, sizeof(*to));
	to->addr[10] = to->addr[11] = 0xff;
	memcpy(&to->addr[12], p + 30, 4);
	memcpy(&to->port, p + 36, 2);
	*len = ((size_t)p[38] << 8 | p[39]) - 8;
	LIVE_CHECK(HEADERS + *len == m->data_len);
	return p + HEADERS;
}
