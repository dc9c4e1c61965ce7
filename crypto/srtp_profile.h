/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SRTP protection profiles that millrace speaks, as one constant table.
 * Any thread; libc only.
 */
#ifndef CRYPTO_SRTP_PROFILE_H
#define CRYPTO_SRTP_PROFILE_H

#include <stdint.h>

/* Code points of the DTLS use_srtp extension: RFC 5764 4.1.2, RFC 7714 14.2. */
enum srtp_profile_id {
	SRTP_PROFILE_AES128_CM_SHA1_80 = 0x0001,
	SRTP_PROFILE_GCM_128 = 0x0007,
	SRTP_PROFILE_GCM_256 = 0x0008,
};

/* Not SRTP_MAX_*: libsrtp2 defines those with other values. */
#define SRTP_KEY_MAX_LEN 32  /* bytes: AES-256 */
#define SRTP_SALT_MAX_LEN 14 /* bytes: RFC 3711 4.1.1; GCM uses 12, RFC 7714 8.1 */
#define SRTP_AUTH_MAX_LEN 20 /* bytes: HMAC-SHA1 key */
#define SRTP_TAG_MAX_LEN 16  /* bytes */
/* What SRTP and SRTCP add to a packet at most. */
#define SRTP_MAX_TRAILER SRTP_TAG_MAX_LEN
#define SRTCP_MAX_TRAILER (SRTP_TAG_MAX_LEN + 4)

struct srtp_profile {
	uint16_t id;
	const char *name;         /* of the session file: "AEAD_AES_128_GCM" */
	const char *openssl_name; /* for SSL_CTX_set_tlsext_use_srtp */
	uint8_t key_len;          /* bytes of master and session key */
	uint8_t salt_len;         /* bytes of master and session salt */
	uint8_t auth_key_len;     /* bytes; 0 for AEAD */
	uint8_t rtp_tag_len;      /* bytes appended to an RTP packet */
	uint8_t rtcp_tag_len;     /* bytes; beside them 4 of E flag and index */
};

/* NULL when unknown. */
const struct srtp_profile *srtp_profile_by_id(uint16_t id);
const struct srtp_profile *srtp_profile_by_name(const char *name);

#endif
