/* SPDX-License-Identifier: BSD-3-Clause */
/* WHEP client, see whep.h. Runs on the thread of its main context. */
#include "apps/viewer/whep.h"

#include <errno.h>
#include <libsoup/soup.h>
#include <string.h>

#define CONNECTIONS_MAX 64 /* HTTP connections at once, per main context */

struct whep_client {
	SoupSession *session; /* owned */
	char *const *headers; /* borrowed */
	size_t header_count;
};

struct request {
	SoupMessage *message; /* owned */
	whep_callback *callback;
	void *user;
};

struct whep_client *whep_client_create(
	char *const *headers, size_t count, unsigned int timeout_seconds)
{
	struct whep_client *client = g_new0(struct whep_client, 1);

	client->headers = headers;
	client->header_count = count;
	client->session = soup_session_new_with_options("max-conns", CONNECTIONS_MAX,
		"max-conns-per-host", CONNECTIONS_MAX, "timeout", timeout_seconds, "user-agent",
		"millrace-viewer/" MILLRACE_VERSION, NULL);
	return client;
}

void whep_client_destroy(struct whep_client *client)
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
	struct request *request = user;
	GError *error = NULL;
	GBytes *body = soup_session_send_and_read_finish(SOUP_SESSION(session), result, &error);
	struct whep_reply reply = {0};
	char *resource = NULL;

	if (body) {
		reply.status = soup_message_get_status(request->message);
		reply.body = g_bytes_get_data(body, &reply.length);
		reply.resource = resource = resolve_location(request->message);
	} else {
		reply.error = error->message;
	}
	request->callback(request->user, &reply);
	g_free(resource);
	g_clear_error(&error);
	if (body)
		g_bytes_unref(body);
	g_object_unref(request->message);
	g_free(request);
}

static void add_headers(const struct whep_client *client, SoupMessage *message)
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

static int send_request(struct whep_client *client, const char *method, const char *url,
	GBytes *body, GCancellable *cancellable, whep_callback *callback, void *user)
{
	SoupMessage *message = soup_message_new(method, url);
	struct request *request;

	if (message == NULL)
		return -EINVAL;
	if (body)
		soup_message_set_request_body_from_bytes(message, "application/sdp", body);
	add_headers(client, message);
	request = g_new0(struct request, 1);
	request->message = message;
	request->callback = callback;
	request->user = user;
	soup_session_send_and_read_async(
		client->session, message, G_PRIORITY_DEFAULT, cancellable, on_reply, request);
	return 0;
}

int whep_post(struct whep_client *client, const char *url, const char *offer,
	GCancellable *cancellable, whep_callback *callback, void *user)
{
	GBytes *body = g_bytes_new(offer, strlen(offer));
	int rc = send_request(client, "POST", url, body, cancellable, callback, user);

	g_bytes_unref(body);
	return rc;
}

int whep_delete(struct whep_client *client, const char *resource, GCancellable *cancellable,
	whep_callback *callback, void *user)
{
	return send_request(client, "DELETE", resource, NULL, cancellable, callback, user);
}
