/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared ports: net_af_xdp with our XDP program beside the kernel. The driver
 * loads the program and puts its sockets into the program's `xsks_map`; we find
 * `listen` through the interface. Main thread.
 */
#include "dataplane/port/netdev.h"
#include "dataplane/port/port_pool.h"
#include "dataplane/port/port_private.h"
#include "dataplane/port/xdp/listen_map.h"
#include "dataplane/port/xdp_attachment.h"
#include "dataplane/port/xdp_sockets.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static_assert(PORT_LISTEN_ALL == XDP_LISTEN_ALL && PORT_LISTEN_RTP == XDP_LISTEN_RTP,
	"the map's values are port.h's");
static_assert(XDP_SOCKETS_MAX >= MR_WORKERS_MAX, "a socket per worker");

/* Where a build tree has the program, seen from apps/dataplane/. */
#define XDP_OBJECT_IN_TREE "../../dataplane/port/millrace_xdp.o"

struct shared {
	struct netdev netdev;
	int lock;       /* owned: abstract socket, one data plane per interface */
	int listen_map; /* owned */
	bool configured;
	uint16_t n_sockets;          /* 0: not known */
	int sockets[MR_WORKERS_MAX]; /* of the queues; the driver's */
};

/* Keys that we set ourselves. */
static const char *const reserved_keys[] = {
	"start_queue", "queue_count", "xdp_prog", "shared_umem", "use_cni"};

/* The configured object, the one beside a program run from its build tree, or
 * the installed one. */
static int xdp_object_path(const struct port_config *config, char *path, size_t size)
{
	char exe[PATH_MAX];
	ssize_t n;

	if (config->xdp_object != NULL)
		return snprintf(path, size, "%s", config->xdp_object) < (int)size ? 0
										  : -ENAMETOOLONG;
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n > 0) {
		char *slash;

		exe[n] = '\0';
		slash = strrchr(exe, '/');
		if (slash != NULL) {
			*slash = '\0';
			int len = snprintf(path, size, "%s/%s", exe, XDP_OBJECT_IN_TREE);
			if (len > 0 && (size_t)len < size && access(path, R_OK) == 0)
				return 0;
		}
	}
	return snprintf(path, size, "%s", MILLRACE_XDP_OBJECT) < (int)size ? 0 : -ENAMETOOLONG;
}

/* A socket for every queue that the kernel uses, no fewer and no more. */
static int queues_check(
	const struct port_config *config, const struct netdev *d, char *error, size_t len)
{
	/* Channels that carry both directions, or (veth) each direction's own. */
	bool combined = d->max_queues > 0;
	char fix[64];

	if (combined)
		snprintf(fix, sizeof(fix), "ethtool -L %s combined %u", d->name, config->queues);
	else
		snprintf(fix, sizeof(fix), "ethtool -L %s rx %u tx %u", d->name, config->queues,
			config->queues);
	if (config->queues > 1 && !combined)
		return port_error(error, len, -ENOTSUP, config,
			"DPDK opens only one queue of interface %s (it has no combined channels), "
			"but "
			"%u are asked for; use one worker, or an owned port",
			d->name, config->queues);
	if (combined && config->queues > d->max_queues)
		return port_error(error, len, -EINVAL, config,
			"interface %s has at most %u queues, but %u are asked for; use fewer "
			"workers",
			d->name, d->max_queues, config->queues);
	if (d->rx_queues > config->queues)
		return port_error(error, len, -EINVAL, config,
			"interface %s has %u active receive queues, but millrace opens %u, so "
			"media "
			"on the others would never arrive; run: %s",
			d->name, d->rx_queues, config->queues, fix);
	if (d->rx_queues < config->queues)
		return port_error(error, len, -EINVAL, config,
			"interface %s has %u active receive queues, but %u are asked for; run: %s",
			d->name, d->rx_queues, config->queues, fix);
	return 0;
}

/* Whether the interface is there and fit. Says what to do when it is not. */
static int interface_check(const struct port_config *config, const char *interface,
	struct netdev *d, char *error, size_t len)
{
	int rc = netdev_read(d, interface);

