/* SPDX-License-Identifier: BSD-3-Clause */
/* The session file's `dataplane`. Any one thread. */
#include "controlplane/config/known_keys.h"
#include "controlplane/config/sections.h"
#include "controlplane/config/text.h"

#include <stdio.h>
#include <string.h>

#define LCORE_MAX 127 /* Debian's DPDK: RTE_MAX_LCORE 128 */
#define SHARED_DRIVER "net_af_xdp"
#define NAME_CHARACTERS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-."

static const char *const dataplane_keys[] = {"ports", "workers", "idle", "crypto", "hugepages",
	"memory", "controlSocket", "statsSocket", "maxStreams", "maxViewers", "streamRingBytes",
	"streamRingPackets", "repairWindow", "repairBitrate", "burstRate", "maxBurstPackets",
	"keyFrameStart", "filePrefix", "xdpObject", NULL};
static const char *const port_keys[] = {"name", "device", "addresses", "gateway", "queues", NULL};

/* The iface= argument of a device; false: none, or no name of an interface. */
static bool find_interface(const char *device, char *to, size_t size)
{
	const char *arg = strstr(device, ",iface=");
	size_t len;

	if (arg == NULL)
		return false;
	arg += strlen(",iface=");
	len = strcspn(arg, ",");
	if (len == 0 || len >= size || memchr(arg, '/', len) != NULL)
		return false;
	memcpy(to, arg, len);
	to[len] = 0;
	return true;
}

static void read_device(const struct config_node *n, struct mr_config_port *p)
{
	static const char expected[] = "a DPDK device: \"net_af_xdp,iface=eth0\" to share an "
				       "interface with the kernel, or "
				       "\"0000:03:00.0\" and the like to own one";
	size_t driver;

	if (!node_present(n)) {
		node_fail(n, "%s", expected);
		return;
	}
	if (!node_copy(n, p->device, sizeof(p->device), expected))
		return;
	driver = strcspn(p->device, ",");
	if (driver == 0 || strspn(p->device, NAME_CHARACTERS ":") < driver ||
		strchr(p->device, ' ') != NULL) {
		node_fail(n, "%s", expected);
		return;
	}
	p->shared = strncmp(p->device, SHARED_DRIVER, strlen(SHARED_DRIVER)) == 0;
	if (p->shared && !find_interface(p->device, p->netdev, sizeof(p->netdev)))
		node_fail(n, "the interface's name, as in \"net_af_xdp,iface=eth0\"");
}

static void read_address(const struct config_node *n, struct mr_config_port *p)
{
	struct mr_config_prefix prefix;
	const char *text = json_string_value(n->json);

	if (text == NULL || text_prefix(text, &prefix) != 0 ||
		text_endpoint_unspecified(&prefix.address) ||
		text_endpoint_multicast(&prefix.address)) {
		node_fail(
			n, "an address with its prefix, \"192.0.2.10/24\" or \"2001:db8::10/64\"");
		return;
	}
	for (uint32_t i = 0; i < p->n_addresses; i++) {
		if (memcmp(p->addresses[i].address.addr, prefix.address.addr, 16) == 0) {
			node_fail(n, "each address once");
			return;
		}
	}
	p->addresses[p->n_addresses++] = prefix;
}

static void read_gateway(const struct config_node *n, struct mr_config_port *p)
{
	const char *text = json_string_value(n->json);

	if (!node_present(n))
		return;
	if (text == NULL || text_address(text, &p->gateway) != 0 ||
		text_endpoint_unspecified(&p->gateway) || text_endpoint_multicast(&p->gateway)) {
		node_fail(n, "the address of a router, such as \"192.0.2.1\"");
		return;
	}
	p->has_gateway = true;
}

/* Refused on shared ports: there the kernel's own addresses count. */
static void read_addressing(const struct config_node *o, struct mr_config_port *p)
{
	struct config_node addresses = node_get(o, "addresses");
	struct config_node gateway = node_get(o, "gateway");

	if (p->shared) {
		if (node_present(&addresses))
			node_fail(&addresses,
				"nothing: the kernel keeps the addresses of a net_af_xdp "
				"port (set them with ip address)");
		if (node_present(&gateway))
			node_fail(&gateway,
				"nothing: the kernel keeps the routes of a net_af_xdp port "
				"(set them with ip route)");
		return;
	}
	if (node_array(&addresses, MR_CONFIG_ADDRESSES_MAX, "a list of addresses with prefix")) {
		for (size_t i = 0; i < json_array_size(addresses.json); i++) {
			struct config_node item = node_item(&addresses, i);

			read_address(&item, p);
		}
	}
	read_gateway(&gateway, p);
}

