/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops and their MAC addresses; main thread. */
#include "controlplane/nexthops.h"

#include "controlplane/install.h"

#include <glib.h>

#include <errno.h>
#include <string.h>

#define CHECK_MS 500
#define CHECK_RESOLVED_US 20000000
#define CHECK_JITTER_US 5000000
#define CHECK_FIRST_US 500000
#define CHECK_LAST_US 30000000
#define LINGER_MS 100 /* without holders: a last packet by it may be in a ring */

struct nexthops {
	struct install *install;
	struct routes_netlink *netlink;
	void (*resolved)(void *user, const struct nexthop *n);
	void *user;
	GPtrArray *all;     /* owned; those without holders, too, for LINGER_MS */
	GPtrArray *leaving; /* struct leaving, owned */
	GHashTable *asked;  /* number of a question -> id of its next hop */
	uint32_t seq;
	guint check; /* timer */
};

/* One that nobody here holds any more, until the data plane has let go of it:
 * viewers there may still be on their way to another. */
struct leaving {
	struct nexthops *table; /* borrowed */
	uint32_t id;
	bool refused; /* busy: asked again by the timer */
};

static uint64_t now_us(void)
{
	return (uint64_t)g_get_monotonic_time();
}

int nexthops_find_port(const struct install *install, int ifindex)
{
	const struct mr_port_info *ports;
	size_t n = install_ports(install, &ports);

	for (size_t i = 0; i < n; i++) {
		if (ports[i].ifindex == (uint32_t)ifindex)
			return (int)ports[i].index;
	}
	return -1;
}

/* Packets go down a ring of their own and may overtake a command: nobody sends
 * by a next hop before the data plane has said that it knows it. */
static void on_told(int status, void *user)
{
	struct nexthop *n = user;

	n->telling--;
	if (status != 0 || !n->known || n->resolved || n->telling > 0)
		return;
	n->resolved = true;
	n->table->resolved(n->table->user, n);
}

static void send_nexthop(struct nexthops *h, struct nexthop *n)
{
	struct mr_command c = {.type = MR_COMMAND_NEXTHOP_SET};

	c.nexthop_set.nexthop_id = n->id;
	c.nexthop_set.port = n->port;
	memcpy(c.nexthop_set.mac, n->mac, sizeof(n->mac));
	c.nexthop_set.valid = n->known;
	if (install_command(h->install, &c, on_told, n) == 0)
		n->telling++;
}

static struct nexthop *find(struct nexthops *h, int ifindex, const uint8_t gateway[16])
{
	for (guint i = 0; i < h->all->len; i++) {
		struct nexthop *n = g_ptr_array_index(h->all, i);

		if (n->ifindex == ifindex && !memcmp(n->gateway, gateway, 16))
			return n;
	}
	return NULL;
}

/* What the kernel knows of it decides what is done. */
static void look_at(struct nexthops *h, struct nexthop *n)
{
	uint32_t seq = ++h->seq | NEXTHOPS_SEQ;

	if (!netlink_ask_neighbour(h->netlink, n->ifindex, n->gateway, seq))
		g_hash_table_insert(h->asked, GUINT_TO_POINTER(seq), GUINT_TO_POINTER(n->id));
}

static uint64_t until_next_check(void)
{
	return CHECK_RESOLVED_US + g_random_int() % CHECK_JITTER_US;
}

static void on_left(int status, void *user)
{
	struct leaving *l = user;

	if (status == -EBUSY)
		l->refused = true;
	else
		g_ptr_array_remove_fast(l->table->leaving, l);
}

static void leave(struct leaving *l)
{
	struct mr_command c = {.type = MR_COMMAND_NEXTHOP_DEL};

	l->refused = false;
	c.object.id = l->id;
	if (install_command(l->table->install, &c, on_left, l) < 0)
		g_ptr_array_remove_fast(l->table->leaving, l);
}

/* Unknown ones are looked at with back-off, known ones now and then. */
static gboolean on_check(gpointer user_data)
{
	struct nexthops *h = user_data;
	uint64_t now = now_us();

	for (guint i = 0; i < h->all->len; i++) {
		struct nexthop *n = g_ptr_array_index(h->all, i);

		if (now < n->check_us)
			continue;
		if (n->known) {
			n->check_us = now + until_next_check();
		} else {
			n->wait_us = MIN(n->wait_us * 2, CHECK_LAST_US);
			n->check_us = now + n->wait_us;
		}
		look_at(h, n);
	}
	for (guint i = h->leaving->len; i > 0; i--) {
		struct leaving *l = g_ptr_array_index(h->leaving, i - 1);

		if (l->refused)
			leave(l);
	}
	return G_SOURCE_CONTINUE;
}

