/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owned ports: any poll-mode driver but net_af_xdp. The whole NIC is ours, so a
 * net_tap companion gives the kernel what is not media. Main thread; the bursts
 * to and from the tap are in port_tap.c.
 */
#include "dataplane/port/netdev.h"
#include "dataplane/port/port_private.h"
#include "dataplane/port/tap_netlink.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAP_DESCRIPTORS 256
#define TAP_QUEUES_MAX 16 /* of net_tap */
#define TAP_NAME "net_tap_mr%u"
#define RSS_TYPES (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP)

/* An instance number is part of a virtual device's name: ours unless it has one. */
static void device_name(const struct port_device *d, unsigned int index, char *name, size_t size)
{
	size_t n = strlen(d->driver);

	if (d->pci || isdigit((unsigned char)d->driver[n - 1]))
		snprintf(name, size, "%s", d->driver);
	else
		snprintf(name, size, "%s%u", d->driver, index);
}

/* "mrwan" where that is a name that the kernel takes, else "mr0". */
static void tap_netdev_name(
	const struct port_config *config, unsigned int index, char *name, size_t size)
{
	bool fits = strlen(config->name) > 0 && strlen(config->name) + 2 < IFNAMSIZ;

	for (const char *c = config->name; fits && *c != '\0'; c++)
		fits = isalnum((unsigned char)*c) || *c == '-' || *c == '_';
	if (fits)
		snprintf(name, size, "mr%s", config->name);
	else
		snprintf(name, size, "mr%u", index);
}

static int owned_eal_args(const struct port_config *config, const struct port_device *device,
	unsigned int index, char **args, unsigned int max_args, char *error, size_t len)
{
	char name[80], tap[IFNAMSIZ];
	struct netdev netdev;
	unsigned int n = 0;
	int rc;

	if (config->queues > TAP_QUEUES_MAX)
		return port_error(error, len, -EINVAL, config,
			"%u queues; an owned port's companion takes at most %d", config->queues,
			TAP_QUEUES_MAX);
	tap_netdev_name(config, index, tap, sizeof(tap));
	if (netdev_read(&netdev, tap) == 0)
		return port_error(error, len, -EEXIST, config,
			"there is an interface %s already, which is to be the port's companion; "
			"remove it "
			"or give the port another name",
			tap);
	if (access("/dev/net/tun", R_OK | W_OK) != 0) {
		rc = -errno;
		return port_error(error, len, rc, config,
			"/dev/net/tun cannot be opened (%s); an owned port needs it for its "
			"companion "
			"interface",
			strerror(-rc));
	}
	device_name(device, index, name, sizeof(name));
	/* PCI devices: "-a" for itself, so that callers see that PCI is wanted. */
	rc = device->pci ? port_args_add(args, &n, max_args, "-a") : 0;
	if (rc == 0)
		rc = port_args_add(args, &n, max_args, "%s%s%s%s",
			device->pci ? "" : "--vdev=", name, device->args[0] != '\0' ? "," : "",
			device->args);
	if (rc == 0)
		rc = port_args_add(args, &n, max_args, "--vdev=" TAP_NAME ",iface=%s", index, tap);
	if (rc < 0) {
		while (n > 0)
			free(args[--n]);
		return port_error(error, len, rc, config, "no room for EAL arguments");
	}
	return (int)n;
}

