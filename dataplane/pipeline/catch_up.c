/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Catching up: tracks that began at the last key frame read the stream's ring at
 * a cursor of their own, faster than it is written, until they are at the live
 * one. Each is paced (catch_rate.h). Runs on the worker's lcore.
 */
#include "dataplane/pipeline/catch_up.h"

#include "dataplane/pipeline/catch_rate.h"
#include "dataplane/pipeline/copy.h"
#include "dataplane/pipeline/refresh.h"
#include "dataplane/stream/stream.h"

#include <string.h>

#define MS_NS 1000000ull
#define SECOND_NS 1000000000ull
#define RATE_MEASURED_NS SECOND_NS   /* over no less than that */
#define RATE_LEAST 30000             /* [bytes/s] a stream is taken to have */
#define TOP_LEAST 500000             /* [bytes/s] where less than that tells the rate */
#define RATE_DEFAULT 20              /* times the stream's rate, without a setting */
#define LATE_MAX_NS (5 * MS_NS)      /* of a quantum's time, that is made good for */
#define POLL_NS 50000ull             /* between looks at a cursor that has caught up */
#define PAUSE_MAX_NS (3 * SECOND_NS) /* since the join: no longer waits for a pause */
#define NACKS_FREE 128               /* packets asked for that are never heavy */
#define NACKS_PER_PACKET 4           /* ... and for each that was sent: all is lost, and again */
#define PLI_GRACE_NS (300 * MS_NS)   /* after the key frame: sent before it was seen */

/* Bytes of the key frame and what is behind it, in the ring. */
static uint64_t bytes_since(const struct audience *a, uint64_t index)
{
	const struct plain_packet *to = audience_packet(a, a->next - 1);

	return to->offset + to->len - audience_packet(a, index)->offset;
}

/* The stream's rate since `index`, a packet in the window, [bytes/s]. */
static uint64_t measure(const struct audience *a, uint64_t index)
{
	const struct plain_packet *from = audience_packet(a, index);
	const struct plain_packet *to = audience_packet(a, a->next - 1);
	uint64_t ns = RTE_MAX(to->arrival_ns - from->arrival_ns, RATE_MEASURED_NS);
	uint64_t bytes = bytes_since(a, index);

	return RTE_MAX(bytes * SECOND_NS / ns, (uint64_t)RATE_LEAST);
}

/* The index behind the key frame, as far as it has come, and its bytes. */
static uint64_t keyframe_end(const struct audience *a, uint64_t index, uint64_t *bytes)
{
	uint32_t timestamp = audience_packet(a, index)->timestamp;

	*bytes = 0;
	while (index < a->next) {
		const struct plain_packet *p = audience_packet(a, index);

		if (p->timestamp != timestamp)
			break;
		*bytes += p->len;
		index++;
	}
	return index;
}

void catch_up_begin(
	struct worker *w, struct viewer_track *t, uint64_t index, uint32_t shift, uint64_t start_ns)
{
	const struct audience *a = t->audience;
	struct catch_up *c = &t->catch_up;
	uint64_t key_bytes, stream_rate, top;

	t->state = TRACK_CATCHING;
	t->join_index = index;
	t->next_index = index;
	t->shift = shift;
	t->live_index = shift != 0 ? UINT64_MAX : index;
	memset(c, 0, sizeof(*c));
	c->key_end = keyframe_end(a, index, &key_bytes);
	stream_rate = measure(a, index);
	top = stream_rate * (w->burst_rate != 0 ? w->burst_rate : RATE_DEFAULT);
	/* After a key frame alone nobody knows how fast the stream will be. */
	if (audience_packet(a, a->next - 1)->arrival_ns - audience_packet(a, index)->arrival_ns <
		RATE_MEASURED_NS)
		top = RTE_MAX(top, (uint64_t)TOP_LEAST);
	catch_rate_begin(c, stream_rate, key_bytes, top, start_ns);
	c->caught_at = UINT64_MAX;
	c->since_ns = w->now_ns;
	w->catching[w->n_catching++] = (struct catching){.due_ns = start_ns, .track = t};
	w->catching_due_ns = w->now_ns;
	atomic_store_explicit(&t->stats->burst_bytes, bytes_since(a, index), memory_order_relaxed);
}

static void remove_entry(struct worker *w, const struct viewer_track *t)
{
	for (uint32_t i = 0; i < w->n_catching; i++) {
		if (w->catching[i].track != t)
			continue;
		w->catching[i] = w->catching[--w->n_catching];
		return;
	}
}

void catch_up_end(struct worker *w, struct viewer_track *t)
{
	remove_entry(w, t);
	/* Whatever comes next, no index twice. */
	t->wire_base += t->next_index - t->join_index;
	t->join_index = t->next_index;
}

