/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Puts a source's packets back into the order of their numbers: what comes
 * early waits for what is missing, for a moment. Holds mbufs. Private to the
 * stream's worker; allocates nothing.
 *
 * Whoever puts or passes a packet takes out first what has to go before it, by
 * reorder_take_before(), and afterwards what is in order, by reorder_take().
 */
#ifndef DATAPLANE_STREAM_REORDER_H
#define DATAPLANE_STREAM_REORDER_H

#include "dataplane/pipeline/batch.h"

#include <stdbool.h>
#include <stdint.h>

#define REORDER_SLOTS 64                  /* numbers ahead of the one due that are held */
#define REORDER_WAIT_NS (40 * 1000000ull) /* for a missing one */

struct reorder {
	bool started;
	uint64_t next;     /* extended number that is due */
	uint64_t given_up; /* missing numbers before it that no packet given out told of yet */
	uint64_t since_ns; /* CLOCK_MONOTONIC: arrival of what has been waiting longest */
	unsigned int held;
	struct input_packet slot[REORDER_SLOTS]; /* by number % SLOTS; data NULL: empty */
};

/* The sequence starts at `first`; nothing is held (take all out before). */
void reorder_start(struct reorder *r, uint64_t first);

/* Whether `number` is still due (not behind what was given out or up). */
bool reorder_due(const struct reorder *r, uint64_t number);

/* Holds a packet that is due and not held yet. Numbers that lie REORDER_SLOTS or
 * more before it are given up: none of them may be held. */
void reorder_put(struct reorder *r, uint64_t number, const struct input_packet *p);

/* `number` goes out without being held: what is missing before it is given up, none
 * of that may be held. Returns the gap before it. */
uint64_t reorder_pass(struct reorder *r, uint64_t number);

/*
 * Gives the next packet: 1; 0: what is due has not come, and may still. When
 * something has waited long enough, the missing ones are given up: `*gap` says how
 * many before this packet.
 */
int reorder_take(struct reorder *r, uint64_t now_ns, struct input_packet *p, uint64_t *gap);

/* Gives the next packet whose number is below `number`, missing ones or not: 1; 0:
 * there is none (left). UINT64_MAX: everything. */
int reorder_take_before(struct reorder *r, uint64_t number, struct input_packet *p, uint64_t *gap);

#endif
