/* SPDX-License-Identifier: BSD-3-Clause */
/* Candidate pairs of a viewer: see pairs.h. Main thread. */
#include "controlplane/viewer/pairs.h"

#include <string.h>

/* Packets may go: the data plane knows the next hop and its MAC address. */
static bool is_ready(const struct pair *pair)
{
	return pair->routed && pair->route_info.status == 0 && pair->route_info.resolved;
}

static void on_route(void *user, const struct route_info *info)
{
	struct pair *pair = user;

	pair->route_info = *info;
	pair->routed = true;
	if (is_ready(pair) && pair->waiting_len > 0) {
		public_port_send(pair->pairs->port, &pair->flow, info->nexthop_id, pair->waiting,
			pair->waiting_len);
		pair->waiting_len = 0;
	}
	pair->pairs->routed(pair, pair->pairs->user);
}

static void pair_del(struct pairs *pairs, size_t i)
{
	struct pair *pair = pairs->list[i];

	pairs->list[i] = pairs->list[--pairs->n];
	pairs->dropped(pair, pairs->user);
	route_release(pair->route);
	g_slice_free(struct pair, pair);
}

struct pair *pairs_find(struct pairs *pairs, const struct public_flow *flow)
{
	for (size_t i = 0; i < pairs->n; i++) {
		if (public_flow_equal(&pairs->list[i]->flow, flow))
			return pairs->list[i];
	}
	return NULL;
}

/* Forgets the pair whose last check is longest ago. */
static bool make_room(struct pairs *pairs, const struct pair *keep1, const struct pair *keep2)
{
	const struct pair *oldest = NULL;
	size_t at = 0;

	for (size_t i = 0; i < pairs->n; i++) {
		const struct pair *p = pairs->list[i];

		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): no entry is NULL */
		if (p == keep1 || p == keep2 || (oldest && p->checked_us >= oldest->checked_us))
			continue;
		oldest = p;
		at = i;
	}
	if (oldest)
		pair_del(pairs, at);
	return oldest != NULL;
}

struct pair *pairs_add(struct pairs *pairs, const struct public_flow *flow,
	const struct pair *keep1, const struct pair *keep2)
{
	struct pair *pair = pairs_find(pairs, flow);

	if (pair)
		return pair;
	if (pairs->n == PAIRS_MAX && !make_room(pairs, keep1, keep2))
		return NULL;
	pair = g_slice_new0(struct pair);
	pair->flow = *flow;
	pair->pairs = pairs;
	if (!flow->kernel) {
		pair->route = routes_resolve(pairs->routes, flow->remote.addr, on_route, pair);
		if (!pair->route) {
			g_slice_free(struct pair, pair);
			return NULL;
		}
	}
	pairs->list[pairs->n++] = pair;
	return pair;
}

void pair_send(struct pair *pair, const void *data, size_t len)
{
	if (pair->flow.kernel || is_ready(pair)) {
		public_port_send(
			pair->pairs->port, &pair->flow, pair->route_info.nexthop_id, data, len);
	} else if (len <= sizeof(pair->waiting)) {
		memcpy(pair->waiting, data, len);
		pair->waiting_len = len;
	}
}

void pairs_clear(struct pairs *pairs)
{
	while (pairs->n > 0)
		pair_del(pairs, pairs->n - 1);
}
