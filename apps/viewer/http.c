/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP client, see http.h. Runs on the thread of its main context. */
#include "apps/viewer/http.h"

#include <errno.h>
#include <libsoup/soup.h>
#include <string.h>

#define CONNECTIONS_MAX 64 /* HTTP connections at once, per main context */

struct http_client {
	SoupSession *session; /* owned */
	char *const *headers; /* borrowed */
	size_t header_count;
};

struct exchange {
	SoupMessage *message; /* owned */
	http_callback *callback;
	void *user;
};

struct http_client *http_client_create(
	char *const *headers, size_t count, unsigned int timeout_seconds)
{
	struct http_client *client = g_new0(struct http_client, 1);

	client->headers = headers;
	client->header_count = count;
	client->session = soup_session_new_with_options("max-conns", CONNECTIONS_MAX,
		"max-conns-per-host", CONNECTIONS_MAX, "timeout", timeout_seconds, "user-agent",
		"millrace-viewer/" MILLRACE_VERSION, NULL);
	return client;
}

void http_client_destroy(struct http_client *client)
{
	if (client == NULL)
		return;
	soup_session_abort(client->session);
	g_object_unref(client->session);
	g_free(client);
}

static char *resolve_location(SoupMessage *message)
{
	const char *location = soup_message_headers_get_one(
		soup_message_get_response_headers(message), "Location");
	GUri *uri;
	char *absolute;

	if (location == NULL)
		return NULL;
	uri = g_uri_parse_relative(
		soup_message_get_uri(message), location, SOUP_HTTP_URI_FLAGS, NULL);
	if (uri == NULL)
		return NULL;
	absolute = g_uri_to_string(uri);
	g_uri_unref(uri);
	return absolute;
}

static void on_reply(GObject *session, GAsyncResult *result, gpointer user)
{
	struct exchange *exchange = user;
	GError *error = NULL;
	GBytes *body = soup_session_send_and_read_finish(SOUP_SESSION(session), result, &error);
	struct http_reply reply = {0};
	char *resource = NULL;

	if (body) {
		reply.status = soup_message_get_status(exchange->message);
		reply.body = g_bytes_get_data(body, &reply.length);
		reply.resource = resource = resolve_location(exchange->message);
	} else {
		reply.error = error->message;
	}
	exchange->callback(exchange->user, &reply);
	g_free(resource);
	g_clear_error(&error);
	if (body)
		g_bytes_unref(body);
	g_object_unref(exchange->message);
	g_free(exchange);
}

static void add_headers(const struct http_client *client, SoupMessage *message)
{
	SoupMessageHeaders *headers = soup_message_get_request_headers(message);

	for (size_t i = 0; i < client->header_count; i++) {
		const char *colon = strchr(client->headers[i], ':');
		char *name, *value;

		if (colon == NULL)
			continue; /* refused by options.c */
		name = g_strndup(client->headers[i], (gsize)(colon - client->headers[i]));
		value = g_strstrip(g_strdup(colon + 1));
		soup_message_headers_replace(headers, name, value);
		g_free(name);
		g_free(value);
	}
}

int http_send(struct http_client *client, const struct http_request *request)
{
	SoupMessage *message = soup_message_new(request->method, request->url);
	struct exchange *exchange;

	if (message == NULL)
		return -EINVAL;
	if (request->body) {
		GBytes *body = g_bytes_new(request->body, strlen(request->body));

		soup_message_set_request_body_from_bytes(message, request->type, body);
		g_bytes_unref(body);
	}
	add_headers(client, message);
	exchange = g_new0(struct exchange, 1);
	exchange->message = message;
	exchange->callback = request->callback;
	exchange->user = request->user;
	soup_session_send_and_read_async(client->session, message, G_PRIORITY_DEFAULT,
		request->cancellable, on_reply, exchange);
	return 0;
}
