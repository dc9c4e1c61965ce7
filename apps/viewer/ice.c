/* SPDX-License-Identifier: BSD-3-Clause */
/* libnice agent, see ice.h. Runs on the thread of its main context. */
#include "apps/viewer/ice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <nice/agent.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define COMPONENT 1              /* rtcp-mux: one component carries all */
#define ADDRESSES_MAX 16         /* host candidates of one agent */
#define RECEIVE_BUFFER (4 << 20) /* bytes: key frames come as bursts */

struct ice_addresses {
	size_t count;
	NiceAddress address[ADDRESSES_MAX];
};

struct ice {
	GMainContext *context; /* borrowed; its thread's */
	NiceAgent *agent;      /* owned */
	guint stream;
	char *ufrag;
	char *password;
	bool connected;
	const struct ice_events *events; /* borrowed */
	void *user;
};

/* ---- local addresses ---- */

static void add_address(struct ice_addresses *list, const struct sockaddr *address)
{
	NiceAddress nice;

	if (list->count == ADDRESSES_MAX)
		return;
	nice_address_init(&nice);
	nice_address_set_from_sockaddr(&nice, address);
	nice_address_set_port(&nice, 0);
	list->address[list->count++] = nice;
}

static bool is_link_local(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

		return IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr);
	}
	return (ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 16) == 0xa9fe;
}

static void add_interfaces(
	struct ice_addresses *list, const struct ifaddrs *interfaces, unsigned int loopback)
{
	for (const struct ifaddrs *i = interfaces; i; i = i->ifa_next) {
		if (i->ifa_addr == NULL || !(i->ifa_flags & IFF_UP) ||
			(i->ifa_flags & IFF_LOOPBACK) != loopback)
			continue;
		if (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6)
			continue;
		if (!is_link_local(i->ifa_addr))
			add_address(list, i->ifa_addr);
	}
}

int ice_addresses_create(
	char *const *wanted, size_t count, bool loopback, struct ice_addresses **addresses)
{
	struct ice_addresses *list = g_new0(struct ice_addresses, 1);
	struct ifaddrs *interfaces;

	for (size_t i = 0; i < count && i < ADDRESSES_MAX; i++) {
		nice_address_init(&list->address[i]);
		if (!nice_address_set_from_string(&list->address[i], wanted[i])) {
			g_free(list);
			return -EINVAL;
		}
		list->count++;
	}
	if (count == 0) {
		if (getifaddrs(&interfaces) < 0) {
			g_free(list);
			return -errno;
		}
		add_interfaces(list, interfaces, 0);
		if (loopback || list->count == 0)
			add_interfaces(list, interfaces, IFF_LOOPBACK);
		freeifaddrs(interfaces);
	}
	*addresses = list;
	return 0;
}

void ice_addresses_destroy(struct ice_addresses *addresses)
{
	g_free(addresses);
}

/* ---- libnice's callbacks ---- */

static void on_gathered(NiceAgent *agent, guint stream, gpointer user)
{
	struct ice *ice = user;

	ice->events->gathered(ice->user);
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer user)
{
	struct ice *ice = user;

	if (state == NICE_COMPONENT_STATE_FAILED) {
		ice->events->failed(ice->user);
	} else if (!ice->connected && (state == NICE_COMPONENT_STATE_CONNECTED ||
					      state == NICE_COMPONENT_STATE_READY)) {
		ice->connected = true;
		ice->events->connected(ice->user);
	}
}

static void on_received(
	NiceAgent *agent, guint stream, guint component, guint length, gchar *data, gpointer user)
{
	struct ice *ice = user;

	ice->events->received(ice->user, (uint8_t *)data, length);
}

/* ---- public ---- */

int ice_create(GMainContext *context, const struct ice_addresses *addresses, bool controlling,
	const struct ice_events *events, void *user, struct ice **result)
{
	struct ice *ice = g_new0(struct ice, 1);

	ice->context = context;
	ice->events = events;
	ice->user = user;
	/* Consent checks (RFC 7675) are what keeps a gateway's session alive. */
	ice->agent = nice_agent_new_full(
		context, NICE_COMPATIBILITY_RFC5245, NICE_AGENT_OPTION_CONSENT_FRESHNESS);
	g_object_set(ice->agent, "controlling-mode", (gboolean)controlling, "upnp", FALSE,
		"ice-tcp", FALSE, NULL);
	for (size_t i = 0; i < addresses->count; i++) {
		NiceAddress address = addresses->address[i];

		nice_agent_add_local_address(ice->agent, &address);
	}

	ice->stream = nice_agent_add_stream(ice->agent, 1);
	if (ice->stream == 0)
		goto err_agent;
	g_signal_connect(ice->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), ice);
	g_signal_connect(ice->agent, "component-state-changed", G_CALLBACK(on_state), ice);
	if (!nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT, context, on_received, ice))
		goto err_agent;
	if (!nice_agent_get_local_credentials(ice->agent, ice->stream, &ice->ufrag, &ice->password))
		goto err_agent;
	*result = ice;
	return 0;