/* What the device can take off our hands. */
static void offloads_choose(
	struct port *port, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	const uint64_t rx = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;

	conf->rxmode.offloads = info->rx_offload_capa & rx;
	conf->txmode.offloads = info->tx_offload_capa &
				(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
	port->tx_ip_checksum = conf->txmode.offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	port->tx_udp_checksum = conf->txmode.offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	if (port->queues > 1 && (info->flow_type_rss_offloads & RSS_TYPES) != 0) {
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf->rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & RSS_TYPES;
	}
}

/* net_tap computes checksums of its own in software, where we can do it better. */
static bool offloads_are_software(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_tap") == 0 ||
	       strcmp(info->driver_name, "net_virtio_user") == 0;
}

static int wire_open(struct port *port, const struct port_config *config,
	const struct port_device *device, struct rte_mempool *const *pools, char *error, size_t len)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	struct rte_eth_conf conf;
	char name[80];
	int rc;

	memset(&conf, 0, sizeof(conf));
	device_name(device, port->index, name, sizeof(name));
	rc = rte_eth_dev_get_port_by_name(name, &port->dpdk_id);
	if (rc < 0)
		return port_error(error, len, rc, config,
			device->pci ? "DPDK did not find device %s; is it bound to vfio-pci?"
				    : "DPDK did not find its device %s",
			name);
	rc = rte_eth_dev_info_get(port->dpdk_id, &info);
	if (rc < 0)
		return port_error(
			error, len, rc, config, "%s does not answer: %s", name, strerror(-rc));
	if (port->queues > info.max_rx_queues || port->queues > info.max_tx_queues)
		return port_error(error, len, -EINVAL, config,
			"%s has %u receive and %u transmit queues, but %u are asked for", name,
			info.max_rx_queues, info.max_tx_queues, port->queues);
	if (!offloads_are_software(&info))
		offloads_choose(port, &info, &conf);
	port->partial_checksums = !device->pci;
	rc = port_device_start(port, config, &conf, pools, error, len);
	if (rc < 0)
		return rc;
	rc = rte_eth_macaddr_get(port->dpdk_id, &mac);
	if (rc == 0)
		rc = rte_eth_dev_get_mtu(port->dpdk_id, &port->mtu);
	if (rc < 0)
		return port_error(error, len, rc, config, "%s: no MAC address or MTU: %s", name,
			strerror(-rc));
	memcpy(port->mac, mac.addr_bytes, sizeof(port->mac));
	/* The kernel's neighbour discovery is multicast; a virtual device has no filter. */
	rc = rte_eth_allmulticast_enable(port->dpdk_id);
	if (rc < 0 && rc != -ENOTSUP)
		return port_error(error, len, rc, config, "%s does not take multicast: %s", name,
			strerror(-rc));
	return 0;
}

/* Same MAC, same MTU: to the kernel the tap is the NIC. */
static int tap_resemble(
	struct port *port, const struct port_config *config, char *error, size_t len)
{
	struct rte_ether_addr mac;
	int rc;

	memcpy(mac.addr_bytes, port->mac, sizeof(port->mac));
	if (rte_is_valid_assigned_ether_addr(&mac)) {
		rc = rte_eth_dev_default_mac_addr_set(port->tap_dpdk_id, &mac);
	} else {
		/* net_null and net_ring have none of their own. */
		rc = rte_eth_macaddr_get(port->tap_dpdk_id, &mac);
		memcpy(port->mac, mac.addr_bytes, sizeof(port->mac));
	}
	if (rc < 0)
		return port_error(error, len, rc, config,
			"interface %s cannot take the port's MAC address: %s", port->netdev,
			strerror(-rc));
	rc = rte_eth_dev_set_mtu(port->tap_dpdk_id, port->mtu);
	if (rc < 0)
		return port_error(error, len, rc, config, "interface %s cannot take the MTU %u: %s",
			port->netdev, port->mtu, strerror(-rc));
	return 0;
}

static int tap_addresses(
	struct port *port, const struct port_config *config, char *error, size_t len)
{
	const char *hint;
	int rc;

