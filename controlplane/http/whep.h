/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WHEP (draft-ietf-wish-whep) on libsoup messages. Main thread. Before the
 * authorisation hook agrees nothing is said, but to CORS preflights. Status codes:
 *
 *   POST endpoint    201; 400 malformed or no codec in common, 401, 404 unknown
 *                    path, 413, 415, 503 + Retry-After: nothing to play now, or
 *                    as many viewers as there may be
 *   OPTIONS          204 with Allow and CORS; ICE servers of the endpoint, unless it is
 *                    a preflight
 *   PATCH resource   204: candidates of the client are not needed by ICE-lite; 415
 *   DELETE resource  200; 404; both 503 + Retry-After, after a wait or at once: it is
 *                    not known (yet) whether the session is there
 *   other            405 with Allow
 */
#ifndef CONTROLPLANE_HTTP_WHEP_H
#define CONTROLPLANE_HTTP_WHEP_H

#include "controlplane/http/route.h"
#include "controlplane/http/server.h"

void whep_endpoint(
	struct http_context *context, SoupServerMessage *message, const struct http_route *route);
void whep_resource(
	struct http_context *context, SoupServerMessage *message, const struct http_route *route);
/* Forgets requests that wait. */
void whep_fini(struct http_context *context);

#endif
