/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses and the gateway of an owned port's tap, by rtnetlink. Main thread,
 * at start; needs CAP_NET_ADMIN. They go with the tap when the process ends.
 */
#ifndef DATAPLANE_PORT_TAP_NETLINK_H
#define DATAPLANE_PORT_TAP_NETLINK_H

#include <stdint.h>

/* `text`: "192.0.2.1/24", "2001:db8::1/64". 0, -EINVAL: not such an address,
 * -EPERM, or -errno of the kernel. */
int tap_address_add(uint32_t ifindex, const char *text);

/* A default route of the gateway's family. -EEXIST: there is one already. */
int tap_gateway_add(uint32_t ifindex, const char *text);

#endif
