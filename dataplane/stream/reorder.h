/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Puts a source's packets back into the order of their numbers: what comes
 * early waits for what is missing, for a moment. Holds mbufs. Private to the
 * stream's worker; allocates nothing.
 */
#ifndef DATAPLANE_STREAM_REORDER_H
#define DATAPLANE_STREAM_REORDER_H

#include "dataplane/pipeline/batch.h"

#include <stdbool.h>
#include <stdint.h>

#define REORDER_SLOTS 32                  /* packets held per stream at most */
#define REORDER_WAIT_NS (40 * 1000000ull) /* for a missing one */

struct reorder {
	bool started;
	uint64_t next;     /* extended number that is due */
	uint64_t since_ns; /* CLOCK_MONOTONIC: something has been waiting since */
	unsigned int held;
	struct input_packet slot[REORDER_SLOTS]; /* by number % SLOTS; data NULL: empty */
};

/* The sequence starts at `first`; nothing is held (take all out before). */
void reorder_start(struct reorder *r, uint64_t first);

/* Whether `number` is still due (not behind what was given out). */
bool reorder_due(const struct reorder *r, uint64_t number);

/* Puts a packet that is due. False: it is too far ahead, take some out first. */
bool reorder_put(struct reorder *r, uint64_t number, const struct input_packet *p, uint64_t now_ns);

/*
 * Gives the next packet: 1, in order; 0: what is due has not come, and may still.
 * With `force`, or when it has waited long enough, the missing ones are given
 * up: `*gap` says how many before this packet.
 */
int reorder_take(
	struct reorder *r, uint64_t now_ns, bool force, struct input_packet *p, uint32_t *gap);

#endif
