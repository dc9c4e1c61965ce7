/* SPDX-License-Identifier: BSD-3-Clause */
/* The replay window of RFC 3711 3.3.2. Runs on its owner's thread. */
#include "crypto/srtp_replay.h"

#include <errno.h>
#include <string.h>

#define WINDOW 128 /* indices, bits of seen[] */

void srtp_replay_init(struct srtp_replay *r)
{
	memset(r, 0, sizeof(*r));
}

int srtp_replay_check(const struct srtp_replay *r, uint64_t index)
{
	uint64_t age;

	if (!r->started || index > r->top)
		return 0;
	age = r->top - index;
	if (age >= WINDOW)
		return -EALREADY;
	return (r->seen[age / 64] >> (age % 64)) & 1 ? -EALREADY : 0;
}

/* Makes room for `n` newer indices: bit i becomes bit i + n. */
static void advance(uint64_t seen[2], uint64_t n)
{
	if (n >= WINDOW) {
		seen[0] = seen[1] = 0;
	} else if (n >= 64) {
		seen[1] = seen[0] << (n - 64);
		seen[0] = 0;
	} else if (n > 0) {
		seen[1] = seen[1] << n | seen[0] >> (64 - n);
		seen[0] <<= n;
	}
}

void srtp_replay_accept(struct srtp_replay *r, uint64_t index)
{
	uint64_t age;

	if (!r->started) {
		r->started = true;
		r->top = index;
	} else if (index > r->top) {
		advance(r->seen, index - r->top);
		r->top = index;
	}
	age = r->top - index;
	if (age < WINDOW)
		r->seen[age / 64] |= UINT64_C(1) << (age % 64);
}
