/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams that the data plane refuses, for want of memory above all: their path is not
 * ready and says why, and they are asked for again and again. Main thread.
 */
#include "controlplane/log.h"
#include "controlplane/source/path_private.h"

#include <errno.h>
#include <string.h>

/* A STREAM_ADD that is not answered yet. */
struct stream_add {
	struct path_entry *entry;
	uint32_t stream_id;
};

static const char *kind_name(const struct track *t)
{
	return t->kind == MR_KIND_VIDEO ? "video" : t->kind == MR_KIND_AUDIO ? "audio" : "other";
}

/* For clients. */
static const char *sentence(int status)
{
	switch (status) {
	case -ENOMEM:
		return "the data plane has no memory for a stream of the path";
	case -ENOSPC:
		return "the data plane has as many streams as it may have";
	default:
		return "the data plane refuses a stream of the path";
	}
}

/* For the operator. */
static const char *advice(int status)
{
	switch (status) {
	case -ENOMEM:
		return "no memory: raise dataplane.memory, or leave it out, and restart the data "
		       "plane";
	case -ENOSPC:
		return "no room: raise dataplane.maxStreams, or leave it out, and restart the data "
		       "plane";
	default:
		return strerror(-status);
	}
}

/* What viewers would get and do not. */
static const struct track *missing(const struct path *path)
{
	const struct track *video = path_track(path, MR_KIND_VIDEO);
	const struct track *audio = path_track(path, MR_KIND_AUDIO);

	return video && video->refused ? video : audio && audio->refused ? audio : NULL;
}

bool path_refused_note(const struct path *path, char note[MR_NOTE_MAX])
{
	const struct track *t = missing(path);

	if (!t)
		return false;
	g_snprintf(note, MR_NOTE_MAX, "%s refused by the data plane: %s", kind_name(t),
		advice(t->refused));
	return true;
}

void path_refused_update(struct path *path)
{
	const struct track *t = missing(path);

	path->refused = t ? sentence(t->refused) : NULL;
	path_state_changed(path);
}

static gboolean on_try_again(gpointer user)
{
	struct path_entry *e = user;

	e->try_again = 0;
	for (unsigned int i = 0; i < e->path.n_tracks; i++) {
		if (e->path.tracks[i].refused)
			path_add_stream(&e->path, &e->path.tracks[i]);
	}
	return G_SOURCE_REMOVE;
}

static void refused(struct path_entry *e, const struct track *t)
{
	if (e->try_backoff.attempts == 0)
		log_error(e->path.name, "event=stream_refused kind=%s why=\"%s\"", kind_name(t),
			advice(t->refused));
	if (!e->try_again)
		e->try_again = g_timeout_add(
			backoff_next(&e->try_backoff, g_random_int()), on_try_again, e);
}

static void taken(struct path_entry *e, const struct track *t)
{
	log_info(e->path.name, "event=stream_taken kind=%s attempts=%u", kind_name(t),
		e->try_backoff.attempts + 1);
	path_bind_again(&e->path, t);
	for (unsigned int i = 0; i < e->path.n_tracks; i++) {
		if (e->path.tracks[i].refused)
			return;
	}
	g_clear_handle_id(&e->try_again, g_source_remove);
	backoff_reset(&e->try_backoff);
}

static void judge(struct path_entry *e, struct track *t, int status)
{
	int before = t->refused;

	t->refused = status;
	if (status)
		refused(e, t);
	else if (before)
		taken(e, t);
	if (status != before)
		path_refused_update(&e->path);
}

static void on_added(int status, void *user)
{
	struct stream_add *add = user;
	struct path_entry *e = add->entry;
	uint32_t id = add->stream_id;

	e->adds = g_slist_remove(e->adds, add);
	g_free(add);
	if (status == -ENOTCONN)
		return;
	/* EEXIST: the data plane kept what we announce again. */
	for (unsigned int i = 0; i < e->path.n_tracks; i++) {
		if (e->path.tracks[i].stream_id == id) {
			judge(e, &e->path.tracks[i], status == -EEXIST ? 0 : status);
			return;
		}
	}
}

void path_send_stream(struct path *path, const struct mr_command *command)
{
	struct path_entry *e = path_entry(path);
	struct stream_add *add;
	int err;

	if (!install_attached(path->table->install))
		return;
	add = g_new0(struct stream_add, 1);
	add->entry = e;
	add->stream_id = command->stream_add.stream_id;
	e->adds = g_slist_prepend(e->adds, add);
	err = install_command(path->table->install, command, on_added, add);
	if (err)
		on_added(err, add); /* as if it had said so: asked for again */
}

void path_refused_reset(struct path_entry *e)
{
	g_clear_handle_id(&e->try_again, g_source_remove);
	backoff_reset(&e->try_backoff);
	for (unsigned int i = 0; i < e->path.n_tracks; i++)
		e->path.tracks[i].refused = 0;
	e->path.refused = NULL;
}

void path_refused_fini(struct path_entry *e)
{
	g_clear_handle_id(&e->try_again, g_source_remove);
	for (GSList *l = e->adds; l; l = l->next)
		install_forget(e->path.table->install, l->data);
	g_slist_free_full(e->adds, g_free);
	e->adds = NULL;
}
