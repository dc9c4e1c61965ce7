/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An RTSP camera as the source of a path: keeps one session open, chooses its
 * transport, watches that packets arrive, comes back after every end. The
 * session itself is rtsp_session.h, the packets are track_input.h. Main thread.
 */
#include "controlplane/log.h"
#include "controlplane/source/address.h"
#include "controlplane/source/rtsp_source_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TICK_MS 500
#define UDP_PATIENCE_US 3000000 /* automatic: then TCP is tried */

static void connect_now(struct rtsp_source *s);

static uint64_t now_us(void)
{
	return (uint64_t)g_get_monotonic_time();
}

static void drop_session(struct rtsp_source *s)
{
	s->session = NULL;
	for (unsigned int i = 0; i < s->n_inputs; i++)
		track_input_destroy(s->input[i]);
	s->n_inputs = 0;
	s->playing_us = 0;
	s->arrived = false;
}

static void end_session(struct rtsp_source *s)
{
	bool was_playing = s->playing_us != 0;

	rtsp_source_keep(s, false);
	g_clear_handle_id(&s->tick, g_source_remove);
	g_clear_handle_id(&s->retry, g_source_remove);
	rtsp_session_close(s->session);
	path_unbind(s->base.path);
	drop_session(s);
	if (was_playing)
		path_save(s->base.path);
}

static gboolean on_retry(gpointer user_data)
{
	struct rtsp_source *s = user_data;

	s->retry = 0;
	connect_now(s);
	return G_SOURCE_REMOVE;
}

static void wait_for_next(struct rtsp_source *s, const char *why)
{
	unsigned int ms;

	if (strcmp(why, s->reason)) {
		snprintf(s->reason, sizeof(s->reason), "%s", why);
		log_warn(s->base.path->name, "event=source_away url=%s reason=\"%s\"",
			s->config->source.url, why);
	}
	end_session(s);
	ms = backoff_next(&s->backoff, g_random_int());
	s->retry = g_timeout_add(ms, on_retry, s);
	path_set_state(
		s->base.path, MR_PATH_WAITING, "%s, next attempt in %u s", why, (ms + 999) / 1000);
}

static void switch_to_tcp(struct rtsp_source *s, const char *why)
{
	log_info(s->base.path->name, "event=transport_tcp reason=\"%s\"", why);
	s->prefer_tcp = true;
	end_session(s);
	connect_now(s);
}

/* ---- what the session asks and tells ---- */

static void on_connected(
	void *user, const struct sockaddr_storage *local, const struct sockaddr_storage *remote)
{
	struct rtsp_source *s = user;

	s->local = *local;
	s->remote = *remote;
}

static int on_described(void *user, const struct sdp_tracks *tracks, const char **why)
{
	struct rtsp_source *s = user;

	path_set_tracks(s->base.path, tracks);
	for (unsigned int i = 0; i < tracks->n && s->n_inputs < PATH_BINDINGS; i++) {
		if (tracks->tracks[i].track.codec == MR_CODEC_NONE)
			continue;
		s->input[s->n_inputs++] = track_input_create(s->base.path, i, &tracks->tracks[i]);
	}
	*why = "no track that WebRTC can carry";
	return s->n_inputs ? 0 : -ENOTSUP;
}

/* Index of the input of track i; there is one for each track that is set up. */
static unsigned int find_input(const struct rtsp_source *s, unsigned int track)
{
	unsigned int k = 0;

	while (k + 1 < s->n_inputs && track_input_track(s->input[k]) != track)
		k++;
	return k;
}

static int on_transport_wanted(void *user, unsigned int i, char out[RTSP_TRANSPORT_MAX])
{
	struct rtsp_source *s = user;
	unsigned int k = find_input(s, i);
	uint16_t port[2];
	int err;

	if (s->tcp) {
		rtsp_transport_format_tcp(out, RTSP_TRANSPORT_MAX, k * 2);
		return 0;
	}
	err = track_input_open_udp(s->input[k], &s->local, 0);
	if (err)
		return err;
	port[0] = track_input_port(s->input[k]);
	port[1] = (uint16_t)(port[0] + 1);
	rtsp_transport_format_udp(out, RTSP_TRANSPORT_MAX, port);
	return 0;
}

void rtsp_source_send_interleaved(
	void *user, const struct track_input *input, const uint8_t *data, size_t len)
{
	struct rtsp_source *s = user;
	unsigned int k = find_input(s, track_input_track(input));

	rtsp_session_send_data(s->session, s->channel[k][1], data, len);
}

