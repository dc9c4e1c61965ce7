/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an operator may do to viewers, at MediaMTX's addresses. Off unless the session
 * file has "api": true, and then for programs of this machine alone: the configuration
 * takes no address but loopback, and pages in a browser are refused. Main thread.
 *
 *   GET  /v3/webrtcsessions/list       200: all viewers that came by WHEP
 *   POST /v3/webrtcsessions/kick/ID    200: the viewer is ended; 404: there is none
 *
 * ID is the number that `millrace viewers` shows.
 */
#ifndef CONTROLPLANE_HTTP_API_H
#define CONTROLPLANE_HTTP_API_H

#include "controlplane/http/server.h"

void api_request(struct http_context *context, SoupServerMessage *message);

#endif
