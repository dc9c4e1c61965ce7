/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connecting to the data plane without blocking the loop: its HELLO is waited for
 * by a thread (a stopped data plane accepts, and says nothing). Private to
 * install.c.
 */
#ifndef CONTROLPLANE_CONNECTOR_H
#define CONTROLPLANE_CONNECTOR_H

#include "dataplane/api/client.h"

#include <gio/gio.h>

/* Main thread. rc as of mr_client_connect(); with 0 the client is the callee's. */
typedef void (*connector_fn)(int rc, const struct mr_client *client, void *user);

/* Calls `done` on the main loop, later, unless `cancel` was cancelled by then. */
void connector_start(const char *socket_path, GCancellable *cancel, connector_fn done, void *user);

#endif