	if (rc == -ENODEV)
		return port_error(error, len, rc, config,
			"there is no interface %s (device \"%s\")", interface, config->device);
	if (rc < 0)
		return port_error(error, len, rc, config, "cannot read interface %s: %s", interface,
			strerror(-rc));
	if (!d->up)
		return port_error(error, len, -ENETDOWN, config,
			"interface %s is down; bring it up first (ip link set %s up)", interface,
			interface);
	return queues_check(config, d, error, len);
}

static int interface_name(const struct port_config *config, const struct port_device *device,
	char name[IFNAMSIZ], char *error, size_t len)
{
	if (!port_device_arg(device->args, "iface", name, IFNAMSIZ) || name[0] == '\0')
		return port_error(error, len, -EINVAL, config,
			"device \"%s\" names no interface: expected net_af_xdp,iface=NAME",
			config->device);
	return 0;
}

static int shared_eal_args(const struct port_config *config, const struct port_device *device,
	unsigned int index, char **args, unsigned int max_args, char *error, size_t len)
{
	char interface[IFNAMSIZ], object[PATH_MAX], value[64];
	struct netdev netdev;
	unsigned int n = 0;
	int rc;

	rc = interface_name(config, device, interface, error, len);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < RTE_DIM(reserved_keys); i++)
		if (port_device_arg(device->args, reserved_keys[i], value, sizeof(value)))
			return port_error(error, len, -EINVAL, config,
				"device \"%s\": %s is set by millrace", config->device,
				reserved_keys[i]);
	rc = interface_check(config, interface, &netdev, error, len);
	if (rc < 0)
		return rc;
	rc = xdp_object_path(config, object, sizeof(object));
	if (rc < 0 || access(object, R_OK) != 0)
		return port_error(error, len, -ENOENT, config,
			"cannot read the XDP program %s; set dataplane.xdpObject",
			rc < 0 ? "(path too long)" : object);
	if (strpbrk(object, ",=\"") != NULL)
		return port_error(error, len, -EINVAL, config,
			"the XDP program's path %s has a character that DPDK cannot take", object);
	rc = port_args_add(args, &n, max_args,
		"--vdev=net_af_xdp%u,%s,start_queue=0,queue_count=%u%s,xdp_prog=%s", index,
		device->args, config->queues,
		port_device_arg(device->args, "busy_budget", value, sizeof(value))
			? ""
			: ",busy_budget=0",
		object);
	if (rc < 0)
		return port_error(error, len, rc, config, "no room for EAL arguments");
	return (int)n;
}

/*
 * One data plane per interface and network namespace: a second must not take
 * the program of the first for a stale one. The kernel frees the name when the
 * process ends, however it ends.
 */
