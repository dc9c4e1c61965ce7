/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A wire that carries so many bits in a second, behind a queue that drops what does not
 * fit, and a receiver at its end that asks for what is missing as a browser does: at
 * once, by the first packet behind the gap, and every 100 ms after that. For
 * test_slow_link.c; its time is the harness's.
 */
#ifndef TESTS_UNIT_PIPELINE_BOTTLENECK_H
#define TESTS_UNIT_PIPELINE_BOTTLENECK_H

#include "tests/unit/pipeline/catch_up_scene.h"

#include "dataplane/pipeline/repair_queue.h"

#define WIRE_QUEUE 62500  /* [bytes] */
#define WIRE_OVERHEAD 70u /* [bytes] of headers and tag */
#define WIRE_PACKETS 16384
#define ASK_AGAIN_NS (100 * MS)

/* One number on its way; numbers count from the first one that was sent. */
struct wire_packet {
	uint64_t arrives_ns; /* 0: not on its way */
	uint64_t asked_ns;   /* the receiver did, last; 0: never */
	bool here;
	bool frame_end, key_end;
};

struct wire_nack {
	uint64_t arrives_ns; /* at the gateway */
	uint16_t seq;
};

struct wire {
	uint64_t rate;       /* [bytes/s] */
	uint64_t trip_ns;    /* there and back, without the queue */
	uint64_t free_ns;    /* when all that is in the queue will have left */
	unsigned int random; /* one in so many is lost; 0: none */
	uint32_t dice;
	uint64_t sent, lost, repairs, bytes;

	/* the receiver */
	uint32_t next;    /* the lowest number that is not here */
	uint32_t highest; /* behind the highest one that is */
	uint32_t first_sent, end_sent;
	uint64_t look_ns;
	uint64_t first_frame_ns, last_frame_ns;
	uint64_t stall_ns; /* the longest time between two frames that could be shown */
	struct wire_packet packet[WIRE_PACKETS];
	struct wire_nack nack[WIRE_PACKETS];
	uint32_t nack_first, nack_end;
};

static inline void wire_send(
	struct wire *l, uint64_t now_ns, uint32_t number, uint32_t len, bool end, bool key)
{
	struct wire_packet *p = &l->packet[number % WIRE_PACKETS];
	uint64_t backlog = l->free_ns > now_ns ? (l->free_ns - now_ns) * l->rate / SECOND : 0;

	if (number >= l->end_sent) {
		*p = (struct wire_packet){.frame_end = end, .key_end = key};
		l->end_sent = number + 1;
	} else {
		l->repairs++;
	}
	l->sent++;
	l->dice = l->dice * 1664525u + 1013904223u;
	if (backlog + len + WIRE_OVERHEAD > WIRE_QUEUE ||
		(l->random != 0 && (l->dice >> 8) % l->random == 0)) {
		l->lost++;
		return;
	}
	l->bytes += len;
	l->free_ns = RTE_MAX(l->free_ns, now_ns) + (len + WIRE_OVERHEAD) * SECOND / l->rate;
	if (p->arrives_ns == 0 && !p->here)
		p->arrives_ns = l->free_ns + l->trip_ns / 2;
}

static inline void wire_ask(struct wire *l, uint64_t now_ns, uint32_t number)
{
	l->packet[number % WIRE_PACKETS].asked_ns = now_ns;
	l->nack[l->nack_end++ % WIRE_PACKETS] =
		(struct wire_nack){now_ns + l->trip_ns / 2, (uint16_t)number};
}

/* What has come since. */
static inline void wire_receive(struct wire *l, uint64_t now_ns)
{
	for (uint32_t i = l->next; i < l->end_sent; i++) {
		struct wire_packet *p = &l->packet[i % WIRE_PACKETS];

		if (p->arrives_ns == 0 || p->arrives_ns > now_ns)
			continue;
		p->arrives_ns = 0;
		p->here = true;
		for (uint32_t k = l->highest; k < i; k++)
			wire_ask(l, now_ns, k);
		l->highest = RTE_MAX(l->highest, i + 1);
	}
	for (uint32_t k = l->highest; k > l->next + KEY_PACKETS; k--) {
		uint32_t n = 0;

		if (!l->packet[(k - 1) % WIRE_PACKETS].key_end)
			continue;
		while (n < KEY_PACKETS && l->packet[(k - 1 - n) % WIRE_PACKETS].here)
			n++;
		if (n == KEY_PACKETS)
			l->next = k - KEY_PACKETS;
	}
	for (; l->next < l->highest && l->packet[l->next % WIRE_PACKETS].here; l->next++) {
		if (!l->packet[l->next % WIRE_PACKETS].frame_end)
			continue;
		if (l->first_frame_ns == 0)
			l->first_frame_ns = now_ns;
		else
			l->stall_ns = RTE_MAX(l->stall_ns, now_ns - l->last_frame_ns);
		l->last_frame_ns = now_ns;
	}
	if (now_ns < l->look_ns)
		return;
	l->look_ns = now_ns + 20 * MS;
	for (uint32_t i = l->next; i < l->highest; i++)
		if (!l->packet[i % WIRE_PACKETS].here &&
			now_ns - l->packet[i % WIRE_PACKETS].asked_ns >= ASK_AGAIN_NS)
			wire_ask(l, now_ns, i);
}

/* NACKs that have come to the gateway. */
static inline void wire_feedback(struct wire *l, struct worker *w, struct viewer_track *t)
{
	while (l->nack_first != l->nack_end) {
		const struct wire_nack *n = &l->nack[l->nack_first % WIRE_PACKETS];
		uint16_t pid = n->seq, blp = 0;

		if (n->arrives_ns > w->now_ns)
			return;
		for (l->nack_first++; l->nack_first != l->nack_end; l->nack_first++) {
			const struct wire_nack *m = &l->nack[l->nack_first % WIRE_PACKETS];
			uint16_t back = (uint16_t)(m->seq - pid);

			if (m->arrives_ns > w->now_ns || back == 0 || back > 16)
				break;
			blp |= (uint16_t)(1u << (back - 1));
		}
		repair_want(w, t, pid, blp);
		catch_up_nack(w, t, pid, blp);
	}
}

#endif
