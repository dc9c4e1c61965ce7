/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data plane's end of the two Unix sockets (client.h has the protocol):
 * admits one control plane at a time, makes a channel for it, keeps descriptors,
 * and gives the statistics to whoever asks.
 *
 * All functions are the data plane's main thread's, but handover_notify(). They
 * never wait for a peer; handover_poll() sleeps as long as it is told to. Nothing
 * here looks into the rings. libc only.
 *
 * One life of a channel, as handover_poll() tells it:
 *
 *   HANDOVER_ATTACHED   handover_channel() is there: send the table of what runs,
 *                       give the packet rings to worker 0
 *   HANDOVER_DOORBELL   look into commands (and wake worker 0 for packets down)
 *   HANDOVER_DETACHED   the control plane went (commands that it had enqueued before
 *                       may still be taken): take the packet rings from worker 0,
 *                       wait until it has let go, then handover_release_channel().
 *                       Until then the memory stays mapped and the next control
 *                       plane waits in the backlog.
 */
#ifndef DATAPLANE_CONTROL_HANDOVER_H
#define DATAPLANE_CONTROL_HANDOVER_H

#include "dataplane/api/client.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct handover_config {
	const char *control_path; /* MR_CONTROL_SOCKET */
	const char *stats_path;   /* MR_STATS_SOCKET */
	mode_t control_mode;      /* 0660; root, our user and the group's members are let in */
	mode_t stats_mode;        /* 0666 */
	gid_t group;              /* of the control socket; (gid_t)-1: the process's */
	uint32_t kept_max;        /* descriptors kept, at most */
	int stats_memfd;          /* borrowed for the call: mr_stats_create() */
	int bell; /* borrowed: readable, it ends handover_poll()'s sleep; -1: none */
};
#define HANDOVER_CONFIG_DEFAULT                                                                    \
	{                                                                                          \
		.control_path = MR_CONTROL_SOCKET, .stats_path = MR_STATS_SOCKET,                  \
		.control_mode = 0660, .stats_mode = 0666, .group = (gid_t)-1, .kept_max = 4096,    \
		.stats_memfd = -1, .bell = -1                                                      \
	}

enum handover_event {
	HANDOVER_ATTACHED = 0x1,
	HANDOVER_DOORBELL = 0x2,
	HANDOVER_DETACHED = 0x4,
};

/* Only rise. */
struct handover_counters {
	uint64_t attached;
	uint64_t refused_busy;
	uint64_t refused_credentials;
	uint64_t refused_fds;     /* descriptors not kept: limit, or no socket */
	uint64_t protocol_errors; /* clients dropped for what they sent */
	uint64_t stats_given;
};

struct handover;

/* 0; -EADDRINUSE: another data plane listens there; -EEXIST: the path is no
 * socket; or -errno. Paths are copied. */
int handover_create(struct handover **h, const struct handover_config *config);
/* Disconnects, wipes the channel (workers must have let go), removes the files. */
void handover_destroy(struct handover *h);

/* Serves what is ready after waiting up to `timeout_ms` (0: not at all). Bounded
 * work per call. Bits of enum handover_event, ATTACHED and DETACHED never
 * together; or -errno. */
int handover_poll(struct handover *h, int timeout_ms);
/* Readable when handover_poll() has something to do; for a larger poll set. */
int handover_fd(const struct handover *h);

/* NULL unless between ATTACHED and handover_release_channel(). */
struct mr_channel *handover_channel(struct handover *h);
/* Throws the client out (its rings gave -EPROTO); the next handover_poll()
 * returns DETACHED. No client: nothing happens. */
void handover_disconnect(struct handover *h);
/* Wipes and unmaps the channel of the client that went, admits the next. */
void handover_release_channel(struct handover *h);

/* Wakes the control plane: after enqueueing events or packets up, once per burst.
 * Main thread, and worker 0 while it holds the packet rings. Never blocks. */
void handover_notify(const struct handover *h);

/* Closes the descriptors kept for an object that is removed. */
void handover_forget(struct handover *h, uint32_t kind, uint32_t id);
/* The same for all objects that do not exist: a descriptor may arrive after its
 * object has gone, so call it when the control plane detaches. */
void handover_prune(
	struct handover *h, bool (*exists)(void *user, uint32_t kind, uint32_t id), void *user);

const struct handover_counters *handover_counters(const struct handover *h);
pid_t handover_peer(const struct handover *h); /* of the client attached; 0: none */

#endif
