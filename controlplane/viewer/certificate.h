/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gateway's DTLS certificate: self-signed ECDSA P-256, made at start and
 * kept in memory only. Clients know it by the fingerprint in the SDP answer
 * (RFC 8827 6.5). Main thread.
 */
#ifndef CONTROLPLANE_VIEWER_CERTIFICATE_H
#define CONTROLPLANE_VIEWER_CERTIFICATE_H

#include <openssl/types.h>

#define CERTIFICATE_FINGERPRINT_LEN 96 /* bytes of "AB:CD:...", the final 0 included */

struct certificate {
	X509 *x509;                                    /* owned */
	EVP_PKEY *key;                                 /* owned */
	char fingerprint[CERTIFICATE_FINGERPRINT_LEN]; /* sha-256 */
};

/* 0, or -EIO when OpenSSL fails. */
int certificate_init(struct certificate *c);
void certificate_fini(struct certificate *c);

#endif
