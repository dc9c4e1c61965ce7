/* SPDX-License-Identifier: BSD-3-Clause */
/* One RTSP session as a client; main thread. Requests are in rtsp_request.c. */
#include "controlplane/source/rtsp_session.h"

#include "controlplane/log.h"
#include "controlplane/source/rtsp_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SESSION_TIMEOUT_S 60 /* RFC 2326 12.37, where the server says nothing */
#define KEEP_ALIVE_MAX_S 30  /* also keeps NAT and firewall entries */

enum rtsp_state {
	RTSP_CONNECTING,
	RTSP_OPTIONS,
	RTSP_DESCRIBE,
	RTSP_SETUP,
	RTSP_PLAY,
	RTSP_PLAYING,
	RTSP_ENDED,
};

struct rtsp_session {
	const struct rtsp_session_config *config;
	const struct rtsp_session_events *events;
	void *user;
	enum rtsp_state state;
	struct rtsp_requester *requester; /* owned */
	char id[RTSP_SESSION_ID_MAX];
	unsigned int session_timeout_s;
	bool get_parameter; /* the server knows it */
	guint keep_alive;   /* timer; 0: none */
	char base[RTSP_URL_MAX];
	char aggregate[RTSP_URL_MAX]; /* what PLAY and TEARDOWN name */
	struct sdp_tracks *tracks;    /* owned; NULL before DESCRIBE */
	unsigned int current;         /* track in SETUP */
	guint end;                    /* idle source that tells the owner; 0: none */
	int error;                    /* what it tells */
	char why[160];
};

static gboolean tell_end(gpointer user_data)
{
	struct rtsp_session *s = user_data;

	s->end = 0;
	s->events->failed(s->user, s->error, s->why);
	return G_SOURCE_REMOVE;
}

/* The owner hears of it from the main loop: nobody up the stack loses its session. */
static void fail(struct rtsp_session *s, int error, const char *why)
{
	if (s->state == RTSP_ENDED)
		return;
	s->state = RTSP_ENDED;
	s->error = error;
	snprintf(s->why, sizeof(s->why), "%s", why);
	/* Not when idle: a flood of packets must not put it off. */
	s->end = g_idle_add_full(G_PRIORITY_DEFAULT, tell_end, s, NULL);
}

/* `value` of `field` goes with it unless NULL. */
static void request(struct rtsp_session *s, GstRTSPMethod method, const char *url,
	GstRTSPHeaderField field, const char *value)
{
	GstRTSPMessage *message = NULL;

	if (gst_rtsp_message_new_request(&message, method, url) != GST_RTSP_OK) {
		fail(s, -EIO, "a request could not be made");
		return;
	}
	if (value)
		gst_rtsp_message_add_header(message, field, value);
	if (s->id[0])
		gst_rtsp_message_add_header(message, GST_RTSP_HDR_SESSION, s->id);
	if (rtsp_request_send(s->requester, message))
		fail(s, -EIO, "the server does not read our requests");
}

static void next_setup(struct rtsp_session *s)
{
	char transport[RTSP_TRANSPORT_MAX], url[RTSP_URL_MAX];

	while (s->current < s->tracks->n &&
		s->tracks->tracks[s->current].track.codec == MR_CODEC_NONE)
		s->current++;
	if (s->current == s->tracks->n) {
		s->state = RTSP_PLAY;
		request(s, GST_RTSP_PLAY, s->aggregate, GST_RTSP_HDR_RANGE, "npt=0.000-");
		return;
	}
	if (rtsp_url_join(url, sizeof(url), s->base, s->tracks->tracks[s->current].control)) {
		fail(s, -EIO, "the SDP's control URL is not valid");
		return;
	}
	if (s->events->transport_wanted(s->user, s->current, transport)) {
		fail(s, -EIO, "no UDP ports are left for its packets");
		return;
	}
	s->state = RTSP_SETUP;
	request(s, GST_RTSP_SETUP, url, GST_RTSP_HDR_TRANSPORT, transport);
}

