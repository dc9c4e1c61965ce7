/* SPDX-License-Identifier: BSD-3-Clause */
/* Ring and kernel socket of the public UDP port: see public_port.h. Main thread. */
#include "controlplane/viewer/public_port.h"

#include "controlplane/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATAGRAMS_PER_TURN 64
#define DATAGRAM_MAX 2048 /* bytes; STUN and DTLS are shorter */

struct public_port {
	struct install *install; /* borrowed */
	struct mr_endpoint local;
	public_receive_fn receive;
	void *user;
	int socket; /* owned */
	guint watch;
};

/* ---- by the data plane ---- */

static void on_packet(const struct mr_packet *head, const uint8_t *data, void *user)
{
	struct public_port *port = user;
	struct public_flow flow = {0};

	memcpy(flow.local.addr, head->local.addr, 16);
	flow.local.port = head->local.port;
	memcpy(flow.remote.addr, head->remote.addr, 16);
	flow.remote.port = head->remote.port;
	port->receive(&flow, data, head->total, port->user);
}

static void on_listen_reply(int status, void *user)
{
	if (status < 0)
		log_error("-", "event=listen_refused error=\"%s\"", g_strerror(-status));
}

static void on_attached(void *user)
{
	struct public_port *port = user;
	struct mr_command command = {.type = MR_COMMAND_LISTEN};

	command.listen.local = port->local;
	install_command(port->install, &command, on_listen_reply, port);
}

/* ---- by the kernel ---- */

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user)
{
	struct public_port *port = user;
	uint8_t data[DATAGRAM_MAX];
	uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))];

	for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
		struct sockaddr_in6 from;
		struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
		struct msghdr message = {.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		struct public_flow flow = {.kernel = 1};
		struct in6_pktinfo info;
		struct cmsghdr *c;
		ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);

		if (n < 0)
			break; /* -EAGAIN, or an ICMP error of an earlier reply */
		c = CMSG_FIRSTHDR(&message);
		if ((message.msg_flags & MSG_TRUNC) || !c || c->cmsg_level != IPPROTO_IPV6 ||
			c->cmsg_type != IPV6_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		memcpy(flow.local.addr, &info.ipi6_addr, 16);
		flow.local.port = port->local.port;
		memcpy(flow.remote.addr, &from.sin6_addr, 16);
		flow.remote.port = from.sin6_port;
		port->receive(&flow, data, n, port->user);
	}
	return G_SOURCE_CONTINUE;
}

static int send_by_kernel(
	struct public_port *port, const struct public_flow *flow, const void *data, size_t len)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = flow->remote.port};
	uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr message = {.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	struct in6_pktinfo info = {0};

	memcpy(&to.sin6_addr, flow->remote.addr, 16);
	memcpy(&info.ipi6_addr, flow->local.addr, 16);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return sendmsg(port->socket, &message, MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int bind_socket(const struct mr_endpoint *local)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = local->port};
	int off = 0, on = 1, rc;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	memcpy(&address.sin6_addr, local->addr, 16);
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* ---- life ---- */

int public_port_create(struct public_port **out, struct install *install,
	const struct mr_endpoint *local, public_receive_fn receive, void *user)
{
	struct install_listener listener = {.attached = on_attached};
	struct public_port *port;
	int fd = bind_socket(local);

	if (fd < 0)
		return fd;
	port = g_new0(struct public_port, 1);
	port->install = install;
	port->local = *local;
	port->receive = receive;
	port->user = user;
	port->socket = fd;
	port->watch = g_unix_fd_add(fd, G_IO_IN, on_readable, port);
	listener.user = port;
	install_add_listener(install, &listener);
	install_on_packet(install, MR_PACKET_UP_PUBLIC, on_packet, port);
	*out = port;
	return 0;
}

void public_port_destroy(struct public_port *port)
{
	if (!port)
		return;
	install_on_packet(port->install, MR_PACKET_UP_PUBLIC, NULL, NULL);
	install_forget(port->install, port);
	g_source_remove(port->watch);
	close(port->socket);
	g_free(port);
}

int public_port_send(struct public_port *port, const struct public_flow *flow, uint32_t nexthop_id,
	const void *data, size_t len)
{
	struct mr_packet head = {.kind = MR_PACKET_DOWN_SEND};

	if (flow->kernel)
		return send_by_kernel(port, flow, data, len);
	head.nexthop_id = nexthop_id;
	head.local = flow->local;
	head.remote = flow->remote;
	return install_send_packet(port->install, &head, data, len);
}
