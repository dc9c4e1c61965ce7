/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two Unix sockets of the data plane (SOCK_SEQPACKET) and their clients.
 *
 * Control socket (mode 0660, peer credentials checked; one client at a time, a
 * second gets MR_SOCKET_BUSY and is closed). On connecting the data plane sends
 * MR_SOCKET_HELLO with three descriptors: the channel's memfd, a socket that
 * becomes readable when events or packets wait (up), a socket that the client
 * writes when commands or packets wait (down). (Ends of socket pairs and not
 * eventfds: an eventfd's blocking mode is shared, so that a client could make the
 * data plane's write wait.) Then one MR_SOCKET_FD with a descriptor for each one
 * kept, then MR_SOCKET_FD_END. Later the client may send MR_SOCKET_FD (keeps a
 * descriptor beside a record, replacing the one in the same slot; sockets only,
 * all others are closed) and MR_SOCKET_FD_DROP. Closing the socket ends the
 * channel: the data plane throws the region away and makes a new one for the
 * next. Any other message ends it too.
 *
 * Statistics socket (mode 0666 by default): the data plane sends
 * MR_SOCKET_STATS with one read-only memfd, and closes. That message is the same
 * in all versions of the channel; the region says its own.
 *
 * Functions here are the client's; any one thread. libc only.
 */
#ifndef DATAPLANE_API_CLIENT_H
#define DATAPLANE_API_CLIENT_H

#include "dataplane/api/channel.h"
#include "dataplane/api/stats.h"

#define MR_CONTROL_SOCKET "/run/millrace/control.sock"
#define MR_STATS_SOCKET "/run/millrace/stats.sock"

enum mr_socket_message_type {
	MR_SOCKET_HELLO = 1, /* 3 descriptors: memfd, up, down */
	MR_SOCKET_BUSY = 2,  /* another control plane is attached */
	MR_SOCKET_FD = 3,    /* 1 descriptor */
	MR_SOCKET_FD_END = 4,
	MR_SOCKET_FD_DROP = 5,
	MR_SOCKET_STATS = 6,  /* 1 descriptor: memfd */
	MR_SOCKET_DENIED = 7, /* the peer's user and groups are not allowed here */
};

struct mr_socket_message {
	uint32_t magic;       /* MR_ABI_MAGIC */
	uint32_t version;     /* MR_CHANNEL_VERSION */
	uint32_t type;        /* enum mr_socket_message_type */
	uint32_t kind;        /* enum mr_record_kind, of FD and FD_DROP */
	uint32_t id;          /* of the record's object */
	uint32_t slot;        /* 0 to MR_RECORD_FDS - 1 */
	uint64_t region_size; /* HELLO and STATS: [bytes] of the memfd */
	uint32_t pid;         /* HELLO and STATS: the data plane's */
	uint32_t reserved[7];
};
static_assert(sizeof(struct mr_socket_message) == 64, "mr_socket_message");

/* Sends one message with up to three descriptors; receives one. Descriptors
 * beyond `max_fds` are closed. Neither blocks, whatever the socket's mode. 0 or
 * -errno (-EAGAIN: not now); mr_socket_receive: -ECONNRESET at the end, -EPROTO
 * for what is not a message of ours, -EPROTONOSUPPORT for another version's (m->version
 * says which; MR_SOCKET_STATS is taken from any); then no descriptor is handed over. */
int mr_socket_send(int fd, const struct mr_socket_message *m, const int *fds, unsigned int n_fds);
int mr_socket_receive(
	int fd, struct mr_socket_message *m, int *fds, unsigned int max_fds, unsigned int *n_fds);

struct mr_client {
	int socket;   /* owned; readable: MR_SOCKET_FD..., or the data plane went */
	int event_fd; /* owned; readable: mr_client_clear_event(), then look into the rings */
	int doorbell; /* owned; write after enqueueing (mr_client_ring_doorbell) */
	uint32_t dataplane_pid;
	uint32_t dataplane_version; /* of its channel; 0: not told. Also with -EPROTONOSUPPORT */
	struct mr_channel channel;
};

/*
 * Connects, waits at most `timeout_ms` for HELLO and attaches. 0; -ENOENT or
 * -ECONNREFUSED: no data plane there; -EBUSY: another control plane is
 * attached; -EACCES: not allowed; -EPROTONOSUPPORT: its channel is another version;
 * -EPROTO; -ECONNRESET: it went away meanwhile; -ETIMEDOUT. Failed: nothing to close.
 */
int mr_client_connect(struct mr_client *c, const char *socket_path, int timeout_ms);
void mr_client_close(struct mr_client *c);
void mr_client_ring_doorbell(struct mr_client *c);
/* Before looking into the rings, or a message that comes in between goes unnoticed. */
void mr_client_clear_event(struct mr_client *c);
/* Keeps `fd` (a socket; borrowed, the data plane gets its own copy) beside a record;
 * fd -1 drops it. 0 or -errno; waits 100 ms at most, and only for a data plane
 * that is hundreds of descriptors behind (-EAGAIN). */
int mr_client_keep_fd(struct mr_client *c, uint32_t kind, uint32_t id, uint32_t slot, int fd);

/* Maps the statistics read-only. Errors as mr_client_connect; -EPROTONOSUPPORT: the
 * region is another version, v->version. */
int mr_stats_open(struct mr_stats_view *v, const char *socket_path, int timeout_ms);
/* mr_stats_close(): stats.h */

#endif
