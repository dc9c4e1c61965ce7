/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The authorisation hook: asked before every answer about a path, errors and refused
 * methods too. Not before CORS preflights (OPTIONS with Access-Control-Request-Method,
 * without credentials), 404 for what names no path, and what libsoup refuses itself
 * because it is not HTTP. Open when the session
 * file says nothing; with `authHTTPAddress` an HTTP server is asked as
 * MediaMTX does: POST with a JSON object, 2xx within 5 s allows. Main thread; never
 * blocks.
 */
#ifndef CONTROLPLANE_HTTP_AUTHORIZE_H
#define CONTROLPLANE_HTTP_AUTHORIZE_H

#include <libsoup/soup.h>

enum authorize_verdict {
	AUTHORIZE_YES,
	AUTHORIZE_NO,
	AUTHORIZE_BUSY, /* too many questions are open */
};

/* A request to judge; everything is borrowed for the call. */
struct authorize_request {
	SoupServerMessage *message; /* credentials, query and address are taken from it */
	const char *path;           /* "": the list of all */
	const char *id;             /* of the WHEP resource, or "" */
};

typedef void (*authorize_fn)(enum authorize_verdict verdict, void *user);

/* The hook itself: whoever wants another policy gives another table. */
struct authorizer {
	/* Calls `done` exactly once, now or later on the main loop. */
	void (*check)(struct authorizer *a, const struct authorize_request *request,
		authorize_fn done, void *user);
	void (*destroy)(struct authorizer *a);
};

/* `http_address` NULL: open to everybody. */
struct authorizer *authorizer_create(const char *http_address);

#endif
