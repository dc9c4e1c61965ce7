/* SPDX-License-Identifier: BSD-3-Clause */
/* From the session file to running workers, and back. Main thread. */
#include "dataplane/lifecycle/dataplane.h"

#include "crypto/secret.h"
#include "dataplane/control/fixed_sessions.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memory.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int eal_start(const struct mr_config *config, char *error, size_t error_len)
{
	char *args[EAL_ARGS_MAX];
	char *given[EAL_ARGS_MAX];
	int n = eal_args_make(config, args, error, error_len);
	int rc;

	if (n < 0)
		return n;
	memcpy(given, args, sizeof(given)); /* EAL reorders its vector */
	rc = rte_eal_init(n, given);
	if (rc < 0) {
		rc = rte_errno != 0 ? -rte_errno : -EIO;
		snprintf(error, error_len,
			"DPDK does not start: %s; are dataplane.ports[].device, memory and "
			"hugepages right, and is this root?",
			strerror(-rc));
	}
	eal_args_free(args);
	return rc < 0 ? rc : 0;
}

static int segment_hide(
	const struct rte_memseg_list *list, const struct rte_memseg *segment, size_t len, void *arg)
{
	/* What fails costs secrecy in a core dump, and nothing else. */
	secret_dont_dump(segment->addr, len);
	return 0;
}

static void new_memory_hide(enum rte_mem_event event, const void *at, size_t len, void *arg)
{
	if (event == RTE_MEM_EVENT_ALLOC)
		secret_dont_dump((void *)(uintptr_t)at, len);
}

/* Keys in use lie in EAL's memory, and pictures do: a core dump has none of it. */
static void memory_hide(void)
{
	rte_memseg_contig_walk(segment_hide, NULL);
	rte_mem_event_callback_register("secret", new_memory_hide, NULL);
}

int dataplane_stats_start(struct dataplane *dp, char *error, size_t error_len)
{
	const struct mr_config_dataplane *d = &dp->config->dataplane;
	struct mr_stats_geometry g = {
		.ports = d->n_ports,
		.workers = d->n_workers,
		.paths = d->max_streams,
		.streams = d->max_streams,
		.viewers = d->max_viewers,
	};
	struct timespec ts;
	int rc = mr_stats_create(&g, &dp->stats, &dp->stats_fd);

	if (rc != 0) {
		snprintf(error, error_len, "statistics region: %s", strerror(-rc));
		return rc;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	dp->stats->started_ns = (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
	dp->stats->tsc_hz = rte_get_tsc_hz();
	dp->stats->pid = (uint32_t)getpid();
	dp->stats->drop_count = MR_DROP_COUNT;
	snprintf(dp->stats->release, sizeof(dp->stats->release), "%s", MILLRACE_VERSION);
	return 0;
}

static void *stats_entry(const struct dataplane *dp, const struct mr_stats_array *a, uint32_t i)
{
	struct mr_stats_view view = {.stats = dp->stats, .size = dp->stats->size};

	return (void *)(uintptr_t)mr_stats_entry(&view, a, i);
}

static int ports_start(struct dataplane *dp, char *error, size_t error_len)
{
	for (unsigned int i = 0; i < dp->config->dataplane.n_ports; i++) {
		struct port_config_storage storage = {0};
		struct port_config pc;
		int rc;

		port_config_from(&pc, &storage, dp->config, i);
		rc = port_open(&dp->ports[i], &pc, i, dp->pool,
			stats_entry(dp, &dp->stats->ports, i), error, error_len);
		if (rc != 0)
			return rc;
		dp->n_ports = i + 1;
	}
	return 0;
}

int dataplane_control_start(struct dataplane *dp, char *error, size_t error_len)
{
	const struct mr_config_dataplane *d = &dp->config->dataplane;
	struct control_config cc = {
		.ports = dp->ports,
		.n_ports = dp->n_ports,
		.workers = dp->workers,
		.bell = &dp->bell,
		.stats = dp->stats,
		.stats_fd = dp->stats_fd,
		.control_socket = d->control_socket,
		.stats_socket = d->stats_socket,
		.max_streams = d->max_streams,
		.max_viewers = d->max_viewers,
		.ring_packets = d->stream_ring_packets,
		.ring_bytes = d->stream_ring_bytes,
	};

	dp->crypto = dataplane_crypto_open(dp, CRYPTO_KEYS_ONLY, error, error_len);
	if (dp->crypto == NULL)
		return -errno;
	cc.crypto = dp->crypto;
	snprintf(dp->stats->crypto, sizeof(dp->stats->crypto), "%s",
		crypto_device_describe(dp->crypto));
	return control_init(&dp->control, &cc, error, error_len);
}

/* In reverse; every step bears that the ones before it did not happen. */
static void dataplane_release(struct dataplane *dp)
{
	telemetry_fini();
	workers_stop(dp);
	if (dp->control.handover != NULL)
		control_fini(&dp->control);
	crypto_device_destroy(dp->crypto);
	workers_free(dp);
	for (unsigned int i = 0; i < dp->n_ports; i++)
		port_close(&dp->ports[i]);
	for (unsigned int i = 0; i < MR_WORKERS_MAX; i++)
		rte_mempool_free(dp->pool[i]);
	if (dp->stats_fd >= 0)
		close(dp->stats_fd);
	memset(dp, 0, sizeof(*dp));
	dp->stats_fd = -1;
}

int dataplane_init(
	struct dataplane *dp, const struct mr_config *config, char *error, size_t error_len)
{
	int rc;

	memset(dp, 0, sizeof(*dp));
	dp->config = config;
	dp->stats_fd = -1;
	rc = eal_start(config, error, error_len);
	if (rc != 0)
		return rc;
	memory_hide();
	rc = dataplane_stats_start(dp, error, error_len);
	if (rc != 0)
		goto err;
	rc = workers_pools(dp, error, error_len);
	if (rc != 0)
		goto err;
	rc = ports_start(dp, error, error_len);
	if (rc != 0)
		goto err;
	rc = workers_start(dp, error, error_len);
	if (rc != 0)
		goto err;
	rc = dataplane_control_start(dp, error, error_len);
	if (rc != 0)
		goto err;
	rc = workers_launch(dp, error, error_len);
	if (rc != 0)
		goto err;
	telemetry_init(dp);
	fixed_sessions_add(&dp->control, config);
	return 0;
err:
	/* What we opened is closed. EAL's own cleanup is left out: net_af_xdp's would
	 * take the XDP program from an interface that another data plane has. */
	dataplane_release(dp);
	return rc;
}

void dataplane_fini(struct dataplane *dp)
{
	dataplane_release(dp);
	rte_eal_cleanup();
}
