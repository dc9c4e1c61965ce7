/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happened to the sequence numbers of one SSRC: missing, duplicated and
 * reordered packets, counted exactly within a window of SEQUENCE_WINDOW
 * packets. Indexes are SRTP's 48 bits (ROC || SEQ, RFC 3711 3.3.1) with ROC 0
 * at the first packet. Pure, no locking: one thread owns the struct.
 */
#ifndef APPS_VIEWER_SEQUENCE_H
#define APPS_VIEWER_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

#define SEQUENCE_WINDOW 4096u /* packets, a power of two */

enum sequence_verdict {
	SEQUENCE_NEW,       /* the highest so far */
	SEQUENCE_REORDERED, /* below the highest, seen for the first time */
	SEQUENCE_DUPLICATE, /* seen before */
	SEQUENCE_TOO_LATE,  /* older than the window: nobody knows */
};

struct sequence {
	bool started;
	uint64_t highest; /* index */
	uint64_t base;    /* lowest index seen */
	uint64_t unique;  /* packets accepted once */
	uint64_t duplicates;
	uint64_t reordered;
	uint64_t too_late;
	uint64_t bitmap[SEQUENCE_WINDOW / 64]; /* bit index % SEQUENCE_WINDOW: seen */
};

/* The index `seq` most likely belongs to; changes nothing. */
uint64_t sequence_guess(const struct sequence *sequence, uint16_t seq);

/* Count one packet of this index (from sequence_guess()). */
enum sequence_verdict sequence_add(struct sequence *sequence, uint64_t index);

/* Packets between the lowest and the highest index that never came. */
uint64_t sequence_lost(const struct sequence *sequence);

#endif
