/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connecting to the data plane: the control plane's main thread, or a reader of
 * statistics. Every wait has an end.
 */
#include "dataplane/api/client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_RETRY_MS 10 /* while the data plane's backlog is full */
#define KEEP_FD_WAIT_MS 100 /* while the data plane does not take descriptors */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left;
	int n;

	do {
		left = deadline_ms - now_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n > 0 ? 0 : -ETIMEDOUT;
}

/* A connected, non-blocking socket or -errno. */
static int socket_connect(const char *path, int64_t deadline_ms)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	while (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		err = errno;
		if (err != EAGAIN && err != EINTR)
			goto err_fd;
		if (now_ms() >= deadline_ms) {
			err = ETIMEDOUT;
			goto err_fd;
		}
		poll(NULL, 0, CONNECT_RETRY_MS);
	}
	return fd;

err_fd:
	close(fd);
	return -err;
}

static void fds_close(const int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		close(fds[i]);
}

/* Waits for the first message, which has to be of `type` with `n_fds` descriptors. */
static int greeting_receive(int fd, struct mr_socket_message *m, uint32_t type, int *fds,
	unsigned int n_fds, int64_t deadline_ms)
{
	unsigned int got = 0;
	int err;

	memset(m, 0, sizeof(*m));
	do {
		err = wait_for(fd, POLLIN, deadline_ms);
		if (!err)
			err = mr_socket_receive(fd, m, fds, n_fds, &got);
	} while (err == -EAGAIN);
	if (err)
		return err;
	if (m->type == type && got == n_fds)
		return 0;
	fds_close(fds, got);
	switch (m->type) {
	case MR_SOCKET_BUSY:
		return -EBUSY;
	case MR_SOCKET_DENIED:
		return -EACCES;
	default:
		return -EPROTO;
	}
}

int mr_client_connect(struct mr_client *c, const char *socket_path, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	struct mr_socket_message m;
	int fds[3], err;

	memset(c, 0, sizeof(*c));
	c->socket = c->event_fd = c->doorbell = c->channel.memfd = -1;
	err = socket_connect(socket_path, deadline);
	if (err < 0)
		return err;
	c->socket = err;
	err = greeting_receive(c->socket, &m, MR_SOCKET_HELLO, fds, 3, deadline);
	c->dataplane_version = m.version;
	if (err)
		goto err_socket;
	c->event_fd = fds[1];
	c->doorbell = fds[2];
	c->dataplane_pid = m.pid;
	err = mr_channel_attach(&c->channel, fds[0]);
	if (!err && m.region_size != c->channel.size)
		err = -EPROTO;
	if (err)
		goto err_socket;
	return 0;

err_socket:
	mr_client_close(c);
	return err;
}

void mr_client_close(struct mr_client *c)
{
	mr_channel_detach(&c->channel);
	if (c->doorbell >= 0)
		close(c->doorbell);
	if (c->event_fd >= 0)
		close(c->event_fd);
	if (c->socket >= 0)
		close(c->socket);
	c->socket = c->event_fd = c->doorbell = -1;
}

void mr_client_ring_doorbell(struct mr_client *c)
{
	static const char ring = 1;

	/* Full: the data plane has been told and not looked yet. Gone: the socket says so. */
	(void)!send(c->doorbell, &ring, sizeof(ring), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void mr_client_clear_event(struct mr_client *c)
{
	char rings[512];

	while (recv(c->event_fd, rings, sizeof(rings), MSG_DONTWAIT) == (ssize_t)sizeof(rings))
		;
}

int mr_client_keep_fd(struct mr_client *c, uint32_t kind, uint32_t id, uint32_t slot, int fd)
{
	struct mr_socket_message m = {
		.magic = MR_ABI_MAGIC,
		.version = MR_CHANNEL_VERSION,
		.type = fd >= 0 ? MR_SOCKET_FD : MR_SOCKET_FD_DROP,
		.kind = kind,
		.id = id,
		.slot = slot,
	};
	int64_t deadline = now_ms() + KEEP_FD_WAIT_MS;
	int err;

	do {
		err = mr_socket_send(c->socket, &m, &fd, fd >= 0 ? 1 : 0);
	} while (err == -EAGAIN && wait_for(c->socket, POLLOUT, deadline) == 0);
	return err;
}

int mr_stats_open(struct mr_stats_view *v, const char *socket_path, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	struct mr_socket_message m;
	int fd, memfd, err;

	*v = (struct mr_stats_view){0};
	fd = socket_connect(socket_path, deadline);
	if (fd < 0)
		return fd;
	err = greeting_receive(fd, &m, MR_SOCKET_STATS, &memfd, 1, deadline);
	if (!err) {
		err = mr_stats_map(v, memfd);
		close(memfd);
	}
	close(fd);
	return err;
}
