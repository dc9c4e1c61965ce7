/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routes: how packets of ours get to an address. Follows the kernel's routes
 * and neighbours (rtnetlink) and keeps the data plane's next hops (NEXTHOP_SET)
 * in step. Main thread; never blocks; needs no privilege.
 *
 * One next hop serves all destinations behind the same (port, gateway). A
 * neighbour that the kernel does not know is provoked by one small datagram to
 * its discard port, with back-off; one in use is refreshed before the kernel
 * forgets it; the last known MAC address outlives the kernel's entry.
 *
 * Addresses are 16 bytes, IPv4 v4-mapped (RFC 4291 2.5.5.2).
 */
#ifndef CONTROLPLANE_ROUTES_H
#define CONTROLPLANE_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

struct install;
struct route;
struct routes;

struct route_info {
	/*
	 * 0, or why no packet gets there now:
	 *   -ENETUNREACH  the kernel has no route
	 *   -ENODEV       the route leaves by an interface that is no port of the data plane
	 *   -ELOOP        the address is this host's own: a port cannot reach it
	 *   -EIO          the kernel refused the question
	 */
	int status;
	uint32_t nexthop_id; /* known to the data plane when the callback runs; status 0 */
	uint16_t port;       /* index, as MR_EVENT_PORT told */
	bool resolved;       /* its MAC address is known */
	uint8_t local[16];   /* the address that the kernel would send from */
};

/* `install` is borrowed and outlives the routes. 0 or -errno. */
int routes_create(struct routes **routes, struct install *install);
/* All handles must be released before. */
void routes_destroy(struct routes *routes);

/*
 * Resolves `remote` and follows it until route_release(). `changed` is called
 * once when the first answer is there (never inside routes_resolve) and again
 * whenever a field of its route_info changes. NULL: no memory.
 */
struct route *routes_resolve(struct routes *routes, const uint8_t remote[16],
	void (*changed)(void *user, const struct route_info *info), void *user);
/* NULL is fine. Allowed inside `changed`. Forget the next hop first: VIEWER_DEL, then this. */
void route_release(struct route *route);

/* A sentence for the log: what `status` of a route_info means. */
const char *route_status_text(int status);

#endif
