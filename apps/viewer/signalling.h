/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a viewer asks a server for a stream and gives it back: WHEP, where the
 * viewer offers (draft-ietf-wish-whep: POST, later DELETE), or the HTTP API of
 * Janus, whose streaming plugin offers (janus.h). One per main context; calls
 * and callbacks on its thread.
 */
#ifndef APPS_VIEWER_SIGNALLING_H
#define APPS_VIEWER_SIGNALLING_H

#include "apps/viewer/http.h"
#include "apps/viewer/options.h"
#include "apps/viewer/sdp.h"

struct signalling;

/* `options` are borrowed. */
struct signalling *signalling_create(const struct options *options, unsigned int timeout_seconds);
void signalling_destroy(struct signalling *signalling);

/*
 * Ask for the stream at `url`. The callback comes later, exactly once, with the
 * server's description for signalling_parse() as the body and status 201, or
 * with what went wrong; `resource` is set as soon as there is something to close.
 * 0, or -EINVAL for an unusable URL.
 */
int signalling_open(struct signalling *signalling, const char *url, const struct sdp_offer *ours,
	GCancellable *cancellable, http_callback *callback, void *user);
int signalling_close(struct signalling *signalling, const char *resource, GCancellable *cancellable,
	http_callback *callback, void *user);

/* As sdp_answer_parse(). */
int signalling_parse(const struct signalling *signalling, const struct http_reply *reply,
	struct sdp_answer *answer, char *error);

/* What was asked, for errors: "WHEP POST". */
const char *signalling_name(const struct signalling *signalling);

#endif
