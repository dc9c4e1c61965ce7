/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bulk SRTP: whatever encrypts RTP in bursts. One interface, the back end chosen
 * by name: "ipsec-mb" (this CPU), or "cryptodev:" and the name of a DPDK
 * cryptodev ("cryptodev:crypto_aesni_mb", "cryptodev:0000:3d:01.0").
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
 * with srtp_tx_fini() before the last device of its back end goes. The layout is the
 * back end's; never copied, because a session of a device may hang on it.
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
	uint16_t status;      /* out: 0, or EINVAL, EOVERFLOW, EMSGSIZE, EIO, EBUSY (below) */
	uint32_t ssrc;        /* host order, equals the header's */
};

/* `worker` of a device that expands keys and encrypts no bursts. */
#define CRYPTO_KEYS_ONLY UINT16_MAX

struct crypto_device_config {
	const char *backend; /* dataplane.crypto of the session file */
	/* NULL: the process's first device, it opens what the back end shares. Else that
	 * device; the order in which they are destroyed does not matter. */
	struct crypto_device *first;
	uint16_t n_workers; /* of the first: how many devices will encrypt, itself included */
	uint16_t worker;    /* 0 to n_workers - 1, each once; or CRYPTO_KEYS_ONLY */
	/* Profiles that the back end must know; borrowed for the call. */
	const struct srtp_profile *const *profiles;
	unsigned int n_profiles;
};

/*
 * Makes a device. Main thread, one after the other, before a worker encrypts
 * ("cryptodev:" needs EAL). NULL when `backend` is unknown (errno ENOENT), when the
 * machine lacks what it needs, or the device a profile (ENOTSUP): `error` says which
 * and what to do.
 */
struct crypto_device *crypto_device_open(
	const struct crypto_device_config *config, char *error, size_t error_len);
/* The same for one worker alone, whatever the profiles; errno says what was wrong. */
struct crypto_device *crypto_device_create(const char *backend);
void crypto_device_destroy(struct crypto_device *dev);
const char *crypto_device_describe(const struct crypto_device *dev); /* "ipsec-mb 1.3 AVX512" */

/*
 * Expands the keys into `tx`. Any thread, also while the owner of `dev` encrypts:
 * ipsec-mb's key expansion (AES, GCM hash keys, the SHA-1 states of HMAC's pads) writes
 * to `tx` alone, and a cryptodev's sessions are made and freed behind a lock that no
 * worker takes. What a worker sees must have been published with release/acquire. 0,
 * -EINVAL (unknown profile), -ENOTSUP (one that the device does not know), -ENOMEM:
 * `tx` is zero then, as after srtp_tx_fini(), and srtp_protect_burst() refuses it.
 */
int srtp_tx_init(const struct crypto_device *dev, struct srtp_tx *tx,
	const struct srtp_profile *profile, const struct srtp_session_keys *keys);
/* Wipes, and frees the device's session. No worker may use `tx` any more. Also when it is
 * all zero; any thread. */
void srtp_tx_fini(struct srtp_tx *tx);
uint8_t srtp_tx_tag_len(const struct srtp_tx *tx);

/*
 * Protects all `n` ops before it returns (ops may mix profiles); returns the
 * number that succeeded, and sets status and out_len of each. Keys are
 * fetched one op ahead: long bursts cost least per packet.
 *
 * EBUSY: an accelerator stopped answering and may still write to `dst`, which therefore
 * must never be used or freed again. It happens to one burst of a device; from then on
 * the CPU encrypts, to the same bytes.
 */
uint16_t srtp_protect_burst(struct crypto_device *dev, struct srtp_op *ops, uint16_t n);

#endif
