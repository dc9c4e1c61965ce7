/* SPDX-License-Identifier: BSD-3-Clause */
/* One TCP connection to an RTSP server; main thread. */
#include "controlplane/source/rtsp_link.h"

#include "crypto/secret.h"

#include <gio/gio.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG_BYTES (64u << 10) /* unsent, then the server does not read */
#define READ_BYTES (32u << 10)    /* per turn of the main loop: every camera gets one */
#define BACKLOG_READ (8u << 10)   /* of a backlog: what is read here, a kill would lose */
#define PAUSE_MS 2                /* where there is no room, and between parts of a backlog */
#define BACKLOG_UNITS 24          /* in one part: viewers get no more than 16 packets in 1 ms */
#define INTERLEAVED_HEADER 4      /* bytes: RFC 2326 10.12 */
#define FRAME_MAX 1500            /* bytes of RTCP of ours in one of them */

struct rtsp_link {
	const struct rtsp_link_events *events; /* NULL: closed */
	void *user;
	unsigned int timeout_ms;
	guint timer;               /* of connecting; 0: none */
	GCancellable *cancel;      /* owned; of connecting */
	bool connecting;           /* connect_done() or handshake_done() frees what is closed */
	GSocketConnection *socket; /* owned; NULL: not connected */
	const char *host;          /* borrowed; of TLS's certificate */
	uint16_t port;
	const struct rtsp_tls *tls; /* NULL: none */
	GIOStream *stream;          /* owned: of TLS, or the socket's; NULL: not connected */
	guint readable, writable;   /* watches of it; 0: none */
	guint resume;               /* after a pause of reading; 0: none */
	GByteArray *in;             /* owned; the beginning of a message */
	GByteArray *out;            /* owned; what the socket did not take yet */
	uint32_t cseq;              /* of the last request */
	bool ended;                 /* failed() was called */
	bool lost_place;            /* incoming bytes begin anywhere */
	bool backlog;               /* of a former process, still in the socket */
	struct rtsp_channels channels;
};

static void link_free(struct rtsp_link *link)
{
	g_clear_object(&link->stream);
	g_clear_object(&link->socket); /* closes it */
	g_object_unref(link->cancel);
	g_byte_array_unref(link->in);
	secret_wipe(link->out->data, link->out->len);
	g_byte_array_unref(link->out);
	g_free(link);
}

static void stop_watching(struct rtsp_link *link)
{
	g_clear_handle_id(&link->readable, g_source_remove);
	g_clear_handle_id(&link->writable, g_source_remove);
	g_clear_handle_id(&link->resume, g_source_remove);
}

static void fail(struct rtsp_link *link, const char *why)
{
	stop_watching(link);
	if (!link->events || link->ended)
		return;
	link->ended = true;
	link->events->failed(link->user, why);
}

static void lost(struct rtsp_link *link, const GError *error)
{
	char why[128];

	snprintf(why, sizeof(why), "connection lost: %s", error->message);
	fail(link, why);
}

/* ---- in ---- */

/* False: the place is not found yet. */
static bool find_place(struct rtsp_link *link)
{
	bool found;
	size_t n = rtsp_wire_resync(&link->channels, link->in->data, link->in->len, &found);

	if (n > 0)
		g_byte_array_remove_range(link->in, 0, (guint)n);
	link->lost_place = !found;
	return found;
}

/* Hands out one; false: there is no room for it. */
static bool take_unit(struct rtsp_link *link, struct rtsp_unit *unit)
{
	if (unit->message) {
		link->events->message(link->user, unit->message);
		gst_rtsp_message_free(unit->message);
	} else if (unit->data) {
		return link->events->data(link->user, unit->channel, unit->data, unit->len) !=
		       -EAGAIN;
	}
	return true;
}

static gboolean on_resume(gpointer user_data);

/* Hands out what is whole; false: the link ended or was closed meanwhile, or pauses. What
 * there is no room for stays here, then with the kernel, in the end with the server. */
