/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting times between attempts; pure, any thread. */
#include "controlplane/source/backoff.h"

unsigned int backoff_next(struct backoff *b, uint32_t random)
{
	unsigned int wait = BACKOFF_FIRST_MS;

	for (unsigned int i = 0; i < b->attempts && wait < BACKOFF_LAST_MS; i++)
		wait *= 2;
	if (wait > BACKOFF_LAST_MS)
		wait = BACKOFF_LAST_MS;
	b->attempts++;
	return wait + random % (wait / 4 + 1);
}

void backoff_reset(struct backoff *b)
{
	b->attempts = 0;
}