static void give_up(struct worker *w, struct viewer_track *t)
{
	mr_count(&t->stats->bursts_given_up, 1);
	refresh_hold(w, t);
	catch_up_end(w, t);
	join_wait(w, t, join_newer(t->audience));
}

static void went_live(struct worker *w, struct viewer_track *t)
{
	struct audience *a = t->audience;

	remove_entry(w, t);
	a->n_behind--;
	audience_enter(a, t);
	atomic_store_explicit(&t->stats->burst_ms,
		(uint32_t)((w->now_ns - t->catch_up.since_ns) / MS_NS), memory_order_relaxed);
	/* Times of what is live can be told now: lip-sync waits for it. */
	t->viewer->next_report_ns = RTE_MIN(t->viewer->next_report_ns, w->now_ns);
}

/* Puts a copy of the track's next packet into the batch. False: not now. */
static bool send_packet(struct worker *w, struct viewer_track *t, const struct plain_packet *p)
{
	struct plain_batch *out = &w->plain;
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->pool);

	if (m == NULL)
		return false;
	/* The first packet of a frame, and all before it was sent: from here on it is live. */
	if (t->live_index == UINT64_MAX && (p->flags & PLAIN_FRAME_START) != 0 &&
		t->catch_up.caught_at == p->index)
		t->live_index = p->index;
	if (!copy_has_way(w, t)) {
		worker_drop_mbuf(w, MR_DROP_NEXTHOP_UNRESOLVED, m);
		return true;
	}
	copy_make(&out->op[out->n], m, p, audience_payload(t->audience, p), t);
	copy_add(w, out, m, t);
	copy_count(t, p->len);
	return true;
}

/* Packets in one quantum: the pace, or more where a stream runs away from it. Without
 * a limit the rate alone paces. */
static uint16_t quantum_now(const struct worker *w, struct catch_up *c, uint64_t behind)
{
	if (w->quantum == 0)
		return CATCH_UP_BUDGET;
	if (c->quantum == 0) {
		c->quantum = w->quantum;
		c->behind = (uint32_t)behind;
	}
	if (behind > c->behind + PACE_FAR) {
		c->quantum = (uint16_t)RTE_MIN(4 * c->quantum, CATCH_UP_BUDGET);
		c->behind = (uint32_t)behind;
	}
	return c->quantum;
}

/* The key frame is there to its end, and nothing of it is missing. */
static bool keyframe_is_complete(const struct audience *a, uint64_t index)
{
	uint32_t timestamp = audience_packet(a, index)->timestamp;

	for (; index < a->next; index++) {
		const struct plain_packet *p = audience_packet(a, index);

		if ((p->flags & PLAIN_HOLE) != 0)
			return false;
		if (p->timestamp != timestamp || (p->flags & PLAIN_MARKER) != 0)
			return true;
	}
	return false;
}

/* The shift from the key frame at `index` on: times fall back by CATCH_UP_SHIFT. By less,
 * libwebrtc would keep its estimate, and wait with the picture as long as was left out. */
static uint32_t shift_again(const struct viewer_track *t, uint64_t index)
{
	const struct audience *a = t->audience;
	uint64_t from = RTE_MAX(t->next_index, a->oldest);

	/* Holes have no time. */
	while (from < index && (audience_packet(a, from)->flags & PLAIN_HOLE) != 0)
		from++;
	return t->shift + CATCH_UP_SHIFT + audience_packet(a, index)->timestamp -
	       audience_packet(a, from)->timestamp;
}

/* A newer key frame has come on the way: what is before it need not be sent any more.
 * An epoch of its own, by the next number; the pace goes on. */
static void skip_to_newer(struct viewer_track *t)
{
	const struct audience *a = t->audience;
	struct catch_up *c = &t->catch_up;
	uint64_t index, bytes;
	bool live;

	if (t->live_index != UINT64_MAX || !audience_keyframe(a, &index) ||
		index <= t->next_index || audience_packet(a, index) == NULL ||
		!keyframe_is_complete(a, index))
		return;
	live = audience_packet(a, index)->timestamp == audience_packet(a, a->next - 1)->timestamp;
	t->shift = live ? 0 : shift_again(t, index);
	t->wire_base += t->next_index - t->join_index;
	catch_rate_left_out(c, index - t->next_index);
	t->join_index = index;
	t->next_index = index;
	t->live_index = live ? index : UINT64_MAX;
	c->key_end = keyframe_end(a, index, &bytes);
	c->key_sent_ns = 0;
	c->caught_at = UINT64_MAX;
	c->quantum = 0;
}

