/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams over a packet ring: cut into slots by the producer's thread, put
 * together again by the consumer's.
 */
#include "dataplane/api/channel.h"

#include <errno.h>
#include <string.h>

int mr_packet_put(struct mr_ring *r, const struct mr_packet *head, const void *data, size_t len)
{
	struct mr_packet h; /* all but its data is used */
	uint32_t slots, i;
	int space;

	assert(r->slot_size == sizeof(struct mr_packet));
	if (len == 0)
		return -EINVAL;
	if (len > MR_PACKET_TOTAL_MAX)
		return -EMSGSIZE;
	slots = (uint32_t)((len + MR_PACKET_DATA - 1) / MR_PACKET_DATA);
	if (slots > r->capacity)
		return -EMSGSIZE;
	space = mr_ring_space(r);
	if (space < 0)
		return space;
	if ((uint32_t)space < slots)
		return -EAGAIN;

	memcpy(&h, head, offsetof(struct mr_packet, data));
	h.total = (uint32_t)len;
	h.reserved = 0;
	for (i = 0; i < slots; i++) {
		h.offset = i * MR_PACKET_DATA;
		h.len = h.total - h.offset < MR_PACKET_DATA ? h.total - h.offset : MR_PACKET_DATA;
		mr_ring_write(r, i, &h, offsetof(struct mr_packet, data),
			(const uint8_t *)data + h.offset, h.len);
	}
	mr_ring_publish(r, slots);
	return 0;
}

static int message_valid(const struct mr_packet *m)
{
	return m->kind >= MR_PACKET_UP_PUBLIC && m->kind <= MR_PACKET_DOWN_RTP && m->total >= 1 &&
	       m->total <= MR_PACKET_TOTAL_MAX && m->len >= 1 && m->len <= MR_PACKET_DATA &&
	       m->offset <= m->total && m->len <= m->total - m->offset && m->reserved == 0;
}

static int message_continues(const struct mr_packet_joiner *j, const struct mr_packet *m)
{
	const struct mr_packet *h = &j->head;

	return j->have > 0 && m->offset == j->have && m->total == h->total && m->kind == h->kind &&
	       m->stream_id == h->stream_id && m->nexthop_id == h->nexthop_id &&
	       m->port == h->port && memcmp(&m->local, &h->local, sizeof(m->local)) == 0 &&
	       memcmp(&m->remote, &h->remote, sizeof(m->remote)) == 0;
}

void mr_packet_joiner_init(struct mr_packet_joiner *j)
{
	memset(j, 0, offsetof(struct mr_packet_joiner, data));
}

int mr_packet_take(struct mr_ring *r, struct mr_packet_joiner *j, unsigned int *budget)
{
	struct mr_packet m;
	int got;

	assert(r->slot_size == sizeof(struct mr_packet));
	if (j->have == j->head.total)
		j->have = 0; /* the one that the last call returned */
	while (*budget > 0) {
		got = mr_ring_dequeue(r, &m);
		if (got <= 0)
			return got;
		(*budget)--;
		if (!message_valid(&m) || (m.offset > 0 && !message_continues(j, &m))) {
			j->broken += j->have > 0 ? 2 : 1;
			j->have = 0;
			continue;
		}
		if (m.offset == 0) {
			if (j->have > 0)
				j->broken++;
			memcpy(&j->head, &m, offsetof(struct mr_packet, data));
			j->have = 0;
		}
		memcpy(j->data + m.offset, m.data, m.len);
		j->have += m.len;
		if (j->have == j->head.total)
			return 1;
	}
	return 0;
}
