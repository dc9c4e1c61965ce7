/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that wait until the sessions are known: see until_known.h. Main thread. */
#include "controlplane/http/until_known.h"

const char *until_known_why(const struct until_known *u, const char *path, const char *resource)
{
	const char *unknown = viewer_table_unknown(u->viewers);

	return unknown && !viewer_table_etag(u->viewers, path, resource) ? unknown : NULL;
}

void until_known_end(struct until_known_waiter *waiter)
{
	if (!waiter->of)
		return;
	g_clear_handle_id(&waiter->timer, g_source_remove);
	viewer_listener_del(waiter->of->viewers, &waiter->listener);
	waiter->of->n--;
	waiter->of = NULL;
}

static void on_settled(void *user)
{
	struct until_known_waiter *waiter = user;

	until_known_end(waiter);
	waiter->over(waiter->user); /* frees it */
}

static gboolean on_limit(gpointer user)
{
	struct until_known_waiter *waiter = user;

	waiter->timer = 0;
	on_settled(waiter);
	return G_SOURCE_REMOVE;
}

bool until_known_begin(struct until_known *u, struct until_known_waiter *waiter, const char *path,
	const char *resource, void (*over)(void *user), void *user)
{
	if (!until_known_why(u, path, resource) || !viewer_table_known_soon(u->viewers) ||
		u->n == UNTIL_KNOWN_MAX)
		return false;
	u->n++;
	waiter->of = u;
	waiter->over = over;
	waiter->user = user;
	waiter->listener = (struct viewer_listener){.settled = on_settled, .user = waiter};
	viewer_listener_add(u->viewers, &waiter->listener);
	waiter->timer = g_timeout_add(UNTIL_KNOWN_MS, on_limit, waiter);
	return true;
}
