/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bound: what intel-ipsec-mb alone takes to encrypt the same payload with as
 * many keys in the same order, by every way that it offers. No packet buffers, no
 * headers, no viewers: nothing that encrypts by ipsec-mb can be faster.
 * One thread, that of the worker it is compared with.
 */
#ifndef APPS_BENCH_BOUND_H
#define APPS_BENCH_BOUND_H

#include "crypto/srtp_profile.h"

#include <stdbool.h>
#include <stdint.h>

#define BOUND_METHODS_MAX 4

struct bound; /* opaque */

/* `keys` keys, read in order or (random) in an order as random as the viewers' one.
 * NULL: no memory. Main thread, behind EAL's start. */
struct bound *bound_create(const struct srtp_profile *profile, uint32_t keys, bool random,
	uint32_t payload, uint64_t seed);
void bound_destroy(struct bound *b);

unsigned int bound_methods(const struct bound *b);
const char *bound_method_name(const struct bound *b, unsigned int method);
/* Encrypts about `packets` packets and goes on with the next keys where the last call
 * ended; cycles (TSC) per packet. */
double bound_run(struct bound *b, unsigned int method, uint32_t packets);

#endif
