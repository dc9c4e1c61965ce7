/* SPDX-License-Identifier: BSD-3-Clause */
/* Request paths: see route.h. Any thread. */
#include "controlplane/http/route.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static bool set_path(struct http_route *route, const char *begin, size_t len)
{
	if (len == 0 || len >= sizeof(route->path))
		return false;
	memcpy(route->path, begin, len);
	route->path[len] = '\0';
	return true;
}

static bool set_resource(struct http_route *route, const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len >= sizeof(route->resource))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!g_ascii_isalnum(text[i]))
			return false;
	}
	memcpy(route->resource, text, len + 1);
	return true;
}

static enum http_route_kind parse(struct http_route *route, const char *path)
{
	size_t len = strlen(path);
	const char *whep;

	if (len == 0) /* "OPTIONS *" has no path of ours */
		return HTTP_ROUTE_NONE;
	if (len == 1)
		return HTTP_ROUTE_INDEX;
	path++;
	len--;
	if (len > 5 && strcmp(path + len - 5, "/whep") == 0)
		return set_path(route, path, len - 5) ? HTTP_ROUTE_WHEP : HTTP_ROUTE_NONE;
	whep = g_strrstr(path, "/whep/");
	if (whep && whep[6] != '\0')
		return set_path(route, path, whep - path) && set_resource(route, whep + 6)
			       ? HTTP_ROUTE_RESOURCE
			       : HTTP_ROUTE_NONE;
	if (path[len - 1] == '/')
		return set_path(route, path, len - 1) ? HTTP_ROUTE_PAGE : HTTP_ROUTE_NONE;
	return set_path(route, path, len) ? HTTP_ROUTE_BARE : HTTP_ROUTE_NONE;
}

void http_route_parse(struct http_route *route, const char *uri_path)
{
	char *decoded = g_uri_unescape_string(uri_path, NULL);

	memset(route, 0, sizeof(*route));
	if (decoded && decoded[0] == '/')
		route->kind = parse(route, decoded);
	g_free(decoded);
}
