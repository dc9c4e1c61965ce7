/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests and responses over one RTSP link; main thread. */
#include "controlplane/source/rtsp_request.h"

#include "controlplane/source/rtsp_auth.h"
#include "controlplane/source/rtsp_link.h"
#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_AGENT "millrace/" MILLRACE_VERSION

struct rtsp_requester {
	const struct rtsp_session_config *config;
	const struct rtsp_requester_events *events;
	void *user;
	struct rtsp_link *link; /* owned */
	struct rtsp_auth auth;
	uint32_t cseq;   /* of the last request */
	bool waiting;    /* for its response */
	guint timer;     /* of that response; 0: none */
	char method[32]; /* the last request, to be repeated after a challenge */
	char url[RTSP_URL_MAX];
	char *headers;
};

static gboolean response_timeout(gpointer user_data)
{
	struct rtsp_requester *r = user_data;
	char why[64];

	r->timer = 0;
	r->waiting = false;
	snprintf(why, sizeof(why), "no answer to %s within %u s", r->method,
		(r->config->timeout_ms + 999) / 1000);
	r->events->unanswered(r->user, why);
	return G_SOURCE_REMOVE;
}

/* Writes and sends the request that `r` holds. */
static int transmit(struct rtsp_requester *r)
{
	GString *text = g_string_sized_new(512);
	char *authorization = rtsp_auth_header(&r->auth, r->method, r->url);
	int err;

	g_string_append_printf(text, "%s %s RTSP/1.0\r\nCSeq: %u\r\nUser-Agent: " USER_AGENT "\r\n",
		r->method, r->url, ++r->cseq);
	g_string_append(text, r->headers);
	if (authorization)
		g_string_append_printf(text, "Authorization: %s\r\n", authorization);
	rtsp_auth_free(authorization);
	g_string_append(text, "\r\n");
	err = rtsp_link_send(r->link, g_string_free(text, FALSE));
	if (err)
		return err;
	r->waiting = true;
	g_clear_handle_id(&r->timer, g_source_remove);
	r->timer = g_timeout_add(r->config->timeout_ms, response_timeout, r);
	return 0;
}

int rtsp_request_send(
	struct rtsp_requester *r, const char *method, const char *url, const char *headers)
{
	snprintf(r->method, sizeof(r->method), "%s", method);
	snprintf(r->url, sizeof(r->url), "%s", url);
	g_free(r->headers);
	r->headers = g_strdup(headers);
	return transmit(r);
}

/* The response to the request under way, not to one that it replaced. */
static bool is_ours(const struct rtsp_requester *r, GstRTSPMessage *response)
{
	char *value, *end;
	unsigned long number;

	if (!r->waiting)
		return false;
	/* Cameras that leave CSeq out exist; there is only one request to answer. */
	if (gst_rtsp_message_get_header(response, GST_RTSP_HDR_CSEQ, &value, 0) != GST_RTSP_OK)
		return true;
	number = strtoul(value, &end, 10);
	return end != value && number == r->cseq;
}

static void on_response(struct rtsp_requester *r, GstRTSPMessage *response)
{
	GstRTSPStatusCode code = GST_RTSP_STS_INVALID;

	if (!is_ours(r, response))
		return;
	gst_rtsp_message_parse_response(response, &code, NULL, NULL);
	if (code == GST_RTSP_STS_CONTINUE)
		return;
	r->waiting = false;
	g_clear_handle_id(&r->timer, g_source_remove);
	if (code == GST_RTSP_STS_UNAUTHORIZED && !rtsp_auth_challenge(&r->auth, response)) {
		if (transmit(r))
			r->events->failed(r->user, "the connection was lost");
		return;
	}
	r->events->response(r->user, response);
}

/* The server's own requests: it may look whether we are alive, and no more. */
static void on_request(struct rtsp_requester *r, GstRTSPMessage *request)
{
	GstRTSPMethod method = GST_RTSP_INVALID;
	bool known;
	char *cseq = NULL;

	if (gst_rtsp_message_parse_request(request, &method, NULL, NULL) != GST_RTSP_OK)
		return;
	known = method == GST_RTSP_OPTIONS || method == GST_RTSP_GET_PARAMETER ||
		method == GST_RTSP_SET_PARAMETER;
	if (gst_rtsp_message_get_header(request, GST_RTSP_HDR_CSEQ, &cseq, 0) != GST_RTSP_OK)
		return;
	rtsp_link_send(r->link,
		g_strdup_printf("RTSP/1.0 %s\r\nCSeq: %lu\r\n\r\n",
			known ? "200 OK" : "501 Not Implemented", strtoul(cseq, NULL, 10)));
}

static void on_message(void *user, GstRTSPMessage *message)
{
	struct rtsp_requester *r = user;

	switch (gst_rtsp_message_get_type(message)) {
	case GST_RTSP_MESSAGE_RESPONSE:
		on_response(r, message);
		break;
	case GST_RTSP_MESSAGE_REQUEST:
		on_request(r, message);
		break;
	default:
		break;
	}
}

static void on_connected(
	void *user, const struct sockaddr_storage *local, const struct sockaddr_storage *remote)
{
	struct rtsp_requester *r = user;

	r->events->connected(r->user, local, remote);
}

static void on_data(void *user, uint8_t channel, const uint8_t *data, size_t len)
{
	struct rtsp_requester *r = user;

	r->events->data(r->user, channel, data, len);
}

static void on_failed(void *user, const char *why)
{
	struct rtsp_requester *r = user;

	g_clear_handle_id(&r->timer, g_source_remove);
	r->events->failed(r->user, why);
}

static const struct rtsp_link_events link_events = {
	.connected = on_connected,
	.message = on_message,
	.data = on_data,
	.failed = on_failed,
};

struct rtsp_requester *rtsp_requester_open(const struct rtsp_session_config *config,
	const struct rtsp_requester_events *events, void *user)
{
	struct rtsp_requester *r = g_new0(struct rtsp_requester, 1);

	r->config = config;
	r->events = events;
	r->user = user;
	rtsp_auth_init(&r->auth, config->user, config->password);
	r->link = rtsp_link_open(config->host, config->port, config->timeout_ms, &link_events, r);
	return r;
}

void rtsp_requester_close(struct rtsp_requester *r)
{
	if (!r)
		return;
	g_clear_handle_id(&r->timer, g_source_remove);
	rtsp_link_close(r->link);
	rtsp_auth_fini(&r->auth);
	g_free(r->headers);
	g_free(r);
}

int rtsp_request_send_data(
	struct rtsp_requester *r, uint8_t channel, const uint8_t *data, size_t len)
{
	return rtsp_link_send_data(r->link, channel, data, len);
}

uint32_t rtsp_request_cseq(const struct rtsp_requester *r)
{
	return r->cseq;
}
