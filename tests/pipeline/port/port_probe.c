/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A data plane with one port and no streams: the real rx, classify, egress and tx
 * stages in a loop, for the tests of ports. It prints one line per datagram
 * that classify gives to somebody ("rtp 40000 172", kind, local port, payload
 * bytes), echoes RTP back to where it came from by the egress stage, and
 * prints its drops when it ends.
 *
 *   port_probe [--no-echo] [--queues N] [--xdp OBJECT] [--address A]... [--gateway G]
 *              DEVICE [--all|--rtp|--public ADDRESS/PORT]...
 */
#include "dataplane/pipeline/egress.h"
#include "dataplane/pipeline/punt.h"
#include "dataplane/pipeline/worker.h"
#include "dataplane/port/port_pool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LISTEN_MAX 16
#define EAL_ARGS_MAX 32

struct listen {
	struct mr_endpoint local;
	int kind; /* 'a', 'r', 'p' */
};

struct probe {
	struct port_config config;
	const char *addresses[8];
	bool echo;
	unsigned int n_listen;
	struct listen listen[LISTEN_MAX];
	struct port port;
	struct mr_stats_port port_stats;
	struct mr_stats_worker stats;
	struct worker w;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	stop = 1;
}

/* There is no control plane here. */
void punt_receive(struct worker *w)
{
}

static _Noreturn void die(const char *text)
{
	fprintf(stderr, "port_probe: %s\n", text);
	exit(1);
}

static void endpoint_parse(struct mr_endpoint *e, const char *text)
{
	char copy[64];
	char *slash;

	memset(e, 0, sizeof(*e));
	snprintf(copy, sizeof(copy), "%s", text);
	slash = strrchr(copy, '/');
	if (slash == NULL)
		die("an endpoint is ADDRESS/PORT, or */PORT");
	*slash = '\0';
	e->port = htons((uint16_t)atoi(slash + 1));
	if (strcmp(copy, "*") == 0)
		return;
	if (inet_pton(AF_INET6, copy, e->addr) == 1)
		return;
	e->addr[10] = 0xff;
	e->addr[11] = 0xff;
	if (inet_pton(AF_INET, copy, &e->addr[12]) != 1)
		die("not an address");
}

static void options_parse(struct probe *p, int argc, char **argv)
{
	static const struct option options[] = {
		{"no-echo", no_argument, NULL, 'n'},
		{"queues", required_argument, NULL, 'q'},
		{"xdp", required_argument, NULL, 'x'},
		{"address", required_argument, NULL, 'A'},
		{"gateway", required_argument, NULL, 'G'},
		{"all", required_argument, NULL, 'a'},
		{"rtp", required_argument, NULL, 'r'},
		{"public", required_argument, NULL, 'p'},
		{NULL, 0, NULL, 0},
	};
	int c;

	p->echo = true;
	p->config.name = "probe";
	p->config.queues = 1;
	p->config.addresses = p->addresses;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			p->echo = false;
			break;
		case 'q':
			p->config.queues = (uint16_t)atoi(optarg);
			break;
		case 'x':
			p->config.xdp_object = optarg;
			break;
		case 'A':
			p->addresses[p->config.n_addresses++] = optarg;
			break;
		case 'G':
			p->config.gateway = optarg;
			break;
		case 'a':
		case 'r':
		case 'p':
			if (p->n_listen == LISTEN_MAX)
				die("too many endpoints");
			p->listen[p->n_listen].kind = c;
			endpoint_parse(&p->listen[p->n_listen++].local, optarg);
			break;
		default:
			die("see the top of port_probe.c");
		}
	}
	if (p->config.queues == 0 || p->config.queues > MR_PORTS_MAX)
		die("1 to 8 queues");
	if (optind + 1 != argc)
		die("one device is needed");
	p->config.device = argv[optind];
}

static void eal_start(struct probe *p)
{
	static const char *const fixed[] = {"port_probe", "--no-huge", "-m", "256", "--no-pci",
		"--no-shconf", "--no-telemetry", "--log-level=lib.eal:warning", "-l", "0",
		"--file-prefix=mr-unit"};
	char *argv[EAL_ARGS_MAX];
	char error[512];
	int argc = 0, n;

	for (size_t i = 0; i < RTE_DIM(fixed); i++)
		argv[argc++] = strdup(fixed[i]);

	n = port_eal_args(&p->config, 0, &argv[argc], (unsigned int)(EAL_ARGS_MAX - argc), error,
		sizeof(error));
	if (n < 0)
		die(error);
	if (rte_eal_init(argc + n, argv) < 0)
		die("rte_eal_init");
}

