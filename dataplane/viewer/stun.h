/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one STUN exchange that the data plane takes part in: a Binding request of
 * an established viewer and its success response (RFC 8489; RFC 8445 7.3;
 * consent, RFC 7675). Pure: buffer in, struct out; hmac_sha1() of the worker's
 * device signs. Named after Binding, because libnice exports stun_*.
 */
#ifndef DATAPLANE_VIEWER_STUN_H
#define DATAPLANE_VIEWER_STUN_H

#include "crypto/hmac_sha1.h"
#include "dataplane/api/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STUN_HEADER_LEN 20
#define BINDING_REQUEST_MAX 1280 /* bytes: RFC 8489 6.1, below any path's MTU */
#define BINDING_REPLY_MAX 76     /* bytes: with an IPv6 address */

/* Offsets are into the datagram. */
struct binding_request {
	const uint8_t *transaction; /* 12 bytes; borrowed */
	const uint8_t *username;    /* borrowed; NULL: none */
	uint16_t username_len;      /* [bytes] */
	uint16_t integrity;         /* offset of MESSAGE-INTEGRITY; 0: none */
	bool fingerprint;           /* was there, and is right */
	bool controlled;            /* ICE-CONTROLLED: a role conflict, RFC 8445 7.3.1.1 */
	bool unknown_required;      /* an attribute that RFC 8489 6.3.1 answers with 420 */
};

/* 0; -ENOMSG: STUN, but not a Binding request; -EBADMSG: breaks RFC 8489 (a
 * wrong FINGERPRINT, too). Nothing is authenticated yet. */
int binding_request_parse(const uint8_t *data, size_t len, struct binding_request *r);

/* USERNAME is "local:remote", RFC 8445 7.2.2. */
bool binding_request_is_for(const struct binding_request *r, const char *local, size_t local_len,
	const char *remote, size_t remote_len);

/* MESSAGE-INTEGRITY of the datagram that was parsed into `r`. 0, -EACCES or -EIO. */
int binding_request_authenticate(struct crypto_device *dev, const struct hmac_sha1_key *key,
	const uint8_t *data, const struct binding_request *r);

/* Writes the success response: XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY,
 * FINGERPRINT. Returns its length, at most BINDING_REPLY_MAX, or -ENOSPC, -EIO. */
int binding_reply_format(struct crypto_device *dev, const struct hmac_sha1_key *key,
	const struct binding_request *r, const struct mr_endpoint *mapped, uint8_t *out,
	size_t cap);

#endif
