/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of paths: who wants them, who listens, what the data plane says. Main thread. */
#include "controlplane/source/path.h"

#include "controlplane/log.h"
#include "controlplane/source/input_stats.h"
#include "controlplane/source/path_private.h"

#include <errno.h>
#include <string.h>

#define IDLE_STOP_S 10 /* sourceOnDemand: after the last unwant */

/* A path of a former control plane that the data plane still has. */
struct stranger {
	uint32_t path_id;
	struct path_record record;
};

static void start(struct path_entry *e)
{
	g_clear_handle_id(&e->idle_stop, g_source_remove);
	if (e->running)
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
	struct stranger s = {.path_id = record->id};

	if (record->kind != MR_RECORD_PATH)
		return;
	for (unsigned int i = 0; i < table->n; i++) {
		if (table->entries[i].path.id == record->id)
			return;
	}
	if (record->len == sizeof(s.record))
		memcpy(&s.record, record->data, sizeof(s.record));
	if (s.record.version != PATH_RECORD_VERSION || s.record.n_streams > PATH_TRACKS_MAX)
		memset(&s.record, 0, sizeof(s.record));
	g_array_append_val(table->strangers, s);
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
		if (e && e->running)
			e->path.source->ops->stream_state(e->path.source, track,
				event->stream_state.state == MR_STREAM_RECEIVING);
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

/* What a former control plane left makes room for what this one announces. */
static void delete_strangers(struct path_table *table)
{
	struct mr_command c = {0};

	for (guint i = 0; i < table->strangers->len; i++) {
		const struct stranger *s = &g_array_index(table->strangers, struct stranger, i);

		log_info("-", "event=former_path_removed name=\"%.*s\" streams=%u", MR_NAME_MAX - 1,
			s->record.name, s->record.n_streams);
		for (unsigned int k = 0; k < s->record.n_streams; k++) {
			c.type = MR_COMMAND_STREAM_DEL;
			c.object.id = s->record.stream_id[k];
			install_command(table->install, &c, NULL, NULL);
		}
		c.type = MR_COMMAND_PATH_DEL;
		c.object.id = s->path_id;
		install_command(table->install, &c, NULL, NULL);
	}
	g_array_set_size(table->strangers, 0);
}

static void on_attached(void *user)
{
	struct path_table *table = user;

	if (table->going)
		return;
	table->had_data_plane = true;
	delete_strangers(table);
	input_stats_open(table->stats);
	for (unsigned int i = 0; i < table->n; i++) {
		path_announce(&table->entries[i]);
		table->entries[i].path.source->ops->attached(table->entries[i].path.source);
	}
}

static void on_detached(void *user)
{
	struct path_table *table = user;

	g_array_set_size(table->strangers, 0);
	input_stats_close(table->stats);
}

/* ---- making and unmaking ---- */

static void hash_url(struct path_entry *e)
{
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	gsize len = sizeof(e->record.url_hash);

	g_checksum_update(sum, (const guchar *)e->config->source.url, -1);
	g_checksum_get_digest(sum, e->record.url_hash, &len);
	g_checksum_free(sum);
}

static int create_entry(
	struct path_table *table, struct path_entry *e, const struct mr_config_path *config)
{
	e->config = config;
	e->path.name = config->name;
	e->path.table = table;
	g_strlcpy(e->record.name, config->name, sizeof(e->record.name));
	hash_url(e);
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
		.event = on_event,
	};
	struct path_table *table = g_new0(struct path_table, 1);
	int err;

	table->config = config;
	table->install = install;
	table->stats = input_stats_create(config->dataplane.stats_socket);
	table->strangers = g_array_new(FALSE, FALSE, sizeof(struct stranger));
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
			start(e);
	}
	*out = table;
	return 0;

err_table:
	path_table_destroy(table);
	return err;
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
		install_forget(table->install, &e->path);
	}
	input_stats_destroy(table->stats);
	g_array_free(table->strangers, TRUE);
	g_free(table->entries);
	g_free(table);
}