/* Content-Base, then Content-Location, then what we asked for (RFC 2326 C.1.1). */
static void choose_base(struct rtsp_session *s, GstRTSPMessage *response)
{
	char *value = NULL;

	if (gst_rtsp_message_get_header(response, GST_RTSP_HDR_CONTENT_BASE, &value, 0) !=
			GST_RTSP_OK &&
		gst_rtsp_message_get_header(response, GST_RTSP_HDR_CONTENT_LOCATION, &value, 0) !=
			GST_RTSP_OK)
		value = NULL;
	/* A relative one names nothing that the request's own URL does not. */
	if (!value || !rtsp_url_is_absolute(value) ||
		rtsp_url_join(s->base, sizeof(s->base), value, NULL))
		snprintf(s->base, sizeof(s->base), "%s", s->config->url);
}

static void on_described(struct rtsp_session *s, GstRTSPMessage *response)
{
	const char *why = "its SDP is refused";
	guint8 *body = NULL;
	guint size = 0;
	int err;

	gst_rtsp_message_get_body(response, &body, &size);
	if (!body || !size) {
		fail(s, -EIO, "DESCRIBE was answered without an SDP");
		return;
	}
	choose_base(s, response);
	s->tracks = g_new0(struct sdp_tracks, 1);
	err = sdp_tracks_parse(s->tracks, (const char *)body, size);
	if (err) {
		fail(s, -EIO, err == -ENOENT ? "its SDP has no track" : "its SDP is not valid");
		return;
	}
	if (rtsp_url_join(s->aggregate, sizeof(s->aggregate), s->base, s->tracks->control))
		snprintf(s->aggregate, sizeof(s->aggregate), "%s", s->base);
	if (s->events->described(s->user, s->tracks, &why)) {
		fail(s, -EIO, why);
		return;
	}
	next_setup(s);
}

/* "Session: ID;timeout=60": what goes back must not end its line. 0 or -EINVAL. */
static int take_session(struct rtsp_session *s, GstRTSPMessage *response)
{
	char *value, *timeout;
	size_t len;

	if (gst_rtsp_message_get_header(response, GST_RTSP_HDR_SESSION, &value, 0) != GST_RTSP_OK)
		return s->id[0] ? 0 : -EINVAL;
	len = strcspn(value, "; \t");
	if (!len || len >= sizeof(s->id))
		return -EINVAL;
	memcpy(s->id, value, len);
	s->id[len] = 0;
	if (!rtsp_url_is_plain(s->id)) {
		s->id[0] = 0;
		return -EINVAL;
	}
	timeout = strcasestr(value + len, "timeout=");
	if (timeout) {
		long seconds = strtol(timeout + 8, NULL, 10);

		if (seconds > 0 && seconds < 86400)
			s->session_timeout_s = (unsigned int)seconds;
	}
	return 0;
}

static void on_setup(struct rtsp_session *s, GstRTSPMessage *response)
{
	const char *why = "its transport cannot be used";
	struct rtsp_transport transport;
	char *value;

	if (take_session(s, response)) {
		fail(s, -EIO, "SETUP was answered without a session");
		return;
	}
	if (gst_rtsp_message_get_header(response, GST_RTSP_HDR_TRANSPORT, &value, 0) !=
			GST_RTSP_OK ||
		rtsp_transport_parse(&transport, value)) {
		fail(s, -EIO, "SETUP was answered with a transport that cannot be understood");
		return;
	}
	if (s->events->transport_chosen(s->user, s->current, &transport, &why)) {
		fail(s, -EPROTONOSUPPORT, why);
		return;
	}
	s->current++;
	next_setup(s);
}

static gboolean on_keep_alive(gpointer user_data)
{
	struct rtsp_session *s = user_data;

	request(s, s->get_parameter ? GST_RTSP_GET_PARAMETER : GST_RTSP_OPTIONS, s->aggregate,
		GST_RTSP_HDR_INVALID, NULL);
	return G_SOURCE_CONTINUE;
}

