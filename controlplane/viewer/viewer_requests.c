/* SPDX-License-Identifier: BSD-3-Clause */
/* What clients and operators want of a viewer that is there: see viewer_table.h. Main thread. */
#include "controlplane/viewer/sdp_fragment.h"
#include "controlplane/viewer/viewer_table_private.h"

#include <errno.h>
#include <string.h>

static struct viewer *find_resource(struct viewer_table *t, const char *path, const char *resource)
{
	struct viewer *v = g_hash_table_lookup(t->by_resource, resource);

	return v && strcmp(v->path->name, path) == 0 && v->state != VIEWER_CLOSING ? v : NULL;
}

const char *viewer_table_unknown(const struct viewer_table *t)
{
	return install_knows(t->install) ? NULL : install_why_not(t->install);
}

bool viewer_table_known_soon(const struct viewer_table *t)
{
	return install_knows_soon(t->install);
}

void viewer_listener_add(struct viewer_table *t, struct viewer_listener *l)
{
	t->listeners = g_slist_prepend(t->listeners, l);
}

void viewer_listener_del(struct viewer_table *t, struct viewer_listener *l)
{
	t->listeners = g_slist_remove(t->listeners, l);
}

void viewer_table_settled(struct viewer_table *t)
{
	GSList *next;

	for (GSList *at = t->listeners; at; at = next) {
		const struct viewer_listener *l = at->data;

		next = at->next;
		l->settled(l->user);
	}
}

int viewer_table_delete(struct viewer_table *t, const char *path, const char *resource)
{
	struct viewer *v = find_resource(t, path, resource);

	if (!v)
		return -ENOENT;
	viewer_close(v, "deleted by the client");
	return 0;
}

void viewer_table_list(struct viewer_table *t,
	void (*each)(void *user, const struct viewer_summary *viewer), void *user)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, t->by_id);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct viewer *v = value;
		char remote[ENDPOINT_TEXT_MAX] = "";
		struct viewer_summary summary = {.id = v->id,
			.path = v->path->name,
			.remote = remote,
			.established = v->state == VIEWER_ESTABLISHED};

		if (v->state == VIEWER_CLOSING)
			continue;
		if (summary.established)
			endpoint_format(&v->installed_remote, remote);
		each(user, &summary);
	}
}

int viewer_table_kick(struct viewer_table *t, uint32_t id)
{
	struct viewer *v = viewer_table_find(t, id);

	if (!v || v->state == VIEWER_CLOSING)
		return -ENOENT;
	viewer_close(v, "ended by the operator");
	return 0;
}

const char *viewer_table_etag(struct viewer_table *t, const char *path, const char *resource)
{
	struct viewer *v = find_resource(t, path, resource);

	return v ? v->etag : NULL;
}

int viewer_table_patch(struct viewer_table *t, const char *path, const char *resource,
	const char *body, size_t len, struct viewer_patch_reply *reply)
{
	struct viewer *v = find_resource(t, path, resource);
	struct sdp_candidate candidates[SDP_CANDIDATES_MAX];
	struct sdp_fragment fragment;
	size_t n;

	memset(reply, 0, sizeof(*reply));
	if (!v)
		return -ENOENT;
	if (sdp_fragment_parse(&fragment, body, len, &reply->why) < 0)
		return -EINVAL;
	if (!fragment.ufrag[0] || strcmp(fragment.ufrag, v->remote_ufrag) == 0)
		return 0;
	if (viewer_restart_ice(v, fragment.ufrag) < 0) {
		reply->why = "the system gives no random numbers";
		return -EIO;
	}
	n = candidates_list(t->candidates, candidates, SDP_CANDIDATES_MAX);
	reply->answer = sdp_fragment_format(&fragment, v->next.ufrag, v->next.pwd, candidates, n);
	g_strlcpy(reply->etag, v->etag, sizeof(reply->etag));
	return 1;
}
