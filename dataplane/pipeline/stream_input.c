/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stream input: from RTP packets of sources to the streams' plaintext rings.
 * Each source number is accepted once, packets are put back into order, output
 * numbering and time go on across reconnects, losses leave a gap. Runs on the
 * worker's lcore.
 */
#include "dataplane/pipeline/spread.h"
#include "dataplane/pipeline/worker.h"

#include "dataplane/api/event.h"
#include "dataplane/stream/reorder.h"
#include "dataplane/stream/repack.h"
#include "dataplane/stream/rtp.h"
#include "dataplane/stream/stream.h"

#include <string.h>

#define PAUSE_MAX_NS (3600 * 1000000000ull) /* of a source, that output time shows */

static void input_free(struct input_packet *p)
{
	if (p->mbuf != NULL)
		rte_pktmbuf_free(p->mbuf);
}

static void input_drop(struct worker *w, enum mr_drop reason, struct input_packet *p)
{
	worker_drop(w, reason, 1);
	input_free(p);
}

static void tell_findings(struct worker *w, struct stream *s, uint32_t findings)
{
	uint32_t fresh = findings & ~s->findings;

	if (fresh == 0)
		return;
	s->findings |= fresh;
	atomic_store_explicit(&s->stats->findings, s->findings, memory_order_relaxed);
	for (uint32_t bit = 1; bit != 0 && bit <= fresh; bit <<= 1)
		if ((fresh & bit) != 0)
			worker_notify(w, MR_EVENT_STREAM_FINDING, s->id, bit, 0);
}

/* Output time goes on where it was, by as much as has passed since; by no more
 * than receivers can tell from going back (half of 2^32 ticks). */
static void rebase_time(struct stream *s, uint32_t timestamp, uint64_t arrival_ns)
{
	uint64_t passed_ns;
	uint32_t ticks;

	if (!s->has_output) {
		s->timestamp_offset = 0;
		return;
	}
	passed_ns = arrival_ns > s->last_arrival_ns ? arrival_ns - s->last_arrival_ns : 0;
	passed_ns = RTE_MIN(passed_ns, PAUSE_MAX_NS);
	ticks = (uint32_t)(passed_ns * s->clock_rate / 1000000000u);
	s->timestamp_offset = s->last_timestamp + (ticks > 0 ? ticks : 1) - timestamp;
}

/* One packet in order, behind `gap` lost ones. */
static void stream_packet(struct worker *w, struct stream *s, struct input_packet *p,
	const struct rtp_packet *rtp, uint64_t gap)
{
	struct repack_figures figures = {0};
	struct repack_input in = {
		.payload = rtp->payload,
		.len = rtp->payload_len,
		.timestamp = rtp->timestamp + s->timestamp_offset,
		.marker = rtp->marker,
		.arrival_ns = p->arrival_ns,
	};
	int rc;

	if (gap > 0)
		plain_ring_skip(&s->ring, gap, p->arrival_ns);
	rc = rtp->payload_len == 0 ? -(1 + MR_DROP_RTP_EMPTY)
				   : repack_packet(s->repack, &s->ring, &in, &figures);
	if (rc != 0)
		worker_drop(w, (enum mr_drop)(-rc - 1), 1);
	if (figures.held > 0)
		worker_drop(w, MR_DROP_RING_HELD, figures.held);
	tell_findings(w, s, figures.findings);
	if (s->last_timestamp != in.timestamp || !s->has_output)
		clock_arrival(
			&s->clock, in.timestamp, w->wall_ns - (int64_t)(w->now_ns - p->arrival_ns));
	s->has_output = true;
	s->last_timestamp = in.timestamp;
	s->last_arrival_ns = p->arrival_ns;
	mr_count(&s->stats->bytes, rtp->payload_len);
	mr_count(&s->stats->out_packets, figures.packets);
	mr_count(&s->stats->out_bytes, figures.bytes);
	mr_count(&s->stats->resplit, figures.resplit);
	mr_count(&s->stats->injected, figures.injected);
	mr_count(&s->stats->keyframes, figures.keyframes);
	mr_count(&s->stats->frames, figures.frames);
	worker_fresh_stream(w, s);
	input_free(p);
}

static void stream_held_packet(
	struct worker *w, struct stream *s, struct input_packet *p, uint64_t gap)
{
	struct rtp_packet rtp;

