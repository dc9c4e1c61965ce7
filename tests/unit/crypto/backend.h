/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The back end under test: one program of tests runs once for each of them.
 * MILLRACE_TEST_CRYPTO names it, ipsec-mb else. A DPDK device needs EAL, once per
 * process. One thread.
 */
#ifndef TESTS_UNIT_CRYPTO_BACKEND_H
#define TESTS_UNIT_CRYPTO_BACKEND_H

#include "crypto/srtp_profile.h"

#include <stdbool.h>
#include <stdint.h>

/* GCM first, so that what a back end knows is a prefix. */
#define BACKEND_PROFILES 3
static const uint16_t profile_ids[BACKEND_PROFILES] = {
	SRTP_PROFILE_GCM_128,
	SRTP_PROFILE_GCM_256,
	SRTP_PROFILE_AES128_CM_SHA1_80,
};

const char *backend_name(void);
bool backend_is_cryptodev(void);
/* How many of profile_ids it knows: BACKEND_PROFILES at most. */
int backend_profiles(void);

/* cmocka's group setup and teardown; nothing to do for ipsec-mb. */
int backend_eal(void **state);
int backend_eal_end(void **state);

#endif
