/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Repair: what viewers asked for again (NACK) is read from the stream's one
 * plaintext ring and sent again: by RTX (RFC 4588) where it was negotiated, else
 * as the same bytes. Bounded per turn, per viewer by a bitrate and by the pace
 * (pace.h), and per packet by half a round trip. After stream input, so that no
 * payload is overwritten before protect has read it. Runs on the worker's lcore.
 */
#include "dataplane/pipeline/worker.h"

#include "dataplane/pipeline/catch_rate.h"
#include "dataplane/pipeline/copy.h"
#include "dataplane/pipeline/pace.h"
#include "dataplane/pipeline/repair_queue.h"
#include "dataplane/stream/stream.h"

#include <string.h>

#define LOOKUPS_PER_TURN 128 /* numbers looked at, sent or not */
#define REPAIRS_PER_VISIT 4  /* of one viewer, before the next has its turn */
#define LOOKUPS_PER_VISIT 32
#define MS_NS 1000000ull
#define SECOND_NS 1000000000ull
#define PACKET_OVERHEAD 70        /* [bytes] of headers and tag, for the budget */
#define BUDGET_NS (SECOND_NS / 2) /* what a viewer may save up */
#define BUDGET_LEAST 4096         /* [bytes] that can always be saved up */
#define SOON_LEAST_NS 5000000ull  /* between two repairs of one packet */
#define SOON_MOST_NS (90 * MS_NS) /* ditto, of who asks again after 100 ms */
#define ECHO_LEAST_NS 20000000ull /* between a repair and its second copy, */
#define ECHO_MOST_NS 40000000ull  /* which is not worth the wait beyond this */
#define WIRE_INDEX_END (1ull << 48)

static_assert(MR_VIEWER_TRACKS <= 2, "one bit names the track");
static_assert(REPAIR_BUDGET < BATCH_MAX, "new packets find room beside repairs");

struct visit {
	unsigned int repairs;
	unsigned int lookups;
};

/* Cached frames of a viewer that has just joined are older than the window when they
 * are sent for the first time, and what was lost of them may hold up what is live: of
 * all that, what the ring has can be had. */
static bool too_old(
	const struct worker *w, const struct viewer_track *t, const struct plain_packet *p)
{
	return p->index >= t->live_index && w->now_ns > p->arrival_ns + w->repair_window_ns &&
	       !catch_rate_after(&t->catch_up, w->now_ns);
}

/* Index of the next packet that the track will be sent for the first time in its
 * epoch; those before are not to be had again. */
static uint64_t next_unsent(const struct viewer_track *t)
{
	switch (t->state) {
	case TRACK_LIVE:
		return t->audience->live_next;
	case TRACK_CATCHING:
		return t->next_index;
	default:
		return t->join_index;
	}
}

/* Wire number to stream index: the nearest one below what was sent last. */
static bool find_index(const struct viewer_track *t, uint16_t seq, uint64_t *index, uint64_t *wire)
{
	uint64_t next = next_unsent(t);
	uint64_t newest;
	uint16_t back;

	if (next <= t->join_index)
		return false;
	newest = t->wire_base + (next - 1 - t->join_index);
	back = (uint16_t)((uint16_t)newest - seq);
	if (back > newest - t->wire_base)
		return false;
	*wire = newest - back;
	*index = next - 1 - back;
	return true;
}

/* [bytes] that a viewer may save up */
static uint64_t budget_most(const struct worker *w)
{
	return RTE_MAX(w->repair_bytes * BUDGET_NS / SECOND_NS, (uint64_t)BUDGET_LEAST);
}

static void budget_refill(const struct worker *w, struct viewer_repair *r)
{
	uint64_t most = budget_most(w);
	uint64_t elapsed = w->now_ns - r->refilled_ns;
	uint64_t earned;

	if (elapsed >= SECOND_NS) {
		r->tokens = (uint32_t)most;
		r->refilled_ns = w->now_ns;
		return;
	}
	earned = elapsed * w->repair_bytes / SECOND_NS;
	/* The fraction of a byte is not lost. */
	r->refilled_ns += earned * SECOND_NS / w->repair_bytes;
	r->tokens = (uint32_t)RTE_MIN(most, r->tokens + earned);
}

/* Half of the round trip that the viewer's reports tell; 0: unknown. */
static uint64_t half_trip_ns(const struct viewer_track *t)
{
	return (uint64_t)atomic_load_explicit(&t->stats->round_trip_us, memory_order_relaxed) * 500;
}

/* Until a packet may be repaired again. Who has just joined has told of no round trip,
 * but how long NACKs take (catch_rate.h). */
