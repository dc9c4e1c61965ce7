/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port: one interface above the two kinds of DESIGN.md.
 *   shared  net_af_xdp with our XDP program; the kernel keeps the interface and
 *           everything that port_listen_add() does not name
 *   owned   any other PMD; the data plane has the whole NIC, and a net_tap
 *           companion of the same MAC for everything that is not media
 * Opened, started, closed and listened on by the main thread; each queue pair is
 * used by one worker only.
 */
#ifndef DATAPLANE_PORT_PORT_H
#define DATAPLANE_PORT_PORT_H

#include "dataplane/api/abi.h"
#include "dataplane/api/stats.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

struct port_config {
	const char *name;        /* of the session file */
	const char *device;      /* "net_af_xdp,iface=mr0", "0000:01:00.0", "net_memif,role=..." */
	uint16_t queues;         /* one per worker that uses it */
	uint16_t rx_descriptors; /* 0: default */
	uint16_t tx_descriptors;
	const char *const *addresses; /* owned: put on the tap, "192.0.2.1/24" */
	unsigned int n_addresses;
	const char *gateway;    /* owned, or NULL */
	const char *xdp_object; /* shared: path of the XDP program's object file */
};

struct port_ops; /* shared_ops, owned_ops: port_private.h */

struct port {
	const struct port_ops *ops;
	void *priv; /* of the kind */
	uint8_t index;
	uint16_t dpdk_id;
	uint16_t tap_dpdk_id; /* owned; RTE_MAX_ETHPORTS: none */
	uint16_t queues;
	bool shared;
	bool tx_udp_checksum; /* the device completes UDP checksums */
	bool tx_ip_checksum;
	bool partial_checksums; /* virtual: senders on this host may leave UDP and TCP sums open */
	uint16_t mtu;           /* [bytes] of IP packets */
	uint8_t mac[6];
	uint32_t ifindex; /* of the kernel's interface (shared) or of the tap */
	char name[32];
	char netdev[16];
	struct mr_stats_port *stats;
};

/* What of an endpoint's datagrams the data plane takes from a shared port. */
#define PORT_LISTEN_ALL 0u
#define PORT_LISTEN_RTP 1u /* only what RFC 7983 and 5761 call RTP; the rest is the kernel's */

/*
 * Extra EAL arguments (--vdev=..., -a ...) that the port's device needs, into
 * `args` (malloc'd strings, owned by the caller); called before rte_eal_init.
 * Returns how many, or -errno with a text in `error`.
 */
int port_eal_args(const struct port_config *config, unsigned int index, char **args,
	unsigned int max_args, char *error, size_t error_len);

/* After rte_eal_init: configures and starts. 0, or -errno with a text in
 * `error` that says what was wrong with which port and what to do. */
int port_open(struct port *port, const struct port_config *config, unsigned int index,
	struct rte_mempool *const *rx_pools /* one per queue */, struct mr_stats_port *stats,
	char *error, size_t error_len);
void port_close(struct port *port);

/* `local` with addr all zero: every address. -ENOSPC, -EEXIST, -ENOENT. */
int port_listen_add(struct port *port, const struct mr_endpoint *local, unsigned int flags);
int port_listen_del(struct port *port, const struct mr_endpoint *local);

/* A descriptor that is readable while frames wait in the queue, for poll(2) alone, or -1: the
 * port has none. Any thread, between port_open() and port_close(). */
int port_rx_fd(const struct port *port, uint16_t queue);

/* Owned ports: frames to and from the kernel by the tap. Each queue's worker;
 * returns how many were taken (the rest stays the caller's) or received.
 * Checksums that a virtual sender left open are completed on the way. */
uint16_t port_tap_tx_burst(
	const struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t port_tap_rx_burst(
	const struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);

/* Copies the driver's counters into the statistics. Main thread. */
void port_update_stats(struct port *port);

#endif
