/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables, limits and demultiplexing of viewers: see viewer_table.h. Main thread. */
#include "controlplane/log.h"
#include "controlplane/viewer/viewer_table_private.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/random.h>

#define TICK_MS 500
#define TRIM_US (10 * (gint64)G_USEC_PER_SEC)

struct viewer *viewer_table_find(struct viewer_table *t, uint32_t id)
{
	return g_hash_table_lookup(t->by_id, GUINT_TO_POINTER(id));
}

/* ---- what viewers say ---- */

static void flow_free(void *flow)
{
	g_slice_free(struct public_flow, flow);
}

static void on_flow_added(struct viewer *v, const struct public_flow *flow, void *user)
{
	struct viewer_table *t = user;

	if (g_hash_table_lookup(t->by_flow, flow) != v)
		g_hash_table_replace(t->by_flow, g_slice_dup(struct public_flow, flow), v);
}

static void on_flow_dropped(struct viewer *v, const struct public_flow *flow, void *user)
{
	struct viewer_table *t = user;

	if (g_hash_table_lookup(t->by_flow, flow) == v)
		g_hash_table_remove(t->by_flow, flow);
}

static gboolean reap(gpointer user)
{
	struct viewer_table *t = user;
	struct viewer *v;

	t->reaper = 0;
	while ((v = g_queue_pop_head(&t->ended)) != NULL)
		viewer_free(v);
	return G_SOURCE_REMOVE;
}

static void on_ufrags_leave(struct viewer *v, void *user)
{
	struct viewer_table *t = user;

	g_hash_table_remove(t->by_ufrag, v->ufrag);
	if (v->next.ufrag[0])
		g_hash_table_remove(t->by_ufrag, v->next.ufrag);
}

static void on_ufrags_enter(struct viewer *v, void *user)
{
	struct viewer_table *t = user;

	g_hash_table_insert(t->by_ufrag, v->ufrag, v);
	if (v->next.ufrag[0])
		g_hash_table_insert(t->by_ufrag, v->next.ufrag, v);
}

static void on_ended(struct viewer *v, void *user)
{
	struct viewer_table *t = user;

	on_ufrags_leave(v, t);
	g_hash_table_remove(t->by_resource, v->resource);
	g_hash_table_remove(t->by_id, GUINT_TO_POINTER(v->id));
	g_queue_push_tail(&t->ended, v);
	if (t->reaper == 0)
		t->reaper = g_idle_add_full(G_PRIORITY_DEFAULT, reap, t, NULL);
}

/* ---- datagrams ---- */

static bool lookup_ufrag(const char *local_ufrag, struct ice_lite_user *out, void *arg)
{
	struct viewer_table *t = arg;
	struct viewer *v = g_hash_table_lookup(t->by_ufrag, local_ufrag);

	if (!v)
		return false;
	out->renewed = strcmp(local_ufrag, v->ufrag) != 0;
	out->pwd = out->renewed ? v->next.pwd : v->pwd;
	out->remote_ufrag = out->renewed ? v->next.remote_ufrag : v->remote_ufrag;
	out->reply_due_us = &v->reply_due_us;
	out->now_us = g_get_monotonic_time();
	out->user = v;
	return true;
}

static void receive_stun(
	struct viewer_table *t, const struct public_flow *flow, const uint8_t *data, size_t len)
{
	struct viewer *owner = g_hash_table_lookup(t->by_flow, flow);
	struct ice_lite_check check;

	ice_lite_receive(&t->ice, data, len, &flow->remote, &check);
	if (check.unauthorized)
		viewer_check_failed(check.user);
	if (check.verdict == ICE_LITE_DROP)
		return;
	/* A flow that another viewer uses in earnest is not given away: the address
	 * of a check can be forged. */
	if (owner && owner != check.user && owner->state >= VIEWER_HANDSHAKE &&
		owner->state != VIEWER_CLOSING)
		return;
	viewer_check(check.user, flow, &check);
}

/* RFC 7983 7 */
static void on_datagram(const struct public_flow *flow, const uint8_t *data, size_t len, void *user)
{
	struct viewer_table *t = user;
	struct public_flow pair = *flow;
	struct viewer *v;

	if (len == 0)
		return;
	if (data[0] < 4) {
		receive_stun(t, flow, data, len);
		return;
	}
	v = g_hash_table_lookup(t->by_flow, &pair);
	if (!v && pair.kernel) {
		/* IP fragments go to the kernel, whatever has the pair's other packets */
		pair.kernel = 0;
		v = g_hash_table_lookup(t->by_flow, &pair);
	}
	if (v && data[0] >= 20 && data[0] <= 63)
		viewer_dtls(v, &pair, data, len);
	else
		t->unknown_flow++;
}

/* ---- the data plane ---- */

static void enter(struct viewer *v, void *user)
{
	struct viewer_table *t = user;

	g_hash_table_insert(t->by_id, GUINT_TO_POINTER(v->id), v);
	on_ufrags_enter(v, t);
	g_hash_table_insert(t->by_resource, v->resource, v);
}

