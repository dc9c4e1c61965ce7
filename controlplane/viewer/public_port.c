/* SPDX-License-Identifier: BSD-3-Clause */
/* Ring and kernel socket of the public UDP port: see public_port.h. Main thread. */
#include "controlplane/viewer/public_port.h"

#include "controlplane/log.h"
#include "controlplane/source/address.h"

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
	bool ipv6;  /* of the socket; it takes IPv4, too. False: the host has no IPv6 */
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

/* To which of our addresses a datagram came. False: the kernel does not say. */
static bool local_address(struct msghdr *message, uint8_t addr[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct in6_pktinfo info6;
		struct in_pktinfo info;

		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info6, CMSG_DATA(c), sizeof(info6));
			memcpy(addr, &info6.ipi6_addr, 16);
			return true;
		}
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(addr, mapped, sizeof(mapped));
			memcpy(addr + 12, &info.ipi_addr, 4);
			return true;
		}
	}
	return false;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user)
{
	struct public_port *port = user;
	uint8_t data[DATAGRAM_MAX];
	uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))];

	for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
		struct sockaddr_storage from;
		struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
		struct msghdr message = {.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		struct public_flow flow = {.kernel = 1};
		uint16_t remote_port;
		ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);

		if (n < 0)
			break; /* -EAGAIN, or an ICMP error of an earlier reply */
		if ((message.msg_flags & MSG_TRUNC) || !local_address(&message, flow.local.addr) ||
			address_from_sockaddr(flow.remote.addr, &remote_port, &from) < 0)
			continue;
		flow.local.port = port->local.port;
		flow.remote.port = htons(remote_port);
		port->receive(&flow, data, n, port->user);
	}
	return G_SOURCE_CONTINUE;
}

/* From the address that the datagram came to: the host may have several. */
static void set_local_address(struct msghdr *message, bool ipv6, const uint8_t addr[16])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	struct in6_pktinfo info6 = {0};
	struct in_pktinfo info = {0};

	if (ipv6) {
		memcpy(&info6.ipi6_addr, addr, 16);
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info6));
		memcpy(CMSG_DATA(c), &info6, sizeof(info6));
		message->msg_controllen = CMSG_SPACE(sizeof(info6));
	} else {
		memcpy(&info.ipi_spec_dst, addr + 12, 4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		message->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

static int send_by_kernel(
	struct public_port *port, const struct public_flow *flow, const void *data, size_t len)
{
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = flow->remote.port};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = flow->remote.port};
	uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr message = {.msg_name = port->ipv6 ? (void *)&to6 : (void *)&to,
		.msg_namelen = port->ipv6 ? sizeof(to6) : sizeof(to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};

	memcpy(&to6.sin6_addr, flow->remote.addr, 16);
	memcpy(&to.sin_addr, flow->remote.addr + 12, 4);
	set_local_address(&message, port->ipv6, flow->local.addr);
	return sendmsg(port->socket, &message, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* A socket, or -errno. With IPv6 it takes IPv4, too. */
static int bind_socket(const struct mr_endpoint *local, bool ipv6)
{
	struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_port = local->port};
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = local->port};
	const struct sockaddr *to =
		ipv6 ? (const struct sockaddr *)&address6 : (const struct sockaddr *)&address;
	int off = 0, on = 1, rc;
	int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	memcpy(&address6.sin6_addr, local->addr, 16);
	memcpy(&address.sin_addr, local->addr + 12, 4); /* any is 0 in both */
	if (ipv6)
		rc = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
		     setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0;
	else
		rc = setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0;
	if (rc || bind(fd, to, ipv6 ? sizeof(address6) : sizeof(address)) < 0) {
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
	bool ipv6 = true;
	int fd = bind_socket(local, ipv6);

	if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) &&
		(address_is_any(local->addr) || address_is_ipv4(local->addr))) {
		ipv6 = false;
		fd = bind_socket(local, ipv6);
	}
	if (fd < 0)
		return fd;
	port = g_new0(struct public_port, 1);
	port->install = install;
	port->local = *local;
	port->receive = receive;
	port->user = user;
	port->socket = fd;
	port->ipv6 = ipv6;
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
