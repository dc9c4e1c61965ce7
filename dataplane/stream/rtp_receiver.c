/* SPDX-License-Identifier: BSD-3-Clause */
/* See rtp_receiver.h. The stream's worker. */
#include "dataplane/stream/rtp_receiver.h"

#include <string.h>

#define BEHIND_LOST 8    /* numbers that may be missing between two of a run behind */
#define MAX_DROPOUT 3000 /* RFC 3550 A.1: numbers ahead that are still a gap, not a jump */

void rtp_receiver_init(struct rtp_receiver *r, uint32_t clock_rate)
{
	memset(r, 0, sizeof(*r));
	r->clock_rate = clock_rate;
}

void rtp_receiver_restart(struct rtp_receiver *r)
{
	r->restart_pending = r->started;
}

static bool window_test(const struct rtp_receiver *r, uint64_t n)
{
	uint64_t bit = n % RTP_RECEIVER_WINDOW;

	return (r->window[bit / 64] >> (bit % 64) & 1) != 0;
}

static void window_set(struct rtp_receiver *r, uint64_t n)
{
	uint64_t bit = n % RTP_RECEIVER_WINDOW;

	r->window[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static void window_clear(struct rtp_receiver *r, uint64_t n)
{
	uint64_t bit = n % RTP_RECEIVER_WINDOW;

	r->window[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

/* RFC 3550 A.8, jitter in 1/16 ticks. */
static void jitter_update(struct rtp_receiver *r, uint32_t timestamp, uint64_t arrival_ns)
{
	/* Split, so that neither years of uptime nor 192 kHz overflow. */
	uint64_t s = arrival_ns / 1000000000u;
	uint64_t ns = arrival_ns % 1000000000u;
	uint32_t arrival = (uint32_t)(s * r->clock_rate + ns * r->clock_rate / 1000000000u);
	int32_t transit = (int32_t)(arrival - timestamp);

	if (r->transit_valid) {
		int64_t d = (int64_t)(int32_t)((uint32_t)transit - (uint32_t)r->transit);
		if (d < 0)
			d = -d;
		r->jitter_q4 += (uint64_t)d - ((r->jitter_q4 + 8) >> 4);
	}
	r->transit = transit;
	r->transit_valid = true;
}

/* A new sequence: what was expected and received so far stays in the sums. */
static void sequence_start(struct rtp_receiver *r, uint32_t ssrc, uint16_t seq)
{
	if (r->started) {
		r->expected_before = rtp_receiver_expected(r);
		r->received_before = rtp_receiver_received(r);
		r->restarts++;
	}
	r->started = true;
	r->ssrc = ssrc;
	/* One cycle up, so that late numbers before the first one have an extended form. */
	r->base = UINT64_C(0x10000) + seq;
	r->highest = r->base;
	r->received = 1;
	r->restart_pending = false;
	r->bad_valid = false;
	r->transit_valid = false;
	r->behind_run = 0;
	memset(r->window, 0, sizeof(r->window));
	window_set(r, r->highest);
}

static enum rtp_verdict accept_ahead(struct rtp_receiver *r, uint64_t n)
{
	uint64_t gap = n - r->highest;

	if (gap >= RTP_RECEIVER_WINDOW) {
		memset(r->window, 0, sizeof(r->window));
	} else {
		for (uint64_t i = r->highest + 1; i <= n; i++)
			window_clear(r, i);
	}
	window_set(r, n);
	r->highest = n;
	r->received++;
	r->bad_valid = false;
	r->behind_run = 0;
	return RTP_ACCEPT;
}

static enum rtp_verdict accept_behind(struct rtp_receiver *r, uint64_t n)
{
	if (window_test(r, n))
		return RTP_DROP_DUPLICATE;
	window_set(r, n);
	r->received++;
	/* Older than the first one seen: it was expected as well. */
	if (n < r->base)
		r->base = n;
	return RTP_ACCEPT_LATE;
}

/* RFC 3550 A.1: two numbers in a row confirm that the source jumped, or that
 * another SSRC is the source's new one and not a stray packet. */
static bool jump_confirmed(struct rtp_receiver *r, uint32_t ssrc, uint16_t seq)
{
	bool confirmed = r->bad_valid && r->bad_ssrc == ssrc && r->bad_next == seq;

	r->bad_ssrc = ssrc;
	r->bad_next = (uint16_t)(seq + 1);
	r->bad_valid = true;
	return confirmed;
}

/* Whether all that comes lies behind, in its order and for so long that it is a camera
 * that counts anew. What a network duplicates or delays has new packets between it, or
 * comes at once. */
static bool counts_anew(struct rtp_receiver *r, uint16_t seq, uint64_t arrival_ns)
{
	if (r->behind_run == 0 || (uint16_t)(seq - r->behind_next) > BEHIND_LOST) {
		r->behind_run = 0;
		r->behind_since_ns = arrival_ns;
	}
	r->behind_next = (uint16_t)(seq + 1);
	r->behind_run++;
	return r->behind_run >= RTP_RECEIVER_ANEW &&
	       arrival_ns >= r->behind_since_ns + RTP_RECEIVER_ANEW_NS;
}

static enum rtp_verdict judge(struct rtp_receiver *r, uint32_t ssrc, uint16_t seq,
	uint64_t arrival_ns, uint64_t *extended)
{
	uint16_t ahead = (uint16_t)(seq - (uint16_t)r->highest);
	uint16_t behind = (uint16_t)((uint16_t)r->highest - seq);

	if (!r->started || r->restart_pending) {
		enum rtp_verdict v = r->started ? RTP_ACCEPT_RESTART : RTP_ACCEPT;
		sequence_start(r, ssrc, seq);
		*extended = r->highest;
		return v;
	}
	if (ssrc != r->ssrc) {
		if (!jump_confirmed(r, ssrc, seq))
			return RTP_DROP_PROBATION;
		sequence_start(r, ssrc, seq);
		*extended = r->highest;
		return RTP_ACCEPT_RESTART;
	}
	if (ahead != 0 && ahead < MAX_DROPOUT) {
		*extended = r->highest + ahead;
		return accept_ahead(r, *extended);
	}
	if (behind < RTP_RECEIVER_WINDOW) {
		if (counts_anew(r, seq, arrival_ns)) {
			sequence_start(r, ssrc, seq);
			*extended = r->highest;
			return RTP_ACCEPT_RESTART;
		}
		*extended = r->highest - behind;
		return accept_behind(r, *extended);
	}
	if (jump_confirmed(r, ssrc, seq)) {
		sequence_start(r, ssrc, seq);
		*extended = r->highest;
		return RTP_ACCEPT_RESTART;
	}
	/* A little behind the window it is a straggler; far off it may be a jump. */
	return behind < MAX_DROPOUT ? RTP_DROP_LATE : RTP_DROP_PROBATION;
}

enum rtp_verdict rtp_receiver_accept(struct rtp_receiver *r, uint32_t ssrc, uint16_t seq,
	uint32_t timestamp, uint64_t arrival_ns, uint64_t *extended)
{
	enum rtp_verdict v = judge(r, ssrc, seq, arrival_ns, extended);

	if (v == RTP_ACCEPT || v == RTP_ACCEPT_LATE || v == RTP_ACCEPT_RESTART)
		jitter_update(r, timestamp, arrival_ns);
	return v;
}

uint64_t rtp_receiver_expected(const struct rtp_receiver *r)
{
	return r->expected_before + (r->started ? r->highest - r->base + 1 : 0);
}

uint64_t rtp_receiver_received(const struct rtp_receiver *r)
{
	return r->received_before + r->received;
}

uint64_t rtp_receiver_lost(const struct rtp_receiver *r)
{
	uint64_t expected = rtp_receiver_expected(r);
	uint64_t received = rtp_receiver_received(r);

	return expected > received ? expected - received : 0;
}

uint32_t rtp_receiver_jitter(const struct rtp_receiver *r)
{
	return (uint32_t)(r->jitter_q4 >> 4);
}