static bool take_units(struct rtsp_link *link)
{
	unsigned int units = 0;
	struct rtsp_unit unit;
	bool room = true;
	size_t at = 0;
	ssize_t n = 0;

	while (room && (n = rtsp_wire_parse(&unit, link->in->data + at, link->in->len - at)) > 0) {
		room = take_unit(link, &unit);
		if (!link->events || link->ended)
			return false;
		if (!room)
			break;
		at += (size_t)n;
		room = !link->backlog || ++units < BACKLOG_UNITS;
	}
	if (n < 0) {
		fail(link, "the server sends what is not RTSP");
		return false;
	}
	if (at > 0)
		g_byte_array_remove_range(link->in, 0, (guint)at);
	if (!room) {
		g_clear_handle_id(&link->readable, g_source_remove);
		link->resume = g_timeout_add(PAUSE_MS, on_resume, link);
	}
	return room;
}

/* READ_BYTES are more than a record of TLS has: nothing decrypted is left behind. */
static gboolean on_readable(GObject *stream, gpointer user_data)
{
	struct rtsp_link *link = user_data;
	guint have = link->in->len, most = link->backlog ? BACKLOG_READ : READ_BYTES;
	GError *error = NULL;
	gssize n;

	g_byte_array_set_size(link->in, have + most);
	n = g_pollable_input_stream_read_nonblocking(
		G_POLLABLE_INPUT_STREAM(stream), link->in->data + have, most, NULL, &error);
	g_byte_array_set_size(link->in, have + (n > 0 ? (guint)n : 0));
	if (n < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
		g_error_free(error);
		return G_SOURCE_CONTINUE;
	}
	if (n > 0 && n < most)
		link->backlog = false;
	if (n > 0 && link->lost_place && !find_place(link))
		return G_SOURCE_CONTINUE;
	if (n > 0)
		return take_units(link) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
	if (n == 0)
		fail(link, "the server closed the connection");
	else
		lost(link, error);
	g_clear_error(&error);
	return G_SOURCE_REMOVE;
}

static guint watch(struct rtsp_link *link, GSource *source, GPollableSourceFunc call)
{
	guint id;

	g_source_set_callback(source, G_SOURCE_FUNC(call), link, NULL);
	id = g_source_attach(source, NULL);
	g_source_unref(source);
	return id;
}

static void watch_input(struct rtsp_link *link)
{
	link->readable = watch(link,
		g_pollable_input_stream_create_source(
			G_POLLABLE_INPUT_STREAM(g_io_stream_get_input_stream(link->stream)), NULL),
		on_readable);
}

/* First what was read before. */
static gboolean on_resume(gpointer user_data)
{
	struct rtsp_link *link = user_data;

	link->resume = 0;
	if (take_units(link))
		watch_input(link);
	return G_SOURCE_REMOVE;
}

/* ---- out ---- */

static GPollableOutputStream *output_of(const struct rtsp_link *link)
{
	return G_POLLABLE_OUTPUT_STREAM(g_io_stream_get_output_stream(link->stream));
}

/* What the socket takes now. Bytes or -EPIPE. TLS wants the same bytes again when it took
 * none: they are the first of `out` then. */
static ssize_t send_now(struct rtsp_link *link, const uint8_t *bytes, size_t len)
{
	GError *error = NULL;
	gssize n = g_pollable_output_stream_write_nonblocking(
		output_of(link), bytes, len, NULL, &error);
	bool full = n < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);

	g_clear_error(&error);
	if (n >= 0)
		return n;
	return full ? 0 : -EPIPE;
}

static gboolean on_writable(GObject *stream, gpointer user_data)
{
	struct rtsp_link *link = user_data;
	ssize_t n = send_now(link, link->out->data, link->out->len);

	if (n > 0)
		g_byte_array_remove_range(link->out, 0, (guint)n);
	/* A lost connection shows on reading. */
	if (n >= 0 && link->out->len > 0)
		return G_SOURCE_CONTINUE;
	link->writable = 0;
	return G_SOURCE_REMOVE;
}

