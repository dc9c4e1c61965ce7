/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Destinations, the next hops that they share, and what is told of both. Main
 * thread. The kernel is asked by routes_netlink.h.
 *
 * A destination is an address that somebody wants a route to; handles to the
 * same address share it, and it holds the next hop (nexthops.h) on its way.
 */
#include "controlplane/routes.h"

#include "controlplane/install.h"
#include "controlplane/log.h"
#include "controlplane/nexthops.h"
#include "controlplane/routes_netlink.h"
#include "controlplane/source/address.h"

#include <glib.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <errno.h>
#include <string.h>

#define CHANGE_DELAY_MS 50 /* the kernel's changes come in bursts */
#define ASKED_MAX 64       /* questions under way: their answers fit the socket */

struct destination {
	struct routes *routes; /* borrowed */
	uint8_t remote[16];
	struct nexthop *nexthop; /* held; NULL: none */
	struct route_info info;
	bool known;  /* info is an answer */
	bool queued; /* waits to be asked about */
	GQueue handles;
};

struct route {
	struct destination *destination;
	void (*changed)(void *user, const struct route_info *info);
	void *user;
	bool dirty; /* in routes->dirty */
};

struct routes {
	struct install *install;
	struct routes_netlink *netlink;
	GHashTable *destinations;  /* by address; owned */
	struct nexthops *nexthops; /* owned */
	GHashTable *asked;         /* seq -> destination, NULL once nobody wants it */
	GQueue questions;          /* destinations to ask about */
	GQueue dirty;              /* handles to call */
	uint32_t seq;
	guint deliver; /* idle source; 0: none */
	guint change;  /* timer; 0: none */
};

static guint address_hash(gconstpointer p)
{
	const uint8_t *a = p;
	guint h = 2166136261u;

	for (int i = 0; i < 16; i++)
		h = (h ^ a[i]) * 16777619u;
	return h;
}

static gboolean address_equal(gconstpointer a, gconstpointer b)
{
	return !memcmp(a, b, 16);
}

const char *route_status_text(int status)
{
	switch (status) {
	case 0:
		return "reachable";
	case -ENETUNREACH:
		return "the kernel has no route to it";
	case -ENODEV:
		return "its route leaves by an interface that is no port of the data plane";
	case -ELOOP:
		return "it is an address of this host, which a port of the data plane cannot "
		       "reach; "
		       "play from another host or network namespace";
	default:
		return "the kernel did not answer the question for its route";
	}
}

/* ---- telling the handles ---- */

static gboolean deliver(gpointer user_data)
{
	struct routes *r = user_data;
	struct route *route;

	r->deliver = 0;
	/* A callback may release any handle, its own too: then it left the queue. */
	while ((route = g_queue_pop_head(&r->dirty))) {
		struct route_info info = route->destination->info;

		route->dirty = false;
		route->changed(route->user, &info);
	}
	return G_SOURCE_REMOVE;
}

static void tell(struct routes *r, struct route *route)
{
	if (route->dirty)
		return;
	route->dirty = true;
	g_queue_push_tail(&r->dirty, route);
	if (!r->deliver)
		r->deliver = g_idle_add_full(G_PRIORITY_DEFAULT, deliver, r, NULL);
}

static bool is_same(const struct route_info *a, const struct route_info *b)
{
	return a->status == b->status && a->nexthop_id == b->nexthop_id && a->port == b->port &&
	       a->resolved == b->resolved && !memcmp(a->local, b->local, 16);
}

static void set_info(struct routes *r, struct destination *d, const struct route_info *info)
{
	char text[ADDRESS_TEXT_MAX];

	if (d->known && is_same(&d->info, info))
		return;
	if (info->status && (!d->known || d->info.status != info->status))
		log_warn("-", "event=no_route to=%s note=\"%s\"", address_text(d->remote, text),
			route_status_text(info->status));
	d->info = *info;
	d->known = true;
	for (GList *l = d->handles.head; l; l = l->next)
		tell(r, l->data);
}

