/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one public UDP port of all viewers. The data plane owns it
 * (MR_COMMAND_LISTEN) and sends up what it does not answer itself; a kernel
 * socket on the same port reserves it and takes what only the kernel can
 * receive (reassembled fragments, packets by an interface that is no port). A
 * datagram is answered by the way it came. Main thread.
 */
#ifndef CONTROLPLANE_VIEWER_PUBLIC_PORT_H
#define CONTROLPLANE_VIEWER_PUBLIC_PORT_H

#include "controlplane/install.h"
#include "controlplane/viewer/public_flow.h"

struct public_port;

typedef void (*public_receive_fn)(
	const struct public_flow *flow, const uint8_t *data, size_t len, void *user);

/* Binds the kernel's socket and listens for packets up. 0 or -errno (-EADDRINUSE). */
int public_port_create(struct public_port **port, struct install *install,
	const struct mr_endpoint *local, public_receive_fn receive, void *user);
void public_port_destroy(struct public_port *port);

/* `nexthop_id` is not looked at for the kernel's way. 0, -EAGAIN, -ENOTCONN or -errno. */
int public_port_send(struct public_port *port, const struct public_flow *flow, uint32_t nexthop_id,
	const void *data, size_t len);

#endif
