/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes and neighbours of the kernel (rtnetlink); main thread. */
#include "controlplane/routes_netlink.h"

#include "controlplane/source/address.h"

#include <glib-unix.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BATCH 64       /* datagrams of netlink per turn of the main loop */
#define PORT_DISCARD 9 /* RFC 863 */
#define NEIGHBOUR_USABLE                                                                           \
	(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

struct routes_netlink {
	const struct netlink_events *events;
	void *user;
	struct mnl_socket *answers; /* owned; to our questions */
	struct mnl_socket *notices; /* owned; unasked */
	guint watch[2];
	int provoke[2]; /* owned sockets, IPv4 and IPv6; -1: the family is not there */
	bool changed;   /* seen in the datagrams of this turn */
	bool lost;      /* the socket of answers ran over and is not empty yet */
};

/* An address attribute of a family as 16 bytes. 0 or -EINVAL. */
static int take_address(uint8_t out[16], int family, const void *data, size_t len)
{
	if (family == AF_INET && len == 4) {
		memset(out, 0, 10);
		out[10] = out[11] = 0xff;
		memcpy(out + 12, data, 4);
		return 0;
	}
	if (family == AF_INET6 && len == 16) {
		memcpy(out, data, 16);
		return 0;
	}
	return -EINVAL;
}

static void on_route(struct routes_netlink *nl, const struct nlmsghdr *h)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(h);
	struct netlink_route route = {0};
	const struct nlattr *a;

	if (h->nlmsg_len < mnl_nlmsg_size(sizeof(*rtm)))
		return;
	route.type = rtm->rtm_type;
	mnl_attr_for_each(a, h, sizeof(*rtm))
	{
		const void *data = mnl_attr_get_payload(a);
		size_t len = mnl_attr_get_payload_len(a);

		switch (mnl_attr_get_type(a)) {
		case RTA_OIF:
			if (len == 4)
				route.oif = (int)mnl_attr_get_u32(a);
			break;
		case RTA_GATEWAY:
			route.has_gateway =
				take_address(route.gateway, rtm->rtm_family, data, len) == 0;
			break;
		case RTA_VIA: { /* IPv4 by an IPv6 gateway */
			const struct rtvia *via = data;

			if (len > sizeof(*via))
				route.has_gateway =
					take_address(route.gateway, via->rtvia_family,
						via->rtvia_addr, len - sizeof(*via)) == 0;
			break;
		}
		case RTA_PREFSRC:
			take_address(route.local, rtm->rtm_family, data, len);
			break;
		default:
			break;
		}
	}
	nl->events->route(nl->user, h->nlmsg_seq, &route);
}

static void on_neighbour(struct routes_netlink *nl, const struct nlmsghdr *h, uint32_t seq)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(h);
	struct netlink_neighbour n = {0};
	const struct nlattr *a;
	bool has_address = false;

	if (h->nlmsg_len < mnl_nlmsg_size(sizeof(*ndm)) ||
		(ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6))
		return;
	n.ifindex = ndm->ndm_ifindex;
	mnl_attr_for_each(a, h, sizeof(*ndm))
	{
		const void *data = mnl_attr_get_payload(a);
		size_t len = mnl_attr_get_payload_len(a);

		if (mnl_attr_get_type(a) == NDA_DST)
			has_address = !take_address(n.address, ndm->ndm_family, data, len);
		if (mnl_attr_get_type(a) == NDA_LLADDR && len == sizeof(n.mac)) {
			memcpy(n.mac, data, sizeof(n.mac));
			n.has_mac = true;
		}
	}
	if (!has_address)
		return;
	n.usable =
		h->nlmsg_type == RTM_NEWNEIGH && n.has_mac && (ndm->ndm_state & NEIGHBOUR_USABLE);
	n.stale = n.usable && (ndm->ndm_state & NUD_STALE);
	nl->events->neighbour(nl->user, seq, &n);
}

static void on_answer(struct routes_netlink *nl, const struct nlmsghdr *h)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(h);

	switch (h->nlmsg_type) {
	case RTM_NEWROUTE:
		on_route(nl, h);
		break;
	case RTM_NEWNEIGH:
		on_neighbour(nl, h, h->nlmsg_seq);
		break;
	case NLMSG_ERROR:
		if (h->nlmsg_len >= mnl_nlmsg_size(sizeof(*error)) && error->error)
			nl->events->refused(nl->user, h->nlmsg_seq, error->error);
		break;
	default:
		break;
	}
}

static void on_notice(struct routes_netlink *nl, const struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		on_neighbour(nl, h, 0);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
	case RTM_NEWADDR:
	case RTM_DELADDR:
	case RTM_NEWLINK:
	case RTM_DELLINK:
		nl->changed = true;
		break;
	default:
		break;
	}
}

