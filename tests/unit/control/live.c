/* SPDX-License-Identifier: BSD-3-Clause */
/* See live.h. */
#include "tests/unit/control/live.h"

#include "dataplane/api/endpoint.h"
#include "dataplane/port/port_private.h"
#include "dataplane/stream/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FRAMES 8191

_Noreturn void live_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

/* ---- the port ---- */

static bool endpoint_is(const struct mr_endpoint *a, const struct mr_endpoint *b)
{
	return a->port == b->port && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static int wire_listen_add(struct port *port, const struct mr_endpoint *local, unsigned int flags)
{
	struct live_wire *wire = port->priv;

	if (wire->fail_after > 0 && --wire->fail_after == 0)
		return -ENOSPC;
	for (unsigned int i = 0; i < wire->listens; i++)
		if (endpoint_is(&wire->listen[i], local))
			return -EEXIST;
	LIVE_CHECK(wire->listens < RTE_DIM(wire->listen));
	wire->listen[wire->listens++] = *local;
	return 0;
}

static int wire_listen_del(struct port *port, const struct mr_endpoint *local)
{
	struct live_wire *wire = port->priv;

	for (unsigned int i = 0; i < wire->listens; i++) {
		if (!endpoint_is(&wire->listen[i], local))
			continue;
		wire->listen[i] = wire->listen[--wire->listens];
		return 0;
	}
	wire->deletes++;
	return -ENOENT;
}

static void wire_close(struct port *port)
{
	rte_eth_dev_stop(port->dpdk_id);
	rte_eth_dev_close(port->dpdk_id);
}

static bool wire_link_up(const struct port *port)
{
	return true;
}

static const struct port_ops wire_ops = {
	.kind = "shared",
	.close = wire_close,
	.listen_add = wire_listen_add,
	.listen_del = wire_listen_del,
	.link_up = wire_link_up,
};

static struct rte_ring *ring(const char *what, unsigned int queue)
{
	char name[32];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "live_%s%u", what, queue);
	r = rte_ring_create(name, LIVE_RING, SOCKET_ID_ANY, 0);
	LIVE_CHECK(r != NULL);
	return r;
}

static void port_start(struct live *l, unsigned int queues)
{
	static const struct rte_eth_conf conf;
	struct port *p = &l->dp.ports[0];
	struct mr_stats_view view = {.stats = l->dp.stats, .size = l->dp.stats->size};
	int id;

	for (unsigned int q = 0; q < queues; q++) {
		l->rx[q] = ring("rx", q);
		l->tx[q] = ring("tx", q);
	}
	id = rte_eth_from_rings("live", l->rx, queues, l->tx, queues, 0);
	LIVE_CHECK(id >= 0);
	*p = (struct port){
		.ops = &wire_ops,
		.priv = &l->wire,
		.dpdk_id = (uint16_t)id,
		.tap_dpdk_id = RTE_MAX_ETHPORTS,
		.queues = (uint16_t)queues,
		.shared = true,
		.partial_checksums = true,
		.mtu = 1500,
		.mac = {2, 0, 0, 0, 0, 1},
		.name = "live",
		.stats = (void *)(uintptr_t)mr_stats_entry(&view, &l->dp.stats->ports, 0),
	};
	LIVE_CHECK(rte_eth_dev_configure(p->dpdk_id, p->queues, p->queues, &conf) == 0);
	for (uint16_t q = 0; q < queues; q++) {
		LIVE_CHECK(rte_eth_rx_queue_setup(p->dpdk_id, q, 512, 0, NULL, l->dp.pool[q]) == 0);
		LIVE_CHECK(rte_eth_tx_queue_setup(p->dpdk_id, q, 512, 0, NULL) == 0);
	}
	LIVE_CHECK(rte_eth_dev_start(p->dpdk_id) == 0);
	l->dp.n_ports = 1;
}

/* ---- start and end ---- */

static void eal_start(unsigned int workers)
{
	char lcores[128];
	const char *argv[] = {"live", "--no-huge", "-m", "512", "--no-pci", "--no-shconf",
		"--no-telemetry", "--log-level=error", "--file-prefix=mr-unit", lcores};
	cpu_set_t cpus;
	int cpu = 0;

	/* Tests run side by side on few CPUs: no lcore keeps to one. */
	LIVE_CHECK(sched_getaffinity(0, sizeof(cpus), &cpus) == 0);
	while (!CPU_ISSET(cpu, &cpus))
		cpu++;
	char *at = lcores + sprintf(lcores, "--lcores=");
	for (unsigned int i = 0; i <= workers; i++)
		at += sprintf(at, "%s%u@%d", i > 0 ? "," : "", i, cpu);
	LIVE_CHECK(rte_eal_init(RTE_DIM(argv), (char **)(uintptr_t)argv) >= 0);
	LIVE_CHECK(sched_setaffinity(0, sizeof(cpus), &cpus) == 0);
}

static int lcore_roam(void *cpus)
{
	return sched_setaffinity(0, sizeof(cpu_set_t), cpus);
}