static int interface_lock(
	const struct port_config *config, const struct netdev *d, char *error, size_t len)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int n = snprintf(&a.sun_path[1], sizeof(a.sun_path) - 1, "millrace-port-%u", d->ifindex);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return port_error(error, len, -errno, config, "socket: %s", strerror(errno));
	if (bind(fd, (struct sockaddr *)&a,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	if (rc == -EADDRINUSE)
		return port_error(error, len, -EBUSY, config,
			"another millrace-dataplane runs on interface %s", d->name);
	return port_error(
		error, len, rc, config, "cannot lock interface %s: %s", d->name, strerror(-rc));
}

static void shared_release(struct port *port, struct shared *s)
{
	char ignored[256];

	if (s->configured) {
		rte_eth_dev_stop(port->dpdk_id);
		rte_eth_dev_close(port->dpdk_id);
	}
	if (s->listen_map >= 0)
		close(s->listen_map);
	/* The driver has detached the program; where it has not, we do. */
	xdp_attachment_clear(s->netdev.ifindex, s->netdev.name, ignored, sizeof(ignored));
	if (s->lock >= 0)
		close(s->lock);
	free(s);
	port->priv = NULL;
}

/* The driver opens one socket for each queue, in order, and tells nobody. */
static void sockets_keep(struct shared *s, const int *before, unsigned int n_before,
	const int *after, unsigned int n_after, uint16_t queues)
{
	for (unsigned int i = 0; i < n_after && s->n_sockets < MR_WORKERS_MAX; i++) {
		bool old = false;

		for (unsigned int k = 0; k < n_before; k++)
			old |= before[k] == after[i];
		if (!old)
			s->sockets[s->n_sockets++] = after[i];
	}
	if (s->n_sockets != queues)
		s->n_sockets = 0;
}

static int shared_open(struct port *port, const struct port_config *config,
	const struct port_device *device, struct rte_mempool *const *pools, char *error, size_t len)
{
	struct rte_eth_conf conf;
	char interface[IFNAMSIZ], name[32];
	struct shared *s;
	int rc;

	memset(&conf, 0, sizeof(conf));
	rc = interface_name(config, device, interface, error, len);
	if (rc < 0)
		return rc;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return port_error(error, len, -ENOMEM, config, "no memory");
	s->lock = -1;
	s->listen_map = -1;

	rc = interface_check(config, interface, &s->netdev, error, len);
	if (rc < 0)
		goto err_free;
	for (uint16_t q = 0; q < config->queues; q++)
		if (port_pool_fit(pools[q]) < 0) {
			rc = port_error(error, len, -EINVAL, config,
				"its buffers are not contiguous in memory; AF_XDP needs them to "
				"be");
			goto err_free;
		}
	snprintf(name, sizeof(name), "net_af_xdp%u", port->index);
	rc = rte_eth_dev_get_port_by_name(name, &port->dpdk_id);
	if (rc < 0) {
		port_error(error, len, rc, config, "DPDK did not find its device %s", name);
		goto err_free;
	}
	s->lock = interface_lock(config, &s->netdev, error, len);
	if (s->lock < 0) {
		rc = s->lock;
		goto err_free;
	}

	int before[XDP_SOCKETS_MAX], after[XDP_SOCKETS_MAX];
	unsigned int n_before = xdp_sockets_list(before, XDP_SOCKETS_MAX), n_after;
	char why[256];
	rc = xdp_attachment_clear(s->netdev.ifindex, interface, why, sizeof(why));
	if (rc < 0) {
		port_error(error, len, rc, config, "%s", why);
		goto err_lock;
	}
	s->configured = true;
	rc = port_device_start(port, config, &conf, pools, error, len);
	if (rc < 0)
		goto err_release;
	n_after = xdp_sockets_list(after, XDP_SOCKETS_MAX);
	sockets_keep(s, before, n_before, after, n_after, config->queues);
	s->listen_map = xdp_attachment_listen_map(s->netdev.ifindex);
	if (s->listen_map < 0) {
		rc = port_error(error, len, s->listen_map, config,
			"the XDP program on %s has no `" XDP_LISTEN_MAP "` map of ours: %s",
			interface, strerror(-s->listen_map));
		goto err_release;
	}

	port->priv = s;
	port->partial_checksums = true; /* veth, lo; a real NIC brings none such */
	port->mtu = s->netdev.mtu;
	port->ifindex = s->netdev.ifindex;
	memcpy(port->mac, s->netdev.mac, sizeof(port->mac));
	memcpy(port->netdev, s->netdev.name, sizeof(port->netdev));
	return 0;

err_release:
	shared_release(port, s);
	return rc;
err_lock:
	close(s->lock);
err_free:
	free(s);
	return rc;
}

static void shared_close(struct port *port)
{
	shared_release(port, port->priv);
}

static int shared_listen_add(struct port *port, const struct mr_endpoint *local, unsigned int flags)
{
	struct shared *s = port->priv;

	return xdp_listen_add(s->listen_map, local, flags);
}

static int shared_listen_del(struct port *port, const struct mr_endpoint *local)
{
	struct shared *s = port->priv;

	return xdp_listen_del(s->listen_map, local);
}

static bool shared_link_up(const struct port *port)
{
	return netdev_running(port->netdev);
}

static int shared_rx_fd(const struct port *port, uint16_t queue)
{
	const struct shared *s = port->priv;

	return queue < s->n_sockets ? s->sockets[queue] : -1;
}

const struct port_ops port_shared_ops = {
	.kind = "shared",
	.eal_args = shared_eal_args,
	.open = shared_open,
	.close = shared_close,
	.listen_add = shared_listen_add,
	.listen_del = shared_listen_del,
	.link_up = shared_link_up,
	.rx_fd = shared_rx_fd,
};