static void read_port(const struct config_node *o, struct mr_config_dataplane *d)
{
	struct config_node name = node_get(o, "name");
	struct config_node device = node_get(o, "device");
	struct config_node queues = node_get(o, "queues");
	struct mr_config_port *p = &d->ports[d->n_ports];

	if (!node_object(o, "an object with \"name\" and \"device\""))
		return;
	known_keys_check(o, port_keys, KEYS_OURS);
	d->n_ports++;
	if (!node_present(&name))
		node_fail(&name, "a name such as \"wan\"");
	else if (node_copy(&name, p->name, sizeof(p->name), "a name such as \"wan\"") &&
		 p->name[strspn(p->name, NAME_CHARACTERS)] != 0)
		node_fail(&name, "a name of letters, digits, underscore, minus and dot");
	read_device(&device, p);
	read_addressing(o, p);
	node_uint32(&queues, 1, MR_WORKERS_MAX, &p->queues);
	for (struct mr_config_port *other = d->ports; other < p; other++) {
		if (p->name[0] != 0 && strcmp(other->name, p->name) == 0)
			node_fail(&name, "another name: this port and one before share it");
		if (p->device[0] != 0 &&
			(strcmp(other->device, p->device) == 0 ||
				(p->shared && strcmp(other->netdev, p->netdev) == 0)))
			node_fail(&device, "another device: this port and one before share it");
	}
}

static void read_ports(const struct config_node *o, struct mr_config_dataplane *d)
{
	struct config_node ports = node_get(o, "ports");

	if (!node_present(&ports) || !json_is_array(ports.json) ||
		json_array_size(ports.json) == 0) {
		node_fail(&ports, "a list of at least one port: [{\"name\": \"wan\", \"device\": "
				  "\"net_af_xdp,iface=eth0\"}]");
		return;
	}
	if (!node_array(&ports, MR_PORTS_MAX, "a list of ports"))
		return;
	for (size_t i = 0; i < json_array_size(ports.json); i++) {
		struct config_node item = node_item(&ports, i);

		read_port(&item, d);
	}
}

static void read_workers(const struct config_node *n, struct mr_config_dataplane *d)
{
	if (!node_present(n))
		return;
	if (!json_is_array(n->json) || json_array_size(n->json) == 0) {
		node_fail(n, "a list of at least one CPU core, such as [1]");
		return;
	}
	if (!node_array(n, MR_WORKERS_MAX, "a list of CPU cores"))
		return;
	d->n_workers = 0;
	for (size_t i = 0; i < json_array_size(n->json); i++) {
		struct config_node item = node_item(n, i);
		uint32_t lcore;

		if (!node_uint32(&item, 0, LCORE_MAX, &lcore))
			continue;
		for (uint32_t k = 0; k < d->n_workers; k++)
			if (d->workers[k] == lcore)
				node_fail(&item, "each core once");
		d->workers[d->n_workers++] = (uint16_t)lcore;
	}
}

static void read_idle(const struct config_node *n, enum mr_config_idle *to)
{
	static const struct config_choice choices[] = {
		{"adaptive", MR_IDLE_ADAPTIVE}, {"poll", MR_IDLE_POLL}, {NULL, 0}};
	int value;

	if (node_choice(n, choices, &value))
		*to = (enum mr_config_idle)value;
}

static void read_hugepages(const struct config_node *n, enum mr_config_hugepages *to)
{
	const char *text = json_string_value(n->json);

	if (!node_present(n))
		return;
	if (json_is_boolean(n->json))
		*to = json_is_true(n->json) ? MR_HUGEPAGES_ON : MR_HUGEPAGES_OFF;
	else if (text != NULL && strcmp(text, "auto") == 0)
		*to = MR_HUGEPAGES_AUTO;
	else
		node_fail(n, "\"auto\", true or false");
}

/* "0000:3d:01.0", as DPDK writes it. */
static bool is_pci_address(const char *text)
{
	static const char pattern[] = "xxxx:xx:xx.7";

	if (strlen(text) != strlen(pattern))
		return false;
	for (size_t i = 0; pattern[i] != 0; i++) {
		const char *allowed = pattern[i] == 'x'   ? "0123456789abcdef"
				      : pattern[i] == '7' ? "01234567"
							  : (const char[]){pattern[i], 0};

		if (strchr(allowed, text[i]) == NULL)
			return false;
	}
	return true;
}

static bool is_virtual_device(const char *text)
{
	static const char prefix[] = "crypto_";
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 && text[len] != 0 &&
	       text[len + strspn(text + len, "abcdefghijklmnopqrstuvwxyz0123456789_")] == 0;
}

