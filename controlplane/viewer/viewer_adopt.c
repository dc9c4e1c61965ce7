/* SPDX-License-Identifier: BSD-3-Clause */
/* Viewers of a former control plane: see viewer_adopt.h. Main thread. */
#include "controlplane/viewer/viewer_adopt.h"

#include "controlplane/install.h"
#include "controlplane/log.h"
#include "crypto/secret.h"

#include <errno.h>
#include <string.h>

struct foreign {
	uint32_t id;
	uint32_t len;
	uint8_t *data; /* owned; secret */
};

struct foreign_viewers {
	GArray *list; /* struct foreign */
};

static void foreign_free(gpointer p)
{
	struct foreign *f = p;

	secret_wipe(f->data, f->len);
	g_free(f->data);
}

struct foreign_viewers *foreign_viewers_create(void)
{
	struct foreign_viewers *f = g_new0(struct foreign_viewers, 1);

	f->list = g_array_new(FALSE, FALSE, sizeof(struct foreign));
	g_array_set_clear_func(f->list, foreign_free);
	return f;
}

void foreign_viewers_destroy(struct foreign_viewers *f)
{
	g_array_free(f->list, TRUE);
	g_free(f);
}

void foreign_viewers_add(struct foreign_viewers *f, const struct mr_record *record)
{
	struct foreign foreign = {.id = record->id, .len = record->len};

	foreign.data = g_memdup2(record->data, record->len);
	g_array_append_val(f->list, foreign);
}

void foreign_viewers_clear(struct foreign_viewers *f)
{
	g_array_set_size(f->list, 0);
}

static bool has_stream(const struct path *path, uint32_t stream_id)
{
	for (unsigned int i = 0; i < path->n_tracks; i++) {
		if (path->tracks[i].stream_id == stream_id)
			return true;
	}
	return false;
}

/* The viewer's path with all its streams; NULL and `*why`: it cannot go on. */
static struct path *find_path(
	struct path_table *paths, const struct viewer_record *r, const char **why)
{
	struct path *path = path_table_lookup(paths, r->path);

	*why = "its path is not in the session file any more";
	if (!path)
		return NULL;
	*why = "its stream is gone";
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		if (r->track[i].stream_id && !has_stream(path, r->track[i].stream_id))
			return NULL;
	}
	return path;
}

/* NULL and `*why` when it cannot be. */
static struct viewer *adopt(const struct foreign *f, const struct viewer_env *env,
	struct path_table *paths, const char **why)
{
	struct viewer_record record;
	struct path *path;
	struct viewer *v = NULL;
	int rc = viewer_record_parse(&record, f->data, f->len);

	*why = rc == -EPROTONOSUPPORT ? "its record is of another version"
	       : f->len == 0          ? "it has no record"
				      : "its record cannot be read";
	if (rc == 0) {
		path = find_path(paths, &record, why);
		if (path)
			v = viewer_adopt(env, f->id, path, &record);
	}
	secret_wipe(&record, sizeof(record));
	return v;
}

void foreign_viewers_settle(struct foreign_viewers *f, const struct viewer_env *env,
	struct path_table *paths, void (*adopted)(struct viewer *v, void *user), void *user)
{
	struct mr_command command = {.type = MR_COMMAND_VIEWER_DEL};
	unsigned int n = 0;

	for (guint i = 0; i < f->list->len; i++) {
		const struct foreign *foreign = &g_array_index(f->list, struct foreign, i);
		const char *why;
		struct viewer *v = adopt(foreign, env, paths, &why);

		if (v) {
			adopted(v, user);
			n++;
			continue;
		}
		log_warn("-", "event=former_viewer_deleted viewer=%u why=\"%s\"", foreign->id, why);
		command.object.id = foreign->id;
		install_command(env->install, &command, NULL, NULL);
	}
	if (n > 0)
		log_info("-", "event=viewers_taken_over viewers=%u", n);
	g_array_set_size(f->list, 0);
}
