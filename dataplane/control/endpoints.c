/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which endpoints of ours are taken: public ports and streams' RTP ports. Each
 * is opened whole, at every port and in every worker's flow table, or not at
 * all. Main thread.
 */
#include "dataplane/control/control.h"

#include "dataplane/stream/stream.h"

#include <errno.h>
#include <string.h>

bool endpoint_equal(const struct mr_endpoint *a, const struct mr_endpoint *b)
{
	return a->port == b->port && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

/* Whether a datagram can be addressed to both. */
static bool endpoints_meet(const struct mr_endpoint *a, const struct mr_endpoint *b)
{
	static const uint8_t any[sizeof(a->addr)];

	return a->port == b->port && (memcmp(a->addr, b->addr, sizeof(any)) == 0 ||
					     memcmp(a->addr, any, sizeof(any)) == 0 ||
					     memcmp(b->addr, any, sizeof(any)) == 0);
}

static int ports_listen(struct control *c, const struct mr_endpoint *local, unsigned int flags)
{
	for (unsigned int i = 0; i < c->config.n_ports; i++) {
		int rc = port_listen_add(&c->config.ports[i], local, flags);

		if (rc == 0)
			continue;
		while (i > 0)
			port_listen_del(&c->config.ports[--i], local);
		return rc == -EEXIST ? -EADDRINUSE : rc;
	}
	return 0;
}

static void ports_ignore(struct control *c, const struct mr_endpoint *local)
{
	for (unsigned int i = 0; i < c->config.n_ports; i++)
		port_listen_del(&c->config.ports[i], local);
}

/* A stream's port may be one address's while another stream has the same port of
 * all others; a public port has no such exceptions. */
static bool stream_endpoint_taken(const struct control *c, const struct mr_endpoint *local)
{
	for (unsigned int i = 0; i < c->n_publics; i++)
		if (endpoints_meet(&c->publics[i], local))
			return true;
	for (uint32_t i = 0; i < table_capacity(c->tables.streams); i++) {
		const struct stream_entry *e = table_at(c->tables.streams, i);
		if (e != NULL && e->bind.input == MR_INPUT_WIRE &&
			endpoint_equal(&e->bind.local, local))
			return true;
	}
	return false;
}

int stream_endpoint_open(
	struct control *c, const struct stream_entry *e, const struct mr_endpoint *local)
{
	struct order o = {
		.type = ORDER_FLOW_ADD_SOURCE,
		.local = *local,
		.flow = {.object = e->stream, .owner = e->stream->worker, .id = e->id},
	};
	int rc;

	if (stream_endpoint_taken(c, local))
		return -EADDRINUSE;
	rc = ports_listen(c, local, PORT_LISTEN_RTP);
	if (rc != 0)
		return rc;
	rc = tell_all_or_none(&c->config.workers, &o, ORDER_FLOW_DEL_SOURCE);
	if (rc != 0)
		ports_ignore(c, local);
	return rc == -EEXIST ? -EADDRINUSE : rc;
}

void stream_endpoint_close(struct control *c, const struct mr_endpoint *local)
{
	struct order o = {.type = ORDER_FLOW_DEL_SOURCE, .local = *local};

	ports_ignore(c, local);
	tell_all(&c->config.workers, &o);
}

int command_listen(struct control *c, const struct mr_listen *m)
{
	struct order o = {.type = ORDER_PUBLIC, .local = m->local};
	int rc;

	if (m->local.port == 0)
		return -EINVAL;
	for (unsigned int i = 0; i < c->n_publics; i++)
		if (endpoint_equal(&c->publics[i], &m->local))
			return 0; /* a control plane that came back says it again */
	if (c->n_publics == PUBLIC_PORTS_MAX)
		return -ENOSPC;
	for (uint32_t i = 0; i < table_capacity(c->tables.streams); i++) {
		const struct stream_entry *e = table_at(c->tables.streams, i);
		if (e != NULL && e->bind.input == MR_INPUT_WIRE &&
			endpoints_meet(&e->bind.local, &m->local))
			return -EADDRINUSE;
	}
	rc = ports_listen(c, &m->local, PORT_LISTEN_ALL);
	if (rc != 0)
		return rc;
	/* Has room for more than PUBLIC_PORTS_MAX, and never forgets one. */
	rc = tell_all(&c->config.workers, &o);
	if (rc != 0 && rc != -EEXIST) {
		ports_ignore(c, &m->local);
		return rc;
	}
	c->publics[c->n_publics++] = m->local;
	return 0;
}
