/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Paths, streams and descriptors that a former control plane left in the data plane.
 * They are collected while the data plane tells what it has, then settled: a path that
 * is still in the session file keeps its id, its streams and thereby its viewers. Its
 * source is taken over where it is the same and can be; else it is ended and connected
 * again. All that belongs to no path is deleted. Main thread.
 */
#include "controlplane/log.h"
#include "controlplane/source/path_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct former_path {
	uint32_t id;
	bool told; /* its record came, not only descriptors */
	int rc;    /* of reading the record */
	bool gone; /* not taken over */
	int fd[MR_RECORD_FDS];
	struct path_record record;
};

struct former_paths {
	GPtrArray *list;     /* struct former_path, owned */
	GHashTable *streams; /* ids that the data plane has */
};

static void former_free(gpointer p)
{
	struct former_path *f = p;

	for (unsigned int i = 0; i < MR_RECORD_FDS; i++) {
		if (f->fd[i] >= 0)
			close(f->fd[i]);
	}
	g_free(f);
}

struct former_paths *former_paths_create(void)
{
	struct former_paths *f = g_new0(struct former_paths, 1);

	f->list = g_ptr_array_new_with_free_func(former_free);
	f->streams = g_hash_table_new(g_direct_hash, g_direct_equal);
	return f;
}

void former_paths_destroy(struct former_paths *f)
{
	g_ptr_array_free(f->list, TRUE);
	g_hash_table_destroy(f->streams);
	g_free(f);
}

static struct former_path *former_get(struct former_paths *f, uint32_t id)
{
	struct former_path *p;

	for (guint i = 0; i < f->list->len; i++) {
		p = g_ptr_array_index(f->list, i);
		if (p->id == id)
			return p;
	}
	p = g_new0(struct former_path, 1);
	p->id = id;
	for (unsigned int i = 0; i < MR_RECORD_FDS; i++)
		p->fd[i] = -1;
	g_ptr_array_add(f->list, p);
	return p;
}

void former_paths_record(struct former_paths *f, const struct mr_record *record)
{
	struct former_path *p;

	if (record->kind == MR_RECORD_STREAM) {
		g_hash_table_add(f->streams, GUINT_TO_POINTER(record->id));
		return;
	}
	p = former_get(f, record->id);
	p->told = true;
	p->rc = path_record_parse(&p->record, record->data, record->len);
}

bool former_paths_fd(struct former_paths *f, uint32_t id, uint32_t slot, int fd)
{
	struct former_path *p;

	if (slot >= MR_RECORD_FDS)
		return false;
	p = former_get(f, id);
	if (p->fd[slot] >= 0)
		close(p->fd[slot]);
	p->fd[slot] = fd;
	return true;
}

void former_paths_clear(struct former_paths *f)
{
	g_ptr_array_set_size(f->list, 0);
	g_hash_table_remove_all(f->streams);
}

/* ---- settling ---- */

/* Ids and tracks: the streams live on, whatever becomes of the source. */
static void take_streams(
	struct former_paths *f, struct path_entry *e, const struct former_path *former)
{
	struct path *path = &e->path;

	path->id = former->id;
	path->n_tracks = former->record.n_tracks;
	memcpy(path->tracks, former->record.track, sizeof(path->tracks));
	for (unsigned int i = 0; i < path->n_tracks; i++) {
		struct track *t = &path->tracks[i];

		t->ready = false;
		/* One that the data plane does not have, or two tracks' at once, gets a new id. */
		if (!g_hash_table_remove(f->streams, GUINT_TO_POINTER(t->stream_id)))
			t->stream_id = 0;
	}
	e->adopted = true;
}

static const char *take_source(struct path_entry *e, struct former_path *former)
{
	const struct path_source_ops *ops = e->path.source->ops;

	if (memcmp(e->source_hash, former->record.source_hash, sizeof(e->source_hash)) != 0)
		return "its source is another in the session file";
	if (former->record.n_inputs == 0)
		return "it was not playing";
	for (unsigned int i = 0; i < former->record.n_inputs; i++) {
		if (e->path.tracks[former->record.input[i].track].stream_id == 0)
			return "its streams are not there";
	}
	return ops->adopt(e->path.source, &former->record, former->fd);
}

static void take_over(struct former_paths *f, struct path_entry *e, struct former_path *former)
{
	const char *why;

	take_streams(f, e, former);
	why = take_source(e, former);
	if (!why) {
		e->running = true;
		log_info(e->path.name, "event=taken_over streams=%u", e->path.n_tracks);
		return;
	}
	log_info(e->path.name, "event=connecting_again streams=%u why=\"%s\"", e->path.n_tracks,
		why);
	path_unbind_all(&e->path);
	rtsp_former_end(e->config, &former->record, former->fd);
}

/* NULL: none that could carry on with it. */
static struct path_entry *find_entry(struct path_table *table, const struct former_path *former)
{
	struct path *path;

	if (!former->told || former->rc < 0)
		return NULL;
	path = path_table_lookup(table, former->record.name);
	if (!path || path->id || path_entry(path)->running)
		return NULL;
	return path_entry(path);
}

static void forget_own_streams(struct former_paths *f, const struct path_table *table)
{
	for (unsigned int i = 0; i < table->n; i++) {
		const struct path *path = &table->entries[i].path;

		for (unsigned int k = 0; k < path->n_tracks; k++)
			g_hash_table_remove(
				f->streams, GUINT_TO_POINTER(path->tracks[k].stream_id));
	}
}

static void send_del(struct path_table *table, uint32_t type, uint32_t id)
{
	struct mr_command c = {.type = type, .object.id = id};

	install_command(table->install, &c, NULL, NULL);
}

/* Streams before their paths, which are busy while they have some. */
static void delete_rest(struct former_paths *f, struct path_table *table)
{
	GHashTableIter iter;
	gpointer id;

	g_hash_table_iter_init(&iter, f->streams);
	while (g_hash_table_iter_next(&iter, &id, NULL))
		send_del(table, MR_COMMAND_STREAM_DEL, GPOINTER_TO_UINT(id));
	for (guint i = 0; i < f->list->len; i++) {
		struct former_path *former = g_ptr_array_index(f->list, i);

		if (!former->gone)
			continue;
		if (former->rc == 0)
			rtsp_former_end(NULL, &former->record, former->fd);
		log_info("-", "event=former_path_deleted name=\"%s\" why=\"%s\"",
			former->record.name,
			former->rc == -EPROTONOSUPPORT ? "its record is of another version"
			: former->rc < 0               ? "its record cannot be read"
						       : "the session file has none of this name");
		send_del(table, MR_COMMAND_PATH_DEL, former->id);
	}
}

void former_paths_settle(struct former_paths *f, struct path_table *table)
{
	forget_own_streams(f, table);
	for (guint i = 0; i < f->list->len; i++) {
		struct former_path *former = g_ptr_array_index(f->list, i);
		struct path_entry *e = find_entry(table, former);

		if (e)
			take_over(f, e, former);
		else
			former->gone = former->told;
	}
	delete_rest(f, table);
	former_paths_clear(f);
}
