/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Paths as the data plane and the listeners see them: state, streams, bindings.
 * Everything is kept, so that it can be told again to a data plane that comes
 * later. Main thread.
 */
#include "controlplane/log.h"
#include "controlplane/source/path_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What a packet to viewers has beside its payload: RTP header, the longest
 * tag (GCM), the original sequence number of a retransmission (RFC 4588 4). */
#define VIEWER_OVERHEAD (12 + 16 + 2)

static void on_reply(int status, void *user)
{
	const struct path *path = user;

	/* ENOENT: what went with a stream that is refused. */
	if (status && status != -ENOTCONN && !(status == -ENOENT && path->refused))
		log_error(
			path->name, "event=refused_by_data_plane error=\"%s\"", strerror(-status));
}

static void send_command(struct path *path, const struct mr_command *command)
{
	struct install *install = path->table->install;
	int err;

	if (!install_attached(install))
		return;
	err = install_command(install, command, on_reply, path);
	if (err && err != -ENOTCONN)
		log_error(path->name, "event=command_lost error=\"%s\"", strerror(-err));
}

static void send_path(struct path *path)
{
	struct mr_command c = {.type = MR_COMMAND_PATH_SET};

	c.path_set.path_id = path->id;
	c.path_set.state = path->state;
	snprintf(c.path_set.name, sizeof(c.path_set.name), "%s", path->name);
	memcpy(c.path_set.note, path->note, sizeof(c.path_set.note));
	send_command(path, &c);
}

void path_add_stream(struct path *path, const struct track *t)
{
	struct mr_command c = {.type = MR_COMMAND_STREAM_ADD};

	c.stream_add.stream_id = t->stream_id;
	c.stream_add.path_id = path->id;
	c.stream_add.clock_rate = t->clock_rate;
	c.stream_add.max_payload =
		(uint16_t)(path->table->config->udp_max_payload - VIEWER_OVERHEAD);
	c.stream_add.kind = (uint8_t)t->kind;
	c.stream_add.codec = (uint8_t)t->codec;
	memcpy(c.stream_add.codec_name, t->codec_name, sizeof(c.stream_add.codec_name));
	memcpy(c.stream_add.note, t->note, sizeof(c.stream_add.note));
	path_send_stream(path, &c);
}

static void send_object(struct path *path, uint32_t type, uint32_t id)
{
	struct mr_command c = {.type = type};

	c.object.id = id;
	send_command(path, &c);
}

static void send_binding(struct path *path, struct path_binding *b)
{
	struct mr_command c = {.type = MR_COMMAND_STREAM_BIND};

	b->bind.stream_id = path->tracks[b->track].stream_id;
	if (!b->bind.stream_id || path->tracks[b->track].refused)
		return;
	c.stream_bind = b->bind;
	send_command(path, &c);
}

void path_save(struct path *path)
{
	struct path_entry *e = path_entry(path);
	struct path_record *r;
	uint8_t bytes[MR_RECORD_MAX];
	bool whole = false;
	int len;

	if (!path->id || !install_attached(path->table->install))
		return;
	r = g_new0(struct path_record, 1);
	g_strlcpy(r->name, path->name, sizeof(r->name));
	memcpy(r->source_hash, e->source_hash, sizeof(r->source_hash));
	r->n_tracks = path->n_tracks;
	memcpy(r->track, path->tracks, sizeof(r->track));
	if (e->running)
		path->source->ops->save(path->source, r);
	len = path_record_format(r, bytes, &whole);
	if (len > 0)
		install_put_record(
			path->table->install, MR_RECORD_PATH, path->id, bytes, (size_t)len);
	if (!whole && !e->not_whole) {
		e->not_whole = true;
		log_info(path->name,
			"event=record_too_long note=\"what the source says does not fit "
			"its record: a restarted control plane connects again\"");
	}
	g_free(r);
}

/* Ids can be had once a data plane has said which it knows. */
static void take_ids(struct path *path)
{
	struct path_table *table = path->table;

	if (!table->had_data_plane)
		return;
	if (!path->id)
		path->id = install_new_id(table->install);
	for (unsigned int i = 0; i < path->n_tracks; i++) {
		if (!path->tracks[i].stream_id)
			path->tracks[i].stream_id = install_new_id(table->install);
	}
}

