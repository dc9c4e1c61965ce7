/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The main thread's side of everything that changes while the data plane runs:
 * commands of the control plane into tables and orders, workers' notices into
 * events, what a control plane that attaches is told. Main thread only.
 *
 *   control.c           the turn of the main thread, attach and detach
 *   command.c           which command goes where; replies
 *   command_stream.c    paths, streams
 *   endpoints.c         public ports, streams' RTP ports
 *   command_viewer.c    viewers
 *   command_ice.c       their ICE credentials
 *   audiences.c         which worker a viewer lives at
 *   command_nexthop.c   next hops
 *   fixed_sessions.c    the session file's own viewers
 *   announce.c          ports, records and the end of the table, on attaching
 */
#ifndef DATAPLANE_CONTROL_CONTROL_H
#define DATAPLANE_CONTROL_CONTROL_H

#include "crypto/crypto_device.h"
#include "dataplane/api/channel.h"
#include "dataplane/api/stats.h"
#include "dataplane/control/handover.h"
#include "dataplane/control/key_history.h"
#include "dataplane/control/records.h"
#include "dataplane/control/tables.h"
#include "dataplane/control/tell.h"
#include "dataplane/port/port.h"

#include <stdbool.h>

#define PUBLIC_PORTS_MAX 8
#define SPREAD_SLACK 16

/* Borrowed; all outlive the control. */
struct control_config {
	struct port *ports;
	unsigned int n_ports;
	struct worker_set workers;
	struct doorbell *bell; /* workers ring it when they have told something; NULL: none */
	struct crypto_device *crypto; /* the main thread's own: expands keys */
	struct mr_stats *stats;
	int stats_fd;
	const char *control_socket;
	const char *stats_socket;
	uint32_t max_streams;
	uint32_t max_viewers;
	uint32_t ring_packets; /* default of a stream */
	uint32_t ring_bytes;
};

#define FIXED_SESSIONS_MAX 1024 /* of the session file */

struct control {
	struct control_config config;
	struct tables tables;
	struct records *records;
	struct key_history *keys;
	struct handover *handover;
	struct mr_stats_view view; /* of our own region: its arrays */
	struct mr_endpoint publics[PUBLIC_PORTS_MAX];
	unsigned int n_publics;
	uint8_t next_worker;             /* that the next path gets */
	uint32_t tracks[MR_WORKERS_MAX]; /* viewers' tracks at each worker */
	/* sessions[i] has not started: -errno, as VIEWER_ROUTE is answered; else 0 */
	int16_t fixed_error[FIXED_SESSIONS_MAX];
	uint32_t spread_slack; /* tracks that a stream's own worker may have more than others */

	/* while a control plane is attached */
	struct mr_channel *channel; /* borrowed from the handover; NULL: none */
	uint32_t packets_up_seen;   /* head when the control plane was woken last */
	bool announcing;
	uint32_t announce_at;     /* what of the table was told, announce.c */
	bool wake;                /* the control plane has something to read */
	uint64_t unread_since_ns; /* CLOCK_MONOTONIC: its events' ring is full; 0: it is not */
};

/* 0, or -errno with a text in `error`. */
int control_init(
	struct control *c, const struct control_config *config, char *error, size_t error_len);
/* After the workers have stopped: frees and wipes all objects. */
void control_fini(struct control *c);

/* Waits until there is something to do, or for `timeout_ms`; then does it, in bounds.
 * Returns whether there was anything. */
bool control_turn(struct control *c, int timeout_ms);

/* command.c: 0 or the status of the reply. Wipes what is secret in `command`. */
int command_execute(struct control *c, struct mr_command *command);

/* endpoints.c */
int command_listen(struct control *c, const struct mr_listen *m);
bool endpoint_equal(const struct mr_endpoint *a, const struct mr_endpoint *b);
/* What comes to `local` is the stream's, or (failed) nothing has changed:
 * -EADDRINUSE: another stream's, or a public port. */
int stream_endpoint_open(
	struct control *c, const struct stream_entry *e, const struct mr_endpoint *local);
void stream_endpoint_close(struct control *c, const struct mr_endpoint *local);

/* command_stream.c */
int command_path_set(struct control *c, const struct mr_path_set *m);
int command_path_del(struct control *c, uint32_t id);
int command_stream_add(struct control *c, const struct mr_stream_add *m);
int command_stream_bind(struct control *c, const struct mr_stream_bind *m);
int command_stream_report(struct control *c, const struct mr_stream_report *m);
int command_stream_del(struct control *c, uint32_t id);
void stream_entry_free(struct control *c, struct stream_entry *e); /* unlinked already */
void path_entry_free(struct control *c, struct path_entry *e);

/* command_viewer.c */
int command_viewer_add(struct control *c, const struct mr_viewer_add *m);
int command_viewer_route(struct control *c, const struct mr_viewer_route *m);
int command_viewer_del(struct control *c, uint32_t id);
/* command_ice.c */
int command_viewer_ice(struct control *c, const struct mr_viewer_ice *m);
/* Frees without a worker's help: it has stopped, or never had it. */
void viewer_entry_free(struct control *c, struct viewer_entry *e);
/* A stream is about to go: viewers lose the track, fixed ones wait again. */
void viewers_stream_goes(struct control *c, uint32_t stream_id);
/* Fixed viewers that wait start, as far as there is what they wait for. */
void viewers_start_waiting(struct control *c);
/* A fixed session's viewer, not linked yet: waits for its route and its stream. */
int viewer_add_fixed(struct control *c, const struct mr_viewer_add *m, const char *path,
	uint8_t kind, const char *note);

/* audiences.c */
/* The worker of a viewer that comes for `s` now. */
uint8_t audiences_place(const struct control *c, const struct stream_entry *s);
/* The stream's audience at a worker, made if need be. NULL and errno. */
struct audience_entry *audiences_open(struct control *c, struct stream_entry *s, uint8_t worker);
/* A track has left: unmakes the audience if it was the last one's. */
void audiences_close(struct control *c, struct stream_entry *s, uint8_t worker);
/* The stream was unlinked: its viewers everywhere lose the track. */
void audiences_end(struct control *c, struct stream_entry *s);
void audiences_free(struct stream_entry *s); /* without the workers: they have stopped */

/* command_nexthop.c */
int command_nexthop_set(struct control *c, const struct mr_nexthop_set *m);
int command_nexthop_del(struct control *c, uint32_t id);
/* Removes next hops that no viewer uses: who added them has gone. */
void nexthops_prune(struct control *c);
void nexthop_use(struct control *c, uint32_t id); /* a viewer more; 0 and unknown: nothing */
void nexthop_release(struct control *c, uint32_t id);

/* announce.c: true when all was told. */
bool announce_some(struct control *c);

/* control.c: puts an event; without a control plane, or room, it is lost (counted). */
void control_event(struct control *c, const struct mr_event *e);
/* How many events there is room for; 0 without a control plane. */
unsigned int control_event_space(struct control *c);

#endif
