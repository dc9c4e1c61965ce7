/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The HTTP servers: one for WHEP (whep.h), the player's page and the list of paths
 * (page.h), and one for the operator (api.h), on libsoup. Connections, body sizes
 * and the time a client may take are bounded here, the size of headers by libsoup
 * (64 KiB). Main thread.
 */
#ifndef CONTROLPLANE_HTTP_SERVER_H
#define CONTROLPLANE_HTTP_SERVER_H

#include "controlplane/config/config.h"
#include "controlplane/http/authorize.h"
#include "controlplane/http/refusals.h"
#include "controlplane/http/until_known.h"
#include "controlplane/source/path.h"
#include "controlplane/viewer/viewer_table.h"

#include <libsoup/soup.h>

#define HTTP_BODY_MAX (64u * 1024) /* bytes of a request's body */
#define HTTP_CONNECTIONS_MAX 1024

/* What handlers of requests share. */
struct http_context {
	const struct mr_config *config; /* borrowed */
	struct path_table *paths;       /* borrowed */
	struct viewer_table *viewers;   /* borrowed */
	struct authorizer *authorizer;  /* owned by the server */
	GHashTable *pending;            /* whep.c: requests that wait */
	struct until_known until_known; /* whep.c: those of them that name a session */
	struct http_refusals refusals;
	char *page_policy; /* page.c: Content-Security-Policy */
};

struct http_server;

/* Listens. 0 or -errno (-EADDRINUSE). All arguments are borrowed and outlive it. */
int http_server_create(struct http_server **server, const struct mr_config *config,
	struct path_table *paths, struct viewer_table *viewers);
/* The same for the operator's server, at config->api_address. */
int http_server_create_api(struct http_server **server, const struct mr_config *config,
	struct path_table *paths, struct viewer_table *viewers);
/* NULL is fine. */
void http_server_destroy(struct http_server *server);

/* True when the body was longer than HTTP_BODY_MAX (it has been thrown away). */
bool http_body_too_long(SoupServerMessage *message);

/* Answers with a JSON object {"status":"error","error":why}. */
void http_error(SoupServerMessage *message, unsigned int status, const char *why);
/* The same with 503 and Retry-After. */
void http_unavailable(SoupServerMessage *message, const char *why);

#endif
