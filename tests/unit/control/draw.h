/* SPDX-License-Identifier: BSD-3-Clause */
/* Randomness of one thread, the same for the same seed. */
#ifndef TESTS_UNIT_CONTROL_DRAW_H
#define TESTS_UNIT_CONTROL_DRAW_H

#include <stdint.h>

struct random {
	uint64_t state; /* at first: the seed */
};

/* 0 to below - 1 */
static inline uint32_t draw(struct random *r, uint32_t below)
{
	r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((r->state >> 33) % below);
}

#endif
