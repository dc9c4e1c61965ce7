/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors that the data plane keeps for the control plane, so that a
 * restarted one gets its connections back: (kind, id, slot) -> socket.
 *
 * Bounded. The data plane's main thread. libc only.
 */
#ifndef DATAPLANE_CONTROL_FD_STORE_H
#define DATAPLANE_CONTROL_FD_STORE_H

#include "dataplane/api/command.h"

#include <stdbool.h>
#include <stdint.h>

struct kept_fd {
	uint32_t kind; /* enum mr_record_kind */
	uint32_t id;
	uint32_t slot; /* 0 to MR_RECORD_FDS - 1 */
	int fd;        /* owned by the store; -1: this entry is free */
};

struct fd_store {
	struct kept_fd *entries; /* owned */
	uint32_t high;           /* entries below were used at some time */
	uint32_t count;
	uint32_t max;
};

int fd_store_init(struct fd_store *s, uint32_t max); /* 0 or -ENOMEM */
void fd_store_fini(struct fd_store *s);              /* closes all */

/* Keeps `fd`, which it owns from here on, also on failure; what was in the slot
 * is closed. 0; -EINVAL: no such kind or slot; -ENOTSOCK; -ENOSPC. */
int fd_store_put(struct fd_store *s, uint32_t kind, uint32_t id, uint32_t slot, int fd);
/* Closes one; all of an object. Nothing there: fine. */
void fd_store_drop(struct fd_store *s, uint32_t kind, uint32_t id, uint32_t slot);
void fd_store_forget(struct fd_store *s, uint32_t kind, uint32_t id);
/* Closes those whose object is no more. */
void fd_store_prune(
	struct fd_store *s, bool (*exists)(void *user, uint32_t kind, uint32_t id), void *user);

/* Iterates as records_next(): NULL at the end. */
const struct kept_fd *fd_store_next(const struct fd_store *s, uint32_t *cursor);

#endif