static void config_fill(struct live *l, unsigned int workers)
{
	struct mr_config_dataplane *d = &l->config.dataplane;

	LIVE_CHECK(mr_config_defaults(&l->config) == 0);
	snprintf(l->directory, sizeof(l->directory), "/tmp/mr-live-XXXXXX");
	LIVE_CHECK(mkdtemp(l->directory) != NULL);
	snprintf(d->control_socket, sizeof(d->control_socket), "%s/control", l->directory);
	snprintf(d->stats_socket, sizeof(d->stats_socket), "%s/stats", l->directory);
	d->n_workers = workers;
	for (unsigned int i = 0; i < workers; i++)
		d->workers[i] = (uint16_t)(i + 1);
	d->n_ports = 1;
	d->max_streams = LIVE_STREAMS;
	d->max_viewers = LIVE_VIEWERS;
	d->stream_ring_packets = 1024;
	d->stream_ring_bytes = 1u << 20;
}

void live_start(struct live *l, unsigned int workers)
{
	char error[512] = "";
	cpu_set_t cpus;

	memset(l, 0, sizeof(*l));
	LIVE_CHECK(workers <= LIVE_WORKERS_MAX);
	config_fill(l, workers);
	l->dp.config = &l->config;
	l->dp.stats_fd = -1;
	sched_getaffinity(0, sizeof(cpus), &cpus);
	eal_start(workers);
	for (unsigned int i = 1; i <= workers; i++) {
		LIVE_CHECK(rte_eal_remote_launch(lcore_roam, &cpus, i) == 0);
		LIVE_CHECK(rte_eal_wait_lcore(i) == 0);
	}
	LIVE_CHECK(dataplane_stats_start(&l->dp, error, sizeof(error)) == 0);
	LIVE_CHECK(workers_pools(&l->dp, error, sizeof(error)) == 0);
	port_start(l, workers);
	l->pool = rte_pktmbuf_pool_create("live_frames", FRAMES, 0,
		RTE_ALIGN_CEIL(sizeof(struct packet_meta), RTE_MBUF_PRIV_ALIGN),
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	LIVE_CHECK(l->pool != NULL);
	if (workers_start(&l->dp, error, sizeof(error)) != 0 ||
		dataplane_control_start(&l->dp, error, sizeof(error)) != 0 ||
		workers_launch(&l->dp, error, sizeof(error)) != 0)
		live_failed(__FILE__, __LINE__, error);
}

static void rings_drain(struct live *l)
{
	void *m;

	for (unsigned int q = 0; q < LIVE_WORKERS_MAX && l->rx[q] != NULL; q++) {
		while (rte_ring_dequeue(l->rx[q], &m) == 0)
			rte_pktmbuf_free(m);
		while (rte_ring_dequeue(l->tx[q], &m) == 0)
			rte_pktmbuf_free(m);
	}
}

void live_end(struct live *l)
{
	rings_drain(l);
	dataplane_fini(&l->dp);
	rmdir(l->directory);
	mr_config_fini(&l->config);
}

/* ---- commands ---- */

static int execute(struct live *l, struct mr_command *m, enum mr_command_type type)
{
	m->type = type;
	return command_execute(&l->dp.control, m);
}

static int execute_on(struct live *l, enum mr_command_type type, uint32_t id)
{
	struct mr_command m = {.object.id = id};

	return execute(l, &m, type);
}

int live_listen(struct live *l, uint16_t port)
{
	struct mr_command m = {.listen.local.port = htons(port)};

	return execute(l, &m, MR_COMMAND_LISTEN);
}

int live_path(struct live *l, uint32_t id)
{
	struct mr_command m = {.path_set = {.path_id = id, .state = MR_PATH_READY}};

	snprintf(m.path_set.name, sizeof(m.path_set.name), "path%u", id);
	return execute(l, &m, MR_COMMAND_PATH_SET);
}

int live_path_del(struct live *l, uint32_t id)
{
	return execute_on(l, MR_COMMAND_PATH_DEL, id);
}

int live_stream(struct live *l, uint32_t id, uint32_t path_id, uint8_t kind)
{
	struct mr_command m = {
		.stream_add = {
			.stream_id = id,
			.path_id = path_id,
			.clock_rate = kind == MR_KIND_VIDEO ? 90000 : 48000,
			.max_payload = 1200,
			.kind = kind,
			.codec = kind == MR_KIND_VIDEO ? MR_CODEC_H264 : MR_CODEC_OPUS,
		}};

	return execute(l, &m, MR_COMMAND_STREAM_ADD);
}

int live_bind(struct live *l, uint32_t id, uint8_t input, uint16_t port)
{
	struct mr_command m = {
		.stream_bind = {.stream_id = id, .input = input, .payload_type = 96}};

	if (input == MR_INPUT_WIRE)
		m.stream_bind.local = mr_endpoint_ipv4(LIVE_GATEWAY, port);
	return execute(l, &m, MR_COMMAND_STREAM_BIND);
}

int live_stream_del(struct live *l, uint32_t id)
{
	return execute_on(l, MR_COMMAND_STREAM_DEL, id);
}

int live_nexthop(struct live *l, uint32_t id)
{
	struct mr_command m = {
		.nexthop_set = {.nexthop_id = id, .mac = {2, 0, 0, 0, 0, 2}, .valid = 1}};

	return execute(l, &m, MR_COMMAND_NEXTHOP_SET);
}

int live_nexthop_del(struct live *l, uint32_t id)
{
	return execute_on(l, MR_COMMAND_NEXTHOP_DEL, id);
}

int live_viewer(struct live *l, const struct mr_viewer_add *add)
{
	struct mr_command m = {.viewer_add = *add};

	return execute(l, &m, MR_COMMAND_VIEWER_ADD);
}

int live_viewer_del(struct live *l, uint32_t id)
{
	return execute_on(l, MR_COMMAND_VIEWER_DEL, id);
}

struct srtp_master live_master(uint32_t viewer_id, bool ours)
{
	struct srtp_master m;

	memset(&m, ours ? 0x11 : 0x77, sizeof(m));
	memcpy(m.key, &viewer_id, sizeof(viewer_id));
	return m;
}

uint32_t live_ssrc(uint32_t viewer_id, unsigned int track)
{
	return viewer_id * 16 + 1 + track;
}

static void keys_fill(struct mr_viewer_add *add)
{
	const struct srtp_profile *profile = srtp_profile_by_id(add->srtp_profile);
	struct srtp_master ours = live_master(add->viewer_id, true);
	struct srtp_master theirs = live_master(add->viewer_id, false);
	struct srtp_session_keys rtp, rtcp;

	LIVE_CHECK(srtp_keys_derive(profile, &ours, &rtp, &rtcp) == 0);
	memcpy(&add->tx_rtp, &rtp, sizeof(add->tx_rtp));
	memcpy(&add->tx_rtcp, &rtcp, sizeof(add->tx_rtcp));
	LIVE_CHECK(srtp_keys_derive(profile, &theirs, &rtp, &rtcp) == 0);
	memcpy(&add->rx_rtcp, &rtcp, sizeof(add->rx_rtcp));
}

struct mr_viewer_add live_viewer_add(
	uint32_t id, uint16_t profile, uint32_t stream_id, uint32_t audio_id)
{
	struct mr_viewer_add add = {
		.viewer_id = id,
		.nexthop_id = LIVE_NEXTHOP,
		.local = mr_endpoint_ipv4(LIVE_GATEWAY, LIVE_PUBLIC_PORT),
		.remote = mr_endpoint_ipv4(0x0a010000u + id, 40000),
		.srtp_profile = profile,
		.local_ufrag_len = 4,
		.remote_ufrag_len = 4,
		.local_pwd_len = 24,
		.local_ufrag = "ours",
		.remote_ufrag = "peer",
		.local_pwd = "ABCDEFGHIJKLMNOPQRSTUVWX",
		.cname = "live",
		.track = {{.stream_id = stream_id, .payload_type = 96},
			{.stream_id = audio_id, .payload_type = 111}},
	};

	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		add.track[i].ssrc = live_ssrc(id, i);
		add.track[i].sequence_base = (uint16_t)((id * 40503u + i) & 0x7fff);
		add.track[i].timestamp_base = id * 2654435761u;
	}
	keys_fill(&add);
	return add;
}

