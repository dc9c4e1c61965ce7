/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Orders: how the main thread changes what belongs to a worker. The main thread
 * allocates and fills an order, the worker carries it out between two turns and
 * hands the pointer back; only then may the main thread free what was unlinked
 * (the worker's turn is over: nothing of it is in flight).
 */
#ifndef DATAPLANE_CONTROL_ORDER_H
#define DATAPLANE_CONTROL_ORDER_H

#include "dataplane/api/channel.h"
#include "dataplane/port/flow_table.h"
#include "dataplane/stream/stream.h"
#include "dataplane/viewer/viewer.h"

struct worker;

enum order_type {
	ORDER_STREAM_LINK = 1, /* the owner: stream and path_clock */
	ORDER_STREAM_BIND,     /* the owner: bind */
	ORDER_STREAM_REPORT,   /* the owner: report */
	ORDER_STREAM_UNLINK,   /* the owner: its viewers lose the track */
	ORDER_STREAM_OWNER,    /* worker 0: flow.id is flow.owner's; with `remove` nobody's */
	ORDER_AUDIENCE_ADD,    /* the stream's owner: audience[0] of another worker reads it */
	ORDER_AUDIENCE_DEL,    /* the stream's owner: and is told of it no more */
	ORDER_AUDIENCE_FORGET, /* the audience's worker, after that: it may be freed */
	ORDER_VIEWER_LINK,     /* the owner: viewer joins audience[], which live there */
	ORDER_VIEWER_JOIN,     /* the owner: track[] of a running viewer joins a later stream */
	ORDER_VIEWER_ROUTE,    /* the owner: local, remote, nexthop_id */
	ORDER_VIEWER_ICE,      /* the owner: ice, integrity */
	ORDER_VIEWER_UNLINK,   /* the owner */
	ORDER_NEXTHOP,         /* every worker: nexthop; with `remove` it is forgotten */
	ORDER_FLOW_ADD_SOURCE, /* every worker: local, flow */
	ORDER_FLOW_DEL_SOURCE,
	ORDER_FLOW_ADD_VIEWER, /* every worker: local, remote, flow */
	ORDER_FLOW_DEL_VIEWER,
	ORDER_PUBLIC, /* every worker: local */
	ORDER_RINGS,  /* worker 0: takes the packet rings, or (NULL) lets go of them */
};

struct order {
	enum order_type type;
	int status;                                  /* out: 0 or -errno */
	void *user;                                  /* the main thread's */
	struct stream *stream;                       /* borrowed */
	struct audience *audience[MR_VIEWER_TRACKS]; /* borrowed */
	struct viewer_track **larger
		[MR_VIEWER_TRACKS]; /* in: a larger audience->tracks or NULL; out: the old one */
	uint32_t larger_capacity[MR_VIEWER_TRACKS];
	struct viewer *viewer;
	const struct mr_viewer_ice *ice;       /* borrowed until carried out */
	const struct hmac_sha1_key *integrity; /* ditto: of its password */
	char *remote_ufrag;                    /* in: of ice, for the viewer; out: the old one */
	struct clock_path *path_clock;
	struct mr_stream_bind bind;
	struct mr_stream_report report;
	struct nexthop nexthop;
	bool remove;
	struct flow_value flow;
	struct mr_endpoint local;
	struct mr_endpoint remote;
	uint32_t nexthop_id;
	struct mr_ring *packets_down;
	struct mr_ring *packets_up;
};

/* Worker: carries out one order. */
void order_carry_out(struct worker *w, struct order *o);

#endif