	/* It succeeded before: the packet was accepted. */
	if (rtp_parse(p->data, p->len, &rtp) == 0)
		stream_packet(w, s, p, &rtp, gap);
	else
		input_drop(w, MR_DROP_RTP_SHORT, p);
	if (s->reorder.held == 0)
		w->n_holding--;
}

/* Gives out what is in order or has waited long enough. */
static void stream_release(struct worker *w, struct stream *s)
{
	struct input_packet p;
	uint64_t gap;

	while (reorder_take(&s->reorder, w->now_ns, &p, &gap) == 1)
		stream_held_packet(w, s, &p, gap);
}

/* Gives out all that lies before `number`. */
static void stream_release_before(struct worker *w, struct stream *s, uint64_t number)
{
	struct input_packet p;
	uint64_t gap;

	while (reorder_take_before(&s->reorder, number, &p, &gap) == 1)
		stream_held_packet(w, s, &p, gap);
}

void stream_input_flush(struct worker *w, struct stream *s)
{
	stream_release_before(w, s, UINT64_MAX);
	spread_send(w);
}

/* An accepted packet with its extended number. */
static void stream_order(struct worker *w, struct stream *s, struct input_packet *p,
	const struct rtp_packet *rtp, uint64_t number)
{
	struct reorder *r = &s->reorder;

	if (!reorder_due(r, number)) {
		mr_count(&s->stats->late, 1);
		input_drop(w, MR_DROP_RTP_LATE, p);
		return;
	}
	/* What came down the packet ring lies in memory of this turn and cannot wait;
	 * nor has it to: it was in order there, and longer on its way than frames are. */
	if (number == r->next || p->mbuf == NULL) {
		stream_release_before(w, s, number);
		stream_packet(w, s, p, rtp, reorder_pass(r, number));
	} else {
		if (number - r->next >= REORDER_SLOTS)
			stream_release_before(w, s, number - REORDER_SLOTS + 1);
		if (r->held == 0)
			w->n_holding++;
		reorder_put(r, number, p);
	}
	stream_release(w, s);
}

static bool address_is(const struct mr_endpoint *want, const struct mr_endpoint *have)
{
	static const uint8_t any[16];

	if (memcmp(want->addr, any, sizeof(any)) != 0 &&
		memcmp(want->addr, have->addr, sizeof(any)) != 0)
		return false;
	return want->port == 0 || want->port == have->port;
}

/* Whether the source of a frame is who the binding says. */
static bool source_is_right(const struct stream *s, const struct input_packet *p)
{
	struct mr_endpoint local;
	struct mr_endpoint remote;

	if (p->mbuf == NULL)
		return true;
	packet_endpoints(p->mbuf, &local, &remote);
	return address_is(&s->bind.remote, &remote);
}

static void figures_publish(struct stream *s)
{
	struct mr_stats_stream *st = s->stats;
	const struct rtp_receiver *r = &s->receiver;

	atomic_store_explicit(&st->expected, rtp_receiver_expected(r), memory_order_relaxed);
	atomic_store_explicit(&st->lost, rtp_receiver_lost(r), memory_order_relaxed);
	atomic_store_explicit(&st->restarts, r->restarts, memory_order_relaxed);
	atomic_store_explicit(&st->jitter, rtp_receiver_jitter(r), memory_order_relaxed);
	atomic_store_explicit(&st->ssrc, r->ssrc, memory_order_relaxed);
	atomic_store_explicit(&st->synchronized, s->path_clock->synchronized, memory_order_relaxed);
	/* RFC 3550 6.4.1: cycles and number; the count of cycles starts at 0. */
	atomic_store_explicit(&st->extended_highest, (uint32_t)(r->highest - UINT64_C(0x10000)),
		memory_order_relaxed);
}

