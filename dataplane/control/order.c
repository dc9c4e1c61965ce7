/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The worker's side of the orders: what the main thread wants linked, changed
 * or unlinked, between two turns. Runs on the worker's lcore.
 */
#include "dataplane/control/order.h"

#include "dataplane/pipeline/catch_up.h"
#include "dataplane/pipeline/repair_queue.h"
#include "dataplane/pipeline/spread.h"

#include <errno.h>
#include <string.h>

#define NEXTHOP_FREED UINT32_MAX /* was used: a search goes on behind it */

/* The entry of `id`, or with `add` the free one that it gets. */
static struct nexthop *nexthop_slot(const struct worker *w, uint32_t id, bool add)
{
	struct nexthop *room = NULL;

	for (uint32_t i = 0; i < NEXTHOPS_MAX; i++) {
		struct nexthop *n = &w->nexthops[(id + i) % NEXTHOPS_MAX];
		if (n->id == id)
			return n;
		if (room == NULL && (n->id == 0 || n->id == NEXTHOP_FREED))
			room = n;
		if (n->id == 0)
			break;
	}
	return add ? room : NULL;
}

const struct nexthop *worker_nexthop(const struct worker *w, uint32_t id)
{
	return id == 0 || id == NEXTHOP_FREED ? NULL : nexthop_slot(w, id, false);
}

static void viewer_build_header(struct worker *w, struct viewer *v)
{
	static const struct nexthop none;
	const struct nexthop *n = worker_nexthop(w, v->nexthop_id);

	frame_header_build(&v->header, n != NULL ? n : &none, &v->local, &v->remote);
}

static int nexthop_set(struct worker *w, const struct nexthop *nexthop, bool remove)
{
	struct nexthop *slot = nexthop_slot(w, nexthop->id, true);

	if (slot == NULL)
		return -ENOSPC;
	*slot = *nexthop;
	if (remove)
		slot->id = NEXTHOP_FREED;
	for (uint32_t i = 0; i < w->n_viewers; i++)
		if (w->viewers[i]->nexthop_id == nexthop->id)
			viewer_build_header(w, w->viewers[i]);
	return 0;
}

static int stream_link(struct worker *w, struct order *o)
{
	struct stream *s = o->stream;

	if (w->n_streams == w->streams_capacity)
		return -ENOSPC;
	if (clock_path_add(o->path_clock, &s->clock, s->clock_rate) != 0)
		return -ENOSPC;
	s->path_clock = o->path_clock;
	w->streams[w->n_streams++] = s;
	return 0;
}

static void worker_unqueue_audience(struct worker *w, struct audience *a)
{
	struct audience *previous = NULL;

	for (struct audience *q = w->queue_head; q != NULL; previous = q, q = q->next_queued) {
		if (q != a)
			continue;
		if (previous != NULL)
			previous->next_queued = a->next_queued;
		else
			w->queue_head = a->next_queued;
		if (w->queue_tail == a)
			w->queue_tail = previous;
		break;
	}
	a->queued = false;
}

/* Its tracks leave; it is in no list of the worker's. */
static void audience_unlink(struct worker *w, struct audience *a)
{
	audience_disband(w, a);
	worker_unqueue_audience(w, a);
}

static int audience_add(struct audience *a)
{
	struct stream *s = a->stream;
	int rc;

	if (s->n_remote == MR_WORKERS_MAX)
		return -ENOSPC;
	rc = plain_ring_add_reader(&s->ring, &a->holding);
	if (rc != 0)
		return rc;
	a->live_next = s->ring.next;
	s->remote[s->n_remote++] = a;
	return 0;
}

static int audience_del(const struct audience *a)
{
	struct stream *s = a->stream;
	uint8_t i = 0;

	plain_ring_del_reader(&s->ring, &a->holding);
	while (i < s->n_remote && s->remote[i] != a)
		i++;
	if (i == s->n_remote)
		return -ENOENT;
	s->remote[i] = s->remote[--s->n_remote];
	return 0;
}

static int audience_forget(struct worker *w, struct audience *a)
{
	audience_unlink(w, a);
	spread_forget(w, a);
	worker_read_end(w);
	return 0;
}

static int stream_unlink(struct worker *w, struct stream *s)
{
	handoff_forget(w, s);
	while (s->n_remote > 0)
		audience_del(s->remote[0]);
	audience_unlink(w, &s->audience);
	if (s->reorder.held > 0)
		w->n_holding--;
	clock_path_del(s->path_clock, &s->clock);
	for (uint32_t i = 0; i < w->n_streams; i++) {
		if (w->streams[i] != s)
			continue;
		w->streams[i] = w->streams[--w->n_streams];
		return 0;
	}
	return -ENOENT;
}

/* Whose the streams of others are: for what comes down the packet ring. */
static int stream_owner(struct worker *w, const struct flow_value *stream, bool remove)
{
	uint32_t i = 0;

	if (!remove) {
		if (w->n_elsewhere == w->streams_capacity)
			return -ENOSPC;
		w->elsewhere[w->n_elsewhere++] =
			(struct stream_owner){.stream_id = stream->id, .owner = stream->owner};
		return 0;
	}
	while (i < w->n_elsewhere && w->elsewhere[i].stream_id != stream->id)
		i++;
	if (i == w->n_elsewhere)
		return -ENOENT;
	w->elsewhere[i] = w->elsewhere[--w->n_elsewhere];
	return 0;
}

