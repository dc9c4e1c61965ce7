/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests to rtnetlink, each answered before the next. Main thread. */
#include "dataplane/port/tap_netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_MAX 8192 /* bytes of the kernel's acknowledgement */

struct address {
	uint8_t family;
	uint8_t len;    /* [bytes] */
	uint8_t prefix; /* [bits] */
	uint8_t bytes[16];
};

static int address_parse(struct address *a, const char *text, int with_prefix)
{
	char copy[INET6_ADDRSTRLEN + 4];
	char *slash, *end = NULL;
	unsigned long prefix;

	memset(a, 0, sizeof(*a));
	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, strlen(text) + 1);
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash++ = '\0';
	a->family = strchr(copy, ':') != NULL ? AF_INET6 : AF_INET;
	a->len = a->family == AF_INET6 ? 16 : 4;
	if (inet_pton(a->family, copy, a->bytes) != 1)
		return -EINVAL;
	if (!with_prefix)
		return slash == NULL ? 0 : -EINVAL;
	if (slash == NULL || *slash < '0' || *slash > '9')
		return -EINVAL;
	prefix = strtoul(slash, &end, 10);
	if (*end != '\0' || prefix > (unsigned long)a->len * 8)
		return -EINVAL;
	a->prefix = (uint8_t)prefix;
	return 0;
}

/* Sends one request and waits for its acknowledgement. */
static int request(struct nlmsghdr *nlh)
{
	char buf[ANSWER_MAX];
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	unsigned int seq = (unsigned int)time(NULL);
	int rc = 0;
	ssize_t n;

	if (nl == NULL)
		return -errno;
	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = seq;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
		mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0) {
		rc = -errno;
		goto out;
	}
	n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (n < 0 || mnl_cb_run(buf, (size_t)n, seq, mnl_socket_get_portid(nl), NULL, NULL) < 0)
		rc = -errno;
out:
	mnl_socket_close(nl);
	return rc;
}

int tap_address_add(uint32_t ifindex, const char *text)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;
	struct address a;
	int rc = address_parse(&a, text, 1);

	if (rc < 0)
		return rc;
	nlh->nlmsg_type = RTM_NEWADDR;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = a.family;
	ifa->ifa_prefixlen = a.prefix;
	ifa->ifa_index = ifindex;
	/* The operator chose it; a second of tentative silence helps nobody. */
	ifa->ifa_flags = a.family == AF_INET6 ? IFA_F_NODAD : 0;
	mnl_attr_put(nlh, IFA_LOCAL, a.len, a.bytes);
	mnl_attr_put(nlh, IFA_ADDRESS, a.len, a.bytes);
	return request(nlh);
}

int tap_gateway_add(uint32_t ifindex, const char *text)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct address a;
	struct rtmsg *rtm;
	int rc = address_parse(&a, text, 0);

	if (rc < 0)
		return rc;
	nlh->nlmsg_type = RTM_NEWROUTE;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = a.family;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put(nlh, RTA_GATEWAY, a.len, a.bytes);
	mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	return request(nlh);
}
