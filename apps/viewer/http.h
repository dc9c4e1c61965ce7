/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HTTP requests on libsoup, what WHEP and Janus are spoken over. One client per
 * main context; calls and callbacks on its thread, which has that context as
 * its thread-default one.
 */
#ifndef APPS_VIEWER_HTTP_H
#define APPS_VIEWER_HTTP_H

#include <gio/gio.h>
#include <stddef.h>

struct http_client;

struct http_reply {
	unsigned int status;  /* HTTP status, 0: no answer */
	const char *body;     /* not NUL-terminated */
	size_t length;        /* bytes */
	const char *resource; /* absolute URL of what was made (Location), or NULL */
	const char *error;    /* sentence when status is 0 */
};

/* Everything in `reply` is gone on return. */
typedef void http_callback(void *user, const struct http_reply *reply);

struct http_request {
	const char *method;
	const char *url;
	const char *type; /* of the body */
	const char *body; /* NULL: none */
	GCancellable *cancellable;
	http_callback *callback;
	void *user;
};

/* `headers`: "Name: value" each, sent with every request; borrowed. */
struct http_client *http_client_create(
	char *const *headers, size_t count, unsigned int timeout_seconds);
void http_client_destroy(struct http_client *client);

/* 0, or -EINVAL for an unusable URL; the callback comes later, exactly once. */
int http_send(struct http_client *client, const struct http_request *request);

#endif
