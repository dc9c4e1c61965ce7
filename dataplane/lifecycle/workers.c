/* SPDX-License-Identifier: BSD-3-Clause */
/* The workers: their packet buffers, memory and rings; how they start and stop. Main thread. */
#include "dataplane/lifecycle/dataplane.h"
#include "dataplane/port/port_pool.h"

#include "dataplane/pipeline/catch_up.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define POOL_CACHE 256
#define NOTICES_RING 4096

static void *worker_stats(const struct dataplane *dp, uint32_t i)
{
	struct mr_stats_view view = {.stats = dp->stats, .size = dp->stats->size};

	return (void *)(uintptr_t)mr_stats_entry(&view, &dp->stats->workers, i);
}

static struct rte_ring *ring_make(
	const char *what, unsigned int from, unsigned int to, unsigned int size)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%u_%u", what, from, to);
	return rte_ring_create(
		name, size, (int)rte_socket_id(), RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
}

static void worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	doorbell_close(&w->bell);
	rte_ring_free(w->orders);
	rte_ring_free(w->orders_done);
	rte_ring_free(w->notices);
	flow_table_destroy(w->flows);
	crypto_device_destroy(w->crypto);
	rte_free(w->streams);
	rte_free(w->viewers);
	rte_free(w->nexthops);
	rte_free(w->joiner);
	rte_free(w->elsewhere);
	rte_free(w->staging);
	rte_free(w);
}

static int worker_memory(struct worker *w, const struct mr_config_dataplane *d)
{
	char name[32];

	snprintf(name, sizeof(name), "flows%u", w->index);
	w->flows = flow_table_create(name, d->max_streams, d->max_viewers, (int)rte_socket_id());
	w->orders = ring_make("orders", w->index, 0, ORDERS_RING);
	w->orders_done = ring_make("done", w->index, 0, ORDERS_RING);
	snprintf(name, sizeof(name), "notices%u", w->index);
	w->notices = rte_ring_create_elem(name, sizeof(struct notice), NOTICES_RING,
		(int)rte_socket_id(), RING_F_SP_ENQ | RING_F_SC_DEQ);
	w->streams_capacity = d->max_streams;
	w->viewers_capacity = d->max_viewers;
	w->streams = rte_zmalloc("streams", d->max_streams * sizeof(w->streams[0]), 64);
	w->viewers = rte_zmalloc("viewers", d->max_viewers * sizeof(w->viewers[0]), 64);
	w->nexthops = rte_zmalloc("nexthops", NEXTHOPS_MAX * sizeof(w->nexthops[0]), 64);
	w->staging = rte_zmalloc("staging", WORKER_STAGING, 64);
	if (w->index == 0) {
		w->joiner = rte_zmalloc("joiner", sizeof(*w->joiner), 64);
		w->elsewhere =
			rte_zmalloc("elsewhere", d->max_streams * sizeof(w->elsewhere[0]), 64);
		if (w->joiner == NULL || w->elsewhere == NULL)
			return -ENOMEM;
	}
	if (w->flows == NULL || w->orders == NULL || w->orders_done == NULL || w->notices == NULL ||
		w->streams == NULL || w->viewers == NULL || w->nexthops == NULL ||
		w->staging == NULL)
		return -ENOMEM;
	return 0;
}

static int worker_ports(struct worker *w, struct dataplane *dp, char *error, size_t error_len)
{
	for (unsigned int i = 0; i < dp->n_ports; i++) {
		struct port *p = &dp->ports[i];

		if (w->index >= p->queues) {
			snprintf(error, error_len,
				"dataplane.ports[%u]: '%s' has %u queue pairs for %u workers; give "
				"it as many (queues) or use fewer workers",
				i, p->name, p->queues, dp->config->dataplane.n_workers);
			return -EINVAL;
		}
		w->port[i] = (struct port_queue){
			.port = p,
			.dpdk_id = p->dpdk_id,
			.queue = w->index,
			.udp_checksum = p->tx_udp_checksum,
			.ip_checksum = p->tx_ip_checksum,
		};
	}
	w->n_ports = (uint8_t)dp->n_ports;
	return 0;
}

