/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Repeatable randomness for the tests of crypto/: a fixed seed, printed, and
 * replaced by the environment variable MILLRACE_TEST_SEED. xorshift64*.
 */
#ifndef TESTS_UNIT_CRYPTO_RANDOM_H
#define TESTS_UNIT_CRYPTO_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct random {
	uint64_t state;
};

static inline void random_init(struct random *r, uint64_t seed)
{
	const char *env = getenv("MILLRACE_TEST_SEED");

	if (env != NULL)
		seed = strtoull(env, NULL, 0);
	printf("MILLRACE_TEST_SEED=%llu\n", (unsigned long long)seed);
	r->state = (seed ^ UINT64_C(0x9e3779b97f4a7c15)) | 1;
}

static inline uint64_t random_u64(struct random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 to n - 1 */
static inline uint32_t random_below(struct random *r, uint32_t n)
{
	return (uint32_t)((random_u64(r) >> 32) % n);
}

static inline void random_bytes(struct random *r, void *p, size_t len)
{
	uint8_t *out = p;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(random_u64(r) >> 56);
}

#endif
