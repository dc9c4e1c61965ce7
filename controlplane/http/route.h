/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a request's path asks for. Any thread: text in, struct out.
 *
 *   /              the list of paths
 *   /PATH          redirected to /PATH/
 *   /PATH/         the player's page
 *   /PATH/whep     the WHEP endpoint
 *   /PATH/whep/ID  a WHEP resource
 */
#ifndef CONTROLPLANE_HTTP_ROUTE_H
#define CONTROLPLANE_HTTP_ROUTE_H

#include "dataplane/api/abi.h"

#define HTTP_RESOURCE_MAX 64 /* bytes, the final 0 included */

enum http_route_kind {
	HTTP_ROUTE_NONE,
	HTTP_ROUTE_INDEX,
	HTTP_ROUTE_BARE,
	HTTP_ROUTE_PAGE,
	HTTP_ROUTE_WHEP,
	HTTP_ROUTE_RESOURCE,
};

struct http_route {
	enum http_route_kind kind;
	char path[MR_NAME_MAX];           /* not yet looked up */
	char resource[HTTP_RESOURCE_MAX]; /* letters and digits */
};

/* `uri_path` percent-encoded, as in the request line, without the query. */
void http_route_parse(struct http_route *route, const char *uri_path);

#endif
