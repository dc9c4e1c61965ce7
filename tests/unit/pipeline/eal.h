/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK without hugepages for unit tests, once per process, and a worker with
 * just enough in it for single stages. */
#ifndef TESTS_UNIT_PIPELINE_EAL_H
#define TESTS_UNIT_PIPELINE_EAL_H

#include "dataplane/pipeline/worker.h"

#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>

/* `vdev`: "--vdev=..." or NULL. 0 or -1, the reason on standard error. */
static inline int eal_start(const char *vdev)
{
	const char *args[] = {"test", "--no-huge", "-m", "96", "--no-pci", "--no-shconf",
		"--no-telemetry", "--log-level=warning", "-l", "0", "--file-prefix=mr-unit", vdev};
	char *argv[sizeof(args) / sizeof(args[0])];
	int argc = vdev != NULL ? 12 : 11;

	for (int i = 0; i < argc; i++)
		argv[i] = (char *)(uintptr_t)args[i]; /* EAL moves them about, no more */
	return rte_eal_init(argc, argv) < 0 ? -1 : 0;
}

/* As the data plane makes them: a packet_meta in every mbuf. */
static inline struct rte_mempool *eal_pool(unsigned int n)
{
	return rte_pktmbuf_pool_create("unit", n, 0,
		RTE_ALIGN_CEIL(sizeof(struct packet_meta), 64u), RTE_MBUF_DEFAULT_BUF_SIZE,
		SOCKET_ID_ANY);
}

static inline struct rte_mbuf *eal_mbuf(struct rte_mempool *pool, const void *data, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (m == NULL)
		abort();
	memset(packet_meta(m), 0xa5, sizeof(struct packet_meta)); /* of an earlier packet */
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), data, len);
	return m;
}

#endif
