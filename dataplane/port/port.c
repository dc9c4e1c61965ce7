/* SPDX-License-Identifier: BSD-3-Clause */
/* What both kinds of port have in common. Main thread. */
#include "dataplane/port/port.h"

#include "dataplane/port/port_private.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>

#define SHARED_DRIVER "net_af_xdp"

int port_error(
	char *error, size_t len, int rc, const struct port_config *config, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): started in the line above
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	snprintf(error, len, "port %s: %s", config->name, text);
	return rc;
}

int port_args_add(char **args, unsigned int *n, unsigned int max, const char *format, ...)
{
	va_list ap;
	int rc;

	if (*n >= max)
		return -ENOSPC;
	va_start(ap, format);
	rc = vasprintf(&args[*n], format, ap);
	va_end(ap);
	if (rc < 0) {
		args[*n] = NULL;
		return -ENOMEM;
	}
	++*n;
	return 0;
}

/* "0000:03:00.0" or "03:00.0" */
static bool is_pci_address(const char *s)
{
	unsigned int a, b, c, d;
	int end = 0;

	if (sscanf(s, "%4x:%2x:%2x.%1x%n", &a, &b, &c, &d, &end) == 4 && s[end] == '\0')
		return true;
	end = 0;
	return sscanf(s, "%2x:%2x.%1x%n", &a, &b, &c, &end) == 3 && s[end] == '\0';
}

int port_device_parse(struct port_device *d, const char *text)
{
	size_t n = strcspn(text, ",");
	const char *rest = text[n] == ',' ? &text[n + 1] : "";

	memset(d, 0, sizeof(*d));
	if (n == 0 || n >= sizeof(d->driver) || strlen(rest) >= sizeof(d->args))
		return -EINVAL;
	memcpy(d->driver, text, n);
	memcpy(d->args, rest, strlen(rest));
	d->pci = is_pci_address(d->driver);
	return 0;
}

bool port_device_arg(const char *args, const char *key, char *value, size_t size)
{
	size_t key_len = strlen(key);

	while (*args != '\0') {
		size_t n = strcspn(args, ",");

		if (n > key_len && strncmp(args, key, key_len) == 0 && args[key_len] == '=') {
			size_t len = n - key_len - 1;

			if (len >= size)
				return false;
			memcpy(value, &args[key_len + 1], len);
			value[len] = '\0';
			return true;
		}
		args += n;
		args += *args == ',';
	}
	return false;
}

/* net_af_xdp, with or without an instance number of its own, is the shared kind. */
static const struct port_ops *ops_of(const struct port_device *d)
{
	size_t n = strlen(SHARED_DRIVER);

	if (strncmp(d->driver, SHARED_DRIVER, n) == 0 &&
		strspn(&d->driver[n], "0123456789") == strlen(&d->driver[n]))
		return &port_shared_ops;
	return &port_owned_ops;
}

static int config_check(const struct port_config *config, unsigned int index,
	struct port_device *device, char *error, size_t len)
{
	if (index >= MR_PORTS_MAX)
		return port_error(
			error, len, -ENOSPC, config, "at most %d ports are possible", MR_PORTS_MAX);
	if (port_device_parse(device, config->device) < 0)
		return port_error(error, len, -EINVAL, config,
			"device \"%s\" is not of the form DRIVER,key=value,...", config->device);
	if (config->queues == 0 || config->queues > MR_WORKERS_MAX)
		return port_error(error, len, -EINVAL, config, "%u queues; 1 to %d are possible",
			config->queues, MR_WORKERS_MAX);
	return 0;
}

int port_eal_args(const struct port_config *config, unsigned int index, char **args,
	unsigned int max_args, char *error, size_t error_len)
{
	struct port_device device;
	int rc = config_check(config, index, &device, error, error_len);

	if (rc < 0)
		return rc;
	return ops_of(&device)->eal_args(config, &device, index, args, max_args, error, error_len);
}