static bool is_server(const struct rtsp_source *s, const uint8_t addr[16])
{
	uint8_t server[16];

	return !address_from_sockaddr(server, NULL, &s->remote) && !memcmp(server, addr, 16);
}

static int on_transport_chosen(
	void *user, unsigned int i, const struct rtsp_transport *t, const char **why)
{
	struct rtsp_source *s = user;
	unsigned int k = find_input(s, i);
	char text[ADDRESS_TEXT_MAX];

	if (t->tcp != s->tcp || t->multicast) {
		*why = "the server chose another transport than was asked for";
		return -EPROTO;
	}
	if (s->tcp) {
		s->channel[k][0] = t->channel[0];
		s->channel[k][1] = t->channel[1];
		track_input_bind_ring(s->input[k], rtsp_source_send_interleaved, s);
		return 0;
	}
	/* Packets come from the server itself and reports go to it, whatever it says:
	 * its word must not make us take media from others, or send to them. A camera
	 * behind NAT names an address here that does not reach us anyway. */
	if (t->has_source && !is_server(s, t->source))
		log_info(s->base.path->name, "event=source_ignored source=%s",
			address_text(t->source, text));
	track_input_bind_wire(s->input[k], &s->remote, t->server_port);
	return 0;
}

static void record_session(void *user)
{
	const struct rtsp_source *s = user;

	path_save(s->base.path);
}

static int on_data(void *user, uint8_t channel, const uint8_t *data, size_t len)
{
	struct rtsp_source *s = user;

	if (!s->tcp)
		return 0;
	for (unsigned int k = 0; k < s->n_inputs; k++) {
		if (channel == s->channel[k][0])
			return track_input_rtp(s->input[k], data, len);
		if (channel == s->channel[k][1]) {
			track_input_rtcp(s->input[k], data, len);
			return 0;
		}
	}
	return 0;
}

static void on_failed(void *user, int error, const char *why)
{
	struct rtsp_source *s = user;
	bool automatic = s->config->rtsp_transport == MR_TRANSPORT_AUTOMATIC;
	char reason[128];

	snprintf(reason, sizeof(reason), "%s", why);
	if (error == -EPROTONOSUPPORT && automatic && !s->tcp) {
		switch_to_tcp(s, reason);
		return;
	}
	/* Neither of the two for good: the next attempt starts with UDP again. */
	if (error == -EPROTONOSUPPORT)
		s->prefer_tcp = false;
	wait_for_next(s, reason);
}

/* ---- while it plays ---- */

static uint64_t last_arrival_us(struct rtsp_source *s)
{
	uint64_t last = 0;

	for (unsigned int k = 0; k < s->n_inputs; k++) {
		uint64_t us = track_input_last_us(s->input[k]);

		if (us > last)
			last = us;
	}
	return last;
}

/* Over UDP only the data plane sees packets: without one nobody can tell. */
static bool can_tell(const struct rtsp_source *s)
{
	return s->tcp || install_attached(s->base.path->table->install);
}

static const char *transport_name(
	const struct rtsp_source *s, const char *tls, const char *tcp, const char *udp)
{
	if (s->session_config.tls)
		return tls;
	return s->tcp ? tcp : udp;
}

static gboolean on_tick(gpointer user_data)
{
	struct rtsp_source *s = user_data;
	uint64_t now = now_us(), since = s->playing_us, last = last_arrival_us(s);
	uint64_t timeout_us = (uint64_t)s->base.path->table->config->read_timeout_ms * 1000;
	char why[64];

	if (last && !s->arrived) {
		s->arrived = true;
		s->reason[0] = 0;
		backoff_reset(&s->backoff);
		log_info(s->base.path->name, "event=receiving transport=%s",
			transport_name(s, "tls", "tcp", "udp"));
	}
	if (++s->ticks % (TRACK_REPORT_S * 1000 / TICK_MS) == 0) {
		for (unsigned int k = 0; k < s->n_inputs; k++)
			track_input_report(s->input[k]);
	}
	if (!can_tell(s))
		return G_SOURCE_CONTINUE;
	if (s->attached_us > since)
		since = s->attached_us;
	if (!s->arrived && !s->tcp && s->config->rtsp_transport == MR_TRANSPORT_AUTOMATIC &&
		now >= since + UDP_PATIENCE_US) {
		s->tick = 0;
		switch_to_tcp(s, "no packet over UDP within 3 s");
		return G_SOURCE_REMOVE;
	}
	if (last > since)
		since = last;
	if (now >= since + timeout_us) {
		snprintf(why, sizeof(why), "no packets for %u s",
			(unsigned int)(timeout_us / 1000000));
		s->tick = 0;
		if (!s->arrived)
			s->prefer_tcp = false;
		wait_for_next(s, why);
		return G_SOURCE_REMOVE;
	}
	return G_SOURCE_CONTINUE;
}

