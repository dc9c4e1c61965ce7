/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control plane's end of the channel: an asynchronous client over
 * dataplane/api. It connects to the data plane's control socket, tries again
 * every 500 ms while there is none or after it went, queues commands, hands
 * out replies, events and packets, and gives out ids. A data plane whose channel
 * is another version is left alone until another one listens there; once a minute
 * it is asked all the same.
 *
 * Everything here belongs to the thread of GLib's default main context;
 * callbacks run there, never inside the call that caused them. Only the
 * blocking connect is done by a thread of its own.
 *
 * Attaching: the data plane tells its ports and the records of what already
 * runs (listeners' event(), MR_EVENT_RECORD) and gives back the descriptors kept
 * beside them (kept_fd(), in any order with the records), then attached() is
 * called: the moment to announce everything again. A record of an object that the
 * listener does not know belongs to a former control plane; whoever owns the kind
 * (paths: source/, viewers: viewer/) takes it over or deletes it. When the data
 * plane goes: every open command is answered with -ENOTCONN, then detached().
 */
#ifndef CONTROLPLANE_INSTALL_H
#define CONTROLPLANE_INSTALL_H

#include "dataplane/api/client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSTALL_QUEUE_MAX 8192 /* commands waiting for room in the ring */
#define INSTALL_RETRY_MS 500

struct install;

struct install_listener {
	void (*attached)(void *user);
	/* Also when it went before all was told: what was told is void. */
	void (*detached)(void *user);
	/* An attempt to connect has shown that there is no data plane now. One of another
	 * version is there: what it holds is not to be opened a second time. */
	void (*absent)(void *user);
	/* It has shown that one of another version is there: nothing can be taken over. */
	void (*other_release)(void *user);
	/* Every event but replies. Borrowed for the call. */
	void (*event)(const struct mr_event *event, void *user);
	/* A descriptor that the data plane kept; the first listener that returns
	 * true owns it, it is closed when none does. */
	bool (*kept_fd)(uint32_t kind, uint32_t id, uint32_t slot, int fd, void *user);
	void *user;
};

/* 0 or -errno: what the data plane said, -ENOTCONN: it went. */
typedef void (*install_reply_fn)(int status, void *user);
typedef void (*install_packet_fn)(const struct mr_packet *head, const uint8_t *data, void *user);

/* Nothing happens before install_start(). */
struct install *install_create(const char *socket_path);
void install_start(struct install *install);
/* Lets go of the data plane for good: forgets listeners, handlers and callbacks,
 * waits at most `timeout_ms` for it to take what is queued, and disconnects. Nothing
 * reaches it after that, so what users still undo goes on there. */
void install_finish(struct install *install, unsigned int timeout_ms);
/* Open commands are forgotten, not answered. */
void install_destroy(struct install *install);

/* Any member of `listener` may be NULL; it is copied. Listeners are called in
 * the order in which they were added, and stay. */
void install_add_listener(struct install *install, const struct install_listener *listener);
/* Packets up of one enum mr_packet_kind; one handler per kind. */
void install_on_packet(
	struct install *install, uint32_t kind, install_packet_fn handler, void *user);

/* True between attached() and detached(). */
bool install_attached(const struct install *install);
/* Whether what runs in the data plane is known: it has been taken over, or the last
 * attempt to connect has shown that there is no data plane, so nothing runs. Not
 * between start (or a connection lost) and attached(), nor beside a data plane that
 * is another control plane's or of another release. */
bool install_knows(const struct install *install);
/* Whether to wait for that: some seconds after start or a connection lost, not beside a data
 * plane of another release. */
bool install_knows_soon(const struct install *install);
/* Why it is not attached, for clients; until the next attempt to connect. */
const char *install_why_not(const struct install *install);

/*
 * Queues a command (copied; the copies are wiped after use); the cookie is
 * filled in here. `reply` may be NULL. 0: `reply` will be called exactly once
 * unless forgotten; -ENOTCONN: no data plane; -ENOBUFS: the queue is full.
 */
int install_command(struct install *install, const struct mr_command *command,
	install_reply_fn reply, void *user);
/* No reply of a command given with this `user` will be delivered any more. */
void install_forget(struct install *install, const void *user);

/* A datagram down (mr_packet_put: kind, stream_id, nexthop_id, local, remote of
 * `head`). 0, -EAGAIN: the ring is full, -ENOTCONN, -EMSGSIZE. */
int install_send_packet(
	struct install *install, const struct mr_packet *head, const void *data, size_t len);

/* An id never used with this data plane, for paths, streams, viewers and next
 * hops alike; below MR_VIEWER_FIXED_BASE. Only while attached or after. */
uint32_t install_new_id(struct install *install);

/* Opaque record of `len` <= MR_RECORD_MAX bytes beside an object. 0 or as install_command(). */
int install_put_record(
	struct install *install, uint32_t kind, uint32_t id, const void *data, size_t len);
/* mr_client_keep_fd(); -ENOTCONN without a data plane. */
int install_keep_fd(struct install *install, uint32_t kind, uint32_t id, uint32_t slot, int fd);

/* Ports of the data plane attached to: 0 to MR_PORTS_MAX, in order of index. */
size_t install_ports(const struct install *install, const struct mr_port_info **ports);

#endif