static void on_record(struct viewer_table *t, const struct mr_record *record)
{
	if (record->kind == MR_RECORD_VIEWER && record->id < MR_VIEWER_FIXED_BASE &&
		!viewer_table_find(t, record->id))
		foreign_viewers_add(t->foreign, record);
}

/* The paths have been told before: they know their streams again. */
static void on_attached(void *user)
{
	struct viewer_table *t = user;

	foreign_viewers_settle(t->foreign, &t->env, t->paths, enter, t);
	viewer_table_settled(t);
}

static void on_absent(void *user)
{
	viewer_table_settled(user);
}

static void on_event(const struct mr_event *event, void *user)
{
	struct viewer_table *t = user;
	struct viewer *v;

	if (event->type == MR_EVENT_RECORD) {
		on_record(t, &event->record);
	} else if (event->type == MR_EVENT_VIEWER_STATE) {
		v = viewer_table_find(t, event->viewer_state.viewer_id);
		if (v)
			viewer_event(v, event->viewer_state.state);
	}
}

/* Calls for each viewer something that may end it. */
static void for_each(struct viewer_table *t, void (*call)(struct viewer *v, void *arg), void *arg)
{
	GList *viewers = g_hash_table_get_values(t->by_id);

	for (GList *l = viewers; l; l = l->next)
		call(l->data, arg);
	g_list_free(viewers);
}

static void call_detached(struct viewer *v, void *arg)
{
	viewer_detached(v);
}

static void on_detached(void *user)
{
	struct viewer_table *t = user;

	foreign_viewers_clear(t->foreign);
	for_each(user, call_detached, NULL);
}

static void call_stream_gone(struct viewer *v, void *arg)
{
	if (viewer_has_stream(v, *(const uint32_t *)arg))
		viewer_close(v, "its stream is gone");
}

static void on_stream_gone(void *user, const struct path *path, uint32_t stream_id)
{
	for_each(user, call_stream_gone, &stream_id);
}

struct tick {
	gint64 now_us;
	bool freed; /* a handshake's state */
};

static void call_tick(struct viewer *v, void *arg)
{
	struct tick *tick = arg;

	tick->freed |= viewer_tick(v, tick->now_us);
}

static gboolean on_tick(gpointer user)
{
	struct viewer_table *t = user;
	gint64 now = g_get_monotonic_time();
	struct tick tick = {.now_us = now};

	for_each(t, call_tick, &tick);
	t->freed |= tick.freed;
	/* 50 KB each, with what stays in between: only whole pages go back, when asked for. */
	if (t->freed && now - t->trimmed_us > TRIM_US) {
		malloc_trim(0);
		t->freed = false;
		t->trimmed_us = now;
	}
	viewer_limits_log(&t->limits, &t->ice, t->unknown_flow, now);
	return G_SOURCE_CONTINUE;
}

/* ---- offers ---- */

static const char *limit_reached(struct viewer_table *t, const struct path *path)
{
	struct viewer_load load = {.all = g_hash_table_size(t->by_id)};
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, t->by_id);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct viewer *v = value;

		load.pending += v->state < VIEWER_ESTABLISHED;
		load.readers += v->path == path;
	}
	return viewer_limits_check(&t->limits, t->config, path->name, &load);
}

static const struct track *ready_track(const struct path *path, enum mr_media_kind kind)
{
	const struct track *track = path_track(path, kind);

	return track && track->ready ? track : NULL;
}

static int make_answer(struct viewer_table *t, struct path *path, const struct sdp_offer *offer,
	const struct sdp_choices *choices, struct viewer_offer_reply *reply)
{
	struct sdp_candidate candidates[SDP_CANDIDATES_MAX];
	struct sdp_answer answer = {
		.fingerprint = t->certificate.fingerprint,
		.candidates = candidates,
		.n_candidates = candidates_list(t->candidates, candidates, SDP_CANDIDATES_MAX),
	};
	struct viewer *v;

	if (answer.n_candidates == 0) {
		reply->why = "no port of the data plane has an address";
		return -EAGAIN;
	}
	if (getrandom(&answer.session_id, sizeof(answer.session_id), 0) !=
			sizeof(answer.session_id) ||
		!(v = viewer_create(&t->env, path, choices, &answer))) {
		reply->why = "the system gives no random numbers";
		return -EIO;
	}
	answer.session_id >>= 1; /* RFC 8829 5.2.1: below 2^63 */
	enter(v, t);
	reply->answer = sdp_answer_format(&answer, offer, choices);
	g_strlcpy(reply->resource, v->resource, sizeof(reply->resource));
	g_strlcpy(reply->etag, v->etag, sizeof(reply->etag));
	return 0;
}

int viewer_table_offer(struct viewer_table *t, struct path *path, const char *sdp, size_t len,
	struct viewer_offer_reply *reply)
{
	const struct track *tracks[MR_VIEWER_TRACKS] = {
		ready_track(path, MR_KIND_VIDEO), ready_track(path, MR_KIND_AUDIO)};
	struct sdp_offer *offer;
	struct sdp_choices choices;
	int rc;

