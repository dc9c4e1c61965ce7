/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WHEP client (draft-ietf-wish-whep): POST of an offer, DELETE of the session,
 * on libsoup. One client per main context; calls and callbacks on its thread,
 * which has that context as its thread-default one.
 */
#ifndef APPS_VIEWER_WHEP_H
#define APPS_VIEWER_WHEP_H

#include <gio/gio.h>
#include <stddef.h>

struct whep_client;

struct whep_reply {
	unsigned int status;  /* HTTP status, 0: no answer */
	const char *body;     /* not NUL-terminated */
	size_t length;        /* bytes */
	const char *resource; /* absolute URL of the session (Location), or NULL */
	const char *error;    /* sentence when status is 0 */
};

/* Everything in `reply` is gone on return. */
typedef void whep_callback(void *user, const struct whep_reply *reply);

/* `headers`: "Name: value" each, sent with every request; borrowed. */
struct whep_client *whep_client_create(
	char *const *headers, size_t count, unsigned int timeout_seconds);
void whep_client_destroy(struct whep_client *client);

/* 0, or -EINVAL for an unusable URL; the callback comes later, exactly once. */
int whep_post(struct whep_client *client, const char *url, const char *offer,
	GCancellable *cancellable, whep_callback *callback, void *user);
int whep_delete(struct whep_client *client, const char *resource, GCancellable *cancellable,
	whep_callback *callback, void *user);

#endif
