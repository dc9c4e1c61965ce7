/* SPDX-License-Identifier: BSD-3-Clause */
/* A listening Unix socket: see listener.h. The data plane's main thread. */
#include "dataplane/control/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 16
#define GROUPS_MAX 256 /* of a peer */
#define LOCK_TRIES 100
#define LOCK_WAIT_US 10000

/* The directory of `path`, made if it is not there: a descriptor or -errno. */
static int directory_open(const char *path)
{
	char dir[sizeof(((struct listener *)0)->path)];
	char *slash;
	int fd;

	strcpy(dir, path); /* listener_open() has checked the length */
	slash = strrchr(dir, '/');
	if (!slash)
		strcpy(dir, ".");
	else if (slash == dir)
		strcpy(dir, "/");
	else
		*slash = '\0';
	if (mkdir(dir, 0755) == 0) {
		if (chmod(dir, 0755) != 0) /* whatever the umask */
			return -errno;
	} else if (errno != EEXIST) {
		return -errno;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fd;
}

/* Two that start at once must not remove each other's file. */
static int directory_lock(int dir)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(dir, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		usleep(LOCK_WAIT_US);
	}
	return -EADDRINUSE;
}

/* Removes the file of a data plane that died. */
static int stale_remove(const struct sockaddr_un *at)
{
	struct stat st;
	int fd, err;

	if (lstat(at->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ? 0 : errno;
	close(fd);
	if (err == ENOENT)
		return 0;
	if (err != ECONNREFUSED) /* connected, or it listens but does not take us now */
		return err == EACCES ? -EACCES : -EADDRINUSE;
	if (unlink(at->sun_path) != 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static int socket_bind(struct listener *l, const struct sockaddr_un *at, mode_t mode, gid_t group)
{
	struct stat st;

	if (bind(l->fd, (const struct sockaddr *)at, sizeof(*at)) != 0)
		return -errno;
	if (lstat(at->sun_path, &st) != 0)
		return -errno;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	if (group != (gid_t)-1 && chown(at->sun_path, (uid_t)-1, group) != 0)
		return -errno;
	if (chmod(at->sun_path, mode) != 0)
		return -errno;
	return listen(l->fd, BACKLOG) == 0 ? 0 : -errno;
}

int listener_open(struct listener *l, const char *path, mode_t mode, gid_t group)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int dir, err;

	memset(l, 0, sizeof(*l));
	l->fd = -1;
	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	memcpy(at.sun_path, path, strlen(path) + 1);
	memcpy(l->path, path, strlen(path) + 1);
	dir = directory_open(path);
	if (dir < 0)
		return dir;
	err = directory_lock(dir);
	if (!err)
		err = stale_remove(&at);
	if (err)
		goto out_dir;
	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0) {
		err = -errno;
		goto out_dir;
	}
	err = socket_bind(l, &at, mode, group);
	if (err)
		listener_close(l);
out_dir:
	close(dir);
	return err;
}

void listener_close(struct listener *l)
{
	struct stat st;

	if (l->fd < 0)
		return;
	if (l->ino != 0 && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	close(l->fd);
	l->fd = -1;
}

int listener_accept(struct listener *l)
{
	/* cppcheck-suppress nullPointer; nobody asks for the address */
	int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		return fd;
	/* The peer went, or a signal came: the caller's next turn sees the rest. */
	return errno == ECONNABORTED || errno == EINTR ? -EAGAIN : -errno;
}

bool peer_is_allowed(int fd, gid_t group)
{
	struct ucred peer;
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid() || peer.gid == group)
		return true;
	len = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}
