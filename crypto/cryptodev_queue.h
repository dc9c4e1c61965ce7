/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One worker's queue pair of a cryptodev: what it takes to make operations of packets,
 * and how they come back, or do not. Private to crypto/. Made and freed by the main
 * thread; else the worker's.
 */
#ifndef CRYPTO_CRYPTODEV_QUEUE_H
#define CRYPTO_CRYPTODEV_QUEUE_H

#include "crypto/crypto_device_ops.h"
#include "crypto/cryptodev_engine.h"

#include <rte_crypto.h>
#include <rte_mbuf.h>

#define CRYPTODEV_SOFTWARE_BATCH 32  /* packets: they and their keys stay in the first cache */
#define CRYPTODEV_HARDWARE_BATCH 256 /* packets: the round trip is paid once */

struct cryptodev_queue {
	/* constant once it is made */
	struct cryptodev_engine *engine; /* borrowed */
	uint16_t id;                     /* of the queue pair */
	uint16_t batch;                  /* packets in flight at most */
	uint64_t patience;               /* TSC cycles without any answer */
	struct rte_mempool *op_pool;     /* owned */
	struct rte_mempool *buf_pool;    /* owned: packet headers without room for data */

	/* private to the worker */
	bool stuck; /* the device keeps operations: nothing more goes to it */
	struct rte_crypto_op *ops[CRYPTODEV_HARDWARE_BATCH];
	struct rte_mbuf
		*src[CRYPTODEV_HARDWARE_BATCH]; /* pointed at the shared payload of ops[i] */
	struct rte_mbuf *dst[CRYPTODEV_HARDWARE_BATCH]; /* ... and at the viewer's packet */
};

/* 0 or -ENOMEM. */
int cryptodev_queue_init(struct cryptodev_queue *q, struct cryptodev_engine *engine, uint16_t id);
/* Also of one that was not made. */
void cryptodev_queue_fini(struct cryptodev_queue *q);

/* Makes `op`, which is checked, the next run's operation `i`, below `batch`. */
void cryptodev_queue_prepare(struct cryptodev_queue *q, uint16_t i, struct srtp_op *op);
/* The first `n` operations through the device; returns how many succeeded, and sets status
 * and out_len of each. */
uint16_t cryptodev_queue_run(struct cryptodev_queue *q, uint16_t n);

#endif
