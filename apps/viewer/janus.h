/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The part of Janus's HTTP API that watches a mountpoint of its streaming
 * plugin: create a session, attach the plugin, watch, take its offer from the
 * long poll, start with our answer; keep the session alive; destroy it. One per
 * main context; calls and callbacks on its thread. What Janus says is a
 * stranger's text: JSON of bounded size whose members are checked.
 */
#ifndef APPS_VIEWER_JANUS_H
#define APPS_VIEWER_JANUS_H

#include "apps/viewer/http.h"
#include "apps/viewer/sdp.h"

struct janus;

/* `http` is borrowed and destroyed before this is. */
struct janus *janus_create(struct http_client *http, unsigned int mountpoint);
void janus_destroy(struct janus *janus); /* NULL is fine */

/*
 * `url`: the API, http://HOST:8088/janus. The callback gets status 201 with
 * Janus's offer as the body once our answer has been sent; else status 0 and a
 * sentence. `resource` is the session's URL, for janus_end(). 0 or -EINVAL.
 */
int janus_watch(struct janus *janus, const char *url, const struct sdp_offer *ours,
	GCancellable *cancellable, http_callback *callback, void *user);
int janus_end(struct janus *janus, const char *session, GCancellable *cancellable,
	http_callback *callback, void *user);

#endif
