/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a back end of crypto_device.h provides; private to crypto/. A new back
 * end is one file with one such table, named in crypto_device.c.
 */
#ifndef CRYPTO_CRYPTO_DEVICE_OPS_H
#define CRYPTO_CRYPTO_DEVICE_OPS_H

#include "crypto/crypto_device.h"
#include "crypto/hmac_sha1.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct cryptodev_engine;

struct crypto_device_ops {
	const char *name; /* of the session file; "cryptodev:": what begins with it */

	/* NULL with errno and `error` set when the machine lacks what it needs. */
	struct crypto_device *(*create)(
		const struct crypto_device_config *config, char *error, size_t error_len);
	void (*destroy)(struct crypto_device *dev);

	/* Fills `material` and, if there is something to free, `release`; profile and
	 * salt are written already. Any thread, while the owner is encrypting. */
	int (*expand)(const struct crypto_device *dev, struct srtp_tx *tx,
		const struct srtp_session_keys *keys);
	/* The same for a key that only the messages below use: never a `release`. */
	int (*expand_message)(const struct crypto_device *dev, struct srtp_tx *tx,
		const struct srtp_session_keys *keys);

	/* The bulk path; the contract of srtp_protect_burst(). */
	uint16_t (*protect_burst)(struct crypto_device *dev, struct srtp_op *ops, uint16_t n);

	/*
	 * One message at a time, for SRTCP; in place (RFC 7714 9, RFC 3711 4.1.1,
	 * 4.2.1). aead_open writes the tag that the ciphertext should have had:
	 * comparing is the caller's. Lengths at most CRYPTO_MESSAGE_MAX. 0 or -EIO.
	 */
	void (*aead_seal)(struct crypto_device *dev, const struct srtp_tx *tx, const uint8_t iv[12],
		const uint8_t *aad, size_t aad_len, uint8_t *buf, size_t len, uint8_t tag[16]);
	void (*aead_open)(struct crypto_device *dev, const struct srtp_tx *tx, const uint8_t iv[12],
		const uint8_t *aad, size_t aad_len, uint8_t *buf, size_t len, uint8_t tag[16]);
	int (*cipher)(struct crypto_device *dev, const struct srtp_tx *tx, const uint8_t iv[16],
		uint8_t *buf, size_t len);
	int (*authenticate)(struct crypto_device *dev, const struct srtp_tx *tx, const uint8_t *buf,
		size_t len, uint8_t digest[20]);

	/* hmac_sha1.h; `len` at most HMAC_SHA1_KEY_MAX. Any thread, as expand(). */
	void (*hmac_expand)(const struct crypto_device *dev, struct hmac_sha1_key *key,
		const uint8_t *secret, size_t len);
	int (*hmac)(struct crypto_device *dev, const struct hmac_sha1_key *key, const uint8_t *buf,
		size_t len, uint8_t digest[20]);
};

#define CRYPTO_MESSAGE_MAX 65507 /* bytes: the longest UDP payload */

/* First member of every back end's device. */
struct crypto_device {
	const struct crypto_device_ops *ops;
	char describe[64];
};

/*
 * How every back end lays out struct srtp_tx: one line of what forms IVs and
 * lengths, behind it whatever the back end expanded from the key.
 */
struct srtp_tx_layout {
	/* constant after srtp_tx_init() */
	const struct srtp_profile *profile; /* NULL: not initialised, or wiped */
	uint8_t salt[16]; /* session salt, zeros behind it: 12 or 14 bytes count */
	void (*release)(struct srtp_tx_layout *tx); /* of what the next two name; or NULL */
	void *session;                              /* of a cryptodev; or NULL */
	struct cryptodev_engine *engine;            /* whose it is */
	uint8_t reserved[16];

	alignas(64) uint8_t material[SRTP_TX_SIZE - 64];
};
static_assert(sizeof(struct srtp_tx_layout) == sizeof(struct srtp_tx), "srtp_tx is the layout");
static_assert(offsetof(struct srtp_tx_layout, material) == 64, "the head is one cache line");

static inline const struct srtp_tx_layout *srtp_tx_layout(const struct srtp_tx *tx)
{
	return (const struct srtp_tx_layout *)(const void *)tx->opaque;
}

/* srtp_tx_init() for a key that no burst uses: SRTCP's. secret_wipe() ends it. */
int srtp_message_key_init(const struct crypto_device *dev, struct srtp_tx *tx,
	const struct srtp_profile *profile, const struct srtp_session_keys *keys);

extern const struct crypto_device_ops crypto_device_ipsec_mb;
extern const struct crypto_device_ops crypto_device_cryptodev;

#endif