/* Each profile that a viewer or a fixed session may have, once. */
static unsigned int profiles_used(
	const struct mr_config *config, const struct srtp_profile *profiles[MR_CONFIG_PROFILES_MAX])
{
	unsigned int n = config->n_profiles;

	memcpy(profiles, config->profiles, n * sizeof(profiles[0]));
	for (uint32_t i = 0; i < config->n_sessions; i++) {
		unsigned int k = 0;

		while (k < n && profiles[k] != config->sessions[i].profile)
			k++;
		if (k == n && n < MR_CONFIG_PROFILES_MAX)
			profiles[n++] = config->sessions[i].profile;
	}
	return n;
}

struct crypto_device *dataplane_crypto_open(
	struct dataplane *dp, uint16_t worker, char *error, size_t error_len)
{
	const struct srtp_profile *profiles[MR_CONFIG_PROFILES_MAX];
	struct crypto_device_config config = {
		.backend = dp->config->dataplane.crypto,
		.first = dp->workers.n > 0 ? dp->workers.worker[0]->crypto : NULL,
		.n_workers = (uint16_t)dp->config->dataplane.n_workers,
		.worker = worker,
		.profiles = profiles,
		.n_profiles = profiles_used(dp->config, profiles),
	};
	char text[256];
	struct crypto_device *dev = crypto_device_open(&config, text, sizeof(text));

	if (dev == NULL)
		snprintf(error, error_len, "dataplane.crypto: %s", text);
	return dev;
}

static int64_t wall_offset(void)
{
	struct timespec wall;
	struct timespec mono;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	return ((int64_t)wall.tv_sec - mono.tv_sec) * 1000000000ll + wall.tv_nsec - mono.tv_nsec;
}

static int worker_make(struct dataplane *dp, unsigned int index, char *error, size_t error_len)
{
	const struct mr_config_dataplane *d = &dp->config->dataplane;
	struct worker *w = rte_zmalloc("worker", sizeof(*w), 64);
	int rc = -ENOMEM;

	if (w == NULL)
		goto err_memory;
	w->index = (uint8_t)index;
	w->lcore = 1 + index; /* eal_args.c pins it to the CPU */
	w->idle = d->idle == MR_IDLE_POLL ? WORKER_IDLE_POLL : WORKER_IDLE_ADAPTIVE;
	w->main_bell = &dp->bell;
	w->n_workers = (uint8_t)d->n_workers;
	w->start = d->key_frame_start ? WORKER_START_KEYFRAME : WORKER_START_WAIT;
	w->burst_rate = d->burst_rate;
	w->quantum = quantum_of(d->max_burst_packets);
	w->pool = dp->pool[index];
	w->wall_offset_ns = wall_offset();
	w->repair_window_ns = d->repair_window_ms * 1000000ull;
	w->repair_bytes = d->repair_bitrate / 8;
	w->stats = worker_stats(dp, index);
	w->stats->id = index + 1;
	w->stats->lcore = d->workers[index];
	w->crypto = dataplane_crypto_open(dp, (uint16_t)index, error, error_len);
	if (w->crypto == NULL) {
		rc = -errno;
		goto err_worker;
	}
	rc = worker_ports(w, dp, error, error_len);
	if (rc != 0)
		goto err_worker;
	rc = worker_memory(w, d);
	if (rc != 0)
		goto err_memory;
	rc = doorbell_open(&w->bell);
	if (rc != 0) {
		snprintf(error, error_len, "worker %u: no eventfd: %s", index, strerror(-rc));
		goto err_worker;
	}
	dp->workers.worker[index] = w;
	dp->workers.n = (uint8_t)(index + 1);
	return 0;

err_memory:
	snprintf(error, error_len, "no memory for worker %u: raise dataplane.memory", index);
err_worker:
	worker_free(w);
	return rc;
}