static uint64_t soon_ns(const struct viewer_track *t)
{
	uint64_t least = SOON_LEAST_NS;

	if (t->state == TRACK_CATCHING) {
		uint64_t delay_ns = RTE_MIN(t->catch_up.delay_ms * MS_NS, SOON_MOST_NS);

		least = RTE_MAX(least, delay_ns);
	}
	return RTE_MAX(half_trip_ns(t), least);
}

/* Where the last repair of the packet is remembered, or is to be; NULL: all places are
 * taken. */
static struct repair_recent *recent_of(
	struct worker *w, const struct viewer_track *t, uint64_t wire)
{
	uint64_t track = (uint64_t)t->viewer->id << 1 | (uint64_t)(t - t->viewer->track);
	uint64_t hash = (track * 0x9e3779b97f4a7c15ull ^ wire) * 0xd6e8feb86659fd93ull;
	struct repair_recent *ways, *place = NULL;

	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93ull;
	ways = w->repairs_recent[hash >> (64 - REPAIRS_RECENT_BITS)];
	for (unsigned int i = 0; i < REPAIRS_RECENT_WAYS; i++) {
		if (ways[i].until_ns > w->now_ns && ways[i].tag == hash)
			return &ways[i];
		if (ways[i].until_ns <= w->now_ns)
			place = &ways[i];
	}
	if (place != NULL)
		place->tag = hash;
	return place;
}

/* RFC 4588 4: the copy gets its own SSRC, type and number; the original one's
 * stands before the payload. Each number of rtx_next is used once. */
static void make_rtx(struct worker *w, struct srtp_op *op, struct viewer_track *t)
{
	struct rtp_header *h = (struct rtp_header *)op->dst;
	uint8_t *payload = w->rtx_payload[w->plain.n];
	uint64_t index = t->rtx_next++;

	memcpy(payload, &h->seq, RTX_OSN_LEN);
	memcpy(payload + RTX_OSN_LEN, op->src, op->payload_len);
	h->mpt = (uint8_t)((h->mpt & 0x80) | t->rtx_payload_type);
	h->seq = rte_cpu_to_be_16((uint16_t)index);
	h->ssrc = rte_cpu_to_be_32(t->rtx_ssrc);
	op->src = payload;
	op->payload_len = (uint16_t)(op->payload_len + RTX_OSN_LEN);
	op->index = index;
	op->ssrc = t->rtx_ssrc;
}

static bool make_repair(struct worker *w, struct viewer_track *t, const struct plain_packet *p)
{
	struct plain_batch *out = &w->plain;
	struct srtp_op *op = &out->op[out->n];
	struct rte_mbuf *m;

	if (!copy_has_way(w, t)) {
		worker_drop(w, MR_DROP_NEXTHOP_UNRESOLVED, 1);
		return false;
	}
	m = rte_pktmbuf_alloc(w->pool);
	if (m == NULL) {
		worker_drop(w, MR_DROP_MBUF_EMPTY, 1);
		return false;
	}
	copy_make(op, m, p, audience_payload(t->audience, p), t);
	if (t->rtx_ssrc != 0)
		make_rtx(w, op, t);
	copy_add(w, out, m, t);
	out->n_repairs++;
	return true;
}

/* Looks at one number. Returns how many bytes were sent again; 0: none. */
static uint32_t repair_packet(struct worker *w, struct viewer_track *t, uint16_t seq)
{
	struct viewer_repair *r = &t->viewer->repair;
	const struct plain_packet *p;
	struct repair_recent *recent;
	uint64_t index, wire;
	uint32_t cost;

	if (!find_index(t, seq, &index, &wire)) {
		repair_refuse(w, t, MR_REPAIR_UNSENT, 1);
		return 0;
	}
	worker_read_begin(w, t->audience, index);
	p = audience_packet(t->audience, index);
	if (p == NULL || too_old(w, t, p) || t->rtx_next >= WIRE_INDEX_END) {
		repair_refuse(w, t, MR_REPAIR_GONE, 1);
		return 0;
	}
	if ((p->flags & PLAIN_HOLE) != 0) {
		repair_refuse(w, t, MR_REPAIR_HOLE, 1);
		return 0;
	}
	recent = recent_of(w, t, wire);
	if (recent == NULL) {
		repair_refuse(w, t, MR_REPAIR_QUEUE, 1);
		return 0;
	}
	if (recent->until_ns > w->now_ns) {
		repair_refuse(w, t, MR_REPAIR_SOON, 1);
		return 0;
	}
	cost = p->len + PACKET_OVERHEAD;
	if (r->tokens < cost) {
		repair_refuse(w, t, MR_REPAIR_BITRATE, 1);
		return 0;
	}
	if (!make_repair(w, t, p))
		return 0;
	r->tokens -= cost;
	recent->until_ns = w->now_ns + soon_ns(t);
	return cost;
}