static void begin_playing(struct rtsp_session *s)
{
	unsigned int period = s->session_timeout_s / 2;

	s->state = RTSP_PLAYING;
	if (!period)
		period = 1;
	if (period > KEEP_ALIVE_MAX_S)
		period = KEEP_ALIVE_MAX_S;
	s->keep_alive = g_timeout_add_seconds(period, on_keep_alive, s);
}

static bool knows_get_parameter(GstRTSPMessage *response)
{
	char *value;

	return gst_rtsp_message_get_header(response, GST_RTSP_HDR_PUBLIC, &value, 0) ==
		       GST_RTSP_OK &&
	       strcasestr(value, "GET_PARAMETER");
}

static void refused(struct rtsp_session *s, GstRTSPStatusCode code, const char *reason)
{
	static const char *const steps[] = {
		[RTSP_DESCRIBE] = "DESCRIBE",
		[RTSP_SETUP] = "SETUP",
		[RTSP_PLAY] = "PLAY",
		[RTSP_PLAYING] = "keep-alive",
	};
	char why[128];
	int error = -EIO;

	if (code == GST_RTSP_STS_UNAUTHORIZED) {
		error = -EACCES;
		snprintf(why, sizeof(why), "%s",
			s->config->user ? "user or password refused (401)"
					: "the camera wants a user and a password (401)");
	} else if (code == GST_RTSP_STS_UNSUPPORTED_TRANSPORT) {
		error = -EPROTONOSUPPORT;
		snprintf(why, sizeof(why), "the transport is refused (461)");
	} else if (code == GST_RTSP_STS_NOT_FOUND) {
		snprintf(why, sizeof(why), "no such stream on the server (404)");
	} else {
		snprintf(why, sizeof(why), "%s refused: %u %.40s", steps[s->state], code,
			reason ? reason : "");
	}
	fail(s, error, why);
}

/* The one switch: what an answer means in each state. */
static void on_response(void *user, GstRTSPMessage *response)
{
	struct rtsp_session *s = user;
	GstRTSPStatusCode code = GST_RTSP_STS_INVALID;
	const char *reason = NULL;
	bool ok;

	gst_rtsp_message_parse_response(response, &code, &reason, NULL);
	ok = code >= 200 && code < 300;
	log_debug(s->config->name, "event=rtsp_response state=%d code=%d", s->state, code);
	switch (s->state) {
	case RTSP_OPTIONS:
		if (code == GST_RTSP_STS_UNAUTHORIZED) {
			s->state = RTSP_DESCRIBE;
			refused(s, code, reason);
			break;
		}
		/* Some cameras do not know it; nothing depends on it. */
		s->get_parameter = ok && knows_get_parameter(response);
		s->state = RTSP_DESCRIBE;
		request(s, GST_RTSP_DESCRIBE, s->config->url, GST_RTSP_HDR_ACCEPT,
			"application/sdp");
		break;
	case RTSP_DESCRIBE:
		if (ok)
			on_described(s, response);
		else
			refused(s, code, reason);
		break;
	case RTSP_SETUP:
		if (ok)
			on_setup(s, response);
		else
			refused(s, code, reason);
		break;
	case RTSP_PLAY:
		if (ok) {
			begin_playing(s);
			s->events->playing(s->user);
		} else {
			refused(s, code, reason);
		}
		break;
	case RTSP_PLAYING:
		/* Some cameras refuse every keep-alive and yet count it; media decides. */
		if (code == GST_RTSP_STS_SESSION_NOT_FOUND || code == GST_RTSP_STS_UNAUTHORIZED)
			refused(s, code, reason);
		else
			s->events->alive(s->user);
		break;
	case RTSP_CONNECTING:
	case RTSP_ENDED:
		break;
	}
}

