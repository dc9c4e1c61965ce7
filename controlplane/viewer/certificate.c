/* SPDX-License-Identifier: BSD-3-Clause */
/* The DTLS certificate: see certificate.h. Main thread, at start. */
#include "controlplane/viewer/certificate.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#define DAY 86400L /* seconds */

static int fill(X509 *x509, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(x509);
	uint64_t serial;

	if (RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
		return -EIO;
	/* RFC 5280 4.1.2.2: positive. Clocks of clients may be behind. */
	if (!X509_set_version(x509, X509_VERSION_3) ||
		!ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial >> 1 | 1) ||
		!X509_gmtime_adj(X509_getm_notBefore(x509), -DAY) ||
		!X509_gmtime_adj(X509_getm_notAfter(x509), 3650 * DAY) ||
		!X509_NAME_add_entry_by_txt(
			name, "CN", MBSTRING_ASC, (const unsigned char *)"millrace", -1, -1, 0) ||
		!X509_set_issuer_name(x509, name) || !X509_set_pubkey(x509, key) ||
		!X509_sign(x509, key, EVP_sha256()))
		return -EIO;
	return 0;
}

static int print_fingerprint(struct certificate *c)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (!X509_digest(c->x509, EVP_sha256(), digest, &len) || len != 32)
		return -EIO;
	for (unsigned int i = 0; i < len; i++)
		snprintf(c->fingerprint + 3 * i, sizeof(c->fingerprint) - 3 * i, "%02X%s",
			digest[i], i + 1 < len ? ":" : "");
	return 0;
}

int certificate_init(struct certificate *c)
{
	memset(c, 0, sizeof(*c));
	c->key = EVP_EC_gen("P-256");
	c->x509 = X509_new();
	if (!c->key || !c->x509 || fill(c->x509, c->key) < 0 || print_fingerprint(c) < 0) {
		certificate_fini(c);
		return -EIO;
	}
	return 0;
}

void certificate_fini(struct certificate *c)
{
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
	memset(c, 0, sizeof(*c));
}