/*
 * A repair may be lost like any packet, and a browser that only receives knows no
 * round trip: Chromium asks again 100 ms later, and the picture has stopped. So what
 * was repaired goes out once more, a while later, unless the viewer asks for so much
 * that half of its budget is spent. Who catches up is ahead of time: it has none to
 * lose, but may have a wire that is full; and so it is for those who have just done so
 * and ask for much.
 */
static void echo_later(struct worker *w, struct viewer_track *t, uint16_t seq)
{
	uint64_t wait = RTE_MAX(half_trip_ns(t) + SOON_LEAST_NS, ECHO_LEAST_NS);

	if (w->n_echoes == REPAIR_ECHOES || wait > ECHO_MOST_NS || t->state == TRACK_CATCHING ||
		(t->viewer->repair.n_wanted > 1 &&
			catch_rate_after_ns(&t->catch_up, 1000, w->now_ns) > 0) ||
		t->viewer->repair.tokens < budget_most(w) / 2)
		return;
	w->echo[(w->echo_first + w->n_echoes++) % REPAIR_ECHOES] = (struct repair_echo){
		.viewer = t->viewer,
		.due_ns = w->now_ns + wait,
		.seq = seq,
		.track = (uint8_t)(t - t->viewer->track),
	};
}

/* Those whose time has come wait with what their viewers ask for. */
static void queue_echoes(struct worker *w, struct visit *turn)
{
	while (w->n_echoes > 0 && turn->lookups < LOOKUPS_PER_TURN) {
		const struct repair_echo *e = &w->echo[w->echo_first];
		struct viewer *v = e->viewer;

		if (v != NULL && e->due_ns > w->now_ns) {
			w->due_ns = RTE_MIN(w->due_ns, e->due_ns);
			return;
		}
		turn->lookups++;
		if (v != NULL && v->track[e->track].audience != NULL)
			repair_want_echo(w, &v->track[e->track], e->seq);
		w->echo_first = (w->echo_first + 1) % REPAIR_ECHOES;
		w->n_echoes--;
	}
}

/* The viewer's oldest wishes, a bounded number of them. */
static void serve(struct worker *w, struct viewer *v, struct visit *turn)
{
	unsigned int most = w->quantum != 0 ? 1 : REPAIRS_PER_VISIT;
	struct viewer_repair *r = &v->repair;
	struct visit visit = {0};

	turn->lookups++;
	if (!pace_may_repair(w, v))
		return;
	budget_refill(w, r);
	while (r->n_wanted > 0 && visit.repairs < most && visit.lookups < LOOKUPS_PER_VISIT &&
		turn->repairs < REPAIR_BUDGET) {
		struct repair_wanted *e = &r->wanted[r->first];
		struct viewer_track *t = &v->track[e->track];
		unsigned int bit = (unsigned int)__builtin_ctz(e->mask);
		uint32_t bytes;

		visit.lookups++;
		turn->lookups++;
		/* The stream may have gone since. */
		if (t->audience == NULL) {
			repair_refuse(w, t, MR_REPAIR_GONE, 1);
		} else if ((bytes = repair_packet(w, t, (uint16_t)(e->pid + bit))) > 0) {
			visit.repairs++;
			turn->repairs++;
			pace_repaired(w, v, bytes);
			if (!e->echo)
				echo_later(w, t, (uint16_t)(e->pid + bit));
		}
		e->mask &= e->mask - 1;
		if (e->mask == 0) {
			r->first = (uint8_t)((r->first + 1) % REPAIR_WANTED);
			r->n_wanted--;
		}
	}
}

/* Who had one waits behind the others. Those who wait here are in the order of when they
 * may have the next, but for half a millisecond. */
void repair_stage(struct worker *w)
{
	struct visit turn = {0};
	struct viewer *v;

	queue_echoes(w, &turn);
	repair_wake(w);
	while ((v = w->repairs_wait.head) != NULL) {
		/* A loss has put it off while it waited (catch_rate_lost()). */
		if (v->repair.next_ns > w->now_ns + REPAIR_SOON_NS) {
			repair_next(w);
			repair_queue(w, v);
			continue;
		}
		if (v->repair.next_ns > w->now_ns) {
			w->due_ns = RTE_MIN(w->due_ns, v->repair.next_ns);
			break;
		}
		if (turn.repairs >= REPAIR_BUDGET || turn.lookups >= LOOKUPS_PER_TURN) {
			mr_count(&w->stats->repair_turns_full, 1);
			break;
		}
		repair_next(w);
		serve(w, v, &turn);
		repair_queue(w, v);
	}
	if (w->repairs_later.n > 0)
		w->due_ns = RTE_MIN(w->due_ns, w->repairs_later.wake_ns);
	if (turn.lookups > 0)
		w->moved = true;
}
