/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A listening Unix socket (SOCK_SEQPACKET) at a path: makes the directory, takes
 * the place of a dead predecessor's file, never of a living one's, and removes
 * its own in the end. The data plane's main thread. libc only.
 */
#ifndef DATAPLANE_CONTROL_LISTENER_H
#define DATAPLANE_CONTROL_LISTENER_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

struct listener {
	int fd; /* owned, non-blocking; -1: closed */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	dev_t dev; /* of our file, so that no other's is removed */
	ino_t ino;
};

/*
 * Nobody can connect before mode and group are set. `group` (gid_t)-1: the
 * process's. 0; -EADDRINUSE: somebody listens there; -EEXIST: the path is no
 * socket; -ENAMETOOLONG; or -errno. Failed: fd is -1.
 */
int listener_open(struct listener *l, const char *path, mode_t mode, gid_t group);
void listener_close(struct listener *l);

/* A connection (non-blocking, close-on-exec) or -errno; -EAGAIN: none waits. */
int listener_accept(struct listener *l);

/* May the peer of `fd` command us? root, our own user, members of `group`. */
bool peer_is_allowed(int fd, gid_t group);

#endif
