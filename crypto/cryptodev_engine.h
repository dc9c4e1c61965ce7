/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A DPDK cryptodev that the workers of a process share: one queue pair for each,
 * a session for each key. Private to crypto/. Opened and put by the main thread;
 * sessions are made and freed on any thread, behind a lock; workers read what is
 * constant.
 *
 * NAME is the device's own name, the PCI address that it sits on (QAT's symmetric
 * device is then found behind it), or a virtual device's ("crypto_aesni_mb"), which
 * is made if EAL has none of that name, and removed again at the end.
 */
#ifndef CRYPTO_CRYPTODEV_ENGINE_H
#define CRYPTO_CRYPTODEV_ENGINE_H

#include "crypto/srtp_keys.h"

#include <pthread.h>
#include <rte_mempool.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRYPTODEV_DESCRIPTORS 512 /* of a queue pair; what is in flight is less */
#define CRYPTODEV_POOLS_MAX 1024  /* of a thousand sessions each */
#define CRYPTODEV_IV_LEN 16       /* bytes of room behind an operation */
#define CRYPTODEV_IV_OFFSET                                                                        \
	(sizeof(struct rte_crypto_op) + sizeof(struct rte_crypto_sym_op)) /* where it is */

struct cryptodev_engine {
	/* constant once it is open */
	char name[64];        /* of the device */
	char driver[32];      /* ... and of its driver */
	uint8_t id;           /* DPDK's */
	bool made;            /* the virtual device is ours to remove */
	bool hardware;        /* an accelerator, not this CPU */
	uint16_t queues;      /* pairs: one per worker */
	uint8_t sha1_len;     /* bytes that it writes of an HMAC-SHA1: 20 or 10 */
	unsigned int socket;  /* NUMA */
	uint8_t n_profiles;   /* that it knows */
	uint16_t profiles[3]; /* enum srtp_profile_id */

	/* main thread */
	unsigned int references;

	/* An operation did not come back: its session may be in use for ever, so none
	 * is freed any more. Workers write. */
	_Atomic bool stuck;

	pthread_mutex_t lock; /* guards what follows, and calls of the device about sessions */
	uint32_t n_pools;
	struct rte_mempool *pools[CRYPTODEV_POOLS_MAX]; /* owned; one more when all are empty */
};

/* With `queues` pairs, started; one reference. NULL: errno is set and `error` says what is
 * wrong and what to do. */
struct cryptodev_engine *cryptodev_engine_open(
	const char *name, uint16_t queues, char *error, size_t error_len);
void cryptodev_engine_get(struct cryptodev_engine *e);
/* The last one stops and closes the device. All sessions were freed. */
void cryptodev_engine_put(struct cryptodev_engine *e);

bool cryptodev_engine_knows(const struct cryptodev_engine *e, const struct srtp_profile *profile);
/* What of DPDK's names a profile needs: "AES-CTR and HMAC-SHA1". */
const char *cryptodev_engine_algorithm(const struct srtp_profile *profile);

/* For packets with SRTP_MIN_HDR_LEN bytes of header; AES-CTR and HMAC-SHA1 in place. NULL:
 * errno is ENOMEM or what the device said. */
void *cryptodev_engine_session(struct cryptodev_engine *e, const struct srtp_profile *profile,
	const struct srtp_session_keys *keys);
void cryptodev_engine_session_free(struct cryptodev_engine *e, void *session); /* wipes */

#endif
