/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet buffers that every kind of port can use. AF_XDP's driver registers a pool's
 * memory as one area of as many bytes as its buffers have; where a pool has gaps
 * (between its buffers and the ends of pages) the last buffers lie beyond it, and the
 * kernel takes no frame in them: it would be lost, and no counter of DPDK's would
 * tell. Main thread.
 */
#ifndef DATAPLANE_PORT_PORT_POOL_H
#define DATAPLANE_PORT_PORT_POOL_H

#include <rte_mempool.h>

/*
 * rte_pktmbuf_pool_create() with `meta` bytes of private data, but for one thing:
 * without hugepages DPDK gives each buffer a page of its own, twice the room that it
 * needs. These lie one behind the other. NULL: rte_errno.
 */
struct rte_mempool *port_pool_create(
	const char *name, unsigned int n, unsigned int cache, size_t meta);

/*
 * Before the queues of a shared port are set up: takes the buffers that lie outside
 * that area out of the pool, for good. Returns how many; -EINVAL: so many that the pool
 * is not fit for AF_XDP, or it has several areas; -ENOMEM.
 */
int port_pool_fit(struct rte_mempool *pool);

#endif
