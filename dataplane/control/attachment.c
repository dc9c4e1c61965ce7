/* SPDX-License-Identifier: BSD-3-Clause */
/* One control plane: see attachment.h. The data plane's main thread, but
 * attachment_notify(). */
#include "dataplane/control/attachment.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

struct mr_socket_message attachment_message(enum mr_socket_message_type type)
{
	return (struct mr_socket_message){
		.magic = MR_ABI_MAGIC,
		.version = MR_CHANNEL_VERSION,
		.type = type,
		.pid = (uint32_t)getpid(),
	};
}

void attachment_init(struct attachment *a)
{
	*a = (struct attachment){.client = -1, .doorbell = -1, .up = -1, .channel.memfd = -1};
}

/* The two wake-up sockets and HELLO with the client's ends of them. */
static int hello_send(struct attachment *a)
{
	const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	struct mr_socket_message m = attachment_message(MR_SOCKET_HELLO);
	int up[2], down[2], fds[3], err;

	if (socketpair(AF_UNIX, type, 0, up) != 0)
		return -errno;
	if (socketpair(AF_UNIX, type, 0, down) != 0) {
		err = -errno;
		close(up[0]);
		close(up[1]);
		return err;
	}
	a->up = up[0];
	a->doorbell = down[0];
	m.region_size = a->channel.size;
	fds[0] = a->channel.memfd;
	fds[1] = up[1];
	fds[2] = down[1];
	err = mr_socket_send(a->client, &m, fds, 3);
	close(up[1]);
	close(down[1]);
	return err;
}

int attachment_open(struct attachment *a, int client)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int err;

	attachment_init(a);
	a->client = client;
	if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		a->peer = peer.pid;
	err = mr_channel_create(&a->channel);
	if (!err)
		err = hello_send(a);
	if (err) {
		attachment_hang_up(a);
		attachment_release(a);
	}
	return err;
}

int attachment_greet(struct attachment *a, const struct fd_store *kept)
{
	struct mr_socket_message m = attachment_message(MR_SOCKET_FD);
	uint32_t cursor = a->greeted;
	const struct kept_fd *k = fd_store_next(kept, &cursor);
	int err;

	if (k) {
		m.kind = k->kind;
		m.id = k->id;
		m.slot = k->slot;
		err = mr_socket_send(a->client, &m, &k->fd, 1);
	} else {
		m.type = MR_SOCKET_FD_END;
		err = mr_socket_send(a->client, &m, NULL, 0);
	}
	if (err == -ENOBUFS || err == -ENOMEM)
		return -ETOOMANYREFS;
	if (err == -EPIPE || err == -ECONNRESET)
		return 1; /* it went; what it sent before is still to be read */
	if (err)
		return err;
	a->greeted = cursor;
	return k ? 0 : 1;
}

/* One message. A descriptor that came with it is kept or closed. */
static int message_take(struct attachment *a, struct fd_store *kept, uint64_t *refused)
{
	struct mr_socket_message m;
	unsigned int n = 0;
	int fd = -1;
	int err = mr_socket_receive(a->client, &m, &fd, 1, &n);

	if (err)
		return err;
	if (m.type == MR_SOCKET_FD && n == 1) {
		if (fd_store_put(kept, m.kind, m.id, m.slot, fd) != 0)
			(*refused)++;
		return 0;
	}
	if (n > 0)
		close(fd);
	if (m.type != MR_SOCKET_FD_DROP || n > 0)
		return -EPROTO;
	fd_store_drop(kept, m.kind, m.id, m.slot);
	return 0;
}

int attachment_read(
	struct attachment *a, struct fd_store *kept, unsigned int budget, uint64_t *refused)
{
	int err = 0;

	while (budget-- > 0 && !err)
		err = message_take(a, kept, refused);
	if (!err)
		return 1;
	return err == -EAGAIN ? 0 : err;
}

int attachment_doorbell(struct attachment *a)
{
	char rings[4096];
	ssize_t n = recv(a->doorbell, rings, sizeof(rings), MSG_DONTWAIT);

	if (n > 0)
		return 1;
	/* That the client went is its socket's to say, after what it sent before. */
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_fd(&a->doorbell);
	return 0;
}

void attachment_hang_up(struct attachment *a)
{
	close_fd(&a->client);
	close_fd(&a->doorbell);
	a->peer = 0;
}

void attachment_release(struct attachment *a)
{
	close_fd(&a->up);
	mr_channel_destroy(&a->channel);
}

void attachment_notify(const struct attachment *a)
{
	static const char ring = 1;

	/* Full: the client has been told and has not looked. Gone: its socket says so. */
	if (a->up >= 0)
		(void)!send(a->up, &ring, sizeof(ring), MSG_DONTWAIT | MSG_NOSIGNAL);
}
