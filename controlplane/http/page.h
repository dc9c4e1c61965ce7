/* SPDX-License-Identifier: BSD-3-Clause */
/* The player's page and the list of paths: self-contained HTML. The authorisation
 * hook is asked first, for the list with an empty path. Main thread. */
#ifndef CONTROLPLANE_HTTP_PAGE_H
#define CONTROLPLANE_HTTP_PAGE_H

#include "controlplane/http/server.h"

void page_init(struct http_context *context);
void page_fini(struct http_context *context);

/* GET and HEAD of /PATH/ */
void page_player(struct http_context *context, SoupServerMessage *message, const char *path);
/* GET and HEAD of / */
void page_index(struct http_context *context, SoupServerMessage *message);
/* GET and HEAD of /PATH: to /PATH/. */
void page_redirect(struct http_context *context, SoupServerMessage *message, const char *path);

#endif
