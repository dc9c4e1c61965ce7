/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One control plane as the data plane sees it: its socket, the two wake-up
 * sockets, its channel. handover.c decides when; here is what is said and heard.
 * The data plane's main thread, but attachment_notify(). Nothing waits.
 */
#ifndef DATAPLANE_CONTROL_ATTACHMENT_H
#define DATAPLANE_CONTROL_ATTACHMENT_H

#include "dataplane/api/channel.h"
#include "dataplane/api/client.h"
#include "dataplane/control/fd_store.h"

#include <sys/types.h>

struct attachment {
	int client;       /* owned, -1: none */
	int doorbell;     /* owned: readable when the client rang */
	int up;           /* owned: our end of the client's event socket; worker 0 writes it, too */
	uint32_t greeted; /* cursor into the store: descriptors sent so far */
	pid_t peer;
	struct mr_channel channel;
};

struct mr_socket_message attachment_message(enum mr_socket_message_type type);

void attachment_init(struct attachment *a); /* nobody */
/* Makes a channel and sends HELLO to `client`, which is owned from here on, also
 * on failure. 0 or -errno. */
int attachment_open(struct attachment *a, int client);
/* Sends kept descriptors, then FD_END, as far as the client takes them. 1: all sent;
 * 0: more, now; -EAGAIN: more, when it is writable; -ETOOMANYREFS: more, some ms
 * later; else the client is to be dropped. */
int attachment_greet(struct attachment *a, const struct fd_store *kept);
/* Takes at most `budget` messages into the store; descriptors not kept are counted
 * in `refused`. 0: no more; 1: perhaps more; -ECONNRESET: the client went;
 * -EPROTO...: it is to be dropped. */
int attachment_read(
	struct attachment *a, struct fd_store *kept, unsigned int budget, uint64_t *refused);
/* 1: the client rang; 0: not, or it cannot any more. */
int attachment_doorbell(struct attachment *a);
/* Closes the sockets that only the main thread uses: step one. */
void attachment_hang_up(struct attachment *a);
/* Wipes and unmaps the channel: step two, when worker 0 has let go. */
void attachment_release(struct attachment *a);

/* Wakes the client. Main thread and worker 0. */
void attachment_notify(const struct attachment *a);

#endif
