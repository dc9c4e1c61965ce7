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

/* What leads to what a copy touches, and half as far ahead, what it touches. */
static inline void copies_prefetch(
	struct viewer_track *const *tracks, struct rte_mbuf *const *pkts, uint16_t i, uint16_t n)
{
	if (i + 2 * AHEAD < n) {
		rte_prefetch0(tracks[i + 2 * AHEAD]);
		rte_prefetch0(pkts[i + 2 * AHEAD]);
	}
	if (i + AHEAD < n) {
		const struct rte_mbuf *m = pkts[i + AHEAD];

		copy_prefetch_header(tracks[i + AHEAD]);
		rte_prefetch0(m->cacheline1);
		rte_prefetch0((const uint8_t *)m->buf_addr + COPY_DATA_OFF);
	}
}

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
	struct copies sum = copies_begin(out);
	uint16_t made;

	for (uint32_t i = 0; i < RTE_MIN((uint32_t)n, 2 * AHEAD); i++)
		rte_prefetch0(tracks[i]);
	/* As drivers take them: copies write all that is not the same in every free one. */
	if (rte_mempool_get_bulk(w->pool, (void **)pkts, n) != 0) {
		worker_drop(w, MR_DROP_MBUF_EMPTY, n);
		return n;
	}
	for (uint32_t i = 0; i < RTE_MIN((uint32_t)n, AHEAD); i++)
		copy_prefetch_header(tracks[i]);
	for (uint16_t i = 0; i < n; i++) {
		struct viewer_track *t = tracks[i];

		copies_prefetch(tracks, pkts, i, n);
		if (!copy_has_way(w, t))
			continue;
		/* The next one not used: it stands where it belongs. */
		struct rte_mbuf *m = out->pkts[sum.n];
		copy_make(&out->op[sum.n], m, p, payload, t);
		copy_finish(w, out, &sum, m, t);
		copy_count(t, p->len);
	}
	made = (uint16_t)(sum.n - out->n);
	copies_end(out, &sum);
	if (made < n) {
		worker_drop(w, MR_DROP_NEXTHOP_UNRESOLVED, n - made);
		rte_mempool_put_bulk(w->pool, (void *const *)&pkts[made], n - made);
	}
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

/* In turn, a slice each: a stream with few viewers need not wait for one with many. Who
 * has all its copies leaves with a shorter turn, and not with others' copies behind. */
void fanout_stage(struct worker *w)
{
	const struct audience *paced = NULL; /* the first of those that were, in a row */
	uint16_t most = FANOUT_BUDGET;       /* behind the repairs that are in the batch already */
	uint16_t made = 0;

	while (w->queue_head != NULL && w->queue_head != paced && made < most) {
		struct audience *a = w->queue_head;
		uint16_t budget = (uint16_t)(most - made);
		uint16_t room = a->next_queued != NULL ? RTE_MIN(budget, FANOUT_SLICE) : budget;
		uint16_t left = room;
		enum fanout_end end = fanout_audience(w, a, &left);

		made = (uint16_t)(made + room - left);
		if (left < room)
			paced = NULL;
		if (left < room && end == FANOUT_DONE)
			most = FANOUT_SHORT;
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
	if (made > 0)
		w->moved = true;
}
