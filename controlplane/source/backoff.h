/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long to wait before the next attempt: 0.5 s, doubling to 10 s, each with
 * up to a quarter of it on top, so that cameras which went together do not come
 * back together. Pure arithmetic; any thread.
 */
#ifndef CONTROLPLANE_SOURCE_BACKOFF_H
#define CONTROLPLANE_SOURCE_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 500
#define BACKOFF_LAST_MS 10000

struct backoff {
	unsigned int attempts; /* failed in a row */
};

/* Counts a failure; [ms] until the next attempt. `random` is any 32 random bits. */
unsigned int backoff_next(struct backoff *b, uint32_t random);
/* It worked: the next failure starts over. */
void backoff_reset(struct backoff *b);

#endif
