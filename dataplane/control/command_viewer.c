/* SPDX-License-Identifier: BSD-3-Clause */
/* Viewers. Main thread. */
#include "dataplane/control/control.h"
#include "dataplane/control/viewer_check.h"

#include "crypto/secret.h"
#include "dataplane/pipeline/worker.h"
#include "dataplane/stream/stream.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct mr_stats_viewer *viewer_stats(struct control *c, uint32_t slot)
{
	return (struct mr_stats_viewer *)(uintptr_t)mr_stats_entry(
		&c->view, &c->config.stats->viewers, slot);
}

static struct worker *worker_of(struct control *c, const struct viewer_entry *e)
{
	return c->config.workers.worker[e->viewer->worker];
}

static uint64_t wall_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* Writes what describes the viewer; its counters start at 0 with `fresh`. */
static void viewer_stats_write(
	struct control *c, const struct viewer_entry *e, bool fresh, const char *note)
{
	struct mr_stats_viewer *s = viewer_stats(c, e->slot);

	mr_stats_write_begin(&s->sequence);
	if (fresh) {
		memset((uint8_t *)s + sizeof(s->sequence), 0, sizeof(*s) - sizeof(s->sequence));
		s->since_ns = wall_clock_ns();
	}
	s->id = e->id;
	s->path_id = e->path_id;
	s->worker = e->viewer->worker;
	s->state = e->linked ? MR_LIFE_RUNNING : MR_LIFE_WAITING;
	s->srtp_profile = e->viewer->profile;
	s->fixed = e->viewer->fixed;
	s->local = e->local;
	s->remote = e->remote;
	memset(s->note, 0, sizeof(s->note));
	strncpy(s->note, note, sizeof(s->note) - 1);
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		atomic_store_explicit(
			&s->track[i].ssrc, e->viewer->track[i].ssrc, memory_order_relaxed);
		atomic_store_explicit(
			&s->track[i].stream_id, e->stream_id[i], memory_order_relaxed);
	}
	mr_stats_write_end(&s->sequence);
}

/* Fills what an order needs for track `i` to join `s` at the viewer's worker. */
static int order_join(
	struct control *c, struct order *o, unsigned int i, struct stream_entry *s, uint8_t worker)
{
	struct audience_entry *at = audiences_open(c, s, worker);

	if (at == NULL)
		return -errno;
	if (at->n_tracks == at->capacity) {
		uint32_t larger = at->capacity * 2;
		o->larger[i] = rte_zmalloc("tracks", larger * sizeof(o->larger[i][0]), 64);
		if (o->larger[i] == NULL)
			return -ENOMEM;
		o->larger_capacity[i] = larger;
		at->capacity = larger;
	}
	o->audience[i] = at->audience;
	at->n_tracks++;
	c->tracks[worker]++;
	return 0;
}

/* A track of a viewer at `worker` has left `s`, or did not get to join it. */
static void track_left(struct control *c, struct stream_entry *s, uint8_t worker)
{
	s->at[worker].n_tracks--;
	c->tracks[worker]--;
	audiences_close(c, s, worker);
}

/* After the worker: what it gave back is the smaller array. */
static void order_join_done(struct order *o)
{
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		rte_free(o->larger[i]);
}

/* The worker has not carried it out: neither the track nor the array is there. */
static void order_join_undo(struct control *c, const struct viewer_entry *e, struct order *o)
{
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		struct stream_entry *s = table_find(c->tables.streams, e->stream_id[i]);
		if (o->audience[i] == NULL || s == NULL)
			continue;
		if (o->larger[i] != NULL)
			s->at[e->viewer->worker].capacity /= 2;
		track_left(c, s, e->viewer->worker);
	}
	order_join_done(o);
}