/* Its destinations can be reached from now on. */
static void on_resolved(void *user, const struct nexthop *n)
{
	struct routes *r = user;
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, r->destinations);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct destination *d = value;

		if (d->nexthop == n) {
			struct route_info info = d->info;

			info.resolved = true;
			set_info(r, d, &info);
		}
	}
}

/* ---- asking the kernel ---- */

static uint32_t next_seq(struct routes *r)
{
	r->seq = (r->seq + 1) & ~NEXTHOPS_SEQ;
	if (!r->seq)
		r->seq = 1;
	return r->seq;
}

static void ask_next(struct routes *r)
{
	while (g_hash_table_size(r->asked) < ASKED_MAX) {
		struct destination *d = g_queue_pop_head(&r->questions);
		uint32_t seq;

		if (!d)
			return;
		d->queued = false;
		seq = next_seq(r);
		if (netlink_ask_route(r->netlink, d->remote, seq)) {
			struct route_info info = {.status = -EIO};

			set_info(r, d, &info);
			continue;
		}
		g_hash_table_insert(r->asked, GUINT_TO_POINTER(seq), d);
	}
}

static void ask(struct routes *r, struct destination *d)
{
	/* Before a data plane has told its ports there is no answer. */
	if (d->queued || !install_attached(r->install))
		return;
	d->queued = true;
	g_queue_push_tail(&r->questions, d);
}

static void ask_all(struct routes *r)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, r->destinations);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		ask(r, value);
	ask_next(r);
}

static gboolean on_change(gpointer user_data)
{
	struct routes *r = user_data;

	r->change = 0;
	ask_all(r);
	return G_SOURCE_REMOVE;
}

static int judge(const struct routes *r, const struct netlink_route *route, int *port)
{
	*port = nexthops_find_port(r->install, route->oif);
	if (route->type == RTN_LOCAL || route->oif == (int)if_nametoindex("lo"))
		return -ELOOP;
	if (route->type != RTN_UNICAST)
		return -ENETUNREACH;
	return *port < 0 ? -ENODEV : 0;
}

static void on_route(void *user, uint32_t seq, const struct netlink_route *route)
{
	struct routes *r = user;
	struct destination *d = g_hash_table_lookup(r->asked, GUINT_TO_POINTER(seq));
	struct nexthop *old;
	struct route_info info = {0};
	int port;

	if (!g_hash_table_remove(r->asked, GUINT_TO_POINTER(seq)) || !d) {
		ask_next(r);
		return;
	}
	old = d->nexthop;
	d->nexthop = NULL;
	info.status = judge(r, route, &port);
	memcpy(info.local, route->local, 16);
	if (!info.status) {
		d->nexthop = nexthops_hold(r->nexthops, route->oif,
			route->has_gateway ? route->gateway : d->remote, (uint16_t)port);
		info.nexthop_id = d->nexthop->id;
		info.port = d->nexthop->port;
		info.resolved = d->nexthop->resolved;
	}
	set_info(r, d, &info);
	nexthops_drop(r->nexthops, old);
	ask_next(r);
}

static void on_refused(void *user, uint32_t seq, int error)
{
	struct routes *r = user;
	struct destination *d = g_hash_table_lookup(r->asked, GUINT_TO_POINTER(seq));
	struct route_info info = {.status = -ENETUNREACH};
	struct nexthop *old;

	if (seq & NEXTHOPS_SEQ) {
		nexthops_refused(r->nexthops, seq);
		return;
	}
	if (!g_hash_table_remove(r->asked, GUINT_TO_POINTER(seq)))
		return;
	if (d) {
		old = d->nexthop;
		d->nexthop = NULL;
		set_info(r, d, &info);
		nexthops_drop(r->nexthops, old);
	}
	ask_next(r);
}

