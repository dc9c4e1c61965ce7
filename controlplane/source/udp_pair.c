/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernel sockets for RTP and RTCP; main thread. */
#include "controlplane/source/udp_pair.h"

#include "controlplane/source/address.h"

#include <glib-unix.h>

#include <errno.h>
#include <unistd.h>

#define PORT_TRIES 64
#define RECEIVE_BUFFER (1 << 20) /* bytes; the kernel's own limit applies */
#define BATCH 64                 /* datagrams per turn of the main loop */

enum { RTP, RTCP };

struct udp_pair {
	int fd[2]; /* owned */
	guint watch[2];
	uint16_t port;
	udp_pair_fn receive[2];
	void *user;
};

static socklen_t sockaddr_len(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static void set_port(struct sockaddr_storage *a, uint16_t port)
{
	if (a->ss_family == AF_INET6)
		((struct sockaddr_in6 *)a)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)a)->sin_port = htons(port);
}

/* A socket bound to the port (0: any), or -errno. */
static int bind_one(const struct sockaddr_storage *local, uint16_t port)
{
	struct sockaddr_storage address = *local;
	int size = RECEIVE_BUFFER, on = 1;
	int fd = socket(local->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	set_port(&address, port);
	if (local->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&address, sockaddr_len(&address))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);
	uint8_t addr[16];
	uint16_t port = 0;

	if (!getsockname(fd, (struct sockaddr *)&address, &len))
		address_from_sockaddr(addr, &port, &address);
	return port;
}

static int bind_pair(struct udp_pair *pair, const struct sockaddr_storage *local, uint16_t port)
{
	pair->fd[RTP] = bind_one(local, port);
	if (pair->fd[RTP] < 0)
		return pair->fd[RTP];
	pair->fd[RTCP] = bind_one(local, (uint16_t)(port + 1));
	if (pair->fd[RTCP] < 0) {
		close(pair->fd[RTP]);
		return pair->fd[RTCP];
	}
	pair->port = port;
	return 0;
}

/* The kernel names a free port; its even neighbour is tried. */
static int bind_any_pair(struct udp_pair *pair, const struct sockaddr_storage *local)
{
	int err = -EADDRINUSE;

	for (int i = 0; i < PORT_TRIES; i++) {
		int fd = bind_one(local, 0);
		uint16_t port;

		if (fd < 0)
			return fd;
		port = bound_port(fd) & 0xfffe;
		close(fd);
		if (port < 1024)
			continue;
		err = bind_pair(pair, local, port);
		if (err != -EADDRINUSE)
			return err;
	}
	return err;
}

static void drain(struct udp_pair *pair, int which)
{
	uint8_t data[65536];

	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_storage from = {0};
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(pair->fd[which], data, sizeof(data), MSG_DONTWAIT,
			(struct sockaddr *)&from, &from_len);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0)
			pair->receive[which](pair->user, data, (size_t)n, &from);
	}
}

static gboolean on_rtp(gint fd, GIOCondition condition, gpointer user_data)
{
	drain(user_data, RTP);
	return G_SOURCE_CONTINUE;
}

static gboolean on_rtcp(gint fd, GIOCondition condition, gpointer user_data)
{
	drain(user_data, RTCP);
	return G_SOURCE_CONTINUE;
}

static void start(struct udp_pair *pair, udp_pair_fn rtp, udp_pair_fn rtcp, void *user)
{
	pair->receive[RTP] = rtp;
	pair->receive[RTCP] = rtcp;
	pair->user = user;
	pair->watch[RTP] = g_unix_fd_add(pair->fd[RTP], G_IO_IN, on_rtp, pair);
	pair->watch[RTCP] = g_unix_fd_add(pair->fd[RTCP], G_IO_IN, on_rtcp, pair);
}

int udp_pair_open(struct udp_pair **out, const struct sockaddr_storage *local, uint16_t port,
	udp_pair_fn rtp, udp_pair_fn rtcp, void *user)
{
	struct udp_pair *pair = g_new0(struct udp_pair, 1);
	int err;

	if (port == UINT16_MAX)
		err = -EINVAL;
	else
		err = port ? bind_pair(pair, local, port) : bind_any_pair(pair, local);
	if (err) {
		g_free(pair);
		return err;
	}
	start(pair, rtp, rtcp, user);
	*out = pair;
	return 0;
}

static bool is_datagram_socket(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_DGRAM;
}

int udp_pair_adopt(
	struct udp_pair **out, const int fd[2], udp_pair_fn rtp, udp_pair_fn rtcp, void *user)
{
	struct udp_pair *pair;
	uint16_t port;

	if (!is_datagram_socket(fd[RTP]) || !is_datagram_socket(fd[RTCP]))
		return -EINVAL;
	port = bound_port(fd[RTP]);
	if (port == 0 || port == UINT16_MAX || bound_port(fd[RTCP]) != port + 1)
		return -EINVAL;
	pair = g_new0(struct udp_pair, 1);
	pair->fd[RTP] = fd[RTP];
	pair->fd[RTCP] = fd[RTCP];
	pair->port = port;
	start(pair, rtp, rtcp, user);
	*out = pair;
	return 0;
}

void udp_pair_release(struct udp_pair *pair)
{
	for (int i = 0; i < 2; i++)
		g_source_remove(pair->watch[i]);
	g_free(pair);
}

void udp_pair_close(struct udp_pair *pair)
{
	int fd[2];

	if (!pair)
		return;
	fd[RTP] = pair->fd[RTP];
	fd[RTCP] = pair->fd[RTCP];
	udp_pair_release(pair);
	close(fd[RTP]);
	close(fd[RTCP]);
}

int udp_pair_fd(const struct udp_pair *pair, bool rtcp)
{
	return pair->fd[rtcp ? 1 : 0];
}

uint16_t udp_pair_port(const struct udp_pair *pair)
{
	return pair->port;
}

int udp_pair_join(struct udp_pair *pair, const uint8_t group[16])
{
	struct group_req request = {0};
	int level = address_is_ipv4(group) ? IPPROTO_IP : IPPROTO_IPV6;

	address_to_sockaddr(&request.gr_group, group, 0);
	for (int i = 0; i < 2; i++) {
		if (setsockopt(pair->fd[i], level, MCAST_JOIN_GROUP, &request, sizeof(request)))
			return -errno;
	}
	return 0;
}

int udp_pair_send(struct udp_pair *pair, bool rtcp, const struct sockaddr_storage *to,
	const void *data, size_t len)
{
	ssize_t n = sendto(pair->fd[rtcp ? RTCP : RTP], data, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		(const struct sockaddr *)to, sockaddr_len(to));

	return n < 0 ? -errno : 0;
}
