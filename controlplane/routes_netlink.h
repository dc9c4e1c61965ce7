/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions to the kernel about routes and neighbours, and what it tells
 * unasked (rtnetlink over libmnl). Main thread; sockets never block; needs no
 * privilege. Answers come as callbacks from the main loop, never out of a
 * question. Addresses are 16 bytes, IPv4 v4-mapped.
 */
#ifndef CONTROLPLANE_ROUTES_NETLINK_H
#define CONTROLPLANE_ROUTES_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

struct routes_netlink;

struct netlink_route {
	uint8_t type; /* RTN_* */
	int oif;
	bool has_gateway; /* else the destination itself is the next hop */
	uint8_t gateway[16];
	uint8_t local[16]; /* all zero: the kernel does not say */
};

struct netlink_neighbour {
	int ifindex;
	uint8_t address[16];
	bool has_mac;
	uint8_t mac[6];
	bool usable; /* the kernel would send to that MAC address now */
	bool stale;  /* usable, but not confirmed of late */
};

struct netlink_events {
	/* Answer to netlink_ask_route() of that number. */
	void (*route)(void *user, uint32_t seq, const struct netlink_route *route);
	/* Answer to netlink_ask_neighbour(), or unasked (seq 0). */
	void (*neighbour)(void *user, uint32_t seq, const struct netlink_neighbour *n);
	/* The question of that number has no answer: -errno of the kernel. */
	void (*refused)(void *user, uint32_t seq, int error);
	/* Answers found no room: questions that are open now stay so. */
	void (*lost)(void *user);
	/* Routes, addresses or links changed: every answer may be old. */
	void (*changed)(void *user);
};

/* 0 or -errno. `events` and `user` are borrowed. */
int netlink_open(struct routes_netlink **out, const struct netlink_events *events, void *user);
/* NULL is fine. */
void netlink_close(struct routes_netlink *nl);

/* `seq` is the caller's, never 0. 0 or -errno. */
int netlink_ask_route(struct routes_netlink *nl, const uint8_t remote[16], uint32_t seq);
int netlink_ask_neighbour(
	struct routes_netlink *nl, int ifindex, const uint8_t address[16], uint32_t seq);

/* One small datagram to the neighbour's discard port: the kernel resolves or
 * confirms its MAC address. Errors do not matter: it is tried again. */
void netlink_provoke(struct routes_netlink *nl, int ifindex, const uint8_t address[16]);

#endif
