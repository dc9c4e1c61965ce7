/* SPDX-License-Identifier: BSD-3-Clause */
/* Listening, limits and routing of HTTP: see server.h. Main thread. */
#include "controlplane/http/server.h"

#include "controlplane/http/api.h"
#include "controlplane/http/page.h"
#include "controlplane/http/route.h"
#include "controlplane/http/whep.h"
#include "controlplane/log.h"
#include "controlplane/source/address.h"

#include <errno.h>
#include <gio/gio.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define READ_TIMEOUT_S 20   /* for a whole request */
#define ANSWER_TIMEOUT_S 40 /* from the request to its answer's last byte */
#define IDLE_TIMEOUT_S 60   /* of a kept-alive connection */
#define BACKLOG 1024        /* not yet accepted: all pages come back at once */
#define RETRY_AFTER "1"     /* seconds */
#define TICK_S 2
#define CLOSING_MAX 64             /* connections over the limit while others close */
#define DISCARD_MAX (1024u * 1024) /* bytes of a body too long that are read and thrown away */

struct connection {
	GSocketConnection *stream; /* not owned: libsoup's; weakly referenced */
	char *peer;
	gint64 deadline_us;
	bool answering; /* a whole request was read and its answer is not sent yet */
};

struct http_server {
	struct http_context context;
	SoupServer *soup;
	GSocketService *service;
	GHashTable *connections; /* GSocketConnection -> struct connection, owned */
	GHashTable *by_peer;     /* "ip:port" -> struct connection */
	guint tick;
	bool full; /* said once */
	bool api;  /* the operator's */
};

/* ---- connections ---- */

static void connection_free(struct connection *c)
{
	g_free(c->peer);
	g_free(c);
}

static void on_stream_gone(gpointer user, GObject *stream)
{
	struct http_server *s = user;
	struct connection *c = g_hash_table_lookup(s->connections, stream);

	if (!c)
		return;
	if (g_hash_table_lookup(s->by_peer, c->peer) == c)
		g_hash_table_remove(s->by_peer, c->peer);
	g_hash_table_remove(s->connections, stream);
}

static void connection_close(struct connection *c)
{
	/* libsoup sees the end of the stream and lets go of it. */
	g_socket_shutdown(g_socket_connection_get_socket(c->stream), TRUE, TRUE, NULL);
}

static struct connection *connection_of(struct http_server *s, SoupServerMessage *message)
{
	GSocketAddress *address = soup_server_message_get_remote_address(message);
	char *peer = address ? g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address)) : NULL;
	struct connection *c = peer ? g_hash_table_lookup(s->by_peer, peer) : NULL;

	g_free(peer);
	return c;
}

static void set_deadline(
	struct http_server *s, SoupServerMessage *message, int seconds, bool answering)
{
	struct connection *c = connection_of(s, message);

	if (!c)
		return;
	c->deadline_us = g_get_monotonic_time() + seconds * (gint64)G_USEC_PER_SEC;
	c->answering = answering;
}

/* Of those that wait for their client the one that waits longest: whoever holds
 * many connections and asks nothing keeps nobody out. */
static void make_room(struct http_server *s)
{
	struct connection *oldest = NULL;
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, s->connections);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct connection *c = value;

		if (!c->answering && c->deadline_us != 0 &&
			(!oldest || c->deadline_us < oldest->deadline_us))
			oldest = c;
	}
	if (!oldest)
		return;
	oldest->deadline_us = 0; /* closing already */
	connection_close(oldest);
}

static gboolean on_incoming(
	GSocketService *service, GSocketConnection *stream, GObject *source, gpointer user)
{
	struct http_server *s = user;
	GSocketAddress *remote = g_socket_connection_get_remote_address(stream, NULL);
	GSocketAddress *local = g_socket_connection_get_local_address(stream, NULL);
	GSocket *socket = g_socket_connection_get_socket(stream);
	struct connection *c;

	if (g_hash_table_size(s->connections) >= HTTP_CONNECTIONS_MAX) {
		if (!s->full)
			log_warn("-", "event=http_full connections=%u", HTTP_CONNECTIONS_MAX);
		s->full = true;
		make_room(s);
	} else {
		s->full = false;
	}
	/* Those that are closing still count; others than them are kept out. */
	if (!remote || !local ||
		g_hash_table_size(s->connections) >= HTTP_CONNECTIONS_MAX + CLOSING_MAX)
		goto out; /* closed by letting go */
	g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
	c = g_new0(struct connection, 1);
	c->stream = stream;
	c->peer = g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(remote));
	c->deadline_us = g_get_monotonic_time() + READ_TIMEOUT_S * (gint64)G_USEC_PER_SEC;
	g_hash_table_insert(s->connections, stream, c);
	g_hash_table_replace(s->by_peer, c->peer, c);
	g_object_weak_ref(G_OBJECT(stream), on_stream_gone, s);
	soup_server_accept_iostream(s->soup, G_IO_STREAM(stream), local, remote, NULL);