/* One quantum; sets when the next is due. */
static void serve(struct worker *w, struct catching *e, uint16_t *budget)
{
	struct viewer_track *t = e->track;
	struct catch_up *c = &t->catch_up;
	struct audience *a = t->audience;
	uint16_t quantum, most, n = 0;
	uint64_t bytes = 0;

	if (!catch_rate_turn(t, w->now_ns)) {
		give_up(w, t);
		return;
	}
	quantum = pace_catch_up(w, c, quantum_now(w, c, a->live_next - t->next_index));
	most = RTE_MIN(quantum, *budget);
	if (quantum == 0 || (w->quantum == 0 && w->now_ns < c->paced_ns)) {
		e->due_ns = c->paced_ns; /* a repair takes its place, or the wire rests */
		return;
	}
	if (t->next_index < a->live_next) {
		worker_read_begin(w, a, t->next_index);
		skip_to_newer(t);
	}
	while (n < most && t->next_index < a->live_next) {
		const struct plain_packet *p = audience_packet(a, t->next_index);

		if (p == NULL) {
			give_up(w, t);
			return;
		}
		if ((p->flags & PLAIN_HOLE) == 0) {
			if (!send_packet(w, t, p))
				break;
			catch_rate_sent(c, p->len);
			bytes += p->len;
			n++;
		}
		t->next_index++;
		if (t->next_index == c->key_end)
			c->key_sent_ns = w->now_ns;
	}
	*budget = (uint16_t)(*budget - n);
	c->sent += n;
	if (n > 0)
		w->moved = true;
	if (t->next_index == a->live_next) {
		/* The live cursor's next quantum may leave at once: so best after a pause, which
		 * fast streams do not have. */
		bool joins = n == 0 || (n < most && w->now_ns > c->since_ns + PAUSE_MAX_NS);

		if (joins && t->live_index != UINT64_MAX) {
			went_live(w, t);
			return;
		}
		c->caught_at = t->next_index;
		c->repaired = 0; /* the stream's own pace leaves room for it */
		e->due_ns = RTE_MAX(w->now_ns + POLL_NS, c->paced_ns);
	} else {
		e->due_ns = RTE_MAX(e->due_ns, w->now_ns - LATE_MAX_NS) +
			    catch_rate_ns(c, bytes + c->repaired);
		c->repaired = 0;
	}
	if (n > 0) {
		c->paced_ns = w->now_ns + PACE_NS;
		e->due_ns = RTE_MAX(e->due_ns, c->paced_ns);
	}
}

void catch_up_stage(struct worker *w)
{
	uint16_t budget = CATCH_UP_BUDGET;
	uint64_t due = UINT64_MAX;
	uint32_t first;

	if (w->refreshing != NULL)
		refresh_turn(w);
	if (w->waiting != NULL)
		join_waiting(w);
	if (w->n_catching == 0)
		return;
	if (w->now_ns >= w->catching_due_ns) {
		/* Another one first in each turn. Who goes while we look makes room for the
		 * last, who is looked at in the next turn then. */
		first = w->catching_first++ % w->n_catching;
		for (uint32_t i = 0; i < w->n_catching && budget > 0; i++) {
			struct catching *e = &w->catching[(first + i) % w->n_catching];

			if (e->due_ns <= w->now_ns)
				serve(w, e, &budget);
		}
		for (uint32_t i = 0; i < w->n_catching; i++)
			due = RTE_MIN(due, w->catching[i].due_ns);
		w->catching_due_ns = due;
	}
	w->due_ns = RTE_MIN(w->due_ns, w->catching_due_ns);
}

void catch_up_pli(struct worker *w, struct viewer_track *t)
{
	const struct catch_up *c = &t->catch_up;

	if (t->state != TRACK_CATCHING || c->key_sent_ns == 0 ||
		w->now_ns - c->key_sent_ns < PLI_GRACE_NS)
		return;
	give_up(w, t);
}

/* The packet of that number, the nearest below what was sent last. False: it was sent
 * before the epoch, which is no loss of the burst's. */
static bool find_index(const struct viewer_track *t, uint16_t seq, uint64_t *index)
{
	uint64_t sent = t->next_index - t->join_index;
	uint16_t back = (uint16_t)((uint16_t)(t->wire_base + sent - 1) - seq);

	*index = t->next_index - 1 - back;
	return back < sent;
}

void catch_up_nack(struct worker *w, struct viewer_track *t, uint16_t pid, uint16_t blp)
{
	uint32_t mask = 1u | (uint32_t)blp << 1;
	struct catch_up *c = &t->catch_up;
	uint64_t index;

	if (t->state != TRACK_CATCHING)
		return;
	for (unsigned int i = 0; mask != 0; i++, mask >>= 1) {
		if ((mask & 1) == 0 || !find_index(t, (uint16_t)(pid + i), &index))
			continue;
		c->nacked++;
		catch_rate_lost(t, index, w->now_ns);
	}
	if (c->nacked > NACKS_FREE + NACKS_PER_PACKET * c->sent)
		give_up(w, t);
}
