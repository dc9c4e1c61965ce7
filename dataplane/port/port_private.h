/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two kinds of port share beneath port.h. Main thread. */
#ifndef DATAPLANE_PORT_PORT_PRIVATE_H
#define DATAPLANE_PORT_PORT_PRIVATE_H

#include "dataplane/port/port.h"

#include <stdarg.h>
#include <stdio.h>

#define PORT_DESCRIPTORS 2048 /* of a queue, where the device allows it */

/* The device string of the session file in pieces: "DRIVER,rest". */
struct port_device {
	char driver[64]; /* "net_af_xdp", "0000:03:00.0" */
	char args[192];  /* "iface=mr0,force_copy=1" */
	bool pci;
};

struct port_ops {
	const char *kind;
	int (*eal_args)(const struct port_config *config, const struct port_device *device,
		unsigned int index, char **args, unsigned int max_args, char *error, size_t len);
	/* `port` has its name, index, queues and configuration-independent fields. */
	int (*open)(struct port *port, const struct port_config *config,
		const struct port_device *device, struct rte_mempool *const *pools, char *error,
		size_t len);
	void (*close)(struct port *port);
	int (*listen_add)(struct port *port, const struct mr_endpoint *local, unsigned int flags);
	int (*listen_del)(struct port *port, const struct mr_endpoint *local);
	bool (*link_up)(const struct port *port);
	int (*rx_fd)(const struct port *port, uint16_t queue); /* or NULL: none */
};

extern const struct port_ops port_shared_ops;
extern const struct port_ops port_owned_ops;

/* -EINVAL: empty or too long. */
int port_device_parse(struct port_device *d, const char *text);
/* The value of `key` in "key=value,key=value". False: not there, or too long. */
bool port_device_arg(const char *args, const char *key, char *value, size_t size);

/* Writes "port wan: ..." and returns `rc`. */
__attribute__((format(printf, 5, 6))) int port_error(
	char *error, size_t len, int rc, const struct port_config *config, const char *format, ...);

/* strdup(format...); -ENOMEM, -ENOSPC when `*n` has reached `max`. */
__attribute__((format(printf, 4, 5))) int port_args_add(
	char **args, unsigned int *n, unsigned int max, const char *format, ...);

/* Configures and starts a device's queues: the same for both kinds. */
struct rte_eth_conf;
int port_device_start(struct port *port, const struct port_config *config,
	const struct rte_eth_conf *conf, struct rte_mempool *const *pools, char *error, size_t len);

#endif