static void take_mac(struct nexthops *h, struct nexthop *n, const uint8_t mac[6])
{
	if (!n->known)
		n->check_us = now_us() + until_next_check();
	n->wait_us = CHECK_FIRST_US;
	if (n->known && !memcmp(n->mac, mac, 6))
		return;
	memcpy(n->mac, mac, 6);
	n->known = true;
	send_nexthop(h, n);
}

void nexthops_neighbour(struct nexthops *h, uint32_t seq, const struct netlink_neighbour *about)
{
	struct nexthop *n = find(h, about->ifindex, about->address);

	g_hash_table_remove(h->asked, GUINT_TO_POINTER(seq));
	if (!n)
		return;
	if (about->usable)
		take_mac(h, n, about->mac);
	/* Asked because its time had come: what is not fresh is refreshed. */
	if (seq && (!about->usable || about->stale))
		netlink_provoke(h->netlink, n->ifindex, n->gateway);
}

/* The kernel has no entry of it. */
void nexthops_refused(struct nexthops *h, uint32_t seq)
{
	uint32_t id = GPOINTER_TO_UINT(g_hash_table_lookup(h->asked, GUINT_TO_POINTER(seq)));

	g_hash_table_remove(h->asked, GUINT_TO_POINTER(seq));
	for (guint i = 0; i < h->all->len; i++) {
		struct nexthop *n = g_ptr_array_index(h->all, i);

		if (n->id == id)
			netlink_provoke(h->netlink, n->ifindex, n->gateway);
	}
}

void nexthops_forget_questions(struct nexthops *h)
{
	g_hash_table_remove_all(h->asked);
}

static void nexthop_free(struct nexthops *h, struct nexthop *n)
{
	if (n->linger)
		g_source_remove(n->linger);
	install_forget(h->install, n);
	g_ptr_array_remove_fast(h->all, n);
	g_free(n);
}

/* Commands overtake packets down (install_send_packet() only holds packets back),
 * and whoever drops a next hop may just have said goodbye by it. */
static gboolean on_linger(gpointer user_data)
{
	struct nexthop *n = user_data;
	struct nexthops *h = n->table;
	struct leaving *l = g_new0(struct leaving, 1);

	n->linger = 0;
	l->table = h;
	l->id = n->id;
	nexthop_free(h, n);
	g_ptr_array_add(h->leaving, l);
	leave(l);
	return G_SOURCE_REMOVE;
}

struct nexthops *nexthops_create(struct install *install, struct routes_netlink *netlink,
	void (*resolved)(void *user, const struct nexthop *n), void *user)
{
	struct nexthops *h = g_new0(struct nexthops, 1);

	h->install = install;
	h->netlink = netlink;
	h->resolved = resolved;
	h->user = user;
	h->all = g_ptr_array_new();
	h->leaving = g_ptr_array_new_with_free_func(g_free);
	h->asked = g_hash_table_new(g_direct_hash, g_direct_equal);
	h->check = g_timeout_add(CHECK_MS, on_check, h);
	return h;
}

/* The data plane prunes what nobody there uses when it sees this process go. */
void nexthops_destroy(struct nexthops *h)
{
	g_source_remove(h->check);
	while (h->all->len > 0)
		nexthop_free(h, g_ptr_array_index(h->all, h->all->len - 1));
	for (guint i = 0; i < h->leaving->len; i++)
		install_forget(h->install, g_ptr_array_index(h->leaving, i));
	g_ptr_array_free(h->leaving, TRUE);
	g_hash_table_destroy(h->asked);
	g_ptr_array_free(h->all, TRUE);
	g_free(h);
}

struct nexthop *nexthops_hold(
	struct nexthops *h, int ifindex, const uint8_t gateway[16], uint16_t port)
{
	struct nexthop *n = find(h, ifindex, gateway);

	if (n) {
		if (n->linger)
			g_source_remove(n->linger);
		n->linger = 0;
		n->holders++;
		return n;
	}
	n = g_new0(struct nexthop, 1);
	n->table = h;
	n->id = install_new_id(h->install);
	n->ifindex = ifindex;
	n->port = port;
	n->holders = 1;
	memcpy(n->gateway, gateway, 16);
	n->wait_us = CHECK_FIRST_US;
	n->check_us = now_us() + n->wait_us;
	g_ptr_array_add(h->all, n);
	send_nexthop(h, n);
	look_at(h, n);
	return n;
}

void nexthops_drop(struct nexthops *h, struct nexthop *n)
{
	if (!n || --n->holders)
		return;
	n->linger = g_timeout_add(LINGER_MS, on_linger, n);
}

void nexthops_announce(struct nexthops *h)
{
	for (guint i = 0; i < h->all->len; i++) {
		struct nexthop *n = g_ptr_array_index(h->all, i);
		int port = nexthops_find_port(h->install, n->ifindex);

		if (port >= 0)
			n->port = (uint16_t)port;
		send_nexthop(h, n);
	}
}
