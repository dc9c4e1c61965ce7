/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops: the neighbours that packets of ours go to first, each known to the
 * data plane (NEXTHOP_SET) with its MAC address. One per (interface, gateway),
 * shared by all who hold it. Main thread; routes.c is the only user.
 *
 * The kernel's neighbour table is looked at when a next hop appears and then
 * every 20 to 25 s (while unresolved: 0.5 s, doubling to 30 s). What is missing
 * or stale there is provoked by a datagram; the last MAC address stays in use.
 */
#ifndef CONTROLPLANE_NEXTHOPS_H
#define CONTROLPLANE_NEXTHOPS_H

#include "controlplane/routes_netlink.h"

#define NEXTHOPS_SEQ 0x80000000u /* numbers of questions: this bit is for ours */

struct install;
struct nexthops;

struct nexthop {
	struct nexthops *table; /* borrowed */
	uint32_t id;            /* of the data plane */
	int ifindex;
	uint8_t gateway[16];
	uint16_t port; /* index in the data plane */
	bool known;    /* `mac` is there */
	bool resolved; /* ... and the data plane has it: packets may be sent */
	uint8_t mac[6];
	unsigned int telling; /* NEXTHOP_SETs that were not answered yet */
	unsigned int holders;
	unsigned int linger; /* timer, while nobody holds it; 0: none */
	uint64_t check_us;   /* when it is looked at next */
	uint64_t wait_us;    /* unresolved: until the look after that */
};

/* `resolved` is called when the data plane has a next hop's first MAC address. */
struct nexthops *nexthops_create(struct install *install, struct routes_netlink *netlink,
	void (*resolved)(void *user, const struct nexthop *n), void *user);
void nexthops_destroy(struct nexthops *h);

struct nexthop *nexthops_hold(
	struct nexthops *h, int ifindex, const uint8_t gateway[16], uint16_t port);
/* NULL is fine. Soon after the last holder's drop it is removed from the data plane:
 * packets by it that are on their way down still find it. */
void nexthops_drop(struct nexthops *h, struct nexthop *n);

/* What the kernel says; `seq` as in struct netlink_events. */
void nexthops_neighbour(struct nexthops *h, uint32_t seq, const struct netlink_neighbour *about);
void nexthops_refused(struct nexthops *h, uint32_t seq);
/* Open questions stay unanswered; each is asked again when its time comes. */
void nexthops_forget_questions(struct nexthops *h);

/* A fresh data plane: tells it all of them, with its own indices of ports. */
void nexthops_announce(struct nexthops *h);

/* Index of the data plane's port on a kernel interface; -1: none. */
int nexthops_find_port(const struct install *install, int ifindex);

#endif
