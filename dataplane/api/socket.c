/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One message of the Unix sockets, with descriptors. Both sides, any one thread
 * per socket; never blocks.
 */
#include "dataplane/api/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX 3 /* of one message */

int mr_socket_send(int fd, const struct mr_socket_message *m, const int *fds, unsigned int n_fds)
{
	alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))] = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)m, .iov_len = sizeof(*m)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (n_fds > FDS_MAX)
		return -EINVAL;
	if (n_fds > 0) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Hands the first `max_fds` descriptors to the caller and closes the rest. */
static unsigned int descriptors_take(struct msghdr *msg, int *fds, unsigned int max_fds)
{
	unsigned int taken = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (taken < max_fds)
				fds[taken++] = fd;
			else
				close(fd);
		}
	}
	return taken;
}

static int message_check(const struct mr_socket_message *m, ssize_t len, int flags)
{
	if (len < (ssize_t)offsetof(struct mr_socket_message, type) || m->magic != MR_ABI_MAGIC)
		return -EPROTO;
	/* Told apart first: other versions may be longer. */
	if (m->version != MR_CHANNEL_VERSION && m->type != MR_SOCKET_STATS)
		return -EPROTONOSUPPORT;
	if (len != (ssize_t)sizeof(*m) || (flags & (MSG_TRUNC | MSG_CTRUNC)))
		return -EPROTO;
	return 0;
}

int mr_socket_receive(
	int fd, struct mr_socket_message *m, int *fds, unsigned int max_fds, unsigned int *n_fds)
{
	alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))];
	struct iovec iov = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	unsigned int taken;
	int resets = 0;
	ssize_t n;
	int err;

	if (n_fds)
		*n_fds = 0;
	memset(m, 0, sizeof(*m));
	/* A peer that went with something unread leaves ECONNRESET, told once and
	 * before the messages that it had sent. */
	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	if (n < 0)
		return -errno;
	/* Also an empty message may carry descriptors. */
	taken = descriptors_take(&msg, fds, n_fds ? max_fds : 0);
	err = n == 0 ? -ECONNRESET : message_check(m, n, msg.msg_flags);
	if (err) {
		for (unsigned int i = 0; i < taken; i++)
			close(fds[i]);
		return err;
	}
	if (n_fds)
		*n_fds = taken;
	return 0;
}