/* ---- figures ---- */

static const struct mr_stats_worker *worker_stats(const struct live *l, unsigned int i)
{
	return l->dp.workers.worker[i]->stats;
}

uint64_t live_drops(const struct live *l, enum mr_drop reason)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < l->dp.workers.n; i++)
		n += atomic_load(&worker_stats(l, i)->drops[reason]);
	return n;
}

const struct mr_stats_stream *live_stream_stats(const struct live *l, uint32_t id)
{
	const struct stream_entry *e = table_find(l->dp.control.tables.streams, id);

	LIVE_CHECK(e != NULL);
	return mr_stats_entry(&l->dp.control.view, &l->dp.stats->streams, e->slot);
}

const struct mr_stats_viewer *live_viewer_stats(const struct live *l, uint32_t id)
{
	const struct viewer_entry *e = table_find(l->dp.control.tables.viewers, id);

	LIVE_CHECK(e != NULL);
	return mr_stats_entry(&l->dp.control.view, &l->dp.stats->viewers, e->slot);
}

static void turns_wait(struct live *l, unsigned int worker, uint64_t turns)
{
	uint64_t until = atomic_load(&worker_stats(l, worker)->turns) + turns;

	while (atomic_load(&worker_stats(l, worker)->turns) < until)
		usleep(50);
}

void live_settle(struct live *l)
{
	/* Twice: what one worker hands over, another has to take. */
	for (int pass = 0; pass < 2; pass++)
		for (unsigned int i = 0; i < l->dp.workers.n; i++) {
			while (rte_ring_count(l->rx[i]) > 0)
				usleep(50);
			turns_wait(l, i, 3);
		}
}

uint64_t live_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

size_t live_heap(void)
{
	struct rte_malloc_socket_stats s;
	size_t n = 0;

	for (int socket = 0; socket < RTE_MAX_NUMA_NODES; socket++)
		if (rte_malloc_get_socket_stats(socket, &s) == 0)
			n += s.heap_allocsz_bytes;
	return n;
}
