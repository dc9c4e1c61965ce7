/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests and responses over one RTSP link; main thread. */
#include "controlplane/source/rtsp_request.h"

#include "controlplane/source/rtsp_auth.h"
#include "controlplane/source/rtsp_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_AGENT "millrace/" MILLRACE_VERSION
#define CHALLENGES_MAX 3 /* 401s in a row that are answered; an honest server has one */

/* More than the requests between two records: no number is used twice, and an answer
 * to the former process is none to us. */
#define RESUME_STEP 1000u

struct rtsp_requester {
	const struct rtsp_session_config *config;
	const struct rtsp_requester_events *events;
	void *user;
	struct rtsp_link *link; /* owned */
	struct rtsp_auth auth;
	uint32_t cseq;           /* of the last request */
	bool waiting;            /* for its response */
	unsigned int challenges; /* 401s in a row */
	guint timer;             /* of that response; 0: none */
	GstRTSPMessage *request; /* owned; the last one, to be repeated after a challenge */
};

static gboolean response_timeout(gpointer user_data)
{
	struct rtsp_requester *r = user_data;
	GstRTSPMethod method = GST_RTSP_INVALID;
	char why[64];

	r->timer = 0;
	r->waiting = false;
	gst_rtsp_message_parse_request(r->request, &method, NULL, NULL);
	snprintf(why, sizeof(why), "no answer to %s within %u s", gst_rtsp_method_as_text(method),
		(r->config->timeout_ms + 999) / 1000);
	r->events->unanswered(r->user, why);
	return G_SOURCE_REMOVE;
}

/* Sends the request that `r` holds, as its next. */
static int transmit(struct rtsp_requester *r)
{
	GstRTSPMethod method = GST_RTSP_INVALID;
	const char *url = NULL;
	char *authorization;
	int err;

	gst_rtsp_message_parse_request(r->request, &method, &url, NULL);
	gst_rtsp_message_remove_header(r->request, GST_RTSP_HDR_AUTHORIZATION, -1);
	authorization = rtsp_auth_header(&r->auth, gst_rtsp_method_as_text(method), url);
	if (authorization)
		gst_rtsp_message_add_header(r->request, GST_RTSP_HDR_AUTHORIZATION, authorization);
	rtsp_auth_free(authorization);
	err = rtsp_link_send(r->link, r->request);
	if (err)
		return err;
	r->cseq++;
	r->waiting = true;
	g_clear_handle_id(&r->timer, g_source_remove);
	r->timer = g_timeout_add(r->config->timeout_ms, response_timeout, r);
	return 0;
}

int rtsp_request_send(struct rtsp_requester *r, GstRTSPMessage *request)
{
	g_clear_pointer(&r->request, gst_rtsp_message_free);
	r->request = request;
	gst_rtsp_message_add_header(request, GST_RTSP_HDR_USER_AGENT, USER_AGENT);
	return transmit(r);
}

/* The response to the request under way, not to one that it replaced. */
static bool is_ours(const struct rtsp_requester *r, GstRTSPMessage *response)
{
	char *value;

	return r->waiting &&
	       gst_rtsp_message_get_header(response, GST_RTSP_HDR_CSEQ, &value, 0) == GST_RTSP_OK &&
	       strtoul(value, NULL, 10) == r->cseq;
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
	if (code != GST_RTSP_STS_UNAUTHORIZED) {
		r->challenges = 0;
	} else if (r->challenges++ < CHALLENGES_MAX && !rtsp_auth_challenge(&r->auth, response)) {
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
	GstRTSPMessage *response = NULL;
	bool known;

	if (gst_rtsp_message_parse_request(request, &method, NULL, NULL) != GST_RTSP_OK)
		return;
	known = method == GST_RTSP_OPTIONS || method == GST_RTSP_GET_PARAMETER ||
		method == GST_RTSP_SET_PARAMETER;
	if (gst_rtsp_message_new_response(&response,
		    known ? GST_RTSP_STS_OK : GST_RTSP_STS_NOT_IMPLEMENTED, NULL,
		    request) != GST_RTSP_OK)
		return;
	rtsp_link_send(r->link, response);
	gst_rtsp_message_free(response);
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

static int on_data(void *user, uint8_t channel, const uint8_t *data, size_t len)
{
	struct rtsp_requester *r = user;

	return r->events->data(r->user, channel, data, len);
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
	r->link = rtsp_link_open(
		config->host, config->port, config->tls, config->timeout_ms, &link_events, r);
	return r;
}

struct rtsp_requester *rtsp_requester_resume(const struct rtsp_session_config *config,
	const struct path_record_session *saved, int fd, const struct rtsp_channels *channels,
	const struct rtsp_requester_events *events, void *user)
{
	struct rtsp_requester *r = g_new0(struct rtsp_requester, 1);

	r->config = config;
	r->events = events;
	r->user = user;
	r->cseq = saved->cseq + RESUME_STEP;
	rtsp_auth_init(&r->auth, config->user, config->password);
	rtsp_auth_restore(&r->auth, &saved->auth, RESUME_STEP);
	r->link = rtsp_link_adopt(fd, r->cseq, channels, &link_events, r);
	if (!r->link) {
		rtsp_requester_close(r);
		return NULL;
	}
	return r;
}

void rtsp_requester_close(struct rtsp_requester *r)
{
	if (!r)
		return;
	g_clear_handle_id(&r->timer, g_source_remove);
	rtsp_link_close(r->link);
	rtsp_auth_fini(&r->auth);
	g_clear_pointer(&r->request, gst_rtsp_message_free);
	g_free(r);
}

int rtsp_request_send_data(
	struct rtsp_requester *r, uint8_t channel, const uint8_t *data, size_t len)
{
	return rtsp_link_send_data(r->link, channel, data, len);
}

int rtsp_request_fd(const struct rtsp_requester *r)
{
	return r->link ? rtsp_link_fd(r->link) : -1;
}

void rtsp_request_save(const struct rtsp_requester *r, struct path_record_session *out)
{
	out->cseq = r->cseq;
	rtsp_auth_save(&r->auth, &out->auth);
}
