/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Key derivation of RFC 3711 4.3 (RFC 7714 11 for AEAD, RFC 6188 for 256 bit
 * keys), key derivation rate 0, and the split of the DTLS exporter's output
 * (RFC 5764 4.2). Any thread; needs libcrypto.
 */
#ifndef CRYPTO_SRTP_KEYS_H
#define CRYPTO_SRTP_KEYS_H

#include "crypto/srtp_profile.h"

#include <stddef.h>
#include <stdint.h>

/* One direction's master key and salt. Secret: wipe with secret_wipe(). */
struct srtp_master {
	uint8_t key[SRTP_KEY_MAX_LEN];
	uint8_t salt[SRTP_SALT_MAX_LEN];
	uint8_t reserved[2];
};

/* Session keys of one direction of one protocol (RTP or RTCP). Unused tail
 * bytes are zero. Secret. */
struct srtp_session_keys {
	uint8_t cipher[SRTP_KEY_MAX_LEN];
	uint8_t auth[SRTP_AUTH_MAX_LEN];
	uint8_t salt[SRTP_SALT_MAX_LEN];
	uint8_t reserved[2];
};

/* -EINVAL: unknown profile; -EIO: the cipher failed. Either may be NULL. */
int srtp_keys_derive(const struct srtp_profile *profile, const struct srtp_master *master,
	struct srtp_session_keys *rtp, struct srtp_session_keys *rtcp);

/*
 * The PRF below it: AES-CM keystream for IV = x * 2^16, x = salt XOR label * 2^48
 * (RFC 3711 4.3.3; key_len 16 or, RFC 6188 3, 32 bytes). A salt of 96 bits has
 * zeros behind it. -EINVAL: key_len, or len outside 1 to SRTP_PRF_MAX_LEN.
 */
#define SRTP_PRF_MAX_LEN 128 /* bytes */
int srtp_prf(const uint8_t *key, size_t key_len, const uint8_t salt[SRTP_SALT_MAX_LEN],
	uint8_t label, uint8_t *out, size_t len);

/* How many bytes to export for a profile: 2 * (key_len + salt_len). */
size_t srtp_exporter_len(const struct srtp_profile *profile);

/* Splits client key, server key, client salt, server salt (RFC 5764 4.2).
 * -EINVAL when `len` is not srtp_exporter_len(). */
int srtp_exporter_split(const struct srtp_profile *profile, const uint8_t *material, size_t len,
	struct srtp_master *client, struct srtp_master *server);

#endif
