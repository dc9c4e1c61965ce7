/* SPDX-License-Identifier: BSD-3-Clause */
/* One TCP connection to an RTSP server; main thread. */
#include "controlplane/source/rtsp_link.h"

#include <gio/gio.h>
#include <gst/rtsp/gstrtspconnection.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BACKLOG_BYTES (64u << 10) /* unsent, then the server does not read */
#define CONTENT_MAX (256u << 10)  /* bytes of a message's body */
#define INTERLEAVED_HEADER 4      /* bytes: RFC 2326 10.12 */

struct rtsp_link {
	const struct rtsp_link_events *events; /* NULL: closed */
	void *user;
	unsigned int timeout_ms;
	guint timer;               /* of connecting; 0: none */
	GCancellable *cancel;      /* owned; of connecting */
	bool connecting;           /* connect_done() still comes and frees what is closed */
	GSocketConnection *socket; /* owned: the socket's owner */
	GstRTSPConnection *rtsp;   /* owned; shares the socket */
	GstRTSPWatch *watch;       /* owned */
	bool ended;                /* failed() was called */
};

static void link_free(struct rtsp_link *link)
{
	if (link->watch) {
		g_source_destroy((GSource *)link->watch);
		gst_rtsp_watch_unref(link->watch);
	}
	if (link->rtsp) {
		gst_rtsp_connection_close(link->rtsp);
		gst_rtsp_connection_free(link->rtsp);
	}
	g_clear_object(&link->socket);
	g_object_unref(link->cancel);
	g_free(link);
}

static void fail(struct rtsp_link *link, const char *why)
{
	if (!link->events || link->ended)
		return;
	link->ended = true;
	link->events->failed(link->user, why);
}

static GstRTSPResult on_message(GstRTSPWatch *watch, GstRTSPMessage *message, gpointer user_data)
{
	struct rtsp_link *link = user_data;
	guint8 *body = NULL;
	guint size = 0;
	guint8 channel;

	if (!link->events || link->ended)
		return GST_RTSP_OK;
	if (gst_rtsp_message_get_type(message) != GST_RTSP_MESSAGE_DATA) {
		link->events->message(link->user, message);
		return GST_RTSP_OK;
	}
	if (gst_rtsp_message_parse_data(message, &channel) != GST_RTSP_OK ||
		gst_rtsp_message_get_body(message, &body, &size) != GST_RTSP_OK || !body || !size)
		return GST_RTSP_OK;
	/* The library counts the 0 that it puts behind every body. */
	link->events->data(link->user, channel, body, size - 1);
	return GST_RTSP_OK;
}

static GstRTSPResult on_closed(GstRTSPWatch *watch, gpointer user_data)
{
	fail(user_data, "the server closed the connection");
	return GST_RTSP_OK;
}

static GstRTSPResult on_error(GstRTSPWatch *watch, GstRTSPResult result, gpointer user_data)
{
	char why[96];

	if (result == GST_RTSP_EPARSE || result == GST_RTSP_ENOMEM) {
		fail(user_data, "the server sends what is not RTSP");
	} else {
		char *text = gst_rtsp_strresult(result);

		snprintf(why, sizeof(why), "connection lost: %s", text ? text : "unknown");
		g_free(text);
		fail(user_data, why);
	}
	return GST_RTSP_OK;
}

static GstRTSPWatchFuncs watch_funcs = {
	.message_received = on_message,
	.closed = on_closed,
	.error = on_error,
};

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
	GSocket *socket = g_socket_connection_get_socket(link->socket);
	int fd = g_socket_get_fd(socket);
	socklen_t local_len = sizeof(*local), remote_len = sizeof(*remote);

	if (getsockname(fd, (struct sockaddr *)local, &local_len) ||
		getpeername(fd, (struct sockaddr *)remote, &remote_len))
		return -errno;
	/* The address is only shown in the library's own log. */
	if (gst_rtsp_connection_create_from_socket(socket, "camera", 0, NULL, &link->rtsp) !=
		GST_RTSP_OK)
		return -ENOMEM;
	gst_rtsp_connection_set_remember_session_id(link->rtsp, FALSE);
	gst_rtsp_connection_set_content_length_limit(link->rtsp, CONTENT_MAX);
	link->watch = gst_rtsp_watch_new(link->rtsp, &watch_funcs, link, NULL);
	if (!link->watch)
		return -ENOMEM;
	gst_rtsp_watch_set_send_backlog(link->watch, BACKLOG_BYTES, 0);
	gst_rtsp_watch_attach(link->watch, NULL);
	return 0;
}

