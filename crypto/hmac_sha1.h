/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HMAC-SHA1 (RFC 2104) with a key that was expanded before, for STUN's
 * MESSAGE-INTEGRITY (RFC 8489 14.5). Allocates nothing per message. A key may be
 * prepared on any thread; hmac_sha1() runs on the worker that owns `dev`.
 */
#ifndef CRYPTO_HMAC_SHA1_H
#define CRYPTO_HMAC_SHA1_H

#include "crypto/crypto_device.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#define HMAC_SHA1_LEN 20     /* bytes of a digest */
#define HMAC_SHA1_KEY_MAX 64 /* bytes: one block; longer keys would have to be hashed */

/* SHA-1's states after the block of key and pad. The caller wipes it with
 * hmac_sha1_fini(). */
struct hmac_sha1_key {
	alignas(16) uint8_t inner[HMAC_SHA1_LEN];
	alignas(16) uint8_t outer[HMAC_SHA1_LEN];
};

/* 0; -EINVAL: longer than HMAC_SHA1_KEY_MAX (the key is zero then). */
int hmac_sha1_init(
	const struct crypto_device *dev, struct hmac_sha1_key *key, const void *secret, size_t len);
void hmac_sha1_fini(struct hmac_sha1_key *key);

/* `len` at least 1. 0 or -EIO. Compare digests with secret_equal(). */
int hmac_sha1(struct crypto_device *dev, const struct hmac_sha1_key *key, const void *data,
	size_t len, uint8_t digest[HMAC_SHA1_LEN]);

#endif