void path_tell_changed(const struct path *path)
{
	struct path_listener *l, *next;

	for (l = path->table->listeners; l; l = next) {
		next = l->next;
		if (l->changed)
			l->changed(l->user, path);
	}
}

static void tell_stream_gone(const struct path *path, uint32_t stream_id)
{
	struct path_listener *l, *next;

	for (l = path->table->listeners; l; l = next) {
		next = l->next;
		if (l->stream_gone)
			l->stream_gone(l->user, path, stream_id);
	}
}

void path_state_changed(struct path *path)
{
	const struct path_entry *e = path_entry(path);
	enum mr_path_state state = e->source_state;
	char note[MR_NOTE_MAX] = {0};

	if (state == MR_PATH_READY && path_refused_note(path, note))
		state = MR_PATH_WAITING;
	else
		memcpy(note, e->source_note, sizeof(note));
	if (state == path->state && !strcmp(note, path->note))
		return;
	path->state = state;
	memcpy(path->note, note, sizeof(path->note));
	/* What keeps failing is logged by its source, once per reason. */
	if (state == MR_PATH_WAITING || state == MR_PATH_CONNECTING)
		log_debug(path->name, "event=%s note=\"%s\"", mr_path_state_name(state), note);
	else
		log_info(path->name, "event=%s note=\"%s\"", mr_path_state_name(state), note);
	if (path->id)
		send_path(path);
	path_tell_changed(path);
}

void path_set_state(struct path *path, enum mr_path_state state, const char *format, ...)
{
	struct path_entry *e = path_entry(path);
	char note[MR_NOTE_MAX] = {0};
	va_list args;

	va_start(args, format);
	vsnprintf(note, sizeof(note), format, args);
	va_end(args);
	/* A server's own words may be in it; what shows it wants whole characters. */
	for (char *c = note; *c; c++) {
		if (*c < ' ' || *c >= 0x7f)
			*c = '?';
	}
	e->source_state = state;
	memcpy(e->source_note, note, sizeof(e->source_note));
	path_state_changed(path);
}

/* The same media in the same form: its viewers notice nothing but a gap. */
static bool is_same_stream(const struct track *a, const struct track *b)
{
	return a->kind == b->kind && a->codec == b->codec && a->clock_rate == b->clock_rate &&
	       a->channels == b->channels && !strcasecmp(a->codec_name, b->codec_name) &&
	       !strcmp(a->note, b->note);
}

static void log_track(const struct path *path, const struct track *t)
{
	if (t->codec == MR_CODEC_NONE)
		log_warn(path->name, "event=track_not_carried codec=\"%s\" note=\"%s\"",
			t->codec_name, t->note);
	else
		log_info(path->name, "event=track codec=%s clock_rate=%u payload_type=%u",
			t->codec_name, t->clock_rate, t->payload_type);
}

void path_set_tracks(struct path *path, const struct sdp_tracks *tracks)
{
	struct track old[PATH_TRACKS_MAX];
	bool is_new[PATH_TRACKS_MAX] = {false}, kept[PATH_TRACKS_MAX] = {false};
	unsigned int n_old = path->n_tracks;

	path_unbind(path);
	memcpy(old, path->tracks, sizeof(old));
	for (unsigned int i = 0; i < tracks->n; i++) {
		struct track *t = &path->tracks[i];

		*t = tracks->tracks[i].track;
		is_new[i] = true;
		for (unsigned int k = 0; k < n_old; k++) {
			if (kept[k] || !is_same_stream(&old[k], t))
				continue;
			t->stream_id = old[k].stream_id;
			t->refused = old[k].refused;
			kept[k] = true;
			is_new[i] = false;
			break;
		}
	}
	path->n_tracks = tracks->n;
	for (unsigned int k = 0; k < n_old; k++) {
		if (kept[k] || !old[k].stream_id)
			continue;
		log_info(path->name, "event=track_gone codec=\"%s\"", old[k].codec_name);
		tell_stream_gone(path, old[k].stream_id);
		if (!old[k].refused)
			send_object(path, MR_COMMAND_STREAM_DEL, old[k].stream_id);
	}
	take_ids(path);
	for (unsigned int i = 0; i < path->n_tracks; i++) {
		if (!is_new[i])
			continue;
		log_track(path, &path->tracks[i]);
		if (path->tracks[i].stream_id)
			path_add_stream(path, &path->tracks[i]);
	}
	path_save(path);
	path_refused_update(path);
	path_tell_changed(path);
}

