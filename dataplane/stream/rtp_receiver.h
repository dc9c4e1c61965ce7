/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Acceptance of a source's sequence numbers and the figures of reception:
 * RFC 3550 A.1 (probation, jumps, restarts), A.3 (loss), A.8 (jitter). Each
 * number is accepted once. Pure; private to the stream's worker.
 *
 * Behind the window a number is late; two in a row there are a camera that counts
 * anew, as two in a row anywhere else are a jump (A.1). Within the window numbers come
 * late and twice in the best of networks; yet RTP_RECEIVER_ANEW of them in their order,
 * for RTP_RECEIVER_ANEW_NS and with nothing ahead of them between, are no duplicates:
 * a camera that only sends what was sent before counts anew.
 * Duplicates are not received packets (A.3 would count them): no loss hides behind
 * them.
 */
#ifndef DATAPLANE_STREAM_RTP_RECEIVER_H
#define DATAPLANE_STREAM_RTP_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#define RTP_RECEIVER_WINDOW 1024 /* numbers behind the highest that are still accepted */
#define RTP_RECEIVER_ANEW 16
#define RTP_RECEIVER_ANEW_NS 200000000ull

enum rtp_verdict {
	RTP_ACCEPT = 0,     /* the highest so far */
	RTP_ACCEPT_LATE,    /* reordered: accepted, but not the highest */
	RTP_ACCEPT_RESTART, /* first of a new sequence: SSRC changed or a jump was confirmed */
	RTP_DROP_DUPLICATE,
	RTP_DROP_LATE,
	RTP_DROP_PROBATION,
};

struct rtp_receiver {
	bool started;
	uint32_t ssrc;
	uint32_t clock_rate;                       /* [Hz] */
	uint64_t highest;                          /* extended sequence number, RFC 3550 A.1 */
	uint64_t base;                             /* first extended number of this sequence */
	uint64_t window[RTP_RECEIVER_WINDOW / 64]; /* bit n % WINDOW: number n was accepted */
	bool restart_pending;                      /* the source reconnected */
	uint16_t bad_next;                         /* probation: the number that confirms a jump */
	uint32_t bad_ssrc;
	bool bad_valid;
	uint16_t behind_next;     /* numbers behind, in order: the next */
	uint32_t behind_run;      /* how many there were */
	uint64_t behind_since_ns; /* arrival of the first one */
	uint64_t expected_before; /* of finished sequences */
	uint64_t received_before;
	uint64_t received; /* of this sequence, without duplicates */
	uint64_t restarts;
	int64_t transit;    /* RTP ticks, RFC 3550 A.8 */
	uint64_t jitter_q4; /* RTP ticks * 16 */
	bool transit_valid;
};

void rtp_receiver_init(struct rtp_receiver *r, uint32_t clock_rate);

/* The source reconnected: the next packet starts a new sequence, whatever it is. */
void rtp_receiver_restart(struct rtp_receiver *r);

/* Judges and, if it accepts, remembers. `extended` gets the number's extended form. */
enum rtp_verdict rtp_receiver_accept(struct rtp_receiver *r, uint32_t ssrc, uint16_t seq,
	uint32_t timestamp, uint64_t arrival_ns, uint64_t *extended);

uint64_t rtp_receiver_expected(const struct rtp_receiver *r); /* over all sequences */
uint64_t rtp_receiver_received(const struct rtp_receiver *r);
uint64_t rtp_receiver_lost(const struct rtp_receiver *r);   /* never below 0 */
uint32_t rtp_receiver_jitter(const struct rtp_receiver *r); /* RTP ticks */

#endif