static int transmit(struct rtsp_link *link, const uint8_t *bytes, size_t len)
{
	ssize_t n = 0;

	if (!link->stream || link->ended)
		return -ENOTCONN;
	if (link->out->len == 0)
		n = send_now(link, bytes, len);
	if (n < 0)
		return -ENOTCONN;
	if ((size_t)n == len)
		return 0;
	/* Whole or not at all, unless the socket has begun with it. */
	if (n == 0 && link->out->len + len > BACKLOG_BYTES)
		return -ENOBUFS;
	g_byte_array_append(link->out, bytes + n, (guint)(len - (size_t)n));
	if (link->writable == 0)
		link->writable = watch(link,
			g_pollable_output_stream_create_source(output_of(link), NULL), on_writable);
	return 0;
}

/* ---- connecting ---- */

static const char *connect_error(
	const struct rtsp_link *link, const GError *error, char *buf, size_t size)
{
	if (error->domain == G_RESOLVER_ERROR)
		return "host name not found";
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
		return "connection refused";
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
		g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
		snprintf(buf, size, "no answer within %u s", (link->timeout_ms + 999) / 1000);
		return buf;
	}
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_HOST_UNREACHABLE))
		return "host unreachable";
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NETWORK_UNREACHABLE))
		return "network unreachable";
	snprintf(buf, size, "%s", error->message);
	return buf;
}

/* 0 or -errno; both ends of the socket. */
static int start_watch(
	struct rtsp_link *link, struct sockaddr_storage *local, struct sockaddr_storage *remote)
{
	int fd = g_socket_get_fd(g_socket_connection_get_socket(link->socket)), on = 1;
	socklen_t local_len = sizeof(*local), remote_len = sizeof(*remote);

	if (getsockname(fd, (struct sockaddr *)local, &local_len) ||
		getpeername(fd, (struct sockaddr *)remote, &remote_len))
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	watch_input(link);
	return 0;
}

static void begin(struct rtsp_link *link)
{
	struct sockaddr_storage local = {0}, remote = {0};

	g_clear_handle_id(&link->timer, g_source_remove);
	if (start_watch(link, &local, &remote))
		fail(link, "the connection was lost at once");
	else
		link->events->connected(link->user, &local, &remote);
}

static void handshake_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
	struct rtsp_link *link = user_data;
	GError *error = NULL;
	const char *refusal;
	char why[160];

	link->connecting = false;
	g_tls_connection_handshake_finish(G_TLS_CONNECTION(source), result, &error);
	if (!link->events) {
		link_free(link);
	} else if (error) {
		g_clear_handle_id(&link->timer, g_source_remove);
		fail(link, g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)
				   ? connect_error(link, error, why, sizeof(why))
				   : rtsp_tls_error(
					     G_TLS_CONNECTION(source), error, why, sizeof(why)));
	} else if ((refusal = rtsp_tls_refusal(link->tls, G_TLS_CONNECTION(source)))) {
		g_clear_handle_id(&link->timer, g_source_remove);
		fail(link, refusal);
	} else {
		link->stream = g_object_ref(G_IO_STREAM(source));
		begin(link);
	}
	g_clear_error(&error);
	g_object_unref(source);
}

/* The time for connecting goes on. */
static void start_tls(struct rtsp_link *link)
{
	GTlsConnection *tls =
		rtsp_tls_create(link->tls, G_IO_STREAM(link->socket), link->host, link->port);

	if (!tls) {
		fail(link, "TLS is not installed (glib-networking)");
		return;
	}
	link->connecting = true;
	g_tls_connection_handshake_async(
		tls, G_PRIORITY_DEFAULT, link->cancel, handshake_done, link);
}

static void connect_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
	struct rtsp_link *link = user_data;
	GError *error = NULL;
	char why[160];

	link->connecting = false;
	link->socket = g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &error);
	if (!link->events) {
		g_clear_error(&error);
		link_free(link);
		return;
	}
	if (!link->socket) {
		g_clear_handle_id(&link->timer, g_source_remove);
		fail(link, connect_error(link, error, why, sizeof(why)));
		g_error_free(error);
		return;
	}
	if (link->tls) {
		start_tls(link);
		return;
	}
	link->stream = g_object_ref(G_IO_STREAM(link->socket));
	begin(link);
}