err_agent:
	g_signal_handlers_disconnect_by_data(ice->agent, ice);
	g_object_unref(ice->agent);
	g_free(ice);
	return -ENOMEM;
}

void ice_destroy(struct ice *ice)
{
	if (ice == NULL)
		return;
	g_signal_handlers_disconnect_by_data(ice->agent, ice);
	/* No context would be the default one, whose thread would read from the sockets while
	 * this one frees them. */
	nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT, ice->context, NULL, NULL);
	nice_agent_remove_stream(ice->agent, ice->stream);
	g_object_unref(ice->agent);
	g_free(ice->ufrag);
	g_free(ice->password);
	g_free(ice);
}

static void enlarge_buffer(GSocket *socket)
{
	int fd = g_socket_get_fd(socket);
	int size = RECEIVE_BUFFER;

	/* Beyond net.core.rmem_max only with CAP_NET_ADMIN; as much as allowed otherwise. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

int ice_gather(struct ice *ice)
{
	GPtrArray *sockets;

	if (!nice_agent_gather_candidates(ice->agent, ice->stream))
		return -EADDRNOTAVAIL;
	sockets = nice_agent_get_sockets(ice->agent, ice->stream, COMPONENT);
	if (sockets) {
		for (guint i = 0; i < sockets->len; i++)
			enlarge_buffer(g_ptr_array_index(sockets, i));
		g_ptr_array_unref(sockets);
	}
	return 0;
}

const char *ice_ufrag(const struct ice *ice)
{
	return ice->ufrag;
}

const char *ice_password(const struct ice *ice)
{
	return ice->password;
}

char *ice_format_candidates(const struct ice *ice)
{
	GSList *list = nice_agent_get_local_candidates(ice->agent, ice->stream, COMPONENT);
	GString *lines = g_string_new(NULL);

	for (GSList *i = list; i; i = i->next) {
		char *line = nice_agent_generate_local_candidate_sdp(ice->agent, i->data);

		g_string_append_printf(lines, "%s\r\n", line);
		g_free(line);
	}
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
	return g_string_free(lines, FALSE);
}

int ice_set_remote(struct ice *ice, const char *ufrag, const char *password,
	const char *const *candidates, size_t count)
{
	GSList *list = NULL;
	int usable = 0;

	if (!nice_agent_set_remote_credentials(ice->agent, ice->stream, ufrag, password))
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		char line[512];
		NiceCandidate *candidate;

		snprintf(line, sizeof(line), "a=%s", candidates[i]);
		/* NULL for names (mDNS) and TCP: nothing the viewer can check. */
		candidate = nice_agent_parse_remote_candidate_sdp(ice->agent, ice->stream, line);
		if (candidate == NULL)
			continue;
		if (candidate->component_id == COMPONENT)
			list = g_slist_append(list, candidate);
		else
			nice_candidate_free(candidate);
	}
	if (list)
		usable = nice_agent_set_remote_candidates(ice->agent, ice->stream, COMPONENT, list);
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
	return usable > 0 ? 0 : -EADDRNOTAVAIL;
}

int ice_send(struct ice *ice, const uint8_t *data, size_t length)
{
	gint sent = nice_agent_send(
		ice->agent, ice->stream, COMPONENT, (guint)length, (const gchar *)data);

	return sent == (gint)length ? 0 : -EIO;
}

static void format_address(const NiceAddress *address, char *text, size_t size)
{
	char ip[NICE_ADDRESS_STRING_LEN];

	nice_address_to_string(address, ip);
	snprintf(text, size, strchr(ip, ':') ? "[%s]:%u" : "%s:%u", ip,
		nice_address_get_port(address));
}

int ice_format_pair(const struct ice *ice, char *local, char *remote, size_t size)
{
	NiceCandidate *near, *far;

	if (!nice_agent_get_selected_pair(ice->agent, ice->stream, COMPONENT, &near, &far))
		return -ENOTCONN;
	format_address(&near->addr, local, size);
	format_address(&far->addr, remote, size);
	return 0;
}

int ice_dup_socket(const struct ice *ice)
{
	GSocket *socket = nice_agent_get_selected_socket(ice->agent, ice->stream, COMPONENT);
	int fd;

	if (socket == NULL)
		return -ENOTCONN;
	fd = fcntl(g_socket_get_fd(socket), F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

uint64_t ice_socket_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t length = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length) < 0)
		return 0;
	return info[SK_MEMINFO_DROPS];
}