static void connect_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
	struct rtsp_link *link = user_data;
	struct sockaddr_storage local = {0}, remote = {0};
	GError *error = NULL;
	char why[160];

	link->connecting = false;
	g_clear_handle_id(&link->timer, g_source_remove);
	link->socket = g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &error);
	if (!link->events) {
		g_clear_error(&error);
		link_free(link);
		return;
	}
	if (!link->socket) {
		fail(link, connect_error(link, error, why, sizeof(why)));
		g_error_free(error);
		return;
	}
	if (start_watch(link, &local, &remote)) {
		fail(link, "the connection was lost at once");
		return;
	}
	link->events->connected(link->user, &local, &remote);
}

static gboolean connect_timeout(gpointer user_data)
{
	struct rtsp_link *link = user_data;

	link->timer = 0;
	g_cancellable_cancel(link->cancel);
	return G_SOURCE_REMOVE;
}

struct rtsp_link *rtsp_link_open(const char *host, uint16_t port, unsigned int timeout_ms,
	const struct rtsp_link_events *events, void *user)
{
	struct rtsp_link *link = g_new0(struct rtsp_link, 1);
	GSocketConnectable *address = g_network_address_new(host, port);
	GSocketClient *client = g_socket_client_new();

	link->events = events;
	link->user = user;
	link->timeout_ms = timeout_ms;
	link->cancel = g_cancellable_new();
	link->connecting = true;
	link->timer = g_timeout_add(timeout_ms, connect_timeout, link);
	g_socket_client_set_enable_proxy(client, FALSE);
	g_socket_client_connect_async(client, address, link->cancel, connect_done, link);
	g_object_unref(client);
	g_object_unref(address);
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
	/* The watch may be in the middle of the callback that led here. */
	if (link->watch)
		g_source_destroy((GSource *)link->watch);
	g_idle_add_full(G_PRIORITY_HIGH, free_later, link, NULL);
}

static int send_error(GstRTSPResult result)
{
	if (result == GST_RTSP_OK)
		return 0;
	return result == GST_RTSP_ENOMEM ? -ENOBUFS : -ENOTCONN;
}

int rtsp_link_send(struct rtsp_link *link, GstRTSPMessage *message)
{
	if (!link->watch || link->ended)
		return -ENOTCONN;
	return send_error(gst_rtsp_watch_send_message(link->watch, message, NULL));
}

int rtsp_link_send_data(struct rtsp_link *link, uint8_t channel, const uint8_t *data, size_t len)
{
	guint8 *bytes;

	if (!link->watch || link->ended)
		return -ENOTCONN;
	if (len > UINT16_MAX)
		return -EMSGSIZE;
	bytes = g_malloc(INTERLEAVED_HEADER + len);
	bytes[0] = '$';
	bytes[1] = channel;
	bytes[2] = (guint8)(len >> 8);
	bytes[3] = (guint8)len;
	memcpy(bytes + INTERLEAVED_HEADER, data, len);
	/* Takes the bytes over, also on failure. */
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	return send_error(gst_rtsp_watch_write_data(
		link->watch, bytes, (guint)(INTERLEAVED_HEADER + len), NULL));
}

int rtsp_link_fd(const struct rtsp_link *link)
{
	if (!link->socket)
		return -1;
	return g_socket_get_fd(g_socket_connection_get_socket(link->socket));
}