static void on_neighbour(void *user, uint32_t seq, const struct netlink_neighbour *about)
{
	struct routes *r = user;

	nexthops_neighbour(r->nexthops, seq, about);
}

/* What is open will never be answered: it is asked once more. */
static void on_lost(void *user)
{
	struct routes *r = user;
	GHashTableIter iter;
	gpointer d;

	nexthops_forget_questions(r->nexthops);
	g_hash_table_iter_init(&iter, r->asked);
	while (g_hash_table_iter_next(&iter, NULL, &d)) {
		if (d)
			ask(r, d);
	}
	g_hash_table_remove_all(r->asked);
	ask_next(r);
}

static void on_kernel_changed(void *user)
{
	struct routes *r = user;

	if (!r->change)
		r->change = g_timeout_add(CHANGE_DELAY_MS, on_change, r);
}

static const struct netlink_events netlink_events = {
	.route = on_route,
	.neighbour = on_neighbour,
	.refused = on_refused,
	.lost = on_lost,
	.changed = on_kernel_changed,
};

/* A fresh data plane: its ports may have other indices, its next hops are gone. */
static void on_attached(void *user)
{
	struct routes *r = user;

	nexthops_announce(r->nexthops);
	ask_all(r);
}

/* ---- public ---- */

int routes_create(struct routes **out, struct install *install)
{
	struct routes *r = g_new0(struct routes, 1);
	struct install_listener listener = {.attached = on_attached, .user = r};
	int err = netlink_open(&r->netlink, &netlink_events, r);

	if (err) {
		g_free(r);
		return err;
	}
	r->install = install;
	r->destinations = g_hash_table_new(address_hash, address_equal);
	r->nexthops = nexthops_create(install, r->netlink, on_resolved, r);
	r->asked = g_hash_table_new(g_direct_hash, g_direct_equal);
	g_queue_init(&r->questions);
	g_queue_init(&r->dirty);
	install_add_listener(install, &listener);
	*out = r;
	return 0;
}

void routes_destroy(struct routes *r)
{
	g_clear_handle_id(&r->deliver, g_source_remove);
	g_clear_handle_id(&r->change, g_source_remove);
	nexthops_destroy(r->nexthops);
	netlink_close(r->netlink);
	g_queue_clear(&r->questions);
	g_hash_table_destroy(r->asked);
	g_hash_table_destroy(r->destinations);
	g_free(r);
}

struct route *routes_resolve(struct routes *r, const uint8_t remote[16],
	void (*changed)(void *user, const struct route_info *info), void *user)
{
	struct destination *d = g_hash_table_lookup(r->destinations, remote);
	struct route *route = g_slice_new0(struct route);

	if (!d) {
		d = g_new0(struct destination, 1);
		d->routes = r;
		memcpy(d->remote, remote, 16);
		g_queue_init(&d->handles);
		g_hash_table_insert(r->destinations, d->remote, d);
		ask(r, d);
		ask_next(r);
	}
	route->destination = d;
	route->changed = changed;
	route->user = user;
	g_queue_push_tail(&d->handles, route);
	if (d->known)
		tell(r, route);
	return route;
}

void route_release(struct route *route)
{
	struct destination *d;
	struct routes *r;
	GHashTableIter iter;
	gpointer value;

	if (!route)
		return;
	d = route->destination;
	r = d->routes;
	if (route->dirty)
		g_queue_remove(&r->dirty, route);
	g_queue_remove(&d->handles, route);
	g_slice_free(struct route, route);
	if (d->handles.length)
		return;
	if (d->queued)
		g_queue_remove(&r->questions, d);
	g_hash_table_iter_init(&iter, r->asked);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		if (value == d)
			g_hash_table_iter_replace(&iter, NULL);
	}
	g_hash_table_remove(r->destinations, d->remote);
	nexthops_drop(r->nexthops, d->nexthop);
	g_free(d);
}
