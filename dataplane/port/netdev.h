/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel says about one of its interfaces. Main thread, at start and
 * when statistics are copied; plain ioctls, no privilege needed.
 */
#ifndef DATAPLANE_PORT_NETDEV_H
#define DATAPLANE_PORT_NETDEV_H

#include <stdbool.h>
#include <stdint.h>

struct netdev {
	char name[16];
	uint32_t ifindex;
	uint16_t mtu; /* [bytes] of IP packets; 65535 and more: 65535 */
	uint8_t mac[6];
	bool up;             /* administratively */
	bool running;        /* has a carrier */
	uint16_t rx_queues;  /* active: the kernel spreads packets over so many */
	uint16_t max_queues; /* that `ethtool -L` could set; 0: unknown */
};

/* 0, -ENODEV, or -errno. */
int netdev_read(struct netdev *d, const char *name);
bool netdev_running(const char *name);

#endif
