/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between viewer_table.c, which finds viewers for datagrams, events and offers, and
 * viewer_requests.c, which finds them for clients and operators that come later.
 * Main thread.
 */
#ifndef CONTROLPLANE_VIEWER_VIEWER_TABLE_PRIVATE_H
#define CONTROLPLANE_VIEWER_VIEWER_TABLE_PRIVATE_H

#include "controlplane/viewer/candidates.h"
#include "controlplane/viewer/public_port.h"
#include "controlplane/viewer/viewer.h"
#include "controlplane/viewer/viewer_adopt.h"
#include "controlplane/viewer/viewer_limits.h"
#include "controlplane/viewer/viewer_table.h"

struct viewer_table {
	const struct mr_config *config;
	struct install *install;
	struct path_table *paths;
	struct public_port *port;
	struct candidates *candidates;
	struct certificate certificate;
	struct viewer_env env;
	struct ice_lite ice;
	struct path_listener listener;
	GSList *listeners;               /* struct viewer_listener, borrowed */
	struct foreign_viewers *foreign; /* owned */

	GHashTable *by_id;       /* uint32_t -> struct viewer, owned */
	GHashTable *by_ufrag;    /* borrowed keys and values */
	GHashTable *by_resource; /* ditto */
	GHashTable *by_flow;     /* struct public_flow, owned -> struct viewer */
	GQueue ended;            /* struct viewer, owned, freed by an idle callback */
	guint reaper;
	guint tick;
	bool freed;            /* handshakes' states, since ... */
	gint64 trimmed_us;     /* ... freed memory was given back to the kernel */
	uint64_t unknown_flow; /* datagrams that are no STUN from nobody we know */
	struct viewer_limits limits;
};

/* NULL: there is none. */
struct viewer *viewer_table_find(struct viewer_table *t, uint32_t id);
/* Tells those who wait for it that the data plane's viewers are known, or will not be soon. */
void viewer_table_settled(struct viewer_table *t);

#endif