void rtsp_source_watch(struct rtsp_source *s)
{
	s->playing_us = now_us();
	s->ticks = 0;
	s->tick = g_timeout_add(TICK_MS, on_tick, s);
	path_set_state(s->base.path, MR_PATH_READY, "RTSP over %s, %u track%s",
		transport_name(s, "TLS", "TCP", "UDP"), s->n_inputs, s->n_inputs == 1 ? "" : "s");
}

static void on_playing(void *user)
{
	struct rtsp_source *s = user;

	rtsp_source_keep(s, true);
	rtsp_source_watch(s);
	path_save(s->base.path);
}

const struct rtsp_session_events rtsp_source_session_events = {
	.connected = on_connected,
	.described = on_described,
	.transport_wanted = on_transport_wanted,
	.transport_chosen = on_transport_chosen,
	.playing = on_playing,
	.data = on_data,
	.alive = record_session,
	.failed = on_failed,
};

static void connect_now(struct rtsp_source *s)
{
	s->tcp = s->config->rtsp_transport == MR_TRANSPORT_TCP ||
		 (s->config->rtsp_transport == MR_TRANSPORT_AUTOMATIC && s->prefer_tcp);
	path_set_state(s->base.path, MR_PATH_CONNECTING, "connecting to %s port %u",
		s->config->source.host, s->config->source.port);
	s->session = rtsp_session_open(&s->session_config, &rtsp_source_session_events, s);
}

/* ---- what the path asks ---- */

static void source_start(struct path_source *source)
{
	connect_now((struct rtsp_source *)source);
}

static void source_stop(struct path_source *source)
{
	struct rtsp_source *s = (struct rtsp_source *)source;

	end_session(s);
	backoff_reset(&s->backoff);
	s->reason[0] = 0;
}

static void source_stream_state(struct path_source *source, unsigned int i, bool receiving)
{
	const struct rtsp_source *s = (const struct rtsp_source *)source;
	struct track_input *in = track_input_find(s->input, s->n_inputs, i);

	if (in)
		track_input_set_receiving(in, receiving);
}

static void source_keyframe(struct path_source *source, unsigned int i)
{
	const struct rtsp_source *s = (const struct rtsp_source *)source;
	struct track_input *in = track_input_find(s->input, s->n_inputs, i);

	if (in)
		track_input_want_keyframe(in);
}

static void source_attached(struct path_source *source)
{
	struct rtsp_source *s = (struct rtsp_source *)source;

	s->attached_us = now_us();
	if (s->playing_us != 0)
		rtsp_source_keep(s, true);
}

static void source_leave(struct path_source *source)
{
	struct rtsp_source *s = (struct rtsp_source *)source;

	if (s->playing_us == 0 || !install_attached(source->path->table->install)) {
		source_stop(source);
		return;
	}
	g_clear_handle_id(&s->tick, g_source_remove);
	g_clear_handle_id(&s->retry, g_source_remove);
	rtsp_session_leave(s->session);
	drop_session(s);
}

static void source_destroy(struct path_source *source)
{
	g_free(source);
}

static const struct path_source_ops ops = {
	.start = source_start,
	.stop = source_stop,
	.stream_state = source_stream_state,
	.keyframe = source_keyframe,
	.attached = source_attached,
	.save = rtsp_source_save,
	.adopt = rtsp_source_adopt,
	.leave = source_leave,
	.destroy = source_destroy,
};

struct path_source *rtsp_source_create(struct path *path)
{
	struct rtsp_source *s = g_new0(struct rtsp_source, 1);
	const struct mr_config_path *config = path_entry(path)->config;

	s->base.ops = &ops;
	s->base.path = path;
	s->config = config;
	s->session_config = (struct rtsp_session_config){
		.name = path->name,
		.url = config->source.url,
		.host = config->source.host,
		.port = config->source.port,
		.user = config->source.user,
		.password = config->source.password,
		.tls = config->source.tls ? &s->tls : NULL,
		.timeout_ms = path->table->config->read_timeout_ms,
	};
	if (config->source.has_fingerprint)
		s->tls.fingerprint = config->source.fingerprint;
	return &s->base;
}
