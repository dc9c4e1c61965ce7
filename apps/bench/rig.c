/* SPDX-License-Identifier: BSD-3-Clause */
/* See rig.h. The main thread. */
#include "apps/bench/rig.h"

#include "apps/bench/population.h"
#include "crypto/secret.h"
#include "dataplane/pipeline/worker.h"
#include "dataplane/port/port_private.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FRAMES 4095
#define DESCRIPTORS 512
#define RING_PACKETS 512 /* of a stream's plaintext ring */
#define RING_BYTES (1u << 20)

/* ---- EAL ---- */

/* Workers take the last CPUs that this process may use, the main thread the rest. */
static int lcores_format(char *to, size_t size, uint32_t workers)
{
	int cpus[CPU_SETSIZE], n = 0;
	size_t at;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return -errno;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			cpus[n++] = i;
	if ((uint32_t)n < workers)
		return -EINVAL;
	at = (size_t)snprintf(to, size, "--lcores=0@(%d", cpus[0]);
	for (int i = 1; i < n - (int)workers && at < size; i++)
		at += (size_t)snprintf(to + at, size - at, ",%d", cpus[i]);
	if (at < size)
		at += (size_t)snprintf(to + at, size - at, ")");
	for (uint32_t i = 0; i < workers && at < size; i++)
		at += (size_t)snprintf(
			to + at, size - at, ",%u@%d", 1 + i, cpus[n - (int)workers + (int)i]);
	return at < size ? 0 : -ENOSPC;
}

static uint32_t memory_mb(const struct rig_options *o)
{
	/* Packet buffers of the workers, then records and keys, then plaintext rings. */
	return 128 + 64 * o->workers + o->viewers / 1024 * 8 + 8 + o->streams * 3;
}

/* What EAL has to know of port 1: how many arguments, or -1. */
static int out_args(struct rig *r, char *error, size_t len)
{
	if (r->options.device == NULL) {
		r->out_args[0] = strdup("--vdev=net_null0,no-rx=1");
		return r->out_args[0] != NULL ? 1 : -1;
	}
	r->out = (struct port_config){
		.name = "out",
		.device = r->options.device,
		.queues = (uint16_t)r->options.workers,
		.xdp_object = r->options.xdp_object,
	};
	return port_eal_args(&r->out, PORT_OUT, r->out_args, RTE_DIM(r->out_args), error, len);
}

static int eal_start(struct rig *r, char *error, size_t len)
{
	const struct rig_options *o = &r->options;
	char lcores[1024], memory[16];
	const char *argv[12 + RTE_DIM(r->out_args)] = {"millrace-bench", "--no-huge", "--no-pci",
		"--no-shconf", "--no-telemetry", "--iova-mode=va", "--log-level=*:error",
		"--main-lcore=0", "-m", memory, "--file-prefix=mr-bench", lcores};
	int n = out_args(r, error, len);

	if (lcores_format(lcores, sizeof(lcores), o->workers) != 0) {
		snprintf(error, len, "fewer CPUs than workers");
		return -1;
	}
	snprintf(memory, sizeof(memory), "%u", memory_mb(o));
	if (n < 0)
		return -1;
	for (int i = 0; i < n; i++)
		argv[12 + i] = r->out_args[i];
	if (rte_eal_init(12 + n, (char **)(uintptr_t)argv) < 0) {
		snprintf(error, len, "DPDK does not start");
		return -1;
	}
	/* Waiting for a worker's answer takes as long as it says. */
	prctl(PR_SET_TIMERSLACK, 1000ul, 0, 0, 0);
	return 0;
}

/* ---- ports ---- */

static int rig_listen_add(struct port *port, const struct mr_endpoint *local, unsigned int flags)
{
	return 0;
}

static int rig_listen_del(struct port *port, const struct mr_endpoint *local)
{
	return 0;
}

static void rig_close(struct port *port)
{
	rte_eth_dev_stop(port->dpdk_id);
	rte_eth_dev_close(port->dpdk_id);
}

static bool rig_link_up(const struct port *port)
{
	return true;
}

static const struct port_ops rig_ops = {
	.kind = "bench",
	.close = rig_close,
	.listen_add = rig_listen_add,
	.listen_del = rig_listen_del,
	.link_up = rig_link_up,
};

