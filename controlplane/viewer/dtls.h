/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DTLS server of one viewer (RFC 5764, RFC 8842): datagrams in and out by calls,
 * no socket. The client must show a certificate whose fingerprint is one of
 * its offer: it is compared inside the handshake, before anything is derived.
 * Main thread; timers run on GLib's default main context.
 */
#ifndef CONTROLPLANE_VIEWER_DTLS_H
#define CONTROLPLANE_VIEWER_DTLS_H

#include "controlplane/viewer/certificate.h"
#include "controlplane/viewer/sdp_offer.h"
#include "crypto/srtp_keys.h"

#include <stddef.h>
#include <stdint.h>

#define DTLS_LINK_MTU 1200 /* bytes of a datagram of ours */

struct dtls;
struct dtls_context;

/* What all sessions share: certificate (borrowed for the call) and the SRTP
 * profiles, the first that the client offers too is taken. NULL: OpenSSL refused. */
struct dtls_context *dtls_context_create(const struct certificate *certificate,
	const struct srtp_profile *const *profiles, size_t n_profiles);
void dtls_context_destroy(struct dtls_context *context);

struct dtls_callbacks {
	/* One datagram to the peer. */
	void (*send)(const uint8_t *data, size_t len, void *user);
	/* From a retransmission timer only: as dtls_receive() would have returned. */
	void (*failed)(void *user);
};

enum dtls_progress {
	DTLS_IN_HANDSHAKE,
	DTLS_DONE,   /* finished and the fingerprint matched */
	DTLS_CLOSED, /* the peer said goodbye */
	DTLS_FAILED, /* dtls_error() says why */
};

/* `fingerprints` and `callbacks` are copied. NULL: out of memory. */
struct dtls *dtls_create(struct dtls_context *context, const struct sdp_fingerprints *fingerprints,
	const struct dtls_callbacks *callbacks, void *user);
/* Sends close_notify if the handshake was done. */
void dtls_goodbye(struct dtls *dtls);
/* Sends nothing. NULL is fine. */
void dtls_destroy(struct dtls *dtls);

/* Takes one datagram. May be called after DTLS_DONE: a lost last flight is sent
 * again. */
enum dtls_progress dtls_receive(struct dtls *dtls, const uint8_t *data, size_t len);
/* Static or session memory: a sentence for the log. */
const char *dtls_error(const struct dtls *dtls);

/* The profile agreed on and the two master keys; secret, the caller wipes them.
 * Only after DTLS_DONE. 0; -ENOTSUP: no profile was agreed on; -EIO. */
int dtls_export(struct dtls *dtls, const struct srtp_profile **profile, struct srtp_master *client,
	struct srtp_master *server);

#endif