/* No worker knows it any more, nor has a packet of it under way. */
static void viewer_forget(struct control *c, const struct viewer_entry *e)
{
	struct order flow = {.type = ORDER_FLOW_DEL_VIEWER, .local = e->local, .remote = e->remote};
	struct order unlink = {.type = ORDER_VIEWER_UNLINK, .viewer = e->viewer};

	tell_all(&c->config.workers, &flow);
	tell_worker(worker_of(c, e), &unlink, 1);
}

static void viewer_unlink(struct control *c, struct viewer_entry *e)
{
	if (!e->linked)
		return;
	viewer_forget(c, e);
	e->linked = false;
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		struct stream_entry *s = table_find(c->tables.streams, e->stream_id[i]);
		if (s != NULL && s->stream != NULL)
			track_left(c, s, e->viewer->worker);
	}
}

/* Flow and viewer to the workers; the viewer's tracks join their streams. */
static int viewer_link(struct control *c, struct viewer_entry *e)
{
	struct order flow = {
		.type = ORDER_FLOW_ADD_VIEWER,
		.local = e->local,
		.remote = e->remote,
		.flow = {.object = e->viewer, .owner = e->viewer->worker, .id = e->id},
	};
	struct order link = {.type = ORDER_VIEWER_LINK, .viewer = e->viewer};
	struct order unlink = {.type = ORDER_VIEWER_UNLINK, .viewer = e->viewer};
	int rc = 0;

	for (unsigned int i = 0; i < MR_VIEWER_TRACKS && rc == 0; i++) {
		struct stream_entry *s = table_find(c->tables.streams, e->stream_id[i]);
		if (s != NULL && s->stream != NULL)
			rc = order_join(c, &link, i, s, e->viewer->worker);
	}
	if (rc == 0)
		rc = tell_all_or_none(&c->config.workers, &flow, ORDER_FLOW_DEL_VIEWER);
	if (rc != 0) {
		/* A worker may have taken the flow for a moment, and a packet with it. */
		tell_worker(worker_of(c, e), &unlink, 1);
		order_join_undo(c, e, &link);
		return rc == -EEXIST ? -EADDRINUSE : rc;
	}
	rc = tell_worker(worker_of(c, e), &link, 1);
	if (rc != 0) {
		viewer_forget(c, e);
		order_join_undo(c, e, &link);
		return rc;
	}
	order_join_done(&link);
	e->linked = true;
	return 0;
}

void viewer_entry_free(struct control *c, struct viewer_entry *e)
{
	struct mr_stats_viewer *s = viewer_stats(c, e->slot);

	mr_stats_write_begin(&s->sequence);
	s->id = 0;
	mr_stats_write_end(&s->sequence);
	viewer_destroy(e->viewer);
	free(e->fixed_path);
	nexthop_release(c, e->nexthop_id);
	records_del(c->records, MR_RECORD_VIEWER, e->id);
	handover_forget(c->handover, MR_RECORD_VIEWER, e->id);
	table_del(c->tables.viewers, e->id);
}

/* Numbering starts at the same index with every viewer: a key that has sent
 * before, under either protocol, never sends again. */
static int keys_claim(struct control *c, const struct mr_viewer_add *m)
{
	int rc = key_history_claim(c->keys, &m->tx_rtp);

	return rc != 0 ? rc : key_history_claim(c->keys, &m->tx_rtcp);
}

/* Every track's stream must be there, on one path; gives that path. */
static int viewer_find_path(struct control *c, const struct mr_viewer_add *m, uint32_t *path_id)
{
	*path_id = 0;
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		const struct stream_entry *s;

		if (m->track[i].stream_id == 0)
			continue;
		s = table_find(c->tables.streams, m->track[i].stream_id);
		if (s == NULL || s->stream == NULL)
			return -ENOENT;
		if (*path_id != 0 && *path_id != s->path_id)
			return -EINVAL;
		*path_id = s->path_id;
	}
	return *path_id != 0 ? 0 : -EINVAL;
}

