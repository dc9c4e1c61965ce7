/* SPDX-License-Identifier: BSD-3-Clause */
/* The data plane's statistics of streams; main thread, but for the fetching. */
#include "controlplane/source/input_stats.h"

#include "controlplane/handover.h"
#include "controlplane/log.h"
#include "dataplane/api/client.h"

#include <gio/gio.h>

#include <errno.h>

#define OPEN_TIMEOUT_MS 2000
#define RETRY_S 1

struct input_stats {
	const char *socket;
	struct mr_stats_view view;
	bool have_view;
	guint retry;          /* timer; 0: none */
	GCancellable *cancel; /* owned; non-NULL while a thread fetches */
	GHashTable *index;    /* stream id -> entry + 1: where it was seen last */
};

struct fetch {
	struct handover handover;
	char *socket;
	struct mr_stats_view view;
	int rc; /* of mr_stats_open() */
};

static void fetch_free(gpointer data)
{
	struct fetch *f = data;

	handover_take(&f->handover);
	if (f->view.stats)
		mr_stats_close(&f->view);
	g_free(f->socket);
	g_free(f);
}

/* The only thing that runs on a thread of its own. */
static void fetch_run(GTask *task, gpointer source, gpointer data, GCancellable *cancel)
{
	struct fetch *f = data;

	handover_take(&f->handover);
	f->rc = mr_stats_open(&f->view, f->socket, OPEN_TIMEOUT_MS);
	handover_give(&f->handover);
	g_task_return_boolean(task, TRUE);
}

static void fetch_start(struct input_stats *stats);

static gboolean fetch_again(gpointer user_data)
{
	struct input_stats *stats = user_data;

	stats->retry = 0;
	fetch_start(stats);
	return G_SOURCE_REMOVE;
}

static void fetch_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
	GTask *task = G_TASK(result);
	GCancellable *cancel = g_task_get_cancellable(task);
	struct fetch *f = g_task_get_task_data(task);
	struct input_stats *stats = user_data;

	/* Cancelled: `stats` may be gone. */
	if (g_cancellable_is_cancelled(cancel))
		return;
	g_clear_object(&stats->cancel);
	handover_take(&f->handover);
	if (f->rc == 0) {
		stats->view = f->view;
		stats->have_view = true;
		f->view.stats = NULL;
	} else if (f->rc == -EPROTONOSUPPORT) {
		/* It stays so until there is another data plane: input_stats_open(). */
		log_warn("-", "event=statistics_unknown version=%u ours=%u note=\"%s\"",
			f->view.version, MR_STATS_VERSION,
			"no reports and no wishes for key frames to cameras");
	} else {
		stats->retry = g_timeout_add_seconds(RETRY_S, fetch_again, stats);
	}
	handover_give(&f->handover); /* the last reference may be the thread's */
}

static void fetch_start(struct input_stats *stats)
{
	struct fetch *f = g_new0(struct fetch, 1);
	GTask *task;

	f->socket = g_strdup(stats->socket);
	stats->cancel = g_cancellable_new();
	task = g_task_new(NULL, stats->cancel, fetch_done, stats);
	g_task_set_task_data(task, f, fetch_free);
	g_task_set_check_cancellable(task, FALSE);
	handover_give(&f->handover);
	g_task_run_in_thread(task, fetch_run);
	g_object_unref(task);
}

struct input_stats *input_stats_create(const char *socket)
{
	struct input_stats *stats = g_new0(struct input_stats, 1);

	stats->socket = socket;
	stats->index = g_hash_table_new(g_direct_hash, g_direct_equal);
	return stats;
}

void input_stats_open(struct input_stats *stats)
{
	input_stats_close(stats);
	fetch_start(stats);
}

void input_stats_close(struct input_stats *stats)
{
	g_clear_handle_id(&stats->retry, g_source_remove);
	if (stats->cancel) {
		g_cancellable_cancel(stats->cancel);
		g_clear_object(&stats->cancel);
	}
	if (stats->have_view)
		mr_stats_close(&stats->view);
	stats->have_view = false;
	g_hash_table_remove_all(stats->index);
}

void input_stats_destroy(struct input_stats *stats)
{
	input_stats_close(stats);
	g_hash_table_destroy(stats->index);
	g_free(stats);
}

static int read_entry(
	struct input_stats *stats, uint32_t i, uint32_t stream_id, struct mr_stats_stream *out)
{
	const struct mr_stats_array *streams = &stats->view.stats->streams;
	const struct mr_stats_stream *entry = mr_stats_entry(&stats->view, streams, i);

	if (!entry || entry->id != stream_id ||
		mr_stats_read(&stats->view, streams, i, out, sizeof(*out)) || out->id != stream_id)
		return -ENOENT;
	return 0;
}

int input_stats_read(struct input_stats *stats, uint32_t stream_id, struct mr_stats_stream *out)
{
	gpointer key = GUINT_TO_POINTER(stream_id);
	guint cached;

	if (!stats->have_view || !stream_id)
		return -ENOENT;
	cached = GPOINTER_TO_UINT(g_hash_table_lookup(stats->index, key));
	if (cached && !read_entry(stats, cached - 1, stream_id, out))
		return 0;
	for (uint32_t i = 0; i < stats->view.stats->streams.count; i++) {
		if (!read_entry(stats, i, stream_id, out)) {
			g_hash_table_insert(stats->index, key, GUINT_TO_POINTER(i + 1));
			return 0;
		}
	}
	return -ENOENT;
}
