/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes of fixed sessions: see fixed_sessions.h. Main thread. */
#include "controlplane/viewer/fixed_sessions.h"

#include "controlplane/log.h"
#include "controlplane/viewer/public_port.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

struct fixed_session {
	struct fixed_sessions *all;
	uint32_t index;
	struct route *route;
	struct route_info info;
	bool known; /* `info` was told */
};

struct fixed_sessions {
	const struct mr_config *config;
	struct install *install;
	uint32_t n;
	struct fixed_session *list;
};

static const char *refusal(int status)
{
	switch (status) {
	case -EKEYREJECTED:
		return "the SSRC was used with this key before: leave ssrc out, or give a new key";
	case -ENOSPC:
		return "dataplane.maxViewers is reached, or the disk with stateDirectory is full";
	case -EIO:
		return "stateDirectory cannot be written: the data plane's log says why";
	case -ENOENT:
		return "the data plane does not know it: was it started with another session file?";
	default:
		return g_strerror(-status);
	}
}

static void on_reply(int status, void *user)
{
	struct fixed_session *s = user;

	if (status < 0)
		log_warn("-", "event=fixed_session_refused sessions=%u error=\"%s\"", s->index,
			refusal(status));
}

static void announce(struct fixed_session *s)
{
	const struct mr_config *config = s->all->config;
	const struct mr_config_session *session = &config->sessions[s->index];
	struct mr_command command = {.type = MR_COMMAND_VIEWER_ROUTE};
	char text[ENDPOINT_TEXT_MAX];

	if (!s->known)
		return;
	endpoint_format(&session->to, text);
	if (s->info.status < 0) {
		log_warn("-", "event=fixed_session_unreachable sessions=%u to=%s why=\"%s\"",
			s->index, text, route_status_text(s->info.status));
		return;
	}
	/* One that runs since the former control plane keeps its way until there is a new one. */
	if (!s->info.resolved)
		return;
	command.viewer_route.viewer_id = MR_VIEWER_FIXED_BASE + s->index;
	command.viewer_route.nexthop_id = s->info.nexthop_id;
	memcpy(command.viewer_route.local.addr, s->info.local, 16);
	command.viewer_route.local.port = config->webrtc_local_udp.port;
	command.viewer_route.remote = session->to;
	if (install_command(s->all->install, &command, on_reply, s) == 0)
		log_info("-", "event=fixed_session sessions=%u path=%s to=%s", s->index,
			config->paths[session->path].name, text);
}

static void on_route(void *user, const struct route_info *info)
{
	struct fixed_session *s = user;

	/* A MAC address that changes is the next hop's business alone. */
	if (s->known && s->info.status == info->status && s->info.nexthop_id == info->nexthop_id &&
		s->info.resolved == info->resolved &&
		memcmp(s->info.local, info->local, sizeof(info->local)) == 0)
		return;
	s->info = *info;
	s->known = true;
	announce(s);
}

static void on_attached(void *user)
{
	struct fixed_sessions *all = user;

	for (uint32_t i = 0; i < all->n; i++)
		announce(&all->list[i]);
}

struct fixed_sessions *fixed_sessions_create(
	const struct mr_config *config, struct install *install, struct routes *routes)
{
	struct fixed_sessions *all = g_new0(struct fixed_sessions, 1);
	struct install_listener listener = {.attached = on_attached, .user = all};

	all->config = config;
	all->install = install;
	all->list = g_new0(struct fixed_session, config->n_sessions);
	for (all->n = 0; all->n < config->n_sessions; all->n++) {
		struct fixed_session *s = &all->list[all->n];

		s->all = all;
		s->index = all->n;
		s->route = routes_resolve(routes, config->sessions[all->n].to.addr, on_route, s);
		if (!s->route) {
			fixed_sessions_destroy(all);
			return NULL;
		}
	}
	install_add_listener(install, &listener);
	return all;
}

void fixed_sessions_destroy(struct fixed_sessions *all)
{
	if (!all)
		return;
	for (uint32_t i = 0; i < all->n; i++) {
		install_forget(all->install, &all->list[i]);
		route_release(all->list[i].route);
	}
	g_free(all->list);
	g_free(all);
}