/* Both tracks live at one worker; their streams do. */
static uint8_t viewer_place(const struct control *c, const struct viewer_entry *e)
{
	uint32_t id = e->stream_id[0] != 0 ? e->stream_id[0] : e->stream_id[1];

	return audiences_place(c, table_find(c->tables.streams, id));
}

int command_viewer_add(struct control *c, const struct mr_viewer_add *m)
{
	struct viewer_entry *e;
	uint32_t path_id;
	int rc = viewer_add_check(m);

	if (rc == 0 && m->viewer_id >= MR_VIEWER_FIXED_BASE)
		rc = -EINVAL;
	if (rc == 0)
		rc = viewer_find_path(c, m, &path_id);
	if (rc == 0 && table_find(c->tables.nexthops, m->nexthop_id) == NULL)
		rc = -ENOENT;
	if (rc != 0)
		return rc;
	e = table_add(c->tables.viewers, m->viewer_id);
	if (e == NULL)
		return -errno;
	e->path_id = path_id;
	e->local = m->local;
	e->remote = m->remote;
	e->nexthop_id = m->nexthop_id;
	nexthop_use(c, m->nexthop_id);
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		e->stream_id[i] = m->track[i].stream_id;
	rc = keys_claim(c, m);
	if (rc != 0)
		goto err_entry;
	e->viewer = viewer_create(c->config.crypto, m, viewer_stats(c, e->slot));
	if (e->viewer == NULL) {
		rc = -errno;
		goto err_entry;
	}
	e->viewer->path_id = path_id;
	e->viewer->worker = viewer_place(c, e);
	viewer_stats_write(c, e, true, "");
	rc = viewer_link(c, e);
	if (rc != 0)
		goto err_entry;
	viewer_stats_write(c, e, false, "");
	return 0;

err_entry:
	viewer_entry_free(c, e);
	return rc;
}

int viewer_add_fixed(struct control *c, const struct mr_viewer_add *m, const char *path,
	uint8_t kind, const char *note)
{
	struct viewer_entry *e = table_add(c->tables.viewers, m->viewer_id);

	if (e == NULL)
		return -errno;
	e->fixed_kind = kind;
	e->remote = m->remote;
	e->fixed_path = strdup(path);
	if (e->fixed_path != NULL)
		e->viewer = viewer_create(c->config.crypto, m, viewer_stats(c, e->slot));
	if (e->viewer == NULL) {
		int rc = -errno;
		free(e->fixed_path);
		table_del(c->tables.viewers, m->viewer_id);
		return rc;
	}
	e->viewer->fixed = true;
	viewer_stats_write(c, e, true, note);
	return 0;
}

static struct stream_entry *stream_by_path_and_kind(
	struct control *c, const char *path, uint8_t kind)
{
	const struct path_entry *p = tables_path_by_name(&c->tables, path);

	for (uint32_t i = 0; p != NULL && i < table_capacity(c->tables.streams); i++) {
		struct stream_entry *s = table_at(c->tables.streams, i);
		if (s != NULL && s->path_id == p->id && s->kind == kind && s->stream != NULL)
			return s;
	}
	return NULL;
}

/* Links a fixed session's viewer once it has both, a route and a stream. */
static int viewer_start_fixed(struct control *c, struct viewer_entry *e)
{
	struct stream_entry *s = stream_by_path_and_kind(c, e->fixed_path, e->fixed_kind);
	int rc;

	if (!e->routed || s == NULL) {
		viewer_stats_write(c, e, false,
			s == NULL ? "waits for the path's stream" : "waits for a route");
		return 0;
	}
	e->path_id = s->path_id;
	e->viewer->path_id = s->path_id;
	e->viewer->worker = audiences_place(c, s);
	e->viewer->local = e->local;
	e->viewer->remote = e->remote;
	e->viewer->nexthop_id = e->nexthop_id;
	e->stream_id[0] = s->id;
	rc = viewer_link(c, e);
	viewer_stats_write(c, e, false, rc == 0 ? "" : "its address is in use");
	return rc;
}