/* NULL: as many as there can be are bound. */
static struct path_binding *keep_binding(
	struct path *path, unsigned int i, const struct mr_stream_bind *bind)
{
	struct path_entry *e = path_entry(path);

	for (unsigned int k = 0; k < PATH_BINDINGS; k++) {
		struct path_binding *b = &e->binding[k];

		if (b->bound && b->track != i)
			continue;
		b->bound = true;
		b->track = i;
		b->bind = *bind;
		path->tracks[i].ready = true;
		return b;
	}
	return NULL;
}

void path_bind(struct path *path, unsigned int i, const struct mr_stream_bind *bind)
{
	struct path_binding *b = keep_binding(path, i, bind);

	if (b)
		send_binding(path, b);
}

void path_bind_again(struct path *path, const struct track *t)
{
	struct path_entry *e = path_entry(path);

	for (unsigned int k = 0; k < PATH_BINDINGS; k++) {
		if (e->binding[k].bound && &path->tracks[e->binding[k].track] == t)
			send_binding(path, &e->binding[k]);
	}
}

void path_bound(struct path *path, unsigned int i, const struct mr_stream_bind *bind)
{
	keep_binding(path, i, bind);
}

void path_unbind_all(struct path *path)
{
	struct mr_stream_bind none = {.input = MR_INPUT_NONE};

	for (unsigned int i = 0; i < path->n_tracks; i++) {
		struct path_binding b = {.track = i, .bind = none};

		if (path->tracks[i].codec != MR_CODEC_NONE)
			send_binding(path, &b);
	}
}

void path_unbind(struct path *path)
{
	struct path_entry *e = path_entry(path);

	for (unsigned int k = 0; k < PATH_BINDINGS; k++) {
		struct path_binding *b = &e->binding[k];

		if (!b->bound)
			continue;
		memset(&b->bind, 0, sizeof(b->bind));
		b->bind.input = MR_INPUT_NONE;
		send_binding(path, b);
		b->bound = false;
		path->tracks[b->track].ready = false;
	}
}

void path_report(struct path *path, unsigned int i, uint64_t ntp, uint32_t rtp)
{
	struct mr_command c = {.type = MR_COMMAND_STREAM_REPORT};

	if (i >= path->n_tracks || !path->tracks[i].stream_id || path->tracks[i].refused)
		return;
	c.stream_report.stream_id = path->tracks[i].stream_id;
	c.stream_report.ntp = ntp;
	c.stream_report.rtp = rtp;
	send_command(path, &c);
}

void path_announce(struct path_entry *e)
{
	struct path *path = &e->path;

	take_ids(path);
	send_path(path);
	for (unsigned int i = 0; i < path->n_tracks; i++)
		path_add_stream(path, &path->tracks[i]);
	for (unsigned int k = 0; k < PATH_BINDINGS; k++) {
		if (e->binding[k].bound)
			send_binding(path, &e->binding[k]);
	}
	path_save(path);
	path_tell_changed(path);
}

void path_announce_adopted(struct path_entry *e)
{
	struct path *path = &e->path;
	bool known[PATH_TRACKS_MAX] = {false};

	for (unsigned int i = 0; i < path->n_tracks; i++)
		known[i] = path->tracks[i].stream_id != 0;
	take_ids(path);
	send_path(path);
	for (unsigned int i = 0; i < path->n_tracks; i++) {
		if (!known[i])
			path_add_stream(path, &path->tracks[i]);
	}
	path_save(path);
	path_tell_changed(path);
}

void path_withdraw(struct path_entry *e)
{
	struct path *path = &e->path;

	if (!path->id)
		return;
	for (unsigned int i = 0; i < path->n_tracks; i++) {
		if (path->tracks[i].stream_id && !path->tracks[i].refused)
			send_object(path, MR_COMMAND_STREAM_DEL, path->tracks[i].stream_id);
	}
	send_object(path, MR_COMMAND_PATH_DEL, path->id);
}