static gboolean connect_timeout(gpointer user_data)
{
	struct rtsp_link *link = user_data;

	link->timer = 0;
	g_cancellable_cancel(link->cancel);
	return G_SOURCE_REMOVE;
}

struct rtsp_link *rtsp_link_open(const char *host, uint16_t port, const struct rtsp_tls *tls,
	unsigned int timeout_ms, const struct rtsp_link_events *events, void *user)
{
	struct rtsp_link *link = g_new0(struct rtsp_link, 1);
	GSocketConnectable *address = g_network_address_new(host, port);
	GSocketClient *client = g_socket_client_new();

	link->events = events;
	link->user = user;
	link->host = host;
	link->port = port;
	link->tls = tls;
	link->timeout_ms = timeout_ms;
	link->cancel = g_cancellable_new();
	link->in = g_byte_array_new();
	link->out = g_byte_array_new();
	link->connecting = true;
	link->timer = g_timeout_add(timeout_ms, connect_timeout, link);
	g_socket_client_set_enable_proxy(client, FALSE);
	g_socket_client_connect_async(client, address, link->cancel, connect_done, link);
	g_object_unref(client);
	g_object_unref(address);
	return link;
}

struct rtsp_link *rtsp_link_adopt(int fd, uint32_t cseq, const struct rtsp_channels *channels,
	const struct rtsp_link_events *events, void *user)
{
	struct sockaddr_storage local, remote;
	socklen_t len = sizeof(remote);
	struct rtsp_link *link;
	GSocket *socket;

	if (getpeername(fd, (struct sockaddr *)&remote, &len))
		return NULL;
	socket = g_socket_new_from_fd(fd, NULL);
	if (!socket)
		return NULL;
	link = g_new0(struct rtsp_link, 1);
	link->events = events;
	link->user = user;
	link->cancel = g_cancellable_new();
	link->in = g_byte_array_new();
	link->out = g_byte_array_new();
	link->cseq = cseq;
	link->channels = *channels;
	link->lost_place = true;
	link->backlog = true;
	link->socket = g_socket_connection_factory_create_connection(socket);
	link->stream = g_object_ref(G_IO_STREAM(link->socket));
	g_object_unref(socket);
	/* Closed meanwhile: reading says so. */
	start_watch(link, &local, &remote);
	return link;
}

static gboolean free_later(gpointer user_data)
{
	link_free(user_data);
	return G_SOURCE_REMOVE;
}

void rtsp_link_close(struct rtsp_link *link)
{
	if (!link)
		return;
	link->events = NULL;
	g_clear_handle_id(&link->timer, g_source_remove);
	if (link->connecting) {
		g_cancellable_cancel(link->cancel);
		return;
	}
	stop_watching(link);
	/* A callback of ours may have led here. */
	g_idle_add_full(G_PRIORITY_HIGH, free_later, link, NULL);
}

int rtsp_link_send(struct rtsp_link *link, GstRTSPMessage *message)
{
	bool request = gst_rtsp_message_get_type(message) == GST_RTSP_MESSAGE_REQUEST;
	GString *text = rtsp_wire_format(message, link->cseq + 1);
	int err = transmit(link, (const uint8_t *)text->str, text->len);

	if (!err && request)
		link->cseq++;
	secret_wipe(text->str, text->len);
	g_string_free(text, TRUE);
	return err;
}

int rtsp_link_send_data(struct rtsp_link *link, uint8_t channel, const uint8_t *data, size_t len)
{
	uint8_t bytes[INTERLEAVED_HEADER + FRAME_MAX] = {'$', channel};

	if (len > FRAME_MAX)
		return -EMSGSIZE;
	bytes[2] = (uint8_t)(len >> 8);
	bytes[3] = (uint8_t)len;
	memcpy(bytes + INTERLEAVED_HEADER, data, len);
	return transmit(link, bytes, INTERLEAVED_HEADER + len);
}

int rtsp_link_fd(const struct rtsp_link *link)
{
	if (!link->socket || link->tls)
		return -1;
	return g_socket_get_fd(g_socket_connection_get_socket(link->socket));
}
