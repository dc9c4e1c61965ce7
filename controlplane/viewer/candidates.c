/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of the public port: see candidates.h. Main thread. */
#include "controlplane/viewer/candidates.h"

#include "controlplane/log.h"

#include <arpa/inet.h>
#include <gio/gio.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#define RESOLVE_AGAIN_S 300
#define RESOLVE_RETRY_S 15
#define ADDRESSES_PER_HOST 4

struct host {
	struct candidates *candidates;
	const char *name; /* borrowed, of the session file */
	size_t n;
	struct sdp_candidate addresses[ADDRESSES_PER_HOST];
	guint timer;
};

struct candidates {
	const struct mr_config *config;
	struct install *install;
	GCancellable *cancel;
	size_t n_hosts;
	struct host hosts[MR_CONFIG_HOSTS_MAX];
};

static void host_add(struct host *h, GInetAddress *address)
{
	struct sdp_candidate *c;
	char *text;

	if (h->n == ADDRESSES_PER_HOST)
		return;
	c = &h->addresses[h->n];
	text = g_inet_address_to_string(address);
	if (g_strlcpy(c->address, text, sizeof(c->address)) < sizeof(c->address)) {
		c->ipv6 = g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6;
		c->port = ntohs(h->candidates->config->webrtc_local_udp.port);
		h->n++;
	}
	g_free(text);
}

static gboolean resolve(gpointer user);

static void on_resolved(GObject *source, GAsyncResult *result, gpointer user)
{
	GError *error = NULL;
	GList *list = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, &error);
	struct host *h = user;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		g_error_free(error);
		return; /* h is gone */
	}
	if (list) {
		h->n = 0;
		for (GList *l = list; l; l = l->next)
			host_add(h, l->data);
		g_resolver_free_addresses(list);
	} else {
		log_warn(
			"-", "event=host_unresolved host=%s error=\"%s\"", h->name, error->message);
		g_error_free(error);
	}
	h->timer = g_timeout_add_seconds(h->n ? RESOLVE_AGAIN_S : RESOLVE_RETRY_S, resolve, h);
}

static gboolean resolve(gpointer user)
{
	GResolver *resolver = g_resolver_get_default();
	struct host *h = user;

	h->timer = 0;
	g_resolver_lookup_by_name_async(resolver, h->name, h->candidates->cancel, on_resolved, h);
	g_object_unref(resolver);
	return G_SOURCE_REMOVE;
}

struct candidates *candidates_create(const struct mr_config *config, struct install *install)
{
	struct candidates *c = g_new0(struct candidates, 1);

	c->config = config;
	c->install = install;
	c->cancel = g_cancellable_new();
	c->n_hosts = config->n_hosts;
	for (size_t i = 0; i < c->n_hosts; i++) {
		struct host *h = &c->hosts[i];
		GInetAddress *literal = g_inet_address_new_from_string(config->hosts[i]);

		h->candidates = c;
		h->name = config->hosts[i];
		if (literal) {
			host_add(h, literal);
			g_object_unref(literal);
		} else {
			resolve(h);
		}
	}
	return c;
}

void candidates_destroy(struct candidates *candidates)
{
	if (!candidates)
		return;
	g_cancellable_cancel(candidates->cancel);
	for (size_t i = 0; i < candidates->n_hosts; i++)
		g_clear_handle_id(&candidates->hosts[i].timer, g_source_remove);
	g_object_unref(candidates->cancel);
	/* Callbacks of cancelled look-ups run later and must not find freed hosts:
	 * they look at the error alone. */
	g_free(candidates);
}

static bool is_port(const struct candidates *c, const char *netdev)
{
	const struct mr_port_info *ports;
	size_t n = install_ports(c->install, &ports);
	char name[IF_NAMESIZE];

	for (size_t i = 0; i < n; i++) {
		if (if_indextoname(ports[i].ifindex, name) && strcmp(name, netdev) == 0)
			return true;
	}
	return false;
}

/* False for what no viewer can reach: link-local, loopback, multicast, any. */
static bool from_sockaddr(
	const struct sockaddr *address, struct sdp_candidate *out, uint8_t mapped[16])
{
	if (address->sa_family == AF_INET) {
		const struct in_addr *in = &((const struct sockaddr_in *)address)->sin_addr;
		uint32_t host = ntohl(in->s_addr);

		if (host >> 24 == 127 || host >> 16 == 0xa9fe || host >> 28 == 14 || host == 0)
			return false;
		memset(mapped, 0, 10);
		memset(mapped + 10, 0xff, 2);
		memcpy(mapped + 12, in, 4);
		out->ipv6 = false;
		return inet_ntop(AF_INET, in, out->address, sizeof(out->address)) != NULL;
	}
	if (address->sa_family == AF_INET6) {
		const struct in6_addr *in6 = &((const struct sockaddr_in6 *)address)->sin6_addr;

		if (IN6_IS_ADDR_LINKLOCAL(in6) || IN6_IS_ADDR_LOOPBACK(in6) ||
			IN6_IS_ADDR_MULTICAST(in6) || IN6_IS_ADDR_UNSPECIFIED(in6))
			return false;
		memcpy(mapped, in6, 16);
		out->ipv6 = true;
		return inet_ntop(AF_INET6, in6, out->address, sizeof(out->address)) != NULL;
	}
	return false;
}

size_t candidates_list(const struct candidates *c, struct sdp_candidate *out, size_t max)
{
	static const uint8_t any[16];
	const struct mr_endpoint *local = &c->config->webrtc_local_udp;
	bool every = memcmp(local->addr, any, 16) == 0;
	struct ifaddrs *list = NULL;
	uint8_t mapped[16];
	size_t n = 0;

	for (size_t i = 0; i < c->n_hosts; i++) {
		for (size_t a = 0; a < c->hosts[i].n && n < max; a++)
			out[n++] = c->hosts[i].addresses[a];
	}
	if (getifaddrs(&list) < 0)
		return n;
	for (struct ifaddrs *i = list; i && n < max; i = i->ifa_next) {
		if (!i->ifa_addr || !is_port(c, i->ifa_name) ||
			!from_sockaddr(i->ifa_addr, &out[n], mapped) ||
			(!every && memcmp(mapped, local->addr, 16) != 0))
			continue;
		out[n++].port = ntohs(local->port);
	}
	freeifaddrs(list);
	return n;
}
