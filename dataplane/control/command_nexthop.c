/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops, and who uses them. Main thread. */
#include "dataplane/control/control.h"

#include "dataplane/pipeline/worker.h"

#include <errno.h>
#include <string.h>

void nexthop_use(struct control *c, uint32_t id)
{
	struct nexthop_entry *n = table_find(c->tables.nexthops, id);

	if (n != NULL)
		n->users++;
}

void nexthop_release(struct control *c, uint32_t id)
{
	struct nexthop_entry *n = table_find(c->tables.nexthops, id);

	if (n != NULL && n->users > 0)
		n->users--;
}

int command_nexthop_set(struct control *c, const struct mr_nexthop_set *m)
{
	struct nexthop_entry *e = table_find(c->tables.nexthops, m->nexthop_id);
	struct order o = {.type = ORDER_NEXTHOP};

	if (m->port >= c->config.n_ports || m->valid > 1 || m->nexthop_id == UINT32_MAX)
		return -EINVAL;
	if (e == NULL)
		e = table_add(c->tables.nexthops, m->nexthop_id);
	if (e == NULL)
		return -errno;
	e->nexthop.id = m->nexthop_id;
	e->nexthop.port = (uint8_t)m->port;
	e->nexthop.valid = m->valid;
	e->nexthop.vlan_tci = m->vlan_tci;
	memcpy(e->nexthop.dst, m->mac, sizeof(e->nexthop.dst));
	memcpy(e->nexthop.src, c->config.ports[m->port].mac, sizeof(e->nexthop.src));
	o.nexthop = e->nexthop;
	return tell_all(&c->config.workers, &o);
}

int command_nexthop_del(struct control *c, uint32_t id)
{
	struct nexthop_entry *e = table_find(c->tables.nexthops, id);
	struct order o = {.type = ORDER_NEXTHOP};

	if (e == NULL)
		return -ENOENT;
	if (e->users > 0)
		return -EBUSY;
	o.nexthop = e->nexthop;
	o.nexthop.valid = 0;
	o.remove = true;
	tell_all(&c->config.workers, &o);
	table_del(c->tables.nexthops, id);
	return 0;
}

void nexthops_prune(struct control *c)
{
	for (uint32_t i = 0; i < table_capacity(c->tables.nexthops); i++) {
		const struct nexthop_entry *e = table_at(c->tables.nexthops, i);

		if (e != NULL && e->users == 0)
			command_nexthop_del(c, e->id);
	}
}
