/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of source/: what path.c offers to the sources, what a
 * source is to path.c, and what path_announce.c keeps of a path for a data
 * plane that comes later. Main thread.
 */
#ifndef CONTROLPLANE_SOURCE_PATH_PRIVATE_H
#define CONTROLPLANE_SOURCE_PATH_PRIVATE_H

#include "controlplane/config/config.h"
#include "controlplane/install.h"
#include "controlplane/source/path.h"
#include "controlplane/source/sdp_tracks.h"

#include <glib.h>

#define PATH_BINDINGS 2 /* one video, one audio track are bound at most */
#define PATH_RECORD_VERSION 1u

struct input_stats;

/* ---- what a source is to its path ---- */

struct path_source_ops {
	/* Connect, and stay connected until stop(). */
	void (*start)(struct path_source *source);
	void (*stop)(struct path_source *source);
	/* The data plane says that packets of track i arrive, or that they do so no longer. */
	void (*stream_state)(struct path_source *source, unsigned int i, bool receiving);
	/* A data plane was attached (again). */
	void (*attached)(struct path_source *source);
	/* Stopped before. */
	void (*destroy)(struct path_source *source);
};

struct path_source {
	const struct path_source_ops *ops;
	struct path *path; /* borrowed: outlives the source */
};

struct path_source *rtsp_source_create(struct path *path);
struct path_source *rtp_source_create(struct path *path);

/* ---- what is known beside struct path ---- */

struct path_binding {
	bool bound;
	unsigned int track; /* index into path->tracks */
	struct mr_stream_bind bind;
};

/* Opaque to the data plane (MR_RECORD_PATH); native byte order: same host. */
struct path_record {
	uint32_t version; /* PATH_RECORD_VERSION */
	uint32_t n_streams;
	uint32_t stream_id[PATH_TRACKS_MAX];
	uint32_t cseq;        /* of the RTSP session's last request */
	uint8_t url_hash[32]; /* SHA-256 of the URL without user and password */
	char session[128];    /* RTSP session, or empty */
	char name[MR_NAME_MAX];
};
static_assert(sizeof(struct path_record) <= MR_RECORD_MAX, "path_record");

struct path_entry {
	struct path path; /* first: an entry is its path */
	const struct mr_config_path *config;
	struct path_binding binding[PATH_BINDINGS];
	struct path_record record;
	bool running;    /* the source is started */
	guint idle_stop; /* timer: nobody wants it; 0: none */
};

struct path_table {
	const struct mr_config *config;
	struct install *install;
	struct input_stats *stats; /* owned */
	struct path_entry *entries;
	unsigned int n;
	struct path_listener *listeners;
	GArray *strangers; /* struct path_record and id of paths of a former control plane */
	bool had_data_plane;
	bool going; /* path_table_destroy() is at work */
};

static inline struct path_entry *path_entry(struct path *path)
{
	return (struct path_entry *)path;
}

/* ---- services for sources (path_announce.c) ---- */

/* Changes the state, logs the change, tells the data plane and the listeners. */
void path_set_state(struct path *path, enum mr_path_state state, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* What the source offers now: keeps the streams that stay what they were. */
void path_set_tracks(struct path *path, const struct sdp_tracks *tracks);
/* Where the packets of track i come from; stream_id is filled in. */
void path_bind(struct path *path, unsigned int i, const struct mr_stream_bind *bind);
/* The source is away: no track is bound. */
void path_unbind(struct path *path);
/* A sender report of track i. */
void path_report(struct path *path, unsigned int i, uint64_t ntp, uint32_t rtp);
/* What a restarted control plane would need to take the RTSP session over. */
void path_record_session(struct path *path, const char *session, uint32_t cseq);

/* ---- for path.c ---- */

/* Tells a data plane that was just attached everything about the path. */
void path_announce(struct path_entry *e);
/* Takes the path and its streams from the data plane. */
void path_withdraw(struct path_entry *e);
void path_tell_changed(const struct path *path);

#endif