static int workers_connect(struct dataplane *dp)
{
	for (unsigned int from = 0; from < dp->workers.n; from++) {
		for (unsigned int to = 0; to < dp->workers.n; to++) {
			struct rte_ring *r;

			if (from == to)
				continue;
			r = ring_make("handoff", from, to, HANDOFF_RING);
			if (r == NULL)
				return -ENOMEM;
			dp->workers.worker[from]->handoff_out[to] = r;
			dp->workers.worker[to]->handoff_in[from] = r;
			/* An audience for every stream: it is never full. */
			r = ring_make("fresh", from, to, dp->config->dataplane.max_streams);
			if (r == NULL)
				return -ENOMEM;
			dp->workers.worker[from]->fresh_out[to] = r;
			dp->workers.worker[to]->fresh_in[from] = r;
			dp->workers.worker[from]->peer_bell[to] = &dp->workers.worker[to]->bell;
		}
	}
	return 0;
}

int workers_pools(struct dataplane *dp, char *error, size_t error_len)
{
	for (unsigned int i = 0; i < dp->config->dataplane.n_workers; i++) {
		char name[32];

		snprintf(name, sizeof(name), "worker%u", i);
		dp->pool[i] = port_pool_create(
			name, WORKER_POOL_MBUFS, POOL_CACHE, sizeof(struct packet_meta));
		if (dp->pool[i] == NULL) {
			snprintf(error, error_len,
				"no memory for packet buffers (%s): raise dataplane.memory",
				rte_strerror(rte_errno));
			return -ENOMEM;
		}
	}
	return 0;
}

int workers_start(struct dataplane *dp, char *error, size_t error_len)
{
	int rc;

	rc = doorbell_open(&dp->bell);
	if (rc != 0) {
		snprintf(error, error_len, "no eventfd: %s", strerror(-rc));
		return rc;
	}
	for (unsigned int i = 0; i < dp->config->dataplane.n_workers; i++) {
		rc = worker_make(dp, i, error, error_len);
		if (rc != 0)
			return rc;
	}
	rc = workers_connect(dp);
	if (rc != 0)
		snprintf(error, error_len, "no memory for the workers' rings");
	return rc;
}

int workers_launch(struct dataplane *dp, char *error, size_t error_len)
{
	for (unsigned int i = 0; i < dp->workers.n; i++) {
		struct worker *w = dp->workers.worker[i];
		int rc = rte_eal_remote_launch(worker_main, w, w->lcore);

		if (rc != 0) {
			snprintf(error, error_len, "worker %u does not start on CPU %u: %s", i,
				dp->config->dataplane.workers[i], strerror(-rc));
			return rc;
		}
		dp->launched = true;
	}
	return 0;
}

void workers_stop(struct dataplane *dp)
{
	for (unsigned int i = 0; i < dp->workers.n; i++) {
		atomic_store_explicit(&dp->workers.worker[i]->stop, true, memory_order_relaxed);
		doorbell_ring(&dp->workers.worker[i]->bell);
	}
	for (unsigned int i = 0; dp->launched && i < dp->workers.n; i++)
		rte_eal_wait_lcore(dp->workers.worker[i]->lcore);
	dp->launched = false;
}

void workers_free(struct dataplane *dp)
{
	for (unsigned int from = 0; from < dp->workers.n; from++)
		for (unsigned int to = 0; to < dp->workers.n; to++) {
			rte_ring_free(dp->workers.worker[from]->handoff_out[to]);
			rte_ring_free(dp->workers.worker[from]->fresh_out[to]);
		}
	for (unsigned int i = 0; i < dp->workers.n; i++)
		worker_free(dp->workers.worker[i]);
	dp->workers.n = 0;
	doorbell_close(&dp->bell);
}