void viewers_start_waiting(struct control *c)
{
	for (uint32_t i = 0; i < table_capacity(c->tables.viewers); i++) {
		struct viewer_entry *e = table_at(c->tables.viewers, i);
		if (e != NULL && e->fixed_kind != 0 && !e->linked)
			viewer_start_fixed(c, e);
	}
}

void viewers_stream_goes(struct control *c, uint32_t stream_id)
{
	for (uint32_t i = 0; i < table_capacity(c->tables.viewers); i++) {
		struct viewer_entry *e = table_at(c->tables.viewers, i);
		if (e == NULL)
			continue;
		for (unsigned int t = 0; t < MR_VIEWER_TRACKS; t++) {
			if (e->stream_id[t] != stream_id)
				continue;
			if (e->fixed_kind != 0) {
				viewer_unlink(c, e);
				viewer_stats_write(c, e, false, "waits for the path's stream");
			}
			e->stream_id[t] = 0;
		}
	}
}

/* Why there is no such viewer: of a fixed session, why it has not started. */
static int missing(const struct control *c, uint32_t id)
{
	uint32_t index = id - MR_VIEWER_FIXED_BASE;

	if (id < MR_VIEWER_FIXED_BASE || index >= FIXED_SESSIONS_MAX || c->fixed_error[index] == 0)
		return -ENOENT;
	return c->fixed_error[index];
}

int command_viewer_route(struct control *c, const struct mr_viewer_route *m)
{
	struct viewer_entry *e = table_find(c->tables.viewers, m->viewer_id);
	struct order flow = {0};
	int rc;

	if (m->local.port == 0 || m->remote.port == 0)
		return -EINVAL;
	if (e == NULL)
		return missing(c, m->viewer_id);
	if (table_find(c->tables.nexthops, m->nexthop_id) == NULL)
		return -ENOENT;
	/* Where a fixed session's packets go is the session file's word. */
	if (e->fixed_kind != 0 && !endpoint_equal(&e->remote, &m->remote))
		return -EINVAL;

	if (e->linked) {
		flow.type = ORDER_FLOW_ADD_VIEWER;
		flow.local = m->local;
		flow.remote = m->remote;
		flow.flow.object = e->viewer;
		flow.flow.owner = e->viewer->worker;
		flow.flow.id = e->id;
		bool moved = !endpoint_equal(&e->local, &m->local) ||
			     !endpoint_equal(&e->remote, &m->remote);
		rc = moved ? tell_all_or_none(&c->config.workers, &flow, ORDER_FLOW_DEL_VIEWER) : 0;
		if (rc != 0)
			return rc == -EEXIST ? -EADDRINUSE : rc;
		struct order route = {
			.type = ORDER_VIEWER_ROUTE,
			.viewer = e->viewer,
			.local = m->local,
			.remote = m->remote,
			.nexthop_id = m->nexthop_id,
		};
		tell_worker(worker_of(c, e), &route, 1);
		flow.type = ORDER_FLOW_DEL_VIEWER;
		flow.local = e->local;
		flow.remote = e->remote;
		if (moved)
			tell_all(&c->config.workers, &flow);
	}
	nexthop_use(c, m->nexthop_id);
	nexthop_release(c, e->nexthop_id);
	e->nexthop_id = m->nexthop_id;
	e->local = m->local;
	e->remote = m->remote;
	e->routed = true;
	if (e->fixed_kind != 0 && !e->linked)
		return viewer_start_fixed(c, e);
	viewer_stats_write(c, e, false, "");
	return 0;
}

int command_viewer_del(struct control *c, uint32_t id)
{
	struct viewer_entry *e = table_find(c->tables.viewers, id);

	if (e == NULL || e->fixed_kind != 0)
		return -ENOENT;
	viewer_unlink(c, e);
	viewer_entry_free(c, e);
	return 0;
}
