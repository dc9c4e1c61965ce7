/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SRTCP of one viewer, both ways: RFC 3711 3.4, RFC 7714 9. Sparse, one packet
 * at a time, same ciphers as the bulk path. Every state belongs to one worker.
 */
#ifndef CRYPTO_SRTCP_H
#define CRYPTO_SRTCP_H

#include "crypto/crypto_device.h"
#include "crypto/srtp_replay.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A session key as it was derived: expanded for each message and wiped again. That
 * takes about as long as the message itself, twice a second or so; to keep it expanded
 * would take 2 KiB of every viewer.
 */
struct srtcp_key {
	const struct srtp_profile *profile; /* NULL: not initialised, or wiped */
	struct srtp_session_keys keys;
};

struct srtcp_tx {
	struct srtcp_key key;
	uint32_t next_index; /* 31 bits; counts up over all SSRCs of the key, never reused */
	uint32_t reserved;
};

/* Every sender under the key counts for itself (RFC 3711 3.2.3): a browser
 * reports from one SSRC per track. More senders than these are refused. */
#define SRTCP_SENDERS_MAX 6

struct srtcp_sender {
	uint32_t ssrc;
	struct srtp_replay replay; /* of the 31-bit index */
};

struct srtcp_rx {
	struct srtcp_key key;
	struct srtcp_sender sender[SRTCP_SENDERS_MAX]; /* in the order in which they came */
	uint32_t n_senders;
};

int srtcp_tx_init(const struct crypto_device *dev, struct srtcp_tx *s,
	const struct srtp_profile *profile, const struct srtp_session_keys *rtcp_keys,
	uint32_t first_index);
int srtcp_rx_init(const struct crypto_device *dev, struct srtcp_rx *s,
	const struct srtp_profile *profile, const struct srtp_session_keys *rtcp_keys);
void srtcp_tx_fini(struct srtcp_tx *s);
void srtcp_rx_fini(struct srtcp_rx *s);

/*
 * In place. `buf` holds a compound RTCP packet of `len` bytes and has room for
 * `cap`. Returns the new length, or -ENOSPC (no room for the trailer), -EINVAL
 * (shorter than 8 bytes), -EOVERFLOW (all 2^31 indices used: the key is spent).
 */
int srtcp_protect(
	struct crypto_device *dev, struct srtcp_tx *s, uint8_t *buf, size_t len, size_t cap);

/*
 * In place; authenticates before anything is believed. Returns the plain
 * length, or -EBADMSG (authentication failed), -EALREADY (replayed, older than
 * its sender's window, or from one sender too many), -EINVAL (too short, or the E
 * flag is missing: we always encrypt and refuse clear SRTCP). Whatever was refused
 * never holds plaintext.
 */
int srtcp_unprotect(struct crypto_device *dev, struct srtcp_rx *s, uint8_t *buf, size_t len);

#endif