/* The source's first packet since it was bound, or after a silence. */
static void tell_receiving(struct worker *w, struct stream *s, uint64_t arrival_ns, uint32_t ssrc)
{
	uint64_t last = atomic_load_explicit(&s->stats->last_packet_ns, memory_order_relaxed);
	uint64_t gap_ms = last == 0 || arrival_ns < last ? 0 : (arrival_ns - last) / 1000000;
	struct notice n = {.type = MR_EVENT_STREAM_STATE,
		.id = s->id,
		.value = MR_STREAM_RECEIVING,
		.ssrc = ssrc,
		.gap_ms = (uint32_t)RTE_MIN(gap_ms, UINT32_MAX)};

	if (last != 0) {
		atomic_store_explicit(&s->stats->gaps,
			atomic_load_explicit(&s->stats->gaps, memory_order_relaxed) + 1,
			memory_order_relaxed);
		atomic_store_explicit(&s->stats->last_gap_ms, n.gap_ms, memory_order_relaxed);
	}
	worker_tell(w, &n);
}

static void stream_accepted(struct worker *w, struct stream *s, struct input_packet *p,
	const struct rtp_packet *rtp, enum rtp_verdict v, uint64_t number)
{
	bool first = !s->started;

	if (v == RTP_ACCEPT_RESTART || !s->reorder.started) {
		stream_release_before(w, s, UINT64_MAX);
		reorder_start(&s->reorder, number);
		rebase_time(s, rtp->timestamp, p->arrival_ns);
	}
	if (v == RTP_ACCEPT_RESTART && !first) {
		/* Probation took the packet before this one. */
		plain_ring_skip(&s->ring, 1, p->arrival_ns);
		clock_forget_reports(s->path_clock);
	}
	s->started = true;
	mr_count(&s->stats->packets, 1);
	if (v == RTP_ACCEPT_LATE)
		mr_count(&s->stats->reordered, 1);
	if (first || s->silent)
		tell_receiving(w, s, p->arrival_ns, rtp->ssrc);
	atomic_store_explicit(&s->stats->last_packet_ns, p->arrival_ns, memory_order_relaxed);
	s->silent = false;
	stream_order(w, s, p, rtp, number);
}

static void stream_receive(struct worker *w, struct input_packet *p)
{
	struct stream *s = p->stream;
	struct rtp_packet rtp;
	enum rtp_verdict v;
	uint64_t number;
	int rc = rtp_parse(p->data, p->len, &rtp);

	if (rc != 0) {
		input_drop(w, (enum mr_drop)(-rc - 1), p);
		return;
	}
	if (s->bind.input == MR_INPUT_NONE) {
		input_drop(w, MR_DROP_STREAM_UNBOUND, p);
		return;
	}
	if (!source_is_right(s, p)) {
		input_drop(w, MR_DROP_SOURCE_ADDRESS, p);
		return;
	}
	if (rtp.payload_type != s->bind.payload_type) {
		tell_findings(w, s, MR_FINDING_PAYLOAD_TYPE);
		input_drop(w, MR_DROP_RTP_PAYLOAD_TYPE, p);
		return;
	}
	if ((s->bind.flags & MR_BIND_SSRC) != 0 && rtp.ssrc != s->bind.ssrc) {
		input_drop(w, MR_DROP_RTP_SSRC, p);
		return;
	}
	v = rtp_receiver_accept(
		&s->receiver, rtp.ssrc, rtp.seq, rtp.timestamp, p->arrival_ns, &number);
	switch (v) {
	case RTP_ACCEPT:
	case RTP_ACCEPT_LATE:
	case RTP_ACCEPT_RESTART:
		stream_accepted(w, s, p, &rtp, v, number);
		break;
	case RTP_DROP_DUPLICATE:
		mr_count(&s->stats->duplicated, 1);
		input_drop(w, MR_DROP_RTP_DUPLICATE, p);
		break;
	case RTP_DROP_LATE:
		mr_count(&s->stats->late, 1);
		input_drop(w, MR_DROP_RTP_LATE, p);
		break;
	case RTP_DROP_PROBATION:
		input_drop(w, MR_DROP_RTP_PROBATION, p);
		break;
	}
	figures_publish(s);
}

void stream_input_stage(struct worker *w)
{
	struct input_batch *in = &w->in.rtp;

	if (in->n > 0)
		w->moved = true;
	for (uint16_t i = 0; i < in->n; i++)
		stream_receive(w, &in->pkts[i]);
	in->n = 0;
	/* What waited too long for a packet in between. */
	for (uint32_t i = 0; w->n_holding > 0 && i < w->n_streams; i++)
		if (w->streams[i]->reorder.held > 0)
			stream_release(w, w->streams[i]);
	spread_send(w);
}
