/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one SSRC misses and asks for again, as browsers do: at once when a gap is
 * seen, then every NACK_INTERVAL_US until it came or NACK_GIVE_UP_US are over.
 * Pure; owned by the thread of its viewer. Times are microseconds.
 */
#ifndef APPS_VIEWER_NACK_H
#define APPS_VIEWER_NACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NACK_MISSING_MAX 512 /* packets; of more at once nothing is asked */
#define NACK_INTERVAL_US 100000
#define NACK_GIVE_UP_US 2000000

struct nack_missing {
	uint64_t index; /* ROC || SEQ */
	uint64_t since_us;
	uint64_t asked_us; /* 0: not yet */
};

struct nack {
	size_t count;
	struct nack_missing missing[NACK_MISSING_MAX]; /* rising index */
	uint64_t asked;                                /* packets, each time */
	uint64_t unasked;                              /* no room to remember them */
};

/* Indexes from `from` to before `to` are missing. */
void nack_add(struct nack *nack, uint64_t from, uint64_t to, uint64_t now_us);
/* It came. True: it had been asked for. */
bool nack_remove(struct nack *nack, uint64_t index);
/* Sequence numbers to ask for now, rising, at most `size`; marks them as asked. */
size_t nack_due(struct nack *nack, uint16_t *numbers, size_t size, uint64_t now_us);

#endif
