/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plain RTP (udp+rtp://address:port) as the source of a path: the SDP of the
 * session file says what arrives at which port; nothing is asked of anybody.
 * Main thread.
 */
#include "controlplane/log.h"
#include "controlplane/source/address.h"
#include "controlplane/source/backoff.h"
#include "controlplane/source/path_private.h"
#include "controlplane/source/track_input.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TICK_MS 500
#define PORT_DISCARD 9 /* an m= line that leaves the port open (RFC 8859 and others) */

struct rtp_source {
	struct path_source base; /* first */
	const struct mr_config_path *config;
	struct sdp_tracks *tracks; /* owned; of the session file */
	struct track_input *input[PATH_BINDINGS];
	unsigned int n_inputs;
	bool open; /* all of them are bound */
	unsigned int ticks;
	guint tick;  /* timer; 0: none */
	guint retry; /* timer; 0: none */
	struct backoff backoff;
};

static void open_ports(struct rtp_source *s);

static uint64_t now_us(void)
{
	return (uint64_t)g_get_monotonic_time();
}

/* The data plane holds the sockets as well: the next control plane needs the same
 * ports, and the sender hears no ICMP error in between. Slot 1 on, as in
 * rtsp_source_keep(). */
static void keep_sockets(const struct rtp_source *s, bool keep)
{
	const struct path *path = s->base.path;

	if (path->id == 0)
		return;
	for (unsigned int i = 0; i < PATH_BINDINGS; i++) {
		for (unsigned int rtcp = 0; rtcp < 2; rtcp++) {
			int fd = keep && i < s->n_inputs ? track_input_fd(s->input[i], rtcp) : -1;

			install_keep_fd(path->table->install, MR_RECORD_PATH, path->id,
				1 + 2 * i + rtcp, fd);
		}
	}
}

static void drop_inputs(struct rtp_source *s)
{
	for (unsigned int i = 0; i < s->n_inputs; i++)
		track_input_destroy(s->input[i]);
	s->n_inputs = 0;
	s->open = false;
}

static void close_ports(struct rtp_source *s)
{
	keep_sockets(s, false);
	g_clear_handle_id(&s->tick, g_source_remove);
	g_clear_handle_id(&s->retry, g_source_remove);
	path_unbind(s->base.path);
	drop_inputs(s);
}

static gboolean on_retry(gpointer user_data)
{
	struct rtp_source *s = user_data;

	s->retry = 0;
	open_ports(s);
	return G_SOURCE_REMOVE;
}

static void wait_for_next(struct rtp_source *s, const char *why)
{
	unsigned int ms = backoff_next(&s->backoff, g_random_int());

	close_ports(s);
	if (s->backoff.attempts == 1)
		log_warn(s->base.path->name, "event=source_away url=%s reason=\"%s\"",
			s->config->source.url, why);
	s->retry = g_timeout_add(ms, on_retry, s);
	path_set_state(
		s->base.path, MR_PATH_WAITING, "%s, next attempt in %u s", why, (ms + 999) / 1000);
}

static gboolean on_tick(gpointer user_data)
{
	struct rtp_source *s = user_data;
	uint64_t last = 0, timeout_us;
	struct path *path = s->base.path;

	timeout_us = (uint64_t)path->table->config->read_timeout_ms * 1000;
	for (unsigned int k = 0; k < s->n_inputs; k++) {
		uint64_t us = track_input_last_us(s->input[k]);

		if (us > last)
			last = us;
	}
	if (++s->ticks % (TRACK_REPORT_S * 1000 / TICK_MS) == 0) {
		for (unsigned int k = 0; k < s->n_inputs; k++)
			track_input_report(s->input[k]);
	}
	if (last && now_us() < last + timeout_us)
		path_set_state(path, MR_PATH_READY, "RTP, %u track%s", s->n_inputs,
			s->n_inputs == 1 ? "" : "s");
	else if (last && path->state == MR_PATH_READY && install_attached(path->table->install))
		path_set_state(path, MR_PATH_WAITING, "no packets for %u s",
			(unsigned int)(timeout_us / 1000000));
	return G_SOURCE_CONTINUE;
}

/* 0 or -errno; the input is the source's in either case. */
static int open_input(struct rtp_source *s, unsigned int i)
{
	const struct sdp_track *t = &s->tracks->tracks[i];
	const uint8_t *addr = s->config->source.local.addr;
	struct track_input *in = track_input_create(s->base.path, i, t);
	struct sockaddr_storage local;
	int err;

	s->input[s->n_inputs++] = in;
	address_to_sockaddr(&local, addr, t->port);
	err = track_input_open_udp(in, &local, t->port);
	if (!err && address_is_multicast(addr))
		err = track_input_join(in, addr);
	return err;
}

static void open_ports(struct rtp_source *s)
{
	char why[128], text[ADDRESS_TEXT_MAX];
	struct path *path = s->base.path;
	static const uint16_t any[2];

	for (unsigned int i = 0; i < s->tracks->n && s->n_inputs < PATH_BINDINGS; i++) {
		int err;

		if (s->tracks->tracks[i].track.codec == MR_CODEC_NONE)
			continue;
		err = open_input(s, i);
		if (err) {
			snprintf(why, sizeof(why), "cannot open %s port %u: %s",
				address_text(s->config->source.local.addr, text),
				s->tracks->tracks[i].port, strerror(-err));
			wait_for_next(s, why);
			return;
		}
	}
	if (!s->n_inputs) {
		path_set_state(path, MR_PATH_WAITING, "rtpSDP has no track that WebRTC can carry");
		return;
	}
	backoff_reset(&s->backoff);
	for (unsigned int k = 0; k < s->n_inputs; k++)
		track_input_bind_wire(s->input[k], NULL, any);
	s->open = true;
	keep_sockets(s, true);
	path_save(path);
	s->tick = g_timeout_add(TICK_MS, on_tick, s);
	path_set_state(path, MR_PATH_CONNECTING, "waiting for packets at %s port %u",
		address_text(s->config->source.local.addr, text), track_input_port(s->input[0]));
}

static void source_start(struct path_source *source)
{
	struct rtp_source *s = (struct rtp_source *)source;

	path_set_tracks(s->base.path, s->tracks);
	open_ports(s);
}

static void source_stop(struct path_source *source)
{
	close_ports((struct rtp_source *)source);
}

static void source_stream_state(struct path_source *source, unsigned int i, bool receiving)
{
	const struct rtp_source *s = (const struct rtp_source *)source;
	struct track_input *in = track_input_find(s->input, s->n_inputs, i);

	if (in)
		track_input_set_receiving(in, receiving);
}

static void source_keyframe(struct path_source *source, unsigned int i)
{
	const struct rtp_source *s = (const struct rtp_source *)source;
	struct track_input *in = track_input_find(s->input, s->n_inputs, i);

	if (in)
		track_input_want_keyframe(in);
}

static void source_attached(struct path_source *source)
{
	const struct rtp_source *s = (const struct rtp_source *)source;

	if (s->open)
		keep_sockets(s, true);
}

static void source_save(struct path_source *source, struct path_record *r)
{
	const struct rtp_source *s = (const struct rtp_source *)source;

	if (!s->open)
		return;
	r->n_inputs = s->n_inputs;
	for (unsigned int k = 0; k < s->n_inputs; k++) {
		r->input[k].track = track_input_track(s->input[k]);
		track_input_save(s->input[k], &r->input[k]);
	}
}

static const char *source_adopt(
	struct path_source *source, const struct path_record *r, int fd[MR_RECORD_FDS])
{
	struct rtp_source *s = (struct rtp_source *)source;

	for (unsigned int k = 0; k < r->n_inputs; k++) {
		int *pair = &fd[1 + 2 * k];

		s->input[k] = r->input[k].bind.input == MR_INPUT_WIRE
				      ? track_input_adopt(source->path, &r->input[k], pair, NULL)
				      : NULL;
		if (!s->input[k]) {
			path_unbind(source->path);
			drop_inputs(s);
			return "its sockets are gone";
		}
		s->n_inputs = k + 1;
		pair[0] = pair[1] = -1;
	}
	s->open = true;
	s->tick = g_timeout_add(TICK_MS, on_tick, s);
	path_set_state(source->path, MR_PATH_READY, "RTP, %u track%s", s->n_inputs,
		s->n_inputs == 1 ? "" : "s");
	return NULL;
}

static void source_leave(struct path_source *source)
{
	struct rtp_source *s = (struct rtp_source *)source;

	if (!install_attached(source->path->table->install)) {
		close_ports(s);
		return;
	}
	g_clear_handle_id(&s->tick, g_source_remove);
	g_clear_handle_id(&s->retry, g_source_remove);
	drop_inputs(s);
}

static void source_destroy(struct path_source *source)
{
	struct rtp_source *s = (struct rtp_source *)source;

	g_free(s->tracks);
	g_free(s);
}

static const struct path_source_ops ops = {
	.start = source_start,
	.stop = source_stop,
	.stream_state = source_stream_state,
	.keyframe = source_keyframe,
	.attached = source_attached,
	.save = source_save,
	.adopt = source_adopt,
	.leave = source_leave,
	.destroy = source_destroy,
};

/* Ports that the SDP leaves open are the URL's; two tracks cannot share one. */
static void assign_ports(struct rtp_source *s)
{
	uint16_t url_port = ntohs(s->config->source.local.port);
	uint16_t taken = 0;

	for (unsigned int i = 0; i < s->tracks->n; i++) {
		struct sdp_track *t = &s->tracks->tracks[i];

		if (t->track.codec == MR_CODEC_NONE)
			continue;
		if (!t->port || t->port == PORT_DISCARD)
			t->port = url_port;
		if (t->port == taken) {
			t->track.codec = MR_CODEC_NONE;
			g_strlcpy(t->track.note,
				"shares its port with another track; give each m= line its own",
				sizeof(t->track.note));
		}
		taken = t->port;
	}
}

struct path_source *rtp_source_create(struct path *path)
{
	struct rtp_source *s = g_new0(struct rtp_source, 1);
	const struct mr_config_path *config = path_entry(path)->config;

	s->base.ops = &ops;
	s->base.path = path;
	s->config = config;
	s->tracks = g_new0(struct sdp_tracks, 1);
	if (!config->rtp_sdp ||
		sdp_tracks_parse(s->tracks, config->rtp_sdp, strlen(config->rtp_sdp))) {
		source_destroy(&s->base);
		return NULL;
	}
	assign_ports(s);
	return &s->base;
}
