/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why no data plane is attached: what the last attempt to connect has shown, told
 * to the log once and to clients, and when it is worth another attempt. Private to
 * install.c; main thread.
 */
#ifndef CONTROLPLANE_ABSENCE_H
#define CONTROLPLANE_ABSENCE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define ABSENCE_OTHER_RETRY_MS 60000 /* while the same data plane of another version listens */
#define ABSENCE_BRIEF_MS 5000        /* what lasts longer may last for good */

struct absence {
	int error;          /* of the last attempt; 0: it connected, or there was none */
	char why[192];      /* a sentence for clients */
	struct stat socket; /* its file, as it was before the last attempt */
	gint64 asked_us;    /* when that was */
	gint64 since_us;    /* when it began, or the last attempt connected */
};

void absence_init(struct absence *a);
/* Attempts come regularly; this one is to be left out: a data plane of another version
 * was there and still is. Each attempt makes it a channel, and keeps out the older
 * control plane that could take over. */
bool absence_wait(struct absence *a, const char *socket_path);
/* An attempt has failed with `rc` of mr_client_connect(), the data plane's channel being
 * `version`; or with 0 it has not. */
void absence_note(struct absence *a, const char *socket_path, int rc, uint32_t version);
/* The connection that was made has ended; whether the data plane has, nobody knows yet. */
void absence_lost(struct absence *a);
/* Whether the last attempt failed, and what failed shows that there is no data plane. There
 * may be one that is only too busy to answer, or that has not noticed yet that the former
 * control plane went: it is waited for. One of another version keeps what runs: nothing is
 * opened beside it. */
bool absence_is_sure(const struct absence *a);
/* Whether it may be over in a moment: it has just begun, and not by a data plane of another
 * version. A former control plane that has just ended still counts as another one at work. */
bool absence_is_brief(const struct absence *a);

#endif
