/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which object a datagram belongs to. One table per worker, private to it (the
 * worker itself adds and removes, on the main thread's orders); every worker's
 * table knows every flow and which worker owns it. Sized at start, allocates
 * nothing afterwards.
 *
 *   sources  (local address, local port)               -> stream
 *   viewers  (local and remote address and port)       -> viewer
 *   public   local ports that viewers come to, few     -> punt
 */
#ifndef DATAPLANE_PORT_FLOW_TABLE_H
#define DATAPLANE_PORT_FLOW_TABLE_H

#include "dataplane/api/abi.h"

#include <stdbool.h>
#include <stdint.h>

struct flow_table;

struct flow_value {
	void *object;  /* struct stream * or struct viewer *: only its owner may look inside */
	uint8_t owner; /* index of the worker */
	uint32_t id;   /* of the object: for those who are not the owner */
};

struct flow_table *flow_table_create(
	const char *name, uint32_t max_streams, uint32_t max_viewers, int socket_id);
void flow_table_destroy(struct flow_table *t);

/* 0, -EEXIST, -ENOSPC. */
int flow_table_add_source(
	struct flow_table *t, const struct mr_endpoint *local, struct flow_value value);
int flow_table_del_source(struct flow_table *t, const struct mr_endpoint *local); /* -ENOENT */
int flow_table_add_viewer(struct flow_table *t, const struct mr_endpoint *local,
	const struct mr_endpoint *remote, struct flow_value value);
int flow_table_del_viewer(
	struct flow_table *t, const struct mr_endpoint *local, const struct mr_endpoint *remote);
int flow_table_add_public(struct flow_table *t, const struct mr_endpoint *local);

/* A source with addr all zero matches every address, after the exact one. */
bool flow_table_lookup_source(
	const struct flow_table *t, const struct mr_endpoint *local, struct flow_value *value);
bool flow_table_lookup_viewer(const struct flow_table *t, const struct mr_endpoint *local,
	const struct mr_endpoint *remote, struct flow_value *value);
bool flow_table_is_public(const struct flow_table *t, const struct mr_endpoint *local);

#endif