static void on_connected(
	void *user, const struct sockaddr_storage *local, const struct sockaddr_storage *remote)
{
	struct rtsp_session *s = user;

	s->events->connected(s->user, local, remote);
	s->state = RTSP_OPTIONS;
	request(s, GST_RTSP_OPTIONS, s->config->url, GST_RTSP_HDR_INVALID, NULL);
}

static int on_data(void *user, uint8_t channel, const uint8_t *data, size_t len)
{
	struct rtsp_session *s = user;

	if (s->state != RTSP_PLAY && s->state != RTSP_PLAYING)
		return 0;
	return s->events->data(s->user, channel, data, len);
}

static void on_unanswered(void *user, const char *why)
{
	struct rtsp_session *s = user;

	/* A keep-alive that stays unanswered ends nothing while media arrives. */
	if (s->state == RTSP_PLAYING)
		log_debug(s->config->name, "event=keep_alive_unanswered");
	else
		fail(s, -EIO, why);
}

static void on_failed(void *user, const char *why)
{
	fail(user, -EIO, why);
}

static const struct rtsp_requester_events requester_events = {
	.connected = on_connected,
	.response = on_response,
	.data = on_data,
	.unanswered = on_unanswered,
	.failed = on_failed,
};

struct rtsp_session *rtsp_session_open(const struct rtsp_session_config *config,
	const struct rtsp_session_events *events, void *user)
{
	struct rtsp_session *s = g_new0(struct rtsp_session, 1);

	s->config = config;
	s->events = events;
	s->user = user;
	s->session_timeout_s = SESSION_TIMEOUT_S;
	s->requester = rtsp_requester_open(config, &requester_events, s);
	return s;
}

struct rtsp_session *rtsp_session_resume(const struct rtsp_session_config *config,
	const struct path_record_session *saved, int fd, const struct rtsp_channels *channels,
	const struct rtsp_session_events *events, void *user)
{
	struct rtsp_session *s = g_new0(struct rtsp_session, 1);

	s->config = config;
	s->events = events;
	s->user = user;
	s->session_timeout_s = saved->timeout_s ? saved->timeout_s : SESSION_TIMEOUT_S;
	s->get_parameter = saved->get_parameter;
	snprintf(s->id, sizeof(s->id), "%s", saved->id);
	snprintf(s->aggregate, sizeof(s->aggregate), "%s", saved->aggregate);
	s->requester = rtsp_requester_resume(config, saved, fd, channels, &requester_events, s);
	if (!s->requester) {
		g_free(s);
		return NULL;
	}
	begin_playing(s);
	return s;
}

void rtsp_session_save(const struct rtsp_session *s, struct path_record_session *out)
{
	g_strlcpy(out->id, s->id, sizeof(out->id));
	g_strlcpy(out->aggregate, s->aggregate, sizeof(out->aggregate));
	out->timeout_s = s->session_timeout_s;
	out->get_parameter = s->get_parameter;
	rtsp_request_save(s->requester, out);
}

void rtsp_session_keep_alive(struct rtsp_session *s)
{
	on_keep_alive(s);
}

void rtsp_session_leave(struct rtsp_session *s)
{
	if (!s)
		return;
	s->state = RTSP_ENDED;
	g_clear_handle_id(&s->end, g_source_remove);
	g_clear_handle_id(&s->keep_alive, g_source_remove);
	rtsp_requester_close(s->requester);
	g_free(s->tracks);
	g_free(s);
}

void rtsp_session_close(struct rtsp_session *s)
{
	if (!s)
		return;
	s->state = RTSP_ENDED;
	g_clear_handle_id(&s->end, g_source_remove);
	if (s->id[0])
		request(s, GST_RTSP_TEARDOWN, s->aggregate, GST_RTSP_HDR_INVALID, NULL);
	rtsp_session_leave(s);
}

int rtsp_session_send_data(struct rtsp_session *s, uint8_t channel, const uint8_t *data, size_t len)
{
	return rtsp_request_send_data(s->requester, channel, data, len);
}

int rtsp_session_fd(const struct rtsp_session *s)
{
	return rtsp_request_fd(s->requester);
}
