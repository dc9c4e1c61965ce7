/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Paths: the named sources of the session file, what they carry right now, and
 * who wants them. Everything here runs on the control plane's main thread and
 * never blocks.
 *
 * The table makes one path per entry of `paths`, keeps its source connected
 * (rtsp_source.h, rtp_source.h), announces it to the data plane (PATH_SET,
 * STREAM_ADD, STREAM_BIND) and announces all of it again to a fresh data plane.
 * Everybody else looks paths up and listens; fields of struct path and struct
 * track are theirs to read only.
 *
 * Life of a stream: its id stays the same while the source goes and comes back
 * with the same codec; with another codec it is replaced by one with a new id,
 * and listeners hear stream_gone first. Paths and streams that a former control plane
 * left in the data plane are taken over with their ids, and where it can be with the
 * running source (path_adopt.c).
 */
#ifndef CONTROLPLANE_SOURCE_PATH_H
#define CONTROLPLANE_SOURCE_PATH_H

#include "dataplane/api/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_TRACKS_MAX 16 /* media sections of one source that are looked at */

struct install;
struct mr_config;
struct path_source;
struct path_table;

/* One media section of the source's SDP. */
struct track {
	uint32_t stream_id;      /* of the data plane; 0 until one has been attached */
	enum mr_media_kind kind; /* VIDEO or AUDIO; 0 for what is neither */
	enum mr_codec codec;     /* NONE: named to the operator, never sent to viewers */
	char codec_name[32];     /* as the source spells it */
	char note[MR_NOTE_MAX];  /* why it is not carried, or empty */
	uint32_t clock_rate;     /* [Hz] */
	uint8_t channels;        /* audio; 1 where the SDP says nothing */
	uint8_t payload_type;    /* of the source, 0 to 127 */
	/* H.264 (RFC 6184 8.1) */
	uint8_t packetization_mode; /* 0 or 1 */
	bool has_profile_level_id;
	uint8_t profile_level_id[3];
	bool ready;  /* the source is connected and the track bound to its packets */
	int refused; /* by the data plane, which is asked again: -errno; 0: no */
};

struct path {
	uint32_t id; /* of the data plane; 0 until one has been attached */
	const char *name;
	enum mr_path_state state;
	char note[MR_NOTE_MAX];
	/* Why the data plane does not take what viewers would get: a sentence for clients,
	 * static. The path is not ready meanwhile, whatever its source does. NULL: it does. */
	const char *refused;
	unsigned int n_tracks;
	struct track tracks[PATH_TRACKS_MAX];
	unsigned int wanted;        /* path_want() less path_unwant() */
	struct path_table *table;   /* borrowed: outlives the path */
	struct path_source *source; /* owned; private to source/ */
};

/* Memory of the caller's, linked into the table until path_listener_del(). A
 * listener may remove itself or another one inside a call. */
struct path_listener {
	/* State, note, tracks or their readiness changed. May be NULL. */
	void (*changed)(void *user, const struct path *path);
	/* The stream's id is about to be removed from the data plane. May be NULL. */
	void (*stream_gone)(void *user, const struct path *path, uint32_t stream_id);
	void *user;
	struct path_listener *next; /* private to the table */
};

/*
 * Makes the paths of `config`. Those that are not on demand start connecting once
 * the data plane has said what there is to take over, or is not there. Both
 * arguments are borrowed and outlive the table. 0, -ENOMEM or -EINVAL for an entry that
 * check would have refused.
 */
int path_table_create(
	struct path_table **table, const struct mr_config *config, struct install *install);
/* Stops without ending anything: sessions with sources and all that the data plane has
 * goes on for the next control plane. Only path_table_destroy() may follow, when no
 * command goes to the data plane any more. */
void path_table_leave(struct path_table *table);
/* Ends every source (RTSP: TEARDOWN, not waited for) and removes the paths from the data plane. */
void path_table_destroy(struct path_table *table);

/* NULL: no such path. */
struct path *path_table_lookup(struct path_table *table, const char *name);
/* The i-th path, NULL beyond the last. */
struct path *path_table_at(struct path_table *table, unsigned int i);

void path_listener_add(struct path_table *table, struct path_listener *l);
void path_listener_del(struct path_table *table, struct path_listener *l);

/*
 * A viewer wants the path / does so no longer. Only sourceOnDemand looks at it:
 * the source is connected at the first want and ended 10 s after the last
 * unwant. Every want is followed by exactly one unwant.
 */
void path_want(struct path *path);
void path_unwant(struct path *path);

/* The track of a kind that viewers get: the first supported one; NULL: none (yet). */
const struct track *path_track(const struct path *path, enum mr_media_kind kind);

#endif