	for (unsigned int i = 0; i < config->n_addresses; i++) {
		rc = tap_address_add(port->ifindex, config->addresses[i]);
		hint = rc == -EPERM ? " (this needs CAP_NET_ADMIN, or root)" : "";
		if (rc < 0)
			return port_error(error, len, rc, config,
				"address \"%s\" cannot be put on %s: %s%s", config->addresses[i],
				port->netdev, strerror(-rc), hint);
	}
	if (config->gateway == NULL)
		return 0;
	rc = tap_gateway_add(port->ifindex, config->gateway);
	hint = rc == -EPERM ? " (this needs CAP_NET_ADMIN, or root)"
	       : rc == -EEXIST
		       ? " (there is a default route already: remove it, or the port's gateway)"
		       : "";
	if (rc < 0)
		return port_error(error, len, rc, config,
			"gateway \"%s\" cannot be set on %s: %s%s", config->gateway, port->netdev,
			strerror(-rc), hint);
	return 0;
}

/* The companion. It takes the same pools: its frames leave by the port as they are. */
static int tap_open(struct port *port, const struct port_config *config,
	struct rte_mempool *const *pools, char *error, size_t len)
{
	struct port_config few = *config;
	struct rte_eth_conf conf;
	struct netdev netdev;
	char name[32];
	uint16_t wire = port->dpdk_id;
	uint16_t tap;
	int rc;

	memset(&conf, 0, sizeof(conf));
	snprintf(name, sizeof(name), TAP_NAME, port->index);
	rc = rte_eth_dev_get_port_by_name(name, &tap);
	if (rc < 0)
		return port_error(
			error, len, rc, config, "DPDK did not make its companion %s", name);
	tap_netdev_name(config, port->index, port->netdev, sizeof(port->netdev));

	few.rx_descriptors = TAP_DESCRIPTORS; /* each holds a buffer of the worker's pool */
	few.tx_descriptors = TAP_DESCRIPTORS;
	port->dpdk_id = tap; /* port_device_start() starts what dpdk_id names */
	rc = port_device_start(port, &few, &conf, pools, error, len);
	port->dpdk_id = wire;
	port->tap_dpdk_id = tap;
	if (rc < 0)
		return rc;
	rc = tap_resemble(port, config, error, len);
	if (rc < 0)
		return rc;
	rc = netdev_read(&netdev, port->netdev);
	if (rc < 0)
		return port_error(error, len, rc, config, "cannot read interface %s: %s",
			port->netdev, strerror(-rc));
	port->ifindex = netdev.ifindex;
	return tap_addresses(port, config, error, len);
}

static void owned_close(struct port *port)
{
	if (port->tap_dpdk_id != RTE_MAX_ETHPORTS) {
		rte_eth_dev_stop(port->tap_dpdk_id);
		rte_eth_dev_close(port->tap_dpdk_id);
		port->tap_dpdk_id = RTE_MAX_ETHPORTS;
	}
	if (port->dpdk_id != RTE_MAX_ETHPORTS) {
		rte_eth_dev_stop(port->dpdk_id);
		rte_eth_dev_close(port->dpdk_id);
		port->dpdk_id = RTE_MAX_ETHPORTS;
	}
}

static int owned_open(struct port *port, const struct port_config *config,
	const struct port_device *device, struct rte_mempool *const *pools, char *error, size_t len)
{
	int rc = wire_open(port, config, device, pools, error, len);

	if (rc == 0)
		rc = tap_open(port, config, pools, error, len);
	if (rc < 0)
		owned_close(port);
	return rc;
}

/* All frames reach an owned port's queues: the flow table alone decides. */
static int owned_listen(struct port *port, const struct mr_endpoint *local)
{
	return 0;
}

static int owned_listen_add(struct port *port, const struct mr_endpoint *local, unsigned int flags)
{
	return owned_listen(port, local);
}

static bool owned_link_up(const struct port *port)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(port->dpdk_id, &link) == 0 &&
	       link.link_status == RTE_ETH_LINK_UP;
}

const struct port_ops port_owned_ops = {
	.kind = "owned",
	.eal_args = owned_eal_args,
	.open = owned_open,
	.close = owned_close,
	.listen_add = owned_listen_add,
	.listen_del = owned_listen,
	.link_up = owned_link_up,
};
