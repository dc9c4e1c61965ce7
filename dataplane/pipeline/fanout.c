/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fan-out: reads each stream's plaintext ring at the live cursor of its viewers
 * here (the stream may be another worker's) and makes one copy per viewer: an mbuf
 * with the RTP header, and an order to encrypt the shared payload into it. A job is
 * (packet, next viewer): it stops when its share of the turn's budget is spent and
 * goes on when the others have had theirs.
 * Runs on the worker's lcore.
 */
#include "dataplane/pipeline/worker.h"

#include "dataplane/pipeline/copy.h"
#include "dataplane/pipeline/pace.h"
#include "dataplane/stream/stream.h"

#include <rte_prefetch.h>

#define AHEAD 8u /* copies: where viewers lie anywhere, as long as a miss takes */

/* Makes copies of one packet for at most `room` viewers. Returns how many
 * viewers were passed, served or not. */
static uint16_t fanout_packet(
	struct worker *w, struct audience *a, const struct plain_packet *p, uint16_t room)
{
	struct plain_batch *out = &w->plain;
	const uint8_t *payload = audience_payload(a, p);
	struct viewer_track **tracks = &a->tracks[a->live_position];
	uint16_t n = (uint16_t)RTE_MIN((uint32_t)room, a->n_tracks - a->live_position);
	struct rte_mbuf **pkts = &out->pkts[out->n];

	for (uint32_t i = 0; i < RTE_MIN((uint32_t)n, AHEAD); i++)
		rte_prefetch0(tracks[i]);
	if (rte_pktmbuf_alloc_bulk(w->pool, pkts, n) != 0) {
		worker_drop(w, MR_DROP_MBUF_EMPTY, n);
		return n;
	}
	for (uint16_t i = 0; i < n; i++) {
		if (i + AHEAD < n) {
			rte_prefetch0(tracks[i + AHEAD]);
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + AHEAD], void *));
		}
		copy_make(&out->op[out->n + i], pkts[i], p, payload, tracks[i]);
		copy_count(tracks[i], p->len);
	}
	out->n = (uint16_t)(out->n + n);
	return n;
}

enum fanout_end { FANOUT_DONE, FANOUT_SPENT, FANOUT_PACED };

/* Serves one audience until it is done, `room` is spent, or its next packet has to
 * wait so that viewers get no long bursts. */
static enum fanout_end fanout_audience(struct worker *w, struct audience *a, uint16_t *room)
{
	worker_read_begin(w, a, a->live_next);
	while (a->live_next < a->next) {
		const struct plain_packet *p;

		if (a->n_tracks == 0) {
			a->live_next = a->next;
			a->live_position = 0;
			return FANOUT_DONE;
		}
		p = audience_packet(a, a->live_next);
		if (p == NULL) {
			uint64_t lost = (a->oldest - a->live_next) * a->n_tracks;
			worker_drop(w, MR_DROP_FANOUT_OVERRUN, lost - a->live_position);
			a->live_next = a->oldest;
			a->live_position = 0;
			continue;
		}
		if ((p->flags & PLAIN_HOLE) != 0) {
			a->live_next++;
			continue;
		}
		if (*room == 0)
			return FANOUT_SPENT;
		if (a->live_position == 0 && !pace_live(w, a))
			return FANOUT_PACED;
		uint16_t n = fanout_packet(w, a, p, *room);
		*room = (uint16_t)(*room - n);
		a->live_position += n;
		if (a->live_position >= a->n_tracks) {
			a->live_position = 0;
			a->live_next++;
		}
	}
	return FANOUT_DONE;
}

/* In turn, a slice each: a stream with few viewers need not wait for one with many. */
void fanout_stage(struct worker *w)
{
	const struct audience *paced = NULL; /* the first of those that were, in a row */
	uint16_t budget = FANOUT_BUDGET;     /* behind the repairs that are in the batch already */

	while (w->queue_head != NULL && w->queue_head != paced && budget > 0) {
		struct audience *a = w->queue_head;
		uint16_t room = a->next_queued != NULL ? RTE_MIN(budget, FANOUT_SLICE) : budget;
		uint16_t left = room;
		enum fanout_end end = fanout_audience(w, a, &left);

		budget = (uint16_t)(budget - (room - left));
		if (left < room)
			paced = NULL;
		if (end != FANOUT_DONE && a->next_queued == NULL)
			break;
		w->queue_head = a->next_queued;
		if (w->queue_head == NULL)
			w->queue_tail = NULL;
		a->queued = false;
		if (end != FANOUT_DONE)
			worker_queue_audience(w, a); /* behind the others */
		if (end == FANOUT_PACED && paced == NULL)
			paced = a;
	}
	if (budget < FANOUT_BUDGET)
		w->moved = true;
}