static void read_crypto(const struct config_node *n, struct mr_config_dataplane *d)
{
	static const char expected[] =
		"\"ipsec-mb\" (this CPU), or a DPDK device: \"cryptodev:crypto_aesni_mb\" or, "
		"with an accelerator's PCI address, \"cryptodev:0000:3d:01.0\"";
	static const char prefix[] = "cryptodev:";
	const char *device;

	if (!node_copy(n, d->crypto, sizeof(d->crypto), expected))
		return;
	if (strcmp(d->crypto, "ipsec-mb") == 0)
		return;
	device = d->crypto + strlen(prefix);
	if (strncmp(d->crypto, prefix, strlen(prefix)) != 0 ||
		!(is_pci_address(device) || is_virtual_device(device))) {
		node_fail(n, "%s", expected);
		return;
	}
	if (is_pci_address(device))
		snprintf(d->crypto_pci, sizeof(d->crypto_pci), "%s", device);
}

static void read_socket(const struct config_node *n, char *to)
{
	if (node_copy(n, to, MR_CONFIG_SOCKET_MAX, "the absolute path of a socket") && to[0] != '/')
		node_fail(n, "the absolute path of a socket");
}

static void read_limits(const struct config_node *o, struct mr_config_dataplane *d)
{
	struct config_node memory = node_get(o, "memory");
	struct config_node streams = node_get(o, "maxStreams");
	struct config_node viewers = node_get(o, "maxViewers");
	struct config_node packets = node_get(o, "streamRingPackets");
	struct config_node bytes = node_get(o, "streamRingBytes");
	struct config_node window = node_get(o, "repairWindow");
	struct config_node bitrate = node_get(o, "repairBitrate");

	node_uint32(&memory, 64, 1048576, &d->memory_mb);
	if (!node_uint32(&streams, 1, 16384, &d->max_streams))
		d->max_streams = 0; /* section_paths(): as many as the paths may have */
	node_uint32(&viewers, 1, 1000000, &d->max_viewers);
	if (node_uint32(&packets, 64, 65536, &d->stream_ring_packets) &&
		(d->stream_ring_packets & (d->stream_ring_packets - 1)) != 0)
		node_fail(&packets, "a power of two from 64 to 65536");
	node_uint32(&bytes, 65536, 256u << 20, &d->stream_ring_bytes);
	node_duration(&window, 0, 60000, &d->repair_window_ms);
	node_uint32(&bitrate, 0, 1000000000, &d->repair_bitrate);
}

static void read_joining(const struct config_node *o, struct mr_config_dataplane *d)
{
	struct config_node rate = node_get(o, "burstRate");
	struct config_node burst = node_get(o, "maxBurstPackets");
	struct config_node start = node_get(o, "keyFrameStart");

	node_uint32(&rate, 2, 100, &d->burst_rate);
	/* Below 6, quanta of whole packets would not keep to it. */
	if (node_uint32(&burst, 0, 1024, &d->max_burst_packets) && d->max_burst_packets > 0 &&
		d->max_burst_packets < 6)
		node_fail(&burst, "a number from 6 to 1024, or 0 for no limit");
	node_boolean(&start, &d->key_frame_start);
}

static void read_names(const struct config_node *o, struct mr_config_dataplane *d)
{
	static const char prefix_expected[] = "a name of letters, digits, underscore and minus";
	struct config_node control = node_get(o, "controlSocket");
	struct config_node stats = node_get(o, "statsSocket");
	struct config_node prefix = node_get(o, "filePrefix");
	struct config_node object = node_get(o, "xdpObject");

	read_socket(&control, d->control_socket);
	read_socket(&stats, d->stats_socket);
	if (strcmp(d->control_socket, d->stats_socket) == 0)
		node_fail(node_present(&stats) ? &stats : &control,
			"different paths for controlSocket and statsSocket");
	if (node_copy(&prefix, d->file_prefix, sizeof(d->file_prefix), prefix_expected) &&
		(d->file_prefix[strspn(d->file_prefix, NAME_CHARACTERS)] != 0 ||
			strchr(d->file_prefix, '.') != NULL))
		node_fail(&prefix, "%s", prefix_expected);
	node_duplicate(&object, &d->xdp_object, "the path of a BPF object file");
}

void section_dataplane(const struct config_node *n, struct mr_config_dataplane *d)
{
	struct config_node workers = node_get(n, "workers");
	struct config_node idle = node_get(n, "idle");
	struct config_node crypto = node_get(n, "crypto");
	struct config_node hugepages = node_get(n, "hugepages");

	if (!node_present(n) || !json_is_object(n->json)) {
		node_fail(n, "an object with at least \"ports\"");
		return;
	}
	known_keys_check(n, dataplane_keys, KEYS_OURS);
	read_ports(n, d);
	read_workers(&workers, d);
	read_idle(&idle, &d->idle);
	read_crypto(&crypto, d);
	read_hugepages(&hugepages, &d->hugepages);
	read_limits(n, d);
	read_joining(n, d);
	read_names(n, d);
	for (uint32_t i = 0; i < d->n_ports; i++)
		if (d->ports[i].queues == 0)
			d->ports[i].queues = d->n_workers;
}