/* Lets track `i` of the order's viewer join; hands the outgrown array back. */
static void join_track(struct worker *w, struct order *o, unsigned int i)
{
	struct audience *a = o->audience[i];

	if (a == NULL)
		return;
	if (o->larger[i] != NULL && o->larger_capacity[i] > a->tracks_capacity) {
		memcpy(o->larger[i], a->tracks, a->n_tracks * sizeof(a->tracks[0]));
		struct viewer_track **old = a->tracks;
		a->tracks = o->larger[i];
		a->tracks_capacity = o->larger_capacity[i];
		o->larger[i] = old;
	}
	track_join(w, a, &o->viewer->track[i]);
}

static int viewer_link(struct worker *w, struct order *o)
{
	struct viewer *v = o->viewer;

	if (w->n_viewers == w->viewers_capacity)
		return -ENOSPC;
	v->position = w->n_viewers;
	w->viewers[w->n_viewers++] = v;
	v->alive_ns = w->now_ns;
	/* Spread over the second: viewers that come together do not report together. */
	v->next_report_ns = w->now_ns + 200000000ull + (v->id * 2654435761u) % 300000000u;
	viewer_build_header(w, v);
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		join_track(w, o, i);
	return 0;
}

static int viewer_unlink(struct worker *w, struct viewer *v)
{
	handoff_forget(w, v);
	repair_forget(w, v);
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		track_leave(w, &v->track[i]);
	if (v->position >= w->n_viewers || w->viewers[v->position] != v)
		return -ENOENT;
	w->viewers[v->position] = w->viewers[--w->n_viewers];
	w->viewers[v->position]->position = v->position;
	return 0;
}

static int viewer_route(struct worker *w, struct order *o)
{
	struct viewer *v = o->viewer;

	v->local = o->local;
	v->remote = o->remote;
	v->nexthop_id = o->nexthop_id;
	viewer_build_header(w, v);
	return 0;
}

static void viewer_ice(struct viewer *v, struct order *o)
{
	char *old = v->remote_ufrag;

	v->local_ufrag_len = (uint8_t)o->ice->local_ufrag_len;
	v->local_pwd_len = o->ice->local_pwd_len;
	v->remote_ufrag_len = o->ice->remote_ufrag_len;
	memcpy(v->local_ufrag, o->ice->local_ufrag, sizeof(v->local_ufrag));
	v->remote_ufrag = o->remote_ufrag;
	o->remote_ufrag = old;
	v->integrity = *o->integrity;
}

static int rings_take(struct worker *w, const struct order *o)
{
	w->packets_down = o->packets_down;
	w->packets_up = o->packets_up;
	w->down_waits = w->down_stuck = false;
	if (w->joiner != NULL)
		mr_packet_joiner_init(w->joiner);
	return 0;
}

void order_carry_out(struct worker *w, struct order *o)
{
	switch (o->type) {
	case ORDER_STREAM_LINK:
		o->status = stream_link(w, o);
		break;
	case ORDER_STREAM_BIND:
		stream_input_flush(w, o->stream);
		stream_bind(o->stream, &o->bind);
		o->status = 0;
		break;
	case ORDER_STREAM_REPORT:
		stream_report(o->stream, o->report.rtp, o->report.ntp, w->wall_ns);
		o->status = 0;
		break;
	case ORDER_STREAM_UNLINK:
		o->status = stream_unlink(w, o->stream);
		break;
	case ORDER_STREAM_OWNER:
		o->status = stream_owner(w, &o->flow, o->remove);
		break;
	case ORDER_AUDIENCE_ADD:
		o->status = audience_add(o->audience[0]);
		break;
	case ORDER_AUDIENCE_DEL:
		o->status = audience_del(o->audience[0]);
		break;
	case ORDER_AUDIENCE_FORGET:
		o->status = audience_forget(w, o->audience[0]);
		break;
	case ORDER_VIEWER_LINK:
		o->status = viewer_link(w, o);
		break;
	case ORDER_VIEWER_JOIN:
		for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
			join_track(w, o, i);
		o->status = 0;
		break;
	case ORDER_VIEWER_ROUTE:
		o->status = viewer_route(w, o);
		break;
	case ORDER_VIEWER_ICE:
		viewer_ice(o->viewer, o);
		o->status = 0;
		break;
	case ORDER_VIEWER_UNLINK:
		o->status = viewer_unlink(w, o->viewer);
		break;
	case ORDER_NEXTHOP:
		o->status = nexthop_set(w, &o->nexthop, o->remove);
		break;
	case ORDER_FLOW_ADD_SOURCE:
		o->status = flow_table_add_source(w->flows, &o->local, o->flow);
		break;
	case ORDER_FLOW_DEL_SOURCE:
		o->status = flow_table_del_source(w->flows, &o->local);
		break;
	case ORDER_FLOW_ADD_VIEWER:
		o->status = flow_table_add_viewer(w->flows, &o->local, &o->remote, o->flow);
		break;
	case ORDER_FLOW_DEL_VIEWER:
		o->status = flow_table_del_viewer(w->flows, &o->local, &o->remote);
		break;
	case ORDER_PUBLIC:
		o->status = flow_table_add_public(w->flows, &o->local);
		break;
	case ORDER_RINGS:
		o->status = rings_take(w, o);
		break;
	default:
		o->status = -EINVAL;
	}
}
