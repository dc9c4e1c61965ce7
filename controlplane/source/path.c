/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of paths: who wants them, who listens, what the data plane says. Main thread. */
#include "controlplane/source/path.h"

#include "controlplane/log.h"
#include "controlplane/source/input_stats.h"
#include "controlplane/source/path_private.h"

#include <errno.h>
#include <string.h>

#define IDLE_STOP_S 10 /* sourceOnDemand: after the last unwant */

static void start(struct path_entry *e)
{
	g_clear_handle_id(&e->idle_stop, g_source_remove);
	if (e->running || !e->path.table->open)
		return;
	e->running = true;
	e->path.source->ops->start(e->path.source);
}

static void stop(struct path_entry *e)
{
	g_clear_handle_id(&e->idle_stop, g_source_remove);
	if (!e->running)
		return;
	e->running = false;
	e->path.source->ops->stop(e->path.source);
	path_set_state(&e->path, MR_PATH_OFF, "on demand; nobody watches");
}

static gboolean on_idle_stop(gpointer user_data)
{
	struct path_entry *e = user_data;

	e->idle_stop = 0;
	stop(e);
	return G_SOURCE_REMOVE;
}

void path_want(struct path *path)
{
	path->wanted++;
	start(path_entry(path));
}

void path_unwant(struct path *path)
{
	struct path_entry *e = path_entry(path);

	if (path->wanted)
		path->wanted--;
	if (!path->wanted && e->config->source_on_demand && e->running && !e->idle_stop)
		e->idle_stop = g_timeout_add_seconds(IDLE_STOP_S, on_idle_stop, e);
}

struct path *path_table_lookup(struct path_table *table, const char *name)
{
	for (unsigned int i = 0; i < table->n; i++) {
		if (!strcmp(table->entries[i].path.name, name))
			return &table->entries[i].path;
	}
	return NULL;
}

struct path *path_table_at(struct path_table *table, unsigned int i)
{
	return i < table->n ? &table->entries[i].path : NULL;
}

const struct track *path_track(const struct path *path, enum mr_media_kind kind)
{
	for (unsigned int i = 0; i < path->n_tracks; i++) {
		if (path->tracks[i].kind == kind && path->tracks[i].codec != MR_CODEC_NONE)
			return &path->tracks[i];
	}
	return NULL;
}

void path_listener_add(struct path_table *table, struct path_listener *l)
{
	l->next = table->listeners;
	table->listeners = l;
}

void path_listener_del(struct path_table *table, struct path_listener *l)
{
	for (struct path_listener **at = &table->listeners; *at; at = &(*at)->next) {
		if (*at == l) {
			*at = l->next;
			return;
		}
	}
}

/* ---- the data plane ---- */

static struct path_entry *find_stream(struct path_table *table, uint32_t id, unsigned int *track)
{
	for (unsigned int i = 0; i < table->n; i++) {
		struct path_entry *e = &table->entries[i];

		for (unsigned int k = 0; k < e->path.n_tracks; k++) {
			if (e->path.tracks[k].stream_id == id) {
				*track = k;
				return e;
			}
		}
	}
	return NULL;
}

static const char *finding_text(uint32_t finding)
{
	switch (finding) {
	case MR_FINDING_B_FRAMES:
		return "H.264 with B-frames: browsers show them late or not at all; set the camera "
		       "to a profile or GOP without B-frames";
	case MR_FINDING_INTERLEAVED:
		return "H.264 in interleaved packetization: not carried; set mode 0 or 1";
	case MR_FINDING_NOT_SPLITTABLE:
		return "a payload that does not fit udpMaxPayloadSize and cannot be split";
	case MR_FINDING_PAYLOAD_TYPE:
		return "packets with another payload type than the SDP gives";
	default:
		return "unknown finding";
	}
}

static void on_record(struct path_table *table, const struct mr_record *record)
{
	if (record->kind != MR_RECORD_PATH && record->kind != MR_RECORD_STREAM)
		return;
	for (unsigned int i = 0; record->kind == MR_RECORD_PATH && i < table->n; i++) {
		if (table->entries[i].path.id == record->id)
			return;
	}
	former_paths_record(table->former, record);
}

static bool on_kept_fd(uint32_t kind, uint32_t id, uint32_t slot, int fd, void *user)
{
	struct path_table *table = user;

	return kind == MR_RECORD_PATH && former_paths_fd(table->former, id, slot, fd);
}

static void on_event(const struct mr_event *event, void *user)
{
	struct path_table *table = user;
	struct path_entry *e;
	unsigned int track;

	switch (event->type) {
	case MR_EVENT_RECORD:
		on_record(table, &event->record);
		break;
	case MR_EVENT_STREAM_STATE:
		e = find_stream(table, event->stream_state.stream_id, &track);
		if (e && event->stream_state.gap_ms > 0)
			log_info(e->path.name, "event=stream_again codec=%s gap_ms=%u",
				e->path.tracks[track].codec_name, event->stream_state.gap_ms);
		if (e && e->running)
			e->path.source->ops->stream_state(e->path.source, track,
				event->stream_state.state == MR_STREAM_RECEIVING);
		break;
	case MR_EVENT_KEYFRAME_WANTED:
		e = find_stream(table, event->object.id, &track);
		if (e && e->running)
			e->path.source->ops->keyframe(e->path.source, track);
		break;
	case MR_EVENT_STREAM_FINDING:
		e = find_stream(table, event->stream_finding.stream_id, &track);
		if (e)
			log_warn(e->path.name, "event=finding codec=%s note=\"%s\"",
				e->path.tracks[track].codec_name,
				finding_text(event->stream_finding.finding));
		break;
	default:
		break;
	}
}

