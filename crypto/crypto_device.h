/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bulk SRTP: whatever encrypts RTP in bursts. One interface, chosen by name
 * ("ipsec-mb"); a cryptodev back end joins behind the same calls.
 *
 * A device belongs to one worker and is not thread safe; keys may be prepared
 * (srtp_tx_init) on another thread before a worker sees them.
 *
 * Encryption is out of place: the plaintext payload stays shared, the wire
 * packet is written to `dst`. Same key, SSRC and index: same bytes.
 */
#ifndef CRYPTO_CRYPTO_DEVICE_H
#define CRYPTO_CRYPTO_DEVICE_H

#include "crypto/srtp_keys.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

struct crypto_device; /* opaque, per worker */

/*
 * Expanded key of one viewer's RTP direction: one contiguous record, a multiple
 * of 64 bytes, 64-byte aligned (FACTS: packed arrays double the cost). Used by
 * every SSRC of the viewer: the SSRC is part of the nonce (RFC 7714 8.1), of
 * the CTR IV (RFC 3711 4.1.1). The caller provides aligned memory, and wipes it
 * with srtp_tx_fini(). The layout is the back end's.
 */
#define SRTP_TX_SIZE 1152 /* bytes: gcm_key_data padded to 1024, salt, profile */
struct srtp_tx {
	alignas(64) uint8_t opaque[SRTP_TX_SIZE];
};

/*
 * One packet to protect. The first hdr_len bytes of `dst` hold the RTP header
 * already (it is the associated data of GCM); payload_len bytes are read from
 * `src` (which may not overlap dst) and written encrypted to dst + hdr_len, the
 * tag behind them. The caller's buffer has room for hdr_len + payload_len +
 * SRTP_MAX_TRAILER.
 */
struct srtp_op {
	const struct srtp_tx *tx; /* borrowed for the call */
	const uint8_t *src;
	uint8_t *dst;
	uint64_t index;   /* 48 bits: ROC << 16 | SEQ, RFC 3711 3.3.1; SEQ equals the header's */
	uint16_t hdr_len; /* bytes, 12 to 76 */
	uint16_t payload_len; /* bytes */
	uint16_t out_len;     /* out: bytes of the whole wire packet, 0 when it failed */
	uint16_t status;      /* out: 0, or EINVAL, EOVERFLOW, EMSGSIZE, EIO */
	uint32_t ssrc;        /* host order, equals the header's */
};

/* NULL when `backend` is unknown or the CPU lacks what it needs; errno says. */
struct crypto_device *crypto_device_create(const char *backend);
void crypto_device_destroy(struct crypto_device *dev);
const char *crypto_device_describe(const struct crypto_device *dev); /* "ipsec-mb 1.3 AVX512" */

/*
 * Expands the keys into `tx`. Any thread, also while the owner of `dev` encrypts:
 * `dev` is only read, and ipsec-mb's key expansion (AES, GCM hash keys, the SHA-1
 * states of HMAC's pads) writes to `tx` alone. What a worker sees must have been
 * published with release/acquire. 0, or -EINVAL (unknown profile): `tx` is zero then,
 * as after srtp_tx_fini(), and srtp_protect_burst() refuses it.
 */
int srtp_tx_init(const struct crypto_device *dev, struct srtp_tx *tx,
	const struct srtp_profile *profile, const struct srtp_session_keys *keys);
void srtp_tx_fini(struct srtp_tx *tx); /* wipes */
uint8_t srtp_tx_tag_len(const struct srtp_tx *tx);

/* Protects all `n` ops before it returns (ops may mix profiles); returns the
 * number that succeeded, and sets status and out_len of each. Keys are
 * fetched one op ahead: long bursts cost least per packet. */
uint16_t srtp_protect_burst(struct crypto_device *dev, struct srtp_op *ops, uint16_t n);

#endif