static struct mr_stats_port *port_stats(struct rig *r, unsigned int index)
{
	struct mr_stats_view view = {.stats = r->dp.stats, .size = r->dp.stats->size};

	return (void *)(uintptr_t)mr_stats_entry(&view, &r->dp.stats->ports, index);
}

static int port_start(struct rig *r, unsigned int index, uint16_t dpdk_id, const char *name)
{
	static const struct rte_eth_conf conf;
	struct port *p = &r->dp.ports[index];
	bool offload = r->options.checksum == RIG_CHECKSUM_OFFLOAD;

	*p = (struct port){
		.ops = &rig_ops,
		.index = (uint8_t)index,
		.dpdk_id = dpdk_id,
		.tap_dpdk_id = RTE_MAX_ETHPORTS,
		.queues = (uint16_t)r->options.workers,
		.shared = true, /* no tap beside it */
		.tx_udp_checksum = offload,
		.tx_ip_checksum = offload,
		.partial_checksums = true,
		.mtu = 1500,
		.mac = {2, 0, 0, 0, 0, 1},
		.stats = port_stats(r, index),
	};
	snprintf(p->name, sizeof(p->name), "%s", name);
	r->dp.n_ports = index + 1;
	if (rte_eth_dev_configure(dpdk_id, p->queues, p->queues, &conf) != 0)
		return -1;
	for (uint16_t q = 0; q < p->queues; q++) {
		if (rte_eth_rx_queue_setup(dpdk_id, q, DESCRIPTORS, 0, NULL, r->dp.pool[q]) != 0 ||
			rte_eth_tx_queue_setup(dpdk_id, q, DESCRIPTORS, 0, NULL) != 0)
			return -1;
	}
	return rte_eth_dev_start(dpdk_id);
}

/* Port 1 as the data plane opens its ports. */
static int out_open(struct rig *r, char *error, size_t len)
{
	int rc = port_open(&r->dp.ports[PORT_OUT], &r->out, PORT_OUT, r->dp.pool,
		port_stats(r, PORT_OUT), error, len);

	if (rc != 0)
		return -1;
	r->dp.n_ports = PORT_OUT + 1;
	return 0;
}

