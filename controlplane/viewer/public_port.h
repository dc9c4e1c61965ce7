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

#include <glib.h>
#include <stdbool.h>

struct public_port;

/* From where to where; the identity of a candidate pair. No padding: hashed as bytes. */
struct public_flow {
	struct mr_endpoint local;  /* ours */
	struct mr_endpoint remote; /* theirs */
	uint64_t kernel;           /* 1: by the kernel's socket, 0: by the data plane */
};

typedef void (*public_receive_fn)(
	const struct public_flow *flow, const uint8_t *data, size_t len, void *user);

/* Binds the kernel's socket and listens for packets up. 0 or -errno (-EADDRINUSE). */
int public_port_create(struct public_port **port, struct install *install,
	const struct mr_endpoint *local, public_receive_fn receive, void *user);
void public_port_destroy(struct public_port *port);

/* `nexthop_id` is not looked at for the kernel's way. 0, -EAGAIN, -ENOTCONN or -errno. */
int public_port_send(struct public_port *port, const struct public_flow *flow, uint32_t nexthop_id,
	const void *data, size_t len);

guint public_flow_hash(gconstpointer flow);
gboolean public_flow_equal(gconstpointer a, gconstpointer b);

/* "192.0.2.1:8189" or "[2001:db8::1]:8189"; returns `out`. */
#define ENDPOINT_TEXT_MAX 56 /* bytes */
const char *endpoint_format(const struct mr_endpoint *e, char out[ENDPOINT_TEXT_MAX]);

#endif