out:
	g_clear_object(&remote);
	g_clear_object(&local);
	return TRUE;
}

static gboolean on_tick(gpointer user)
{
	struct http_server *s = user;
	gint64 now = g_get_monotonic_time();
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, s->connections);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct connection *c = value;

		if (now > c->deadline_us)
			connection_close(c);
	}
	http_refusals_log(&s->context.refusals, now);
	return G_SOURCE_CONTINUE;
}

/* ---- bodies ---- */

struct body {
	struct http_server *server;
	size_t len; /* bytes so far */
	bool too_long;
};

bool http_body_too_long(SoupServerMessage *message)
{
	const struct body *body = g_object_get_data(G_OBJECT(message), "millrace-body");

	return body && body->too_long;
}

static void throw_away(SoupServerMessage *message, struct body *body)
{
	body->too_long = true;
	soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
}

static void on_got_headers(SoupServerMessage *message, gpointer user)
{
	SoupMessageHeaders *h = soup_server_message_get_request_headers(message);
	struct body *body = user;

	if (soup_message_headers_get_encoding(h) == SOUP_ENCODING_CONTENT_LENGTH &&
		soup_message_headers_get_content_length(h) > HTTP_BODY_MAX)
		throw_away(message, body);
}

static void on_got_chunk(SoupServerMessage *message, GBytes *chunk, gpointer user)
{
	struct body *body = user;
	struct connection *c;

	body->len += g_bytes_get_size(chunk);
	if (body->len > HTTP_BODY_MAX && !body->too_long)
		throw_away(message, body);
	c = body->len > DISCARD_MAX ? connection_of(body->server, message) : NULL;
	if (c)
		connection_close(c);
}

static void on_request_started(SoupServer *soup, SoupServerMessage *message, gpointer user)
{
	struct body *body = g_new0(struct body, 1);

	body->server = user;
	g_object_set_data_full(G_OBJECT(message), "millrace-body", body, g_free);
	g_signal_connect(message, "got-headers", G_CALLBACK(on_got_headers), body);
	g_signal_connect(message, "got-chunk", G_CALLBACK(on_got_chunk), body);
}

static void on_request_read(SoupServer *soup, SoupServerMessage *message, gpointer user)
{
	set_deadline(user, message, ANSWER_TIMEOUT_S, true);
}

static void on_request_finished(SoupServer *soup, SoupServerMessage *message, gpointer user)
{
	set_deadline(user, message, IDLE_TIMEOUT_S, false);
}

/* ---- answers ---- */

void http_error(SoupServerMessage *message, unsigned int status, const char *why)
{
	json_t *json = json_pack("{s:s, s:s}", "status", "error", "error", why);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	soup_server_message_set_status(message, status, NULL);
	if (text)
		soup_server_message_set_response(
			message, "application/json", SOUP_MEMORY_COPY, text, strlen(text));
	free(text);
}

void http_unavailable(SoupServerMessage *message, const char *why)
{
	soup_message_headers_replace(
		soup_server_message_get_response_headers(message), "Retry-After", RETRY_AFTER);
	http_error(message, SOUP_STATUS_SERVICE_UNAVAILABLE, why);
}

static void on_request(SoupServer *soup, SoupServerMessage *message, const char *path,
	GHashTable *query, gpointer user)
{
	struct http_server *s = user;
	struct http_route route;

	if (s->api) {
		api_request(&s->context, message);
		return;
	}
	http_route_parse(&route, g_uri_get_path(soup_server_message_get_uri(message)));
	switch (route.kind) {
	case HTTP_ROUTE_INDEX:
		page_index(&s->context, message);
		return;
	case HTTP_ROUTE_BARE:
		page_redirect(&s->context, message, route.path);
		return;
	case HTTP_ROUTE_PAGE:
		page_player(&s->context, message, route.path);
		return;
	case HTTP_ROUTE_WHEP:
		whep_endpoint(&s->context, message, &route);
		return;
	case HTTP_ROUTE_RESOURCE:
		whep_resource(&s->context, message, &route);
		return;
	case HTTP_ROUTE_NONE:
		break;
	}
	http_error(message, SOUP_STATUS_NOT_FOUND, "nothing is here");
}

