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
#include "controlplane/source/backoff.h"
#include "controlplane/source/path.h"
#include "controlplane/source/path_record.h"
#include "controlplane/source/sdp_tracks.h"

#include <glib.h>

struct former_paths;
struct input_stats;

/* ---- what a source is to its path ---- */

struct path_source_ops {
	/* Connect, and stay connected until stop(). */
	void (*start)(struct path_source *source);
	void (*stop)(struct path_source *source);
	/* The data plane says that packets of track i arrive, or that they do so no longer. */
	void (*stream_state)(struct path_source *source, unsigned int i, bool receiving);
	/* Viewers of track i cannot go on without a key frame. */
	void (*keyframe)(struct path_source *source, unsigned int i);
	/* A data plane was attached (again). */
	void (*attached)(struct path_source *source);
	/* Fills in inputs and session, if it plays. */
	void (*save)(struct path_source *source, struct path_record *record);
	/*
	 * Instead of start(): carries on where a former control plane was; the path has
	 * its streams again. Takes from `fd` (as MR_RECORD_PATH keeps them) what it uses
	 * and puts -1 there. NULL: it has; else why it cannot, and nothing has changed.
	 */
	const char *(*adopt)(struct path_source *source, const struct path_record *record,
		int fd[MR_RECORD_FDS]);
	/* Stop, and leave everything as it is for the next control plane. */
	void (*leave)(struct path_source *source);
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

struct path_entry {
	struct path path; /* first: an entry is its path */
	const struct mr_config_path *config;
	struct path_binding binding[PATH_BINDINGS];
	uint8_t source_hash[PATH_HASH_BYTES];
	bool adopted;    /* on attaching: the data plane has it all already */
	bool not_whole;  /* the record has no room for the session; logged once */
	bool running;    /* the source is started */
	guint idle_stop; /* timer: nobody wants it; 0: none */
	/* what the source says; path.state and path.note are that, or a refusal */
	enum mr_path_state source_state;
	char source_note[MR_NOTE_MAX];
	/* path_refused.c */
	GSList *adds;    /* STREAM_ADDs not answered yet, owned */
	guint try_again; /* timer: streams that were refused; 0: none */
	struct backoff try_backoff;
};

struct path_table {
	const struct mr_config *config;
	struct install *install;
	struct input_stats *stats; /* owned */
	struct path_entry *entries;
	unsigned int n;
	struct path_listener *listeners;
	struct former_paths *former; /* owned */
	bool had_data_plane;
	bool open;  /* sources may start: it is known whether there is something to take over */
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
/* The data plane has this binding of track i already. */
void path_bound(struct path *path, unsigned int i, const struct mr_stream_bind *bind);
/* Writes the record that a later control plane may carry on with. */
void path_save(struct path *path);

/* ---- for path.c ---- */

/* Tells a data plane that was just attached everything about the path. */
void path_announce(struct path_entry *e);
/* The same for one taken over: says what may be new, adds what is missing. */
void path_announce_adopted(struct path_entry *e);
/* No track gets packets, whatever the data plane has bound. */
void path_unbind_all(struct path *path);
/* Takes the path and its streams from the data plane. */
void path_withdraw(struct path_entry *e);
void path_tell_changed(const struct path *path);

/* ---- streams that the data plane refuses (path_refused.c) ---- */

/* Sends STREAM_ADD, and listens to what is said to it. */
void path_send_stream(struct path *path, const struct mr_command *command);
/* True: `note` says what of the path is refused. */
bool path_refused_note(const struct path *path, char note[MR_NOTE_MAX]);
/* Tracks have changed: what does it mean for the path? */
void path_refused_update(struct path *path);
/* Everything is announced anew, or nobody is there: nothing is refused. */
void path_refused_reset(struct path_entry *e);
void path_refused_fini(struct path_entry *e);
/* What path_announce.c does for it: adds a stream, binds a track, and says the state. */
void path_add_stream(struct path *path, const struct track *t);
void path_bind_again(struct path *path, const struct track *t);
void path_state_changed(struct path *path);

/* ---- paths of a former control plane (path_adopt.c) ---- */

struct former_paths *former_paths_create(void);
void former_paths_destroy(struct former_paths *f);
/* A record that the data plane tells; those of paths of ours mean nothing. */
void former_paths_record(struct former_paths *f, const struct mr_record *record);
/* True: the descriptor is kept for its path. */
bool former_paths_fd(struct former_paths *f, uint32_t id, uint32_t slot, int fd);
void former_paths_clear(struct former_paths *f);
/* Ends an RTSP session that is not taken over; with the credentials of `config`, or
 * without (NULL). Takes from `fd` what it uses. (rtsp_source_adopt.c) */
void rtsp_former_end(const struct mr_config_path *config, const struct path_record *record,
	int fd[MR_RECORD_FDS]);
/* Takes over what can be, deletes the rest. */
void former_paths_settle(struct former_paths *f, struct path_table *table);

#endif
