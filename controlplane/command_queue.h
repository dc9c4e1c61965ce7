/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands on their way to the data plane: first waiting for room in the ring,
 * then for their replies, in order. Private to install.c. Main thread.
 */
#ifndef CONTROLPLANE_COMMAND_QUEUE_H
#define CONTROLPLANE_COMMAND_QUEUE_H

#include "controlplane/install.h"

#include <glib.h>

struct command_queue {
	uint64_t cookie; /* of the last command */
	GQueue waiting;  /* struct pending, not yet in the ring */
	GQueue sent;     /* struct pending, in the ring or beyond, in order */
};

void command_queue_init(struct command_queue *q);
void command_queue_fini(struct command_queue *q);

/* Copies the command and gives it a cookie. 0 or -ENOBUFS. */
int command_queue_add(struct command_queue *q, const struct mr_command *command,
	install_reply_fn reply, void *user);
/* Moves what fits into the ring; true when there was something. Copies are wiped. */
bool command_queue_flush(struct command_queue *q, struct mr_ring *ring);
/* The reply of one; those before it that never got theirs fail with -EPROTO. */
void command_queue_reply(struct command_queue *q, uint64_t cookie, int status);
/* All that are open fail. */
void command_queue_fail(struct command_queue *q, int status);
/* No callback with this user, or no callback at all, will be called. */
void command_queue_forget(struct command_queue *q, const void *user);
void command_queue_forget_all(struct command_queue *q);
/* Cookie of the last command that is not answered yet; 0: there is none. */
uint64_t command_queue_last_open(const struct command_queue *q);

#endif
