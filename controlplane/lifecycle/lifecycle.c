/* SPDX-License-Identifier: BSD-3-Clause */
/* Start and end of the control plane: see lifecycle.h. Main thread. */
#include "controlplane/lifecycle/lifecycle.h"

#include "controlplane/http/server.h"
#include "controlplane/install.h"
#include "controlplane/log.h"
#include "controlplane/routes.h"
#include "controlplane/source/path.h"
#include "controlplane/viewer/fixed_sessions.h"
#include "controlplane/viewer/public_port.h"
#include "controlplane/viewer/viewer_table.h"

#include <errno.h>
#include <glib.h>

#define FAREWELL_MS 200 /* for goodbyes and deletions to get out */

struct controlplane {
	/* Order matters: listeners of install are told in the order of creation, so
	 * next hops are announced before paths, and those before viewers. */
	struct install *install;
	struct routes *routes;
	struct path_table *paths;
	struct viewer_table *viewers;
	struct fixed_sessions *sessions;
	struct http_server *http;
	struct http_server *api; /* NULL: off */
};

int controlplane_create(struct controlplane **out, const struct mr_config *config)
{
	struct controlplane *cp = g_new0(struct controlplane, 1);
	char text[ENDPOINT_TEXT_MAX];
	const char *what;
	int rc;

	cp->install = install_create(config->dataplane.control_socket);
	what = "routes";
	rc = routes_create(&cp->routes, cp->install);
	if (rc < 0)
		goto err;
	what = "paths";
	rc = path_table_create(&cp->paths, config, cp->install);
	if (rc < 0)
		goto err;
	what = "webrtcLocalUDPAddress";
	rc = viewer_table_create(&cp->viewers, config, cp->install, cp->routes, cp->paths);
	if (rc < 0)
		goto err;
	what = "sessions";
	rc = -ENOMEM;
	cp->sessions = fixed_sessions_create(config, cp->install, cp->routes);
	if (!cp->sessions)
		goto err;
	what = "webrtcAddress";
	rc = http_server_create(&cp->http, config, cp->paths, cp->viewers);
	if (rc < 0)
		goto err;
	what = "apiAddress";
	rc = config->api ? http_server_create_api(&cp->api, config, cp->paths, cp->viewers) : 0;
	if (rc < 0)
		goto err;
	install_start(cp->install);
	log_info("-", "event=started version=%s http=%s paths=%u", MILLRACE_VERSION,
		endpoint_format(&config->webrtc_address, text), config->n_paths);
	*out = cp;
	return 0;
err:
	log_error("-", "event=start_failed part=%s error=\"%s\"", what, g_strerror(-rc));
	controlplane_destroy(cp);
	return rc;
}

/* Sources and viewers go on in the data plane, for the control plane that comes. */
static void leave(struct controlplane *cp)
{
	viewer_table_leave(cp->viewers);
	path_table_leave(cp->paths);
	install_finish(cp->install, FAREWELL_MS);
	log_info("-", "event=left note=\"sources and viewers go on in the data plane\"");
}

void controlplane_destroy(struct controlplane *cp)
{
	http_server_destroy(cp->api);
	http_server_destroy(cp->http);
	if (cp->http && install_attached(cp->install))
		leave(cp);
	fixed_sessions_destroy(cp->sessions);
	if (cp->viewers)
		viewer_table_destroy(cp->viewers);
	if (cp->paths)
		path_table_destroy(cp->paths);
	if (cp->routes)
		routes_destroy(cp->routes);
	install_finish(cp->install, FAREWELL_MS);
	install_destroy(cp->install);
	g_free(cp);
}
