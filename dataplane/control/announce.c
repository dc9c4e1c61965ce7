/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a control plane is told when it attaches: the ports, everything that
 * runs with its adoption record, the end of the table. In portions, as its
 * events' ring has room. Main thread.
 */
#include "dataplane/control/control.h"

#include <string.h>

static void announce_port(struct control *c, const struct port *p)
{
	struct mr_event e = {.type = MR_EVENT_PORT};

	e.port.index = p->index;
	e.port.ifindex = p->ifindex;
	e.port.shared = p->shared;
	e.port.mtu = p->mtu;
	memcpy(e.port.mac, p->mac, sizeof(e.port.mac));
	memcpy(e.port.name, p->name, sizeof(e.port.name));
	memcpy(e.port.netdev, p->netdev, sizeof(e.port.netdev));
	control_event(c, &e);
}

static void announce_record(struct control *c, uint32_t kind, uint32_t id)
{
	struct mr_event e = {.type = MR_EVENT_RECORD};
	struct record r;

	e.record.kind = kind;
	e.record.id = id;
	if (records_get(c->records, kind, id, &r) == 0) {
		e.record.len = r.len;
		if (r.len > 0)
			memcpy(e.record.data, r.data, r.len);
	}
	control_event(c, &e);
}

/* Every entry of a table starts with its id. */
static uint32_t id_at(const struct table *t, uint32_t slot)
{
	const uint32_t *entry = table_at(t, slot);

	return entry == NULL ? 0 : *entry;
}

bool announce_some(struct control *c)
{
	static const uint32_t kinds[] = {
		MR_RECORD_PATH, MR_RECORD_STREAM, MR_RECORD_NEXTHOP, MR_RECORD_VIEWER};
	const struct table *const tables[] = {
		c->tables.paths, c->tables.streams, c->tables.nexthops, c->tables.viewers};
	struct mr_event end = {.type = MR_EVENT_TABLE_END};

	if (c->announce_at == 0)
		for (unsigned int i = 0; i < c->config.n_ports; i++)
			announce_port(c, &c->config.ports[i]);
	uint32_t base = 0;
	for (unsigned int k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		uint32_t capacity = table_capacity(tables[k]);
		while (c->announce_at < base + capacity) {
			uint32_t id = id_at(tables[k], c->announce_at - base);
			if (id != 0) {
				if (control_event_space(c) < 4)
					return false;
				announce_record(c, kinds[k], id);
			}
			c->announce_at++;
		}
		base += capacity;
	}
	if (control_event_space(c) < 4)
		return false;
	announce_record(c, MR_RECORD_GLOBAL, 0);
	control_event(c, &end);
	return true;
}