	memset(reply, 0, sizeof(*reply));
	offer = g_new(struct sdp_offer, 1);
	rc = sdp_offer_parse(offer, sdp, len, &reply->why);
	if (rc < 0)
		goto out;
	rc = -EAGAIN;
	if (!install_attached(t->install)) {
		reply->why = install_why_not(t->install);
		goto out;
	}
	if (path->refused) {
		reply->why = path->refused;
		t->limits.refused++;
		rc = -ENOSPC;
		goto out;
	}
	if (path->state != MR_PATH_READY || (!tracks[0] && !tracks[1])) {
		reply->why = "no stream is available on the path";
		goto out;
	}
	rc = sdp_answer_choose(&choices, offer, tracks, &reply->why);
	if (rc < 0)
		goto out;
	rc = -ENOSPC;
	reply->why = limit_reached(t, path);
	if (reply->why)
		goto out;
	rc = make_answer(t, path, offer, &choices, reply);
out:
	g_free(offer);
	return rc;
}

/* ---- life ---- */

static void make_tables(struct viewer_table *t)
{
	t->by_id = g_hash_table_new(g_direct_hash, g_direct_equal);
	t->by_ufrag = g_hash_table_new(g_str_hash, g_str_equal);
	t->by_resource = g_hash_table_new(g_str_hash, g_str_equal);
	t->by_flow = g_hash_table_new_full(public_flow_hash, public_flow_equal, flow_free, NULL);
	g_queue_init(&t->ended);
	t->foreign = foreign_viewers_create();
}

static void free_tables(struct viewer_table *t)
{
	foreign_viewers_destroy(t->foreign);
	g_hash_table_destroy(t->by_flow);
	g_hash_table_destroy(t->by_resource);
	g_hash_table_destroy(t->by_ufrag);
	g_hash_table_destroy(t->by_id);
}

int viewer_table_create(struct viewer_table **out, const struct mr_config *config,
	struct install *install, struct routes *routes, struct path_table *paths)
{
	struct viewer_table *t = g_new0(struct viewer_table, 1);
	struct install_listener listener = {.attached = on_attached,
		.detached = on_detached,
		.absent = on_absent,
		.other_release = on_absent,
		.event = on_event,
		.user = t};
	int rc = -EIO;

	t->config = config;
	t->install = install;
	t->paths = paths;
	make_tables(t);
	ice_lite_init(&t->ice, lookup_ufrag, t);
	if (certificate_init(&t->certificate) < 0)
		goto err_tables;
	t->env.dtls = dtls_context_create(&t->certificate, config->profiles, config->n_profiles);
	if (!t->env.dtls)
		goto err_certificate;
	rc = public_port_create(&t->port, install, &config->webrtc_local_udp, on_datagram, t);
	if (rc < 0)
		goto err_dtls;
	t->candidates = candidates_create(config, install);
	t->env.install = install;
	t->env.routes = routes;
	t->env.port = t->port;
	t->env.repairs =
		config->dataplane.repair_window_ms != 0 && config->dataplane.repair_bitrate != 0;
	t->env.flow_added = on_flow_added;
	t->env.flow_dropped = on_flow_dropped;
	t->env.ufrags_leave = on_ufrags_leave;
	t->env.ufrags_enter = on_ufrags_enter;
	t->env.ended = on_ended;
	t->env.user = t;
	t->listener = (struct path_listener){.stream_gone = on_stream_gone, .user = t};
	path_listener_add(paths, &t->listener);
	install_add_listener(install, &listener);
	t->tick = g_timeout_add(TICK_MS, on_tick, t);
	*out = t;
	return 0;
err_dtls:
	dtls_context_destroy(t->env.dtls);
err_certificate:
	certificate_fini(&t->certificate);
err_tables:
	free_tables(t);
	g_free(t);
	return rc;
}

static void call_end(struct viewer *v, void *arg)
{
	viewer_close(v, "the control plane ends");
}

static void call_free(struct viewer *v, void *arg)
{
	viewer_free(v);
}

static void call_leave(struct viewer *v, void *arg)
{
	viewer_leave(v);
}

void viewer_table_leave(struct viewer_table *t)
{
	for_each(t, call_leave, NULL);
}

void viewer_table_destroy(struct viewer_table *t)
{
	if (!t)
		return;
	for_each(t, call_end, NULL);
	for_each(t, call_free, NULL); /* those whose VIEWER_DEL is not answered yet */
	g_clear_handle_id(&t->reaper, g_source_remove);
	reap(t);
	g_source_remove(t->tick);
	path_listener_del(t->paths, &t->listener);
	candidates_destroy(t->candidates);
	public_port_destroy(t->port);
	dtls_context_destroy(t->env.dtls);
	certificate_fini(&t->certificate);
	free_tables(t);
	g_free(t);
}