/* ---- life ---- */

static bool listen_at(
	struct http_server *s, const uint8_t addr[16], bool ipv4, uint16_t port, GError **error)
{
	GInetAddress *inet = g_inet_address_new_from_bytes(
		ipv4 ? addr + 12 : addr, ipv4 ? G_SOCKET_FAMILY_IPV4 : G_SOCKET_FAMILY_IPV6);
	GSocketAddress *address = g_inet_socket_address_new(inet, port);
	bool good = g_socket_listener_add_address(G_SOCKET_LISTENER(s->service), address,
		G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, NULL, error);

	g_object_unref(address);
	g_object_unref(inet);
	return good;
}

static int listen_on(struct http_server *s, const struct mr_endpoint *e)
{
	uint16_t port = ntohs(e->port);
	GError *error = NULL;
	int rc;

	/* [::] takes IPv4, too (the kernel's bindv6only is 0). */
	if (listen_at(s, e->addr, address_is_ipv4(e->addr), port, &error))
		return 0;
	if (address_is_any(e->addr) &&
		!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE)) {
		/* A host without IPv6: any address of IPv4, which is zeros as well. */
		g_clear_error(&error);
		if (listen_at(s, e->addr, true, port, &error))
			return 0;
	}
	rc = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE) ? -EADDRINUSE : -EIO;
	log_error("-", "event=http_listen_failed error=\"%s\"", error->message);
	g_error_free(error);
	return rc;
}

static int create(struct http_server **out, const struct mr_config *config,
	struct path_table *paths, struct viewer_table *viewers, bool api)
{
	struct http_server *s = g_new0(struct http_server, 1);
	int rc;

	s->api = api;
	s->context.config = config;
	s->context.paths = paths;
	s->context.viewers = viewers;
	s->context.authorizer = authorizer_create(config->auth_http_address);
	s->context.pending = g_hash_table_new(NULL, NULL);
	s->context.until_known.viewers = viewers;
	page_init(&s->context);
	s->connections = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)connection_free);
	s->by_peer = g_hash_table_new(g_str_hash, g_str_equal);
	s->soup = soup_server_new("server-header", "millrace", NULL);
	soup_server_add_handler(s->soup, NULL, on_request, s, NULL);
	g_signal_connect(s->soup, "request-started", G_CALLBACK(on_request_started), s);
	g_signal_connect(s->soup, "request-read", G_CALLBACK(on_request_read), s);
	g_signal_connect(s->soup, "request-finished", G_CALLBACK(on_request_finished), s);
	s->service = g_socket_service_new();
	g_socket_listener_set_backlog(G_SOCKET_LISTENER(s->service), BACKLOG);
	g_signal_connect(s->service, "incoming", G_CALLBACK(on_incoming), s);
	s->tick = g_timeout_add_seconds(TICK_S, on_tick, s);
	if (!s->context.authorizer) {
		log_error("-", "event=http_failed error=\"authHTTPAddress is not a URL\"");
		rc = -EINVAL;
	} else {
		rc = listen_on(s, api ? &config->api_address : &config->webrtc_address);
	}
	if (rc < 0) {
		http_server_destroy(s);
		return rc;
	}
	g_socket_service_start(s->service);
	*out = s;
	return 0;
}

int http_server_create(struct http_server **out, const struct mr_config *config,
	struct path_table *paths, struct viewer_table *viewers)
{
	return create(out, config, paths, viewers, false);
}

int http_server_create_api(struct http_server **out, const struct mr_config *config,
	struct path_table *paths, struct viewer_table *viewers)
{
	return create(out, config, paths, viewers, true);
}

void http_server_destroy(struct http_server *s)
{
	GHashTableIter iter;
	gpointer stream;

	if (!s)
		return;
	g_source_remove(s->tick);
	g_socket_service_stop(s->service);
	g_socket_listener_close(G_SOCKET_LISTENER(s->service));
	g_object_unref(s->service);
	whep_fini(&s->context);
	if (s->context.authorizer)
		s->context.authorizer->destroy(s->context.authorizer);
	g_hash_table_iter_init(&iter, s->connections);
	while (g_hash_table_iter_next(&iter, &stream, NULL))
		g_object_weak_unref(G_OBJECT(stream), on_stream_gone, s);
	soup_server_disconnect(s->soup);
	g_object_unref(s->soup);
	g_hash_table_destroy(s->by_peer);
	g_hash_table_destroy(s->connections);
	g_hash_table_destroy(s->context.pending);
	page_fini(&s->context);
	g_free(s);
}
