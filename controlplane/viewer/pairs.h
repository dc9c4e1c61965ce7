/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The candidate pairs of one viewer: the flows from which a valid connectivity
 * check came, each with the route back. Only to those anything is ever sent.
 * Main thread.
 */
#ifndef CONTROLPLANE_VIEWER_PAIRS_H
#define CONTROLPLANE_VIEWER_PAIRS_H

#include "controlplane/routes.h"
#include "controlplane/viewer/ice_lite.h"
#include "controlplane/viewer/public_port.h"

#define PAIRS_MAX 8

struct pair {
	struct public_flow flow;
	bool routed; /* `route_info` has been told */
	struct route_info route_info;
	gint64 checked_us; /* g_get_monotonic_time() of the last check */
	uint32_t priority; /* of the client's candidate, as the last check said */
	bool considered;   /* a check without USE-CANDIDATE came: a nomination is a choice */
	/* private to pairs.c */
	struct pairs *pairs;
	struct route *route;
	uint8_t waiting[ICE_LITE_REPLY_MAX]; /* the last reply, until there is a route */
	size_t waiting_len;
};

struct pairs {
	struct public_port *port; /* borrowed */
	struct routes *routes;    /* borrowed */
	/* A pair's route was told or changed. */
	void (*routed)(struct pair *pair, void *user);
	/* A pair is forgotten: the oldest gives room to a new one. */
	void (*dropped)(struct pair *pair, void *user);
	void *user;
	size_t n;
	struct pair *list[PAIRS_MAX]; /* owned */
};

/* The pair of a flow; NULL: none. */
struct pair *pairs_find(struct pairs *pairs, const struct public_flow *flow);
/* The same, adding it; the oldest beside `keep1` and `keep2` goes when there is no
 * room. NULL: no memory. */
struct pair *pairs_add(struct pairs *pairs, const struct public_flow *flow,
	const struct pair *keep1, const struct pair *keep2);
/* Sends, or keeps a short datagram until there is a route; losing one is allowed. */
void pair_send(struct pair *pair, const void *data, size_t len);
/* Forgets all, releasing their routes; `dropped` is called for each. */
void pairs_clear(struct pairs *pairs);

#endif