static void worker_start(struct probe *p)
{
	struct rte_mempool *pools[MR_WORKERS_MAX];
	struct worker *w = &p->w;
	char error[512], name[32];

	for (uint16_t q = 0; q < p->config.queues; q++) {
		snprintf(name, sizeof(name), "probe%u", q);
		pools[q] = port_pool_create(name, 16383, 256, sizeof(struct packet_meta));
		if (pools[q] == NULL)
			die("no memory for mbufs");
	}
	if (port_open(&p->port, &p->config, 0, pools, &p->port_stats, error, sizeof(error)) < 0)
		die(error);
	w->stats = &p->stats;
	w->pool = pools[0];
	w->n_workers = 1;
	/* One worker polls all queues, as if each were a port; it sends by the first. */
	w->n_ports = (uint8_t)p->config.queues;
	for (uint8_t q = 0; q < w->n_ports; q++)
		w->port[q] = (struct port_queue){
			.port = &p->port,
			.dpdk_id = p->port.dpdk_id,
			.queue = q,
			.udp_checksum = p->port.tx_udp_checksum,
			.ip_checksum = p->port.tx_ip_checksum,
		};
	w->flows = flow_table_create("flows", LISTEN_MAX, 16, SOCKET_ID_ANY);
	if (w->flows == NULL)
		die("no flow table");
	for (unsigned int i = 0; i < p->n_listen; i++) {
		const struct listen *l = &p->listen[i];
		struct flow_value value = {.object = &p->listen[i], .owner = 0};
		int rc = l->kind == 'p' ? flow_table_add_public(w->flows, &l->local)
					: flow_table_add_source(w->flows, &l->local, value);

		if (rc == 0)
			rc = port_listen_add(&p->port, &l->local,
				l->kind == 'r' ? PORT_LISTEN_RTP : PORT_LISTEN_ALL);
		if (rc < 0)
			die("port_listen_add");
	}
}

static struct rte_udp_hdr *udp_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, packet_meta(m)->l4);
}

static void show(const char *kind, struct rte_mbuf *m)
{
	printf("%s %u %u\n", kind, ntohs(udp_of(m)->dst_port), packet_meta(m)->payload_len);
	fflush(stdout);
}

/* Back to the sender, through a header built as for a viewer. */
static void echo(struct worker *w, struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	struct nexthop nexthop = {.port = meta->port, .valid = 1};
	struct mr_endpoint local = {.port = udp_of(m)->dst_port};
	struct mr_endpoint remote = {.port = udp_of(m)->src_port};
	struct frame_header header;
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3);

	if (meta->ip_version == 4) {
		local.addr[10] = local.addr[11] = 0xff;
		remote.addr[10] = remote.addr[11] = 0xff;
		memcpy(&remote.addr[12], &ip[12], 4);
		memcpy(&local.addr[12], &ip[16], 4);
	} else {
		memcpy(remote.addr, &ip[8], 16);
		memcpy(local.addr, &ip[24], 16);
	}
	memcpy(nexthop.dst, &eth->src_addr, 6);
	memcpy(nexthop.src, w->port[0].port->mac, 6);
	frame_header_build(&header, &nexthop, &local, &remote);
	rte_pktmbuf_adj(m, meta->payload);
	rte_pktmbuf_trim(m, (uint16_t)(m->data_len - meta->payload_len));
	egress_frame(w, m, &header);
}

static void turn(struct probe *p)
{
	struct worker *w = &p->w;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	w->now_ns = (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
	w->moved = false;
	port_rx_stage(w);
	classify_stage(w);
	for (uint16_t i = 0; i < w->in.rtp.n; i++) {
		struct rte_mbuf *m = w->in.rtp.pkts[i].mbuf;

		show("rtp", m);
		if (p->echo)
			echo(w, m);
		else
			rte_pktmbuf_free(m);
	}
	for (uint16_t i = 0; i < w->in.punt.n; i++) {
		show(packet_meta(w->in.punt.pkts[i])->kind == PACKET_PUNT ? "punt" : "punt-source",
			w->in.punt.pkts[i]);
		rte_pktmbuf_free(w->in.punt.pkts[i]);
	}
	for (uint16_t i = 0; i < w->in.kernel.n; i++)
		if (port_tap_tx_burst(&p->port, 0, &w->in.kernel.pkts[i], 1) != 1)
			worker_drop_mbuf(w, MR_DROP_TAP_FULL, w->in.kernel.pkts[i]);
	w->in.rtp.n = 0;
	w->in.punt.n = 0;
	w->in.kernel.n = 0;
	port_tx_stage(w);
	if (!w->moved)
		usleep(200);
}

int main(int argc, char **argv)
{
	struct probe *p = calloc(1, sizeof(*p));
	struct sigaction action = {.sa_handler = on_signal};

	if (p == NULL)
		die("no memory");
	options_parse(p, argc, argv);
	eal_start(p);
	worker_start(p);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	printf("ready %s mtu %u\n", p->port.netdev, p->port.mtu);
	fflush(stdout);
	while (!stop)
		turn(p);
	port_update_stats(&p->port);
	for (unsigned int i = 0; i < MR_DROP_COUNT; i++)
		if (p->stats.drops[i] > 0)
			printf("drop %s %lu\n", mr_drop_name(i), (unsigned long)p->stats.drops[i]);
	printf("port rx %lu tx %lu link %u\n", (unsigned long)p->port_stats.rx_packets,
		(unsigned long)p->port_stats.tx_packets, (unsigned int)p->port_stats.link_up);
	port_close(&p->port);
	flow_table_destroy(p->w.flows);
	rte_eal_cleanup();
	free(p);
	return 0;
}