static int ports_start(struct rig *r, char *error, size_t len)
{
	struct rte_ring *unused[MR_WORKERS_MAX];
	uint16_t null_id;
	int id;

	for (unsigned int q = 0; q < r->options.workers; q++) {
		char name[32];

		snprintf(name, sizeof(name), "bench_rx%u", q);
		r->rx[q] = rte_ring_create(
			name, RIG_RX_RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (r->rx[q] == NULL)
			goto err;
	}
	unused[0] = rte_ring_create("bench_unused", RIG_RX_RING, SOCKET_ID_ANY, 0);
	for (unsigned int q = 1; q < r->options.workers; q++)
		unused[q] = unused[0];
	r->frames = rte_pktmbuf_pool_create("bench_frames", FRAMES, 64,
		RTE_ALIGN_CEIL(sizeof(struct packet_meta), RTE_MBUF_PRIV_ALIGN),
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (unused[0] == NULL || r->frames == NULL)
		goto err;
	id = rte_eth_from_rings("bench", r->rx, r->options.workers, unused, r->options.workers, 0);
	if (id < 0 || port_start(r, PORT_IN, (uint16_t)id, "in") != 0)
		goto err;
	if (r->options.device != NULL)
		return out_open(r, error, len);
	if (rte_eth_dev_get_port_by_name("net_null0", &null_id) != 0 ||
		port_start(r, PORT_OUT, null_id, "out") != 0)
		goto err;
	return 0;
err:
	snprintf(error, len, "no ports: %s", rte_strerror(rte_errno));
	return -1;
}

/* ---- the data plane ---- */

static int config_fill(struct rig *r, char *error, size_t len)
{
	struct mr_config_dataplane *d = &r->config.dataplane;

	snprintf(r->directory, sizeof(r->directory), "/tmp/millrace-bench-XXXXXX");
	if (mr_config_defaults(&r->config) != 0 || mkdtemp(r->directory) == NULL) {
		snprintf(error, len, "%s: %s", r->directory, strerror(errno));
		r->directory[0] = '\0';
		return -1;
	}
	snprintf(d->control_socket, sizeof(d->control_socket), "%s/control", r->directory);
	snprintf(d->stats_socket, sizeof(d->stats_socket), "%s/stats", r->directory);
	snprintf(d->crypto, sizeof(d->crypto), "%s", r->options.backend);
	r->config.profiles[0] = r->options.profile; /* all that the back end must know */
	r->config.n_profiles = 1;
	d->n_workers = r->options.workers;
	for (uint32_t i = 0; i < d->n_workers; i++)
		d->workers[i] = (uint16_t)i;
	d->n_ports = 2;
	d->idle = r->options.poll ? MR_IDLE_POLL : MR_IDLE_ADAPTIVE;
	d->max_streams = 2 * r->options.streams;
	d->max_viewers = r->options.viewers;
	if (!r->options.paced)
		d->max_burst_packets = 0;
	d->stream_ring_packets = RING_PACKETS;
	d->stream_ring_bytes = RING_BYTES;
	return 0;
}

static int dataplane_start(struct rig *r, char *error, size_t len)
{
	struct dataplane *dp = &r->dp;

	dp->config = &r->config;
	if (dataplane_stats_start(dp, error, len) != 0 || workers_pools(dp, error, len) != 0 ||
		ports_start(r, error, len) != 0 || workers_start(dp, error, len) != 0 ||
		dataplane_control_start(dp, error, len) != 0)
		return -1;
	/* Nobody has to wait for key frames and to catch up before the measurement begins. */
	for (unsigned int i = 0; i < r->options.workers; i++)
		dp->workers.worker[i]->start = WORKER_START_LIVE;
	return workers_launch(dp, error, len) == 0 ? 0 : -1;
}

/* Nobody comes by its sockets: gone at once, they are not left behind by Ctrl-C. */
static void directory_remove(struct rig *r)
{
	if (r->directory[0] == '\0')
		return;
	unlink(r->config.dataplane.control_socket);
	unlink(r->config.dataplane.stats_socket);
	rmdir(r->directory);
	r->directory[0] = '\0';
}

int rig_start(struct rig *r, const struct rig_options *o, char *error, size_t error_len)
{
	memset(r, 0, sizeof(*r));
	r->options = *o;
	r->dp.stats_fd = -1;
	r->streams = calloc(o->streams, sizeof(r->streams[0]));
	if (r->streams == NULL) {
		snprintf(error, error_len, "out of memory");
		return -1;
	}
	if (config_fill(r, error, error_len) != 0 || eal_start(r, error, error_len) != 0 ||
		dataplane_start(r, error, error_len) != 0)
		return -1;
	directory_remove(r);
	if (population_add(r, error, error_len) != 0)
		return -1;
	workers_stop(&r->dp);
	for (uint32_t i = 0; i < o->workers; i++)
		r->dp.workers.worker[i]->port[PORT_OUT].udp_no_checksum =
			o->checksum == RIG_CHECKSUM_ZERO;
	population_age(r);
	if (o->random)
		population_shuffle(r);
	return 0;
}

void rig_stop(struct rig *r)
{
	dataplane_fini(&r->dp);
	for (size_t i = 0; i < RTE_DIM(r->out_args); i++)
		free(r->out_args[i]);
	directory_remove(r);
	mr_config_fini(&r->config);
	free(r->streams);
	secret_wipe(r, sizeof(*r));
}

int rig_run(struct rig *r, unsigned int n, int (*f)(void *), void *const *args)
{
	int rc = 0;

	for (unsigned int i = 0; i < n; i++)
		if (rte_eal_remote_launch(f, args[i], r->dp.workers.worker[i]->lcore) != 0)
			rc = -1;
	/* rte_eal_wait_lcore() spins, on a CPU that a worker may have. */
	for (unsigned int i = 0; i < n; i++) {
		while (rte_eal_get_lcore_state(r->dp.workers.worker[i]->lcore) == RUNNING)
			usleep(500);
		if (rte_eal_wait_lcore(r->dp.workers.worker[i]->lcore) != 0)
			rc = -1;
	}
	return rc;
}
