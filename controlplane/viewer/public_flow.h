/* SPDX-License-Identifier: BSD-3-Clause */
/* From where to where a datagram goes, as a key of tables and as text. Any thread. */
#ifndef CONTROLPLANE_VIEWER_PUBLIC_FLOW_H
#define CONTROLPLANE_VIEWER_PUBLIC_FLOW_H

#include "dataplane/api/abi.h"

#include <glib.h>

/* From where to where; the identity of a candidate pair. No padding: hashed as bytes. */
struct public_flow {
	struct mr_endpoint local;  /* ours */
	struct mr_endpoint remote; /* theirs */
	uint64_t kernel;           /* 1: by the kernel's socket, 0: by the data plane */
};

guint public_flow_hash(gconstpointer flow);
gboolean public_flow_equal(gconstpointer a, gconstpointer b);

/* "192.0.2.1:8189" or "[2001:db8::1]:8189"; returns `out`. */
#define ENDPOINT_TEXT_MAX 56 /* bytes */
const char *endpoint_format(const struct mr_endpoint *e, char out[ENDPOINT_TEXT_MAX]);

#endif
