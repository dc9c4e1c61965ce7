/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All viewers of the control plane: takes offers, finds the viewer of a
 * datagram, an event or a WHEP resource, holds the limits. Main thread.
 *
 * Viewers that a former control plane left in the data plane are taken over on
 * attaching (viewer_adopt.h).
 */
#ifndef CONTROLPLANE_VIEWER_VIEWER_TABLE_H
#define CONTROLPLANE_VIEWER_VIEWER_TABLE_H

#include "controlplane/config/config.h"
#include "controlplane/install.h"
#include "controlplane/routes.h"
#include "controlplane/source/path.h"

struct viewer_table;

/* Everything is borrowed and outlives the table. 0, -EADDRINUSE or another
 * -errno of the public port, -EIO when OpenSSL refuses. */
int viewer_table_create(struct viewer_table **table, const struct mr_config *config,
	struct install *install, struct routes *routes, struct path_table *paths);
/* Lets go of established viewers, which go on in the data plane, and ends the others.
 * Before viewer_table_destroy(). */
void viewer_table_leave(struct viewer_table *table);
/* Ends every viewer: goodbye to the clients, VIEWER_DEL to the data plane (queued). */
void viewer_table_destroy(struct viewer_table *table);

struct viewer_offer_reply {
	const char *why; /* of a refusal: a sentence for the client, for now (borrowed) */
	char *answer;    /* SDP; g_free() it */
	char resource[33];
	char etag[17];
};

/*
 * Takes an offer and makes a viewer. 0, or with reply->why:
 *   -EINVAL   the offer is malformed or not one that we speak
 *   -ENOTSUP  no codec in common
 *   -EAGAIN   the path's source or the data plane is not there now
 *   -ENOSPC   too many viewers, or too many streams in the data plane
 *   -EIO      no randomness
 */
int viewer_table_offer(struct viewer_table *table, struct path *path, const char *sdp, size_t len,
	struct viewer_offer_reply *reply);

/*
 * NULL: all viewers are known, who is not in the table is not there; so also without a
 * data plane, which ends them all. Else why there may be others, which are not taken
 * over (yet): a sentence for the client, borrowed until the main loop goes on.
 */
const char *viewer_table_unknown(const struct viewer_table *table);
/* Whether they are all known, or likely to be in a moment. */
bool viewer_table_known_soon(const struct viewer_table *table);

/* Memory of the caller's, remembered until viewer_listener_del(). A listener may remove
 * itself inside a call. */
struct viewer_listener {
	/* All viewers are known now, or they will not be soon. Told again, at times. */
	void (*settled)(void *user);
	void *user;
};

void viewer_listener_add(struct viewer_table *table, struct viewer_listener *l);
void viewer_listener_del(struct viewer_table *table, struct viewer_listener *l);

/* Ends the viewer of a WHEP resource. 0 or -ENOENT. */
int viewer_table_delete(struct viewer_table *table, const char *path, const char *resource);

/* For the operator; borrowed for the call. */
struct viewer_summary {
	uint32_t id; /* as in the data plane */
	const char *path;
	const char *remote; /* address and port of its media; "": not yet */
	bool established;
};

/* Calls `each` for every viewer that is not being ended. */
void viewer_table_list(struct viewer_table *table,
	void (*each)(void *user, const struct viewer_summary *viewer), void *user);
/* Ends a viewer, whoever installed it. 0 or -ENOENT. */
int viewer_table_kick(struct viewer_table *table, uint32_t id);

struct viewer_patch_reply {
	const char *why; /* of a refusal: a sentence for the client, static */
	char *answer;    /* SDP fragment; g_free() it */
	char etag[17];
};

/*
 * An SDP fragment for the viewer of a WHEP resource. 0: taken, there is nothing to
 * answer; 1: ICE is restarted, the reply has our new credentials; -ENOENT; or with
 * reply->why -EINVAL: malformed, -EIO: no randomness.
 */
int viewer_table_patch(struct viewer_table *table, const char *path, const char *resource,
	const char *body, size_t len, struct viewer_patch_reply *reply);
/* The ETag of a resource; NULL: there is none. */
const char *viewer_table_etag(struct viewer_table *table, const char *path, const char *resource);

#endif
