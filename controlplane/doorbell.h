/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Wakes the data plane once per turn of GLib's main loop, however much a turn has
 * enqueued: one system call for all of it. Main thread.
 */
#ifndef CONTROLPLANE_DOORBELL_H
#define CONTROLPLANE_DOORBELL_H

#include "dataplane/api/client.h"

#include <glib.h>
#include <stdbool.h>

struct doorbell {
	GSource *source;          /* owned */
	struct mr_client *client; /* borrowed; NULL: nobody to wake */
	bool due;
};

void doorbell_init(struct doorbell *bell);
void doorbell_fini(struct doorbell *bell);
/* Rings now what is due. */
void doorbell_flush(struct doorbell *bell);

#endif
