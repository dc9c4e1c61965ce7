/* SPDX-License-Identifier: BSD-3-Clause */
/* See port_pool.h. Main thread. */
#include "dataplane/port/port_pool.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <stdlib.h>

#define OUTSIDE_MAX 64 /* one of so many buffers may be lost */

struct rte_mempool *port_pool_create(
	const char *name, unsigned int n, unsigned int cache, size_t meta)
{
	struct rte_pktmbuf_pool_private room = {
		.mbuf_data_room_size = RTE_MBUF_DEFAULT_BUF_SIZE,
		.mbuf_priv_size = (uint16_t)RTE_ALIGN_CEIL(meta, RTE_MBUF_PRIV_ALIGN),
	};
	/* Addresses are virtual ones without hugepages (IOVA as VA): no buffer needs to lie
	 * within one page. */
	struct rte_mempool *pool = rte_mempool_create_empty(name, n,
		sizeof(struct rte_mbuf) + room.mbuf_priv_size + RTE_MBUF_DEFAULT_BUF_SIZE, cache,
		sizeof(room), (int)rte_socket_id(),
		rte_eal_has_hugepages() ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG);

	if (pool == NULL)
		return NULL;
	if (rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL) != 0)
		goto err;
	rte_pktmbuf_pool_init(pool, &room);
	if (rte_mempool_populate_default(pool) < 0)
		goto err;
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
err:
	rte_mempool_free(pool);
	return NULL;
}

struct area {
	const char *end;
	uint32_t outside;
};

static void count_outside(struct rte_mempool *pool, void *area, void *object, unsigned int index)
{
	struct area *a = area;

	a->outside += (const char *)object + pool->elt_size > a->end;
}

/* As the driver reckons it. */
static const char *area_end(struct rte_mempool *pool)
{
	const struct rte_mempool_memhdr *first = STAILQ_FIRST(&pool->mem_list);
	size_t each = rte_mempool_calc_obj_size(pool->elt_size, pool->flags, NULL);

	return (const char *)first->addr + each * pool->populated_size;
}

static int park(struct rte_mempool *pool, const char *end)
{
	void **all = calloc(pool->populated_size, sizeof(*all));
	unsigned int n = 0;
	int parked = 0;

	if (all == NULL)
		return -ENOMEM;
	while (n < pool->populated_size && rte_mempool_get(pool, &all[n]) == 0)
		n++;
	for (unsigned int i = 0; i < n; i++) {
		if ((const char *)all[i] + pool->elt_size > end)
			parked++;
		else
			rte_mempool_put(pool, all[i]);
	}
	free(all);
	return parked;
}

int port_pool_fit(struct rte_mempool *pool)
{
	struct area a = {0};

	if (pool->nb_mem_chunks != 1)
		return -EINVAL;
	a.end = area_end(pool);
	rte_mempool_obj_iter(pool, count_outside, &a);
	if (a.outside == 0)
		return 0;
	if (a.outside > pool->populated_size / OUTSIDE_MAX)
		return -EINVAL;
	return park(pool, a.end);
}
