/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows as keys and text: see public_flow.h. Any thread. */
#include "controlplane/viewer/public_flow.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

const char *endpoint_format(const struct mr_endpoint *e, char out[ENDPOINT_TEXT_MAX])
{
	struct in6_addr in6;
	char text[INET6_ADDRSTRLEN];

	memcpy(&in6, e->addr, 16);
	if (IN6_IS_ADDR_V4MAPPED(&in6)) {
		inet_ntop(AF_INET, e->addr + 12, text, sizeof(text));
		snprintf(out, ENDPOINT_TEXT_MAX, "%s:%u", text, ntohs(e->port));
	} else {
		inet_ntop(AF_INET6, &in6, text, sizeof(text));
		snprintf(out, ENDPOINT_TEXT_MAX, "[%s]:%u", text, ntohs(e->port));
	}
	return out;
}

guint public_flow_hash(gconstpointer flow)
{
	const struct public_flow *f = flow;
	guint h = 2166136261u ^ (guint)f->kernel;

	for (int i = 0; i < 16; i++)
		h = ((h ^ f->remote.addr[i]) * 16777619u ^ f->local.addr[i]) * 16777619u;
	return (h ^ f->remote.port) * 16777619u;
}

gboolean public_flow_equal(gconstpointer a, gconstpointer b)
{
	const struct public_flow *x = a, *y = b;

	return memcmp(x->local.addr, y->local.addr, 16) == 0 && x->local.port == y->local.port &&
	       memcmp(x->remote.addr, y->remote.addr, 16) == 0 &&
	       x->remote.port == y->remote.port && x->kernel == y->kernel;
}
