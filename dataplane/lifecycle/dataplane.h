/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data plane as a whole: made, run and unmade by the main thread.
 *
 *   init.c       EAL, statistics, ports, control; unwinds in reverse when a step fails
 *   workers.c    the workers' packet buffers, memory and rings; their start and stop
 *   eal_args.c   the session file's words as EAL arguments
 *   memory.c     how much memory they get
 *   run.c        the main thread's loop
 *   telemetry.c  totals and drops for rte_telemetry
 */
#ifndef DATAPLANE_LIFECYCLE_DATAPLANE_H
#define DATAPLANE_LIFECYCLE_DATAPLANE_H

#include "controlplane/config/config.h"
#include "dataplane/control/control.h"
#include "dataplane/pipeline/worker.h"
#include "dataplane/port/port.h"

#include <signal.h>
#include <stdbool.h>

struct dataplane {
	const struct mr_config *config; /* borrowed */
	struct mr_stats *stats;         /* the region, mapped */
	int stats_fd;                   /* owned */
	unsigned int n_ports;
	struct port ports[MR_PORTS_MAX];
	struct worker_set workers; /* owned here, borrowed by the control */
	struct doorbell bell;      /* ends the main thread's sleep */
	struct rte_mempool *pool[MR_WORKERS_MAX];
	struct crypto_device *crypto; /* the main thread's: expands keys */
	struct control control;
	bool launched; /* workers run */
};

#define WORKER_POOL_MBUFS 16383 /* of each: rx rings, fill queues, tx rings, reordering */

/* What EAL gets [MiB]: dataplane.memory, or where it is left out what is needed. */
uint32_t dataplane_memory(const struct mr_config *config);
/* True: `text` says that the machine has not so much. */
bool dataplane_memory_warning(const struct mr_config *config, char *text, size_t len);

/* True: `text` says why hugepages that are reserved stay unused. */
bool hugepages_warning(const struct mr_config *config, char *text, size_t len);

/* The most EAL arguments there can be. */
#define EAL_ARGS_MAX 64

/* Makes the argument vector (malloc'd strings, NULL at the end). Returns how
 * many, or -errno with a text in `error`. */
int eal_args_make(const struct mr_config *config, char **args, char *error, size_t error_len);
void eal_args_free(char **args);

/* `error` says what was wrong, where and what to do. 0 or -errno. */
int dataplane_init(
	struct dataplane *dp, const struct mr_config *config, char *error, size_t error_len);
void dataplane_fini(struct dataplane *dp);

/* The steps of dataplane_init() behind EAL but for the ports, in their order; a
 * test that has ports of its own takes them one by one. Each: 0, or -errno with
 * a text in `error`; what was made before is dataplane_fini()'s to unmake. */
int dataplane_stats_start(struct dataplane *dp, char *error, size_t error_len);
int workers_pools(struct dataplane *dp, char *error, size_t error_len);
int workers_start(struct dataplane *dp, char *error, size_t error_len); /* ports are open */
int dataplane_control_start(struct dataplane *dp, char *error, size_t error_len);
int workers_launch(struct dataplane *dp, char *error, size_t error_len);
/* A crypto device as dataplane.crypto says: of the worker with that index, or
 * CRYPTO_KEYS_ONLY. All share what the first worker's opens. NULL: errno and a text. */
struct crypto_device *dataplane_crypto_open(
	struct dataplane *dp, uint16_t worker, char *error, size_t error_len);
/* Ends their loops and waits for it; whatever they had may be freed then. */
void workers_stop(struct dataplane *dp);
void workers_free(struct dataplane *dp);

/* Returns when `*stop` is set. */
void dataplane_run(struct dataplane *dp, const volatile sig_atomic_t *stop);

/* Registers /millrace/totals and /millrace/drops. 0 or -errno. */
int telemetry_init(const struct dataplane *dp);
void telemetry_fini(void);

/* A port of the session file as dataplane/port wants it; `storage` holds the texts. */
struct port_config_storage {
	char addresses[MR_CONFIG_ADDRESSES_MAX][64];
	const char *pointers[MR_CONFIG_ADDRESSES_MAX];
	char gateway[64];
};
void port_config_from(struct port_config *to, struct port_config_storage *storage,
	const struct mr_config *config, unsigned int index);

#endif