/* True: nothing is left. */
static bool drain(struct routes_netlink *nl, struct mnl_socket *socket,
	void (*take)(struct routes_netlink *, const struct nlmsghdr *))
{
	uint8_t buffer[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool empty = false;

	for (int i = 0; i < BATCH && !empty; i++) {
		ssize_t n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		const struct nlmsghdr *h = (const struct nlmsghdr *)buffer;
		int left = (int)n;

		if (n < 0 && errno == ENOBUFS) {
			/* Unasked, nobody knows what was missed: everything is asked again. */
			if (socket == nl->notices)
				nl->changed = true;
			else
				nl->lost = true;
			continue;
		}
		empty = n <= 0;
		for (; !empty && mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
			take(nl, h);
	}
	if (nl->changed) {
		nl->changed = false;
		nl->events->changed(nl->user);
	}
	return empty;
}

static gboolean answers_ready(gint fd, GIOCondition condition, gpointer user_data)
{
	struct routes_netlink *nl = user_data;

	if (drain(nl, nl->answers, on_answer) && nl->lost) {
		nl->lost = false;
		nl->events->lost(nl->user);
	}
	return G_SOURCE_CONTINUE;
}

static gboolean notices_ready(gint fd, GIOCondition condition, gpointer user_data)
{
	struct routes_netlink *nl = user_data;

	drain(nl, nl->notices, on_notice);
	return G_SOURCE_CONTINUE;
}

static struct mnl_socket *open_socket(unsigned int groups, int *err)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);

	*err = -errno;
	if (!socket)
		return NULL;
	if (mnl_socket_bind(socket, groups, MNL_SOCKET_AUTOPID) < 0) {
		*err = -errno;
		mnl_socket_close(socket);
		return NULL;
	}
	return socket;
}

int netlink_open(struct routes_netlink **out, const struct netlink_events *events, void *user)
{
	struct routes_netlink *nl = g_new0(struct routes_netlink, 1);
	int err;

	nl->events = events;
	nl->user = user;
	nl->answers = open_socket(0, &err);
	if (!nl->answers)
		goto err_free;
	nl->notices =
		open_socket(RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE |
				    RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE,
			&err);
	if (!nl->notices)
		goto err_answers;
	nl->provoke[0] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	nl->provoke[1] = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	nl->watch[0] = g_unix_fd_add(
		mnl_socket_get_fd(nl->answers), G_IO_IN | G_IO_ERR, answers_ready, nl);
	nl->watch[1] = g_unix_fd_add(
		mnl_socket_get_fd(nl->notices), G_IO_IN | G_IO_ERR, notices_ready, nl);
	*out = nl;
	return 0;

err_answers:
	mnl_socket_close(nl->answers);
err_free:
	g_free(nl);
	return err;
}

void netlink_close(struct routes_netlink *nl)
{
	if (!nl)
		return;
	for (int i = 0; i < 2; i++) {
		g_source_remove(nl->watch[i]);
		if (nl->provoke[i] >= 0)
			close(nl->provoke[i]);
	}
	mnl_socket_close(nl->notices);
	mnl_socket_close(nl->answers);
	g_free(nl);
}

static void put_address(struct nlmsghdr *h, uint16_t type, const uint8_t address[16])
{
	if (address_is_ipv4(address))
		mnl_attr_put(h, type, 4, address + 12);
	else
		mnl_attr_put(h, type, 16, address);
}

static int ask(struct routes_netlink *nl, const struct nlmsghdr *h)
{
	return mnl_socket_sendto(nl->answers, h, h->nlmsg_len) < 0 ? -errno : 0;
}

int netlink_ask_route(struct routes_netlink *nl, const uint8_t remote[16], uint32_t seq)
{
	uint8_t buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct rtmsg *rtm;

	h->nlmsg_type = RTM_GETROUTE;
	h->nlmsg_flags = NLM_F_REQUEST;
	h->nlmsg_seq = seq;
	rtm = mnl_nlmsg_put_extra_header(h, sizeof(*rtm));
	rtm->rtm_family = address_is_ipv4(remote) ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = address_is_ipv4(remote) ? 32 : 128;
	put_address(h, RTA_DST, remote);
	return ask(nl, h);
}

int netlink_ask_neighbour(
	struct routes_netlink *nl, int ifindex, const uint8_t address[16], uint32_t seq)
{
	uint8_t buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct ndmsg *ndm;

	h->nlmsg_type = RTM_GETNEIGH;
	h->nlmsg_flags = NLM_F_REQUEST;
	h->nlmsg_seq = seq;
	ndm = mnl_nlmsg_put_extra_header(h, sizeof(*ndm));
	ndm->ndm_family = address_is_ipv4(address) ? AF_INET : AF_INET6;
	ndm->ndm_ifindex = ifindex;
	put_address(h, NDA_DST, address);
	return ask(nl, h);
}

void netlink_provoke(struct routes_netlink *nl, int ifindex, const uint8_t address[16])
{
	struct sockaddr_storage to;
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = {0};
	uint8_t byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = sizeof(byte)};
	struct msghdr m = {.msg_name = &to, .msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;
	bool ipv4 = address_is_ipv4(address);

	m.msg_namelen = address_to_sockaddr(&to, address, PORT_DISCARD);
	m.msg_control = &control;
	m.msg_controllen = ipv4 ? CMSG_SPACE(sizeof(struct in_pktinfo)) : sizeof(control.bytes);
	c = CMSG_FIRSTHDR(&m);
	if (ipv4) {
		struct in_pktinfo info = {.ipi_ifindex = ifindex};

		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	} else {
		struct in6_pktinfo info = {.ipi6_ifindex = (unsigned int)ifindex};

		((struct sockaddr_in6 *)&to)->sin6_scope_id = (uint32_t)ifindex;
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
	if (nl->provoke[ipv4 ? 0 : 1] < 0)
		return;
	/* Whatever happens to it, the neighbour's entry will tell. */
	(void)!sendmsg(nl->provoke[ipv4 ? 0 : 1], &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}
