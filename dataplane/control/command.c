/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which command goes where. What comes out of the ring may have been written by
 * a stranger: every handler checks every field of its message. Main thread.
 */
#include "dataplane/control/control.h"

#include "crypto/secret.h"

#include <errno.h>

static int record_put(struct control *c, const struct mr_record *m)
{
	if (m->len > sizeof(m->data))
		return -EINVAL;
	switch (m->kind) {
	case MR_RECORD_GLOBAL:
		if (m->id != 0)
			return -EINVAL;
		break;
	case MR_RECORD_PATH:
		if (table_find(c->tables.paths, m->id) == NULL)
			return -ENOENT;
		break;
	case MR_RECORD_VIEWER:
		if (table_find(c->tables.viewers, m->id) == NULL)
			return -ENOENT;
		break;
	default:
		return -EINVAL;
	}
	return records_put(c->records, m->kind, m->id, m->data, m->len);
}

static int execute(struct control *c, const struct mr_command *m)
{
	switch (m->type) {
	case MR_COMMAND_LISTEN:
		return command_listen(c, &m->listen);
	case MR_COMMAND_PATH_SET:
		return command_path_set(c, &m->path_set);
	case MR_COMMAND_PATH_DEL:
		return command_path_del(c, m->object.id);
	case MR_COMMAND_STREAM_ADD:
		return command_stream_add(c, &m->stream_add);
	case MR_COMMAND_STREAM_BIND:
		return command_stream_bind(c, &m->stream_bind);
	case MR_COMMAND_STREAM_REPORT:
		return command_stream_report(c, &m->stream_report);
	case MR_COMMAND_STREAM_DEL:
		return command_stream_del(c, m->object.id);
	case MR_COMMAND_VIEWER_ADD:
		return command_viewer_add(c, &m->viewer_add);
	case MR_COMMAND_VIEWER_ROUTE:
		return command_viewer_route(c, &m->viewer_route);
	case MR_COMMAND_VIEWER_DEL:
		return command_viewer_del(c, m->object.id);
	case MR_COMMAND_VIEWER_ICE:
		return command_viewer_ice(c, &m->viewer_ice);
	case MR_COMMAND_NEXTHOP_SET:
		return command_nexthop_set(c, &m->nexthop_set);
	case MR_COMMAND_NEXTHOP_DEL:
		return command_nexthop_del(c, m->object.id);
	case MR_COMMAND_RECORD_PUT:
		return record_put(c, &m->record);
	default:
		return -EINVAL;
	}
}

int command_execute(struct control *c, struct mr_command *m)
{
	int status = execute(c, m);

	atomic_fetch_add_explicit(&c->config.stats->commands, 1, memory_order_relaxed);
	if (status != 0)
		atomic_fetch_add_explicit(
			&c->config.stats->commands_refused, 1, memory_order_relaxed);
	secret_wipe(&m->bytes, sizeof(m->bytes));
	return status;
}