/* Sources start once it is known that there is nothing (more) to take over. */
static void open_sources(struct path_table *table)
{
	table->open = true;
	for (unsigned int i = 0; i < table->n; i++) {
		struct path_entry *e = &table->entries[i];

		if (!e->config->source_on_demand || e->path.wanted)
			start(e);
	}
}

/* One that was taken over and that nobody watches any more. */
static void stop_unwanted(struct path_entry *e)
{
	if (e->config->source_on_demand && e->running && !e->path.wanted && !e->idle_stop)
		e->idle_stop = g_timeout_add_seconds(IDLE_STOP_S, on_idle_stop, e);
}

static void on_attached(void *user)
{
	struct path_table *table = user;

	if (table->going)
		return;
	table->had_data_plane = true;
	former_paths_settle(table->former, table);
	input_stats_open(table->stats);
	for (unsigned int i = 0; i < table->n; i++) {
		struct path_entry *e = &table->entries[i];

		if (e->adopted)
			path_announce_adopted(e);
		else
			path_announce(e);
		e->adopted = false;
		e->path.source->ops->attached(e->path.source);
		stop_unwanted(e);
	}
	open_sources(table);
}

static void on_detached(void *user)
{
	struct path_table *table = user;

	former_paths_clear(table->former);
	input_stats_close(table->stats);
	for (unsigned int i = 0; i < table->n; i++) {
		path_refused_reset(&table->entries[i]);
		path_state_changed(&table->entries[i].path);
	}
}

static void on_absent(void *user)
{
	struct path_table *table = user;

	if (!table->going && !table->open)
		open_sources(table);
}

/* ---- making and unmaking ---- */

/* What a running session cannot change: another hash is another source. */
static void hash_source(struct path_entry *e)
{
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	gsize len = sizeof(e->source_hash);
	const struct mr_config_path *c = e->config;
	char *text = g_strdup_printf("%d\n%s\n%s\n%d\n%s\n", c->source.kind, c->source.url,
		c->source.user ? c->source.user : "", c->rtsp_transport,
		c->rtp_sdp ? c->rtp_sdp : "");

	g_checksum_update(sum, (const guchar *)text, -1);
	g_checksum_get_digest(sum, e->source_hash, &len);
	g_checksum_free(sum);
	g_free(text);
}

static int create_entry(
	struct path_table *table, struct path_entry *e, const struct mr_config_path *config)
{
	e->config = config;
	e->path.name = config->name;
	e->path.table = table;
	/* announced so where its source starts later */
	e->path.state = e->source_state = MR_PATH_CONNECTING;
	hash_source(e);
	switch (config->source.kind) {
	case MR_SOURCE_RTSP:
		e->path.source = rtsp_source_create(&e->path);
		break;
	case MR_SOURCE_UDP_RTP:
		e->path.source = rtp_source_create(&e->path);
		break;
	}
	if (!e->path.source)
		return -EINVAL;
	return 0;
}

int path_table_create(
	struct path_table **out, const struct mr_config *config, struct install *install)
{
	struct install_listener listener = {
		.attached = on_attached,
		.detached = on_detached,
		.absent = on_absent,
		.event = on_event,
		.kept_fd = on_kept_fd,
	};
	struct path_table *table = g_new0(struct path_table, 1);
	int err;

	table->config = config;
	table->install = install;
	table->stats = input_stats_create(config->dataplane.stats_socket);
	table->former = former_paths_create();
	table->entries = g_new0(struct path_entry, config->n_paths + 1);
	for (uint32_t i = 0; i < config->n_paths; i++) {
		err = create_entry(table, &table->entries[i], &config->paths[i]);
		if (err)
			goto err_table;
		table->n++;
	}
	listener.user = table;
	install_add_listener(install, &listener);
	for (unsigned int i = 0; i < table->n; i++) {
		struct path_entry *e = &table->entries[i];

		if (e->config->source_on_demand)
			path_set_state(&e->path, MR_PATH_OFF, "on demand; nobody watches");
		else
			path_set_state(&e->path, MR_PATH_CONNECTING, "not begun yet");
	}
	*out = table;
	return 0;

err_table:
	path_table_destroy(table);
	return err;
}

void path_table_leave(struct path_table *table)
{
	table->going = true;
	table->listeners = NULL;
	for (unsigned int i = 0; i < table->n; i++) {
		struct path_entry *e = &table->entries[i];

		path_save(&e->path);
		if (e->running)
			e->path.source->ops->leave(e->path.source);
		e->running = false;
	}
}

void path_table_destroy(struct path_table *table)
{
	table->going = true;
	table->listeners = NULL;
	for (unsigned int i = 0; i < table->n; i++) {
		struct path_entry *e = &table->entries[i];

		g_clear_handle_id(&e->idle_stop, g_source_remove);
		if (e->running)
			e->path.source->ops->stop(e->path.source);
		e->path.source->ops->destroy(e->path.source);
		path_withdraw(e);
		path_refused_fini(e);
		install_forget(table->install, &e->path);
	}
	input_stats_destroy(table->stats);
	former_paths_destroy(table->former);
	g_free(table->entries);
	g_free(table);
}
