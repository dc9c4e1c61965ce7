/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DTLS 1.2 with DTLS-SRTP (RFC 5763, 5764) on OpenSSL: as client towards a
 * passive peer, as server towards an active one. Datagrams go in and out by
 * calls; nothing here knows a socket. The peer's certificate is held against
 * the SDP's fingerprint inside the handshake, before Finished is sent.
 *
 * struct dtls_context is made once and then only read, by any thread. A
 * struct dtls belongs to the thread of its main context; no event handler may
 * destroy the one it was called from.
 */
#ifndef APPS_VIEWER_DTLS_H
#define APPS_VIEWER_DTLS_H

#include "apps/viewer/profile.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DTLS_FINGERPRINT_SIZE 32 /* bytes: SHA-256 */
#define DTLS_ERROR_SIZE 160      /* bytes, NUL included */

struct dtls_context;
struct dtls;

/* Master key || master salt per direction, as libsrtp2 wants them. */
struct dtls_keys {
	const struct profile *profile;
	uint8_t receive[SRTP_MAX_KEY_LEN];
	uint8_t send[SRTP_MAX_KEY_LEN];
};

struct dtls_events {
	void (*send)(void *user, const uint8_t *data, size_t length); /* one datagram */
	/* Finished both ways; `keys` are wiped on return. */
	void (*established)(void *user, const struct dtls_keys *keys);
	void (*failed)(void *user, const char *reason);
	void (*closed)(void *user); /* the peer's close_notify */
};

/* A fresh P-256 certificate and the profiles in the order they are offered. */
int dtls_context_create(const struct profile *const *profiles, size_t count, char *error,
	struct dtls_context **context);
void dtls_context_destroy(struct dtls_context *context); /* NULL is fine */

/* Our certificate's "AB:CD:..." for the offer. */
const char *dtls_context_fingerprint(const struct dtls_context *context);

/* `context`, `loop` and `events` are borrowed. */
int dtls_create(const struct dtls_context *context, GMainContext *loop, bool server,
	const uint8_t *peer_fingerprint, const struct dtls_events *events, void *user,
	struct dtls **dtls);
void dtls_destroy(struct dtls *dtls); /* says nothing to the peer; NULL is fine */

void dtls_start(struct dtls *dtls); /* the client's first flight */
void dtls_receive(struct dtls *dtls, const uint8_t *data, size_t length);

#endif
