/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a viewer's media goes: see viewer_move.h. Main thread. */
#include "controlplane/viewer/viewer_move.h"

#include "controlplane/log.h"
#include "controlplane/viewer/viewer_install.h"

#include <string.h>

struct pair *viewer_media_pair(struct viewer *v)
{
	return v->selected ? v->selected : v->dtls_pair;
}

static bool is_same_endpoint(const struct mr_endpoint *a, const struct mr_endpoint *b)
{
	return a->port == b->port && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static bool is_installed(const struct viewer *v, const struct pair *pair)
{
	return is_same_endpoint(&v->installed_local, &pair->flow.local) &&
	       is_same_endpoint(&v->installed_remote, &pair->flow.remote);
}

void viewer_note_pair(struct viewer *v, const struct pair *pair)
{
	v->installed_local = pair->flow.local;
	v->installed_remote = pair->flow.remote;
}

void viewer_move(struct viewer *v, const struct pair *pair)
{
	struct mr_command command = {.type = MR_COMMAND_VIEWER_ROUTE};
	bool moved = !is_installed(v, pair);
	char text[ENDPOINT_TEXT_MAX];

	if (pair->flow.kernel || !pair->routed || pair->route_info.status < 0 ||
		!pair->route_info.resolved)
		return;
	command.viewer_route.viewer_id = v->id;
	command.viewer_route.nexthop_id = pair->route_info.nexthop_id;
	command.viewer_route.local = pair->flow.local;
	command.viewer_route.remote = pair->flow.remote;
	if (install_command(v->env->install, &command, NULL, NULL) < 0)
		return;
	if (!moved)
		return;
	viewer_note_pair(v, pair);
	viewer_install_record(v);
	log_info(v->name, "event=moved remote=%s", endpoint_format(&pair->flow.remote, text));
}

void viewer_follow(struct viewer *v)
{
	const struct pair *pair = viewer_media_pair(v);

	if (pair && !is_installed(v, pair))
		viewer_move(v, pair);
}
