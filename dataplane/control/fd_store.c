/* SPDX-License-Identifier: BSD-3-Clause */
/* Kept descriptors: see fd_store.h. The data plane's main thread. Searched from
 * one end to the other: some thousand entries, at the pace of signalling. */
#include "dataplane/control/fd_store.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int fd_store_init(struct fd_store *s, uint32_t max)
{
	*s = (struct fd_store){.max = max};
	s->entries = calloc(max ? max : 1, sizeof(*s->entries));
	return s->entries ? 0 : -ENOMEM;
}

/* The option comes with the socket: closing must not wait for its peer. */
static void socket_close(int fd)
{
	static const struct linger off = {0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	close(fd);
}

static void entry_free(struct fd_store *s, struct kept_fd *e)
{
	socket_close(e->fd);
	e->fd = -1;
	s->count--;
}

void fd_store_fini(struct fd_store *s)
{
	for (uint32_t i = 0; i < s->high; i++)
		if (s->entries[i].fd >= 0)
			entry_free(s, &s->entries[i]);
	free(s->entries);
	*s = (struct fd_store){0};
}

static struct kept_fd *entry_find(struct fd_store *s, uint32_t kind, uint32_t id, uint32_t slot)
{
	for (uint32_t i = 0; i < s->high; i++) {
		struct kept_fd *e = &s->entries[i];

		if (e->fd >= 0 && e->kind == kind && e->id == id && e->slot == slot)
			return e;
	}
	return NULL;
}

static struct kept_fd *entry_new(struct fd_store *s)
{
	if (s->count == s->max)
		return NULL;
	if (s->count == s->high)
		return &s->entries[s->high++];
	for (uint32_t i = 0; i < s->high; i++)
		if (s->entries[i].fd < 0)
			return &s->entries[i];
	return NULL;
}

int fd_store_put(struct fd_store *s, uint32_t kind, uint32_t id, uint32_t slot, int fd)
{
	struct kept_fd *e;
	struct stat st;
	int err;

	if (kind > MR_RECORD_VIEWER || (kind == MR_RECORD_GLOBAL && id != 0) ||
		slot >= MR_RECORD_FDS) {
		err = -EINVAL;
		goto err_fd;
	}
	if (fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		err = -ENOTSOCK;
		goto err_fd;
	}
	e = entry_find(s, kind, id, slot);
	if (e) {
		socket_close(e->fd);
		e->fd = fd;
		return 0;
	}
	e = entry_new(s);
	if (!e) {
		err = -ENOSPC;
		goto err_fd;
	}
	*e = (struct kept_fd){.kind = kind, .id = id, .slot = slot, .fd = fd};
	s->count++;
	return 0;

err_fd:
	socket_close(fd);
	return err;
}

void fd_store_drop(struct fd_store *s, uint32_t kind, uint32_t id, uint32_t slot)
{
	struct kept_fd *e = entry_find(s, kind, id, slot);

	if (e)
		entry_free(s, e);
}

void fd_store_forget(struct fd_store *s, uint32_t kind, uint32_t id)
{
	for (uint32_t slot = 0; s->count > 0 && slot < MR_RECORD_FDS; slot++)
		fd_store_drop(s, kind, id, slot);
}

void fd_store_prune(
	struct fd_store *s, bool (*exists)(void *user, uint32_t kind, uint32_t id), void *user)
{
	for (uint32_t i = 0; i < s->high; i++) {
		struct kept_fd *e = &s->entries[i];

		if (e->fd >= 0 && e->kind != MR_RECORD_GLOBAL && !exists(user, e->kind, e->id))
			entry_free(s, e);
	}
}

const struct kept_fd *fd_store_next(const struct fd_store *s, uint32_t *cursor)
{
	while (*cursor < s->high) {
		const struct kept_fd *e = &s->entries[(*cursor)++];

		if (e->fd >= 0)
			return e;
	}
	return NULL;
}