int port_device_start(struct port *port, const struct port_config *config,
	const struct rte_eth_conf *conf, struct rte_mempool *const *pools, char *error, size_t len)
{
	uint16_t id = port->dpdk_id;
	uint16_t rx = config->rx_descriptors != 0 ? config->rx_descriptors : PORT_DESCRIPTORS;
	uint16_t tx = config->tx_descriptors != 0 ? config->tx_descriptors : PORT_DESCRIPTORS;
	int rc;

	rc = rte_eth_dev_configure(id, port->queues, port->queues, conf);
	if (rc < 0)
		return port_error(error, len, rc, config,
			"%s cannot be configured with %u queues: %s", config->device, port->queues,
			strerror(-rc));
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx);
	if (rc < 0)
		return port_error(error, len, rc, config, "%s takes no queue of %u descriptors: %s",
			config->device, rx, strerror(-rc));
	for (uint16_t q = 0; q < port->queues; q++) {
		int socket = rte_eth_dev_socket_id(id);

		rc = rte_eth_rx_queue_setup(id, q, rx, (unsigned int)socket, NULL, pools[q]);
		if (rc < 0)
			return port_error(error, len, rc, config,
				"%s: receive queue %u cannot be opened: %s", config->device, q,
				strerror(-rc));
		rc = rte_eth_tx_queue_setup(id, q, tx, (unsigned int)socket, NULL);
		if (rc < 0)
			return port_error(error, len, rc, config,
				"%s: transmit queue %u cannot be opened: %s", config->device, q,
				strerror(-rc));
	}
	rc = rte_eth_dev_start(id);
	if (rc < 0)
		return port_error(error, len, rc, config, "%s cannot be started: %s",
			config->device, strerror(-rc));
	return 0;
}

static void stats_describe(const struct port *port, const struct port_config *config)
{
	struct mr_stats_port *s = port->stats;
	struct rte_eth_dev_info info;

	memset(&info, 0, sizeof(info));
	if (rte_eth_dev_info_get(port->dpdk_id, &info) != 0)
		info.driver_name = NULL;
	mr_stats_write_begin(&s->sequence);
	s->id = port->index + 1u;
	snprintf(s->name, sizeof(s->name), "%s", port->name);
	snprintf(s->device, sizeof(s->device), "%s", config->device);
	snprintf(s->driver, sizeof(s->driver), "%s", info.driver_name ? info.driver_name : "?");
	snprintf(s->netdev, sizeof(s->netdev), "%s", port->netdev);
	memcpy(s->mac, port->mac, sizeof(s->mac));
	s->shared = port->shared;
	s->checksum_offload = port->tx_udp_checksum;
	s->queues = port->queues;
	mr_stats_write_end(&s->sequence);
}

int port_open(struct port *port, const struct port_config *config, unsigned int index,
	struct rte_mempool *const *rx_pools, struct mr_stats_port *stats, char *error,
	size_t error_len)
{
	struct port_device device;
	int rc = config_check(config, index, &device, error, error_len);

	memset(port, 0, sizeof(*port));
	if (rc < 0)
		return rc;
	port->index = (uint8_t)index;
	port->queues = config->queues;
	port->dpdk_id = RTE_MAX_ETHPORTS;
	port->tap_dpdk_id = RTE_MAX_ETHPORTS;
	port->stats = stats;
	snprintf(port->name, sizeof(port->name), "%s", config->name);

	const struct port_ops *ops = ops_of(&device);
	port->shared = ops == &port_shared_ops;
	rc = ops->open(port, config, &device, rx_pools, error, error_len);
	if (rc < 0)
		return rc;
	port->ops = ops;
	stats_describe(port, config);
	return 0;
}

void port_close(struct port *port)
{
	if (port->ops == NULL)
		return;
	port->ops->close(port);
	port->ops = NULL;
}

int port_listen_add(struct port *port, const struct mr_endpoint *local, unsigned int flags)
{
	return port->ops->listen_add(port, local, flags);
}

int port_listen_del(struct port *port, const struct mr_endpoint *local)
{
	return port->ops->listen_del(port, local);
}

int port_rx_fd(const struct port *port, uint16_t queue)
{
	if (port == NULL || port->ops == NULL || port->ops->rx_fd == NULL)
		return -1;
	return port->ops->rx_fd(port, queue);
}

static void set(_Atomic uint64_t *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

void port_update_stats(struct port *port)
{
	struct mr_stats_port *s = port->stats;
	struct rte_eth_stats e;

	atomic_store_explicit(&s->link_up, port->ops->link_up(port), memory_order_relaxed);
	if (rte_eth_stats_get(port->dpdk_id, &e) == 0) {
		set(&s->rx_packets, e.ipackets);
		set(&s->rx_bytes, e.ibytes);
		set(&s->rx_missed, e.imissed + e.rx_nombuf);
		set(&s->tx_packets, e.opackets);
		set(&s->tx_bytes, e.obytes);
		set(&s->tx_errors, e.oerrors);
	}
	if (port->tap_dpdk_id != RTE_MAX_ETHPORTS &&
		rte_eth_stats_get(port->tap_dpdk_id, &e) == 0) {
		set(&s->tap_rx_packets, e.ipackets);
		set(&s->tap_tx_packets, e.opackets);
	}
}
