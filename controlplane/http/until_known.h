/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests that name a session (DELETE, PATCH) while it is not known which sessions there
 * are: the control plane has just started, or has lost the data plane. "No such session"
 * would be final, and the session plays; a page that is being closed does not ask twice. So
 * such a request waits until what a former control plane left is taken over, or is known
 * not to be there. The table of viewers tells that (viewer_listener); the wait ends with it
 * at once, and after UNTIL_KNOWN_MS in any case. Anybody may send such requests, so no more
 * than UNTIL_KNOWN_MAX wait.
 *
 * A session that is in the table all the same waits for nothing, nor does any where to
 * wait does not help: beside a data plane of another release, or (viewer_table_known_soon())
 * some seconds after the start.
 *
 * Main thread; callbacks come from the main loop, never inside until_known_begin().
 */
#ifndef CONTROLPLANE_HTTP_UNTIL_KNOWN_H
#define CONTROLPLANE_HTTP_UNTIL_KNOWN_H

#include "controlplane/viewer/viewer_table.h"

#include <glib.h>

#define UNTIL_KNOWN_MS 1500
#define UNTIL_KNOWN_MAX 64

/* All of one server. Zero but for `viewers` at first; there is nothing to free. */
struct until_known {
	struct viewer_table *viewers; /* borrowed */
	unsigned int n;               /* that wait */
};

/* One that waits: memory of the caller's, zero at first, private to until_known.c. */
struct until_known_waiter {
	struct until_known *of; /* NULL: it does not wait */
	struct viewer_listener listener;
	guint timer;
	void (*over)(void *user);
	void *user;
};

/* Why it is not known whether the session is there: a sentence for the client, borrowed
 * until the main loop goes on. NULL: it is there, or all are known. */
const char *until_known_why(const struct until_known *u, const char *path, const char *resource);

/* True: it waits. `over` is called once, unless until_known_end() comes first: then
 * until_known_why() is to be asked again. False: there is nothing to wait for, or too many
 * wait. */
bool until_known_begin(struct until_known *u, struct until_known_waiter *waiter, const char *path,
	const char *resource, void (*over)(void *user), void *user);
/* Whoever does not wait is left alone. */
void until_known_end(struct until_known_waiter *waiter);

#endif
