/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An RTSP session from one control plane to the next: what is left for it in the path's
 * record and descriptors, and how it is taken from there. Main thread.
 */
#include "controlplane/log.h"
#include "controlplane/source/address.h"
#include "controlplane/source/rtsp_source_private.h"

#include <string.h>

void rtsp_source_keep(struct rtsp_source *s, bool keep)
{
	const struct path *path = s->base.path;

	if (path->id == 0)
		return;
	install_keep_fd(path->table->install, MR_RECORD_PATH, path->id, 0,
		keep ? rtsp_session_fd(s->session) : -1);
	for (unsigned int i = 0; i < PATH_BINDINGS; i++) {
		for (unsigned int rtcp = 0; rtcp < 2; rtcp++) {
			int fd = keep && i < s->n_inputs ? track_input_fd(s->input[i], rtcp) : -1;

			install_keep_fd(path->table->install, MR_RECORD_PATH, path->id,
				1 + 2 * i + rtcp, fd);
		}
	}
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
	uint8_t addr[16];
	uint16_t port = 0;

	return address_from_sockaddr(addr, &port, address) ? 0 : port;
}

void rtsp_source_save(struct path_source *source, struct path_record *r)
{
	const struct rtsp_source *s = (const struct rtsp_source *)source;

	if (s->playing_us == 0)
		return;
	r->n_inputs = s->n_inputs;
	for (unsigned int k = 0; k < s->n_inputs; k++) {
		r->input[k].track = track_input_track(s->input[k]);
		memcpy(r->input[k].channel, s->channel[k], sizeof(r->input[k].channel));
		track_input_save(s->input[k], &r->input[k]);
	}
	r->has_session = true;
	rtsp_session_save(s->session, &r->session);
	r->session.tcp = s->tcp;
	r->session.local_port = port_of(&s->local);
}

static struct rtsp_channels channels_of(const struct path_record *r)
{
	struct rtsp_channels channels = {.n = r->session.tcp ? r->n_inputs : 0};

	for (unsigned int k = 0; k < channels.n; k++) {
		channels.track[k].rtp = r->input[k].channel[0];
		channels.track[k].rtcp = r->input[k].channel[1];
		channels.track[k].payload_type = r->input[k].bind.payload_type;
	}
	return channels;
}

/* The connection is there, and is the one of the record. */
static bool find_ends(struct rtsp_source *s, const struct path_record *r, int fd)
{
	socklen_t local_len = sizeof(s->local), remote_len = sizeof(s->remote);

	memset(&s->local, 0, sizeof(s->local));
	memset(&s->remote, 0, sizeof(s->remote));
	return fd >= 0 && !getsockname(fd, (struct sockaddr *)&s->local, &local_len) &&
	       !getpeername(fd, (struct sockaddr *)&s->remote, &remote_len) &&
	       r->session.local_port != 0 && port_of(&s->local) == r->session.local_port;
}

static void drop_inputs(struct rtsp_source *s)
{
	path_unbind(s->base.path);
	for (unsigned int k = 0; k < s->n_inputs; k++)
		track_input_destroy(s->input[k]);
	s->n_inputs = 0;
}

static bool take_inputs(struct rtsp_source *s, const struct path_record *r, int fd[MR_RECORD_FDS])
{
	for (unsigned int k = 0; k < r->n_inputs; k++) {
		const struct path_record_input *in = &r->input[k];
		int *pair = &fd[1 + 2 * k];

		if ((in->bind.input == MR_INPUT_RING) != r->session.tcp)
			return false;
		s->input[k] = track_input_adopt(
			s->base.path, in, pair, r->session.tcp ? NULL : &s->remote);
		if (!s->input[k])
			return false;
		s->n_inputs = k + 1;
		memcpy(s->channel[k], in->channel, sizeof(in->channel));
		if (r->session.tcp)
			track_input_set_sender(s->input[k], rtsp_source_send_interleaved, s);
		else
			pair[0] = pair[1] = -1;
	}
	return true;
}

const char *rtsp_source_adopt(
	struct path_source *source, const struct path_record *r, int fd[MR_RECORD_FDS])
{
	struct rtsp_source *s = (struct rtsp_source *)source;
	struct rtsp_channels channels = channels_of(r);

	if (s->session_config.tls)
		return "TLS cannot be taken over";
	if (!r->has_session || !find_ends(s, r, fd[0]))
		return "its connection is gone";
	if (!take_inputs(s, r, fd)) {
		drop_inputs(s);
		return "its sockets are gone";
	}
	s->session = rtsp_session_resume(
		&s->session_config, &r->session, fd[0], &channels, &rtsp_source_session_events, s);
	if (!s->session) {
		drop_inputs(s);
		return "its connection is gone";
	}
	fd[0] = -1;
	s->tcp = r->session.tcp;
	s->prefer_tcp = s->tcp;
	s->arrived = true;
	rtsp_source_watch(s);
	/* Nobody knows when the last one was. */
	rtsp_session_keep_alive(s->session);
	return NULL;
}

/* ---- ending what is not taken over ---- */

static void ignore_failure(void *user, int error, const char *why)
{
}

void rtsp_former_end(
	const struct mr_config_path *config, const struct path_record *r, int fd[MR_RECORD_FDS])
{
	static const struct rtsp_session_events events = {.failed = ignore_failure};
	static const struct rtsp_channels none;
	struct rtsp_session_config session_config = {.name = r->name, .timeout_ms = 1000};
	struct rtsp_session *session;

	if (!r->has_session || fd[0] < 0)
		return;
	if (config && config->source.kind == MR_SOURCE_RTSP) {
		session_config.user = config->source.user;
		session_config.password = config->source.password;
	}
	session = rtsp_session_resume(&session_config, &r->session, fd[0], &none, &events, NULL);
	if (!session)
		return;
	fd[0] = -1;
	rtsp_session_close(session);
}
