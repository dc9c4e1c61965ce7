/* SPDX-License-Identifier: BSD-3-Clause */
/* See wire_link.h. */
#include "apps/bench/wire_link.h"

#include "apps/bench/rig.h"
#include "apps/bench/wire_stun.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DESCRIPTORS 4096 /* of each ring: memif's rsize=12 */
#define MBUFS 16383
#define BURST_RX 64
#define CATCH_UP_MS 1 /* later than that: not sent */
#define QUIET_MS 50   /* nothing more comes */
#define LINK_SECONDS 10
#define CONSENT_SECONDS 8  /* the data plane waits for 30 */
#define NUMBERS (1u << 16) /* RTP sequence numbers */
#define UDP_AT 34          /* [bytes] offsets in a frame */
#define RTP_AT 42
#define PAYLOAD_AT 54
#define FRAME_MAX (PAYLOAD_AT + RIG_PAYLOAD_MAX)
#define NAL_IDR 0x65
#define NAL_PICTURE 0x41
#define IDR_EVERY 256 /* packets; a power of two */
#define CAMERA_SSRC 0x5eed0000u

struct wire_link {
	uint16_t port;
	struct rte_mempool *pool;
	uint32_t viewers;
	uint16_t payload_len;
	uint64_t next;            /* number of the stream's next packet */
	uint64_t consent_tsc;     /* when it was told last */
	struct wire_check *check; /* borrowed */
	uint16_t *base;           /* owned: a viewer's sequence number of packet 0 */
	uint64_t received;        /* viewers' packets, since the start */
	uint64_t last_rx_tsc;
	/* The order in which all get each packet is learned from packet 1: packet 0 is a
	 * key frame, and what follows it is sent in the order in which that began. */
	bool learning;
	uint32_t learned;
	uint32_t first_viewer;
	uint32_t last_viewer;
	struct wire_latencies first;
	struct wire_latencies last;
	uint64_t sent_tsc[NUMBERS]; /* by the low bits of the number */
	uint8_t mac[6];
	uint8_t frame[FRAME_MAX]; /* of the stream */
	struct wire_stun stun;
};

/* ---- frames out ---- */

static void frame_build(struct wire_link *l)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)l->frame;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	uint16_t len = (uint16_t)(PAYLOAD_AT + l->payload_len);
	uint64_t state = 1;

	memcpy(&eth->src_addr, l->mac, 6);
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(len - sizeof(*eth)));
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = rte_cpu_to_be_32(RIG_CAMERA);
	ip->dst_addr = rte_cpu_to_be_32(RIG_GATEWAY);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->src_port = RTE_BE16(5004);
	udp->dst_port = rte_cpu_to_be_16(RIG_RTP_PORT);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(len - UDP_AT));
	l->frame[RTP_AT] = 0x80;
	l->frame[RTP_AT + 1] = 0x80 | 96;
	*(rte_be32_t *)&l->frame[RTP_AT + 8] = rte_cpu_to_be_32(CAMERA_SSRC);
	for (uint32_t i = PAYLOAD_AT; i < len; i++)
		l->frame[i] = (uint8_t)(rig_random(&state) >> 32);
}

/* The stream's next packet. Whether the ring took it. */
static bool packet_send(struct wire_link *l)
{
	uint16_t len = (uint16_t)(PAYLOAD_AT + l->payload_len);
	struct rte_mbuf *m = rte_pktmbuf_alloc(l->pool);
	uint64_t number = l->next;
	rte_be64_t wire = rte_cpu_to_be_64(number);
	uint8_t *p;

	if (m == NULL)
		return false;
	p = (uint8_t *)rte_pktmbuf_append(m, len);
	memcpy(p, l->frame, len);
	*(rte_be16_t *)&p[RTP_AT + 2] = rte_cpu_to_be_16((uint16_t)number);
	*(rte_be32_t *)&p[RTP_AT + 4] = rte_cpu_to_be_32((uint32_t)number * 3000);
	p[PAYLOAD_AT] = (number & (IDR_EVERY - 1)) == 0 ? NAL_IDR : NAL_PICTURE;
	memcpy(&p[len - WIRE_NUMBER_LEN], &wire, WIRE_NUMBER_LEN);
	l->sent_tsc[number & (NUMBERS - 1)] = rte_rdtsc();
	if (rte_eth_tx_burst(l->port, 0, &m, 1) != 1) {
		rte_pktmbuf_free(m);
		return false;
	}
	l->next++;
	return true;
}

/* ---- frames in ---- */

static void latency_add(
	struct wire_link *l, struct wire_latencies *to, uint16_t number, uint64_t now)
{
	uint64_t took = now - l->sent_tsc[number];

	if (to->n < WIRE_LATENCIES_MAX)
		to->ns[to->n++] = (uint32_t)((double)took * 1e9 / (double)rte_get_tsc_hz());
}

/* A viewer's RTP; reports and answers to checks are nobody's here. */
static void frame_take(struct wire_link *l, const struct rte_mbuf *m, uint64_t now, bool begins)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(p + RTE_ETHER_HDR_LEN);
	uint32_t viewer;
	uint16_t sequence;

	if (m->data_len <= PAYLOAD_AT || ip->next_proto_id != IPPROTO_UDP ||
		(p[RTP_AT + 1] & 0x7f) != 96 || p[RTP_AT] >> 6 != 2)
		return;
	viewer = rte_be_to_cpu_32(ip->dst_addr) - RIG_VIEWER;
	if (viewer >= l->viewers)
		return;
	sequence = rte_be_to_cpu_16(*(const rte_be16_t *)&p[RTP_AT + 2]);
	l->received++;
	l->last_rx_tsc = now;
	if (begins) {
		l->base[viewer] = sequence;
		return;
	}
	wire_check_note(
		l->check, viewer, &p[RTP_AT], (uint16_t)(m->data_len - RTP_AT), l->next - 1);
	if (l->learning) {
		if (l->learned++ == 0)
			l->first_viewer = viewer;
		l->last_viewer = viewer;
		return;
	}
	if (viewer == l->first_viewer)
		latency_add(l, &l->first, (uint16_t)(sequence - l->base[viewer]), now);
	if (viewer == l->last_viewer)
		latency_add(l, &l->last, (uint16_t)(sequence - l->base[viewer]), now);
}

static void take_burst(struct wire_link *l, bool begins)
{
	struct rte_mbuf *pkts[BURST_RX];
	uint16_t n = rte_eth_rx_burst(l->port, 0, pkts, BURST_RX);
	uint64_t now;

	if (n == 0)
		return;
	now = rte_rdtsc();
	for (uint16_t i = 0; i < n; i++)
		frame_take(l, pkts[i], now, begins);
	rte_pktmbuf_free_bulk(pkts, n);
}

/* Until nothing has come for a while. */
static void drain(struct wire_link *l, bool begins)
{
	uint64_t quiet = rte_get_tsc_hz() / 1000 * QUIET_MS;

	l->last_rx_tsc = rte_rdtsc();
	while (rte_rdtsc() - l->last_rx_tsc < quiet)
		take_burst(l, begins);
}

/* ---- trials ---- */

void wire_link_trial(struct wire_link *l, double rate, double seconds, struct wire_trial *t)
{
	double hz = (double)rte_get_tsc_hz();
	uint64_t start, now, sent = l->next, received = l->received;
	uint64_t late = (uint64_t)(hz / 1000 * CATCH_UP_MS);
	double due, step = hz / rate;

	l->first.n = l->last.n = 0;
	*t = (struct wire_trial){0};
	start = rte_rdtsc();
	due = 0;
	for (;;) {
		now = rte_rdtsc() - start;
		if ((double)now >= seconds * hz)
			break;
		if (now > (uint64_t)due + late)
			due = (double)now;
		if ((double)now >= due) {
			t->refused += !packet_send(l);
			due += step;
		}
		take_burst(l, false);
	}
	t->seconds = (double)now / hz;
	t->in_time = l->received - received;
	drain(l, false);
	t->sent = l->next - sent;
	t->expected = t->sent * l->viewers;
	t->received = l->received - received;
	t->first = l->first;
	t->last = l->last;
	wire_check_open(l->check);
}

int wire_link_begin(struct wire_link *l, const uint8_t gateway[6], struct wire_check *check)
{
	l->check = check;
	memcpy(l->frame, gateway, 6);
	wire_stun_set_macs(&l->stun, l->mac, gateway);
	wire_link_consent(l);
	if (!packet_send(l))
		return -1;
	drain(l, true);
	if (l->received != l->viewers)
		return -1;
	for (uint32_t i = 0; i < l->viewers; i++)
		wire_check_base(check, i, l->base[i]);
	l->learning = true;
	if (!packet_send(l))
		return -1;
	drain(l, false);
	l->learning = false;
	return l->learned == l->viewers ? 0 : -1;
}

void wire_link_consent(struct wire_link *l)
{
	uint64_t now = rte_rdtsc();

	if (l->consent_tsc != 0 && now - l->consent_tsc < rte_get_tsc_hz() * CONSENT_SECONDS)
		return;
	l->consent_tsc = now;
	for (uint32_t i = 0; i < l->viewers; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(l->pool);

		if (m == NULL)
			continue;
		wire_stun_frame(
			&l->stun, RIG_VIEWER + i, (uint8_t *)rte_pktmbuf_append(m, l->stun.len));
		if (rte_eth_tx_burst(l->port, 0, &m, 1) != 1)
			rte_pktmbuf_free(m);
		take_burst(l, false);
		if (i % 32 == 31)
			rte_delay_us(50);
	}
	drain(l, false);
}

/* ---- start and end ---- */

static int eal_start(const char *socket, unsigned int cpu)
{
	char lcores[32], device[256];
	const char *argv[] = {"millrace-bench", "--no-huge", "--no-pci", "--no-shconf",
		"--no-telemetry", "--iova-mode=va", "--log-level=*:error", "-m", "192",
		"--file-prefix=mr-bench", "-l", lcores, device};

	snprintf(lcores, sizeof(lcores), "%u", cpu);
	if (snprintf(device, sizeof(device),
		    "--vdev=net_memif0,role=client,socket=%s,socket-abstract=no,bsize=2048,rsize="
		    "12",
		    socket) >= (int)sizeof(device))
		return -1;
	return rte_eal_init(RTE_DIM(argv), (char **)(uintptr_t)argv) < 0 ? -1 : 0;
}

static int port_begin(struct wire_link *l)
{
	static const struct rte_eth_conf conf;
	struct rte_ether_addr mac;

	if (rte_eth_dev_get_port_by_name("net_memif0", &l->port) != 0 ||
		rte_eth_dev_configure(l->port, 1, 1, &conf) != 0 ||
		rte_eth_rx_queue_setup(l->port, 0, DESCRIPTORS, 0, NULL, l->pool) != 0 ||
		rte_eth_tx_queue_setup(l->port, 0, DESCRIPTORS, 0, NULL) != 0 ||
		rte_eth_dev_start(l->port) != 0 || rte_eth_macaddr_get(l->port, &mac) != 0)
		return -1;
	memcpy(l->mac, mac.addr_bytes, 6);
	return 0;
}

static int link_await(struct wire_link *l)
{
	for (int i = 0; i < LINK_SECONDS * 100; i++) {
		struct rte_eth_link link;

		if (rte_eth_link_get_nowait(l->port, &link) == 0 &&
			link.link_status == RTE_ETH_LINK_UP)
			return 0;
		usleep(10000);
	}
	return -1;
}

struct wire_link *wire_link_create(const char *socket, unsigned int cpu, uint32_t viewers,
	uint16_t payload_len, char *error, size_t error_len)
{
	struct wire_link *l = calloc(1, sizeof(*l));
	const char *what = "out of memory";

	if (l == NULL)
		goto err;
	l->viewers = viewers;
	l->payload_len = payload_len;
	l->base = calloc(viewers, sizeof(l->base[0]));
	l->first.ns = calloc(WIRE_LATENCIES_MAX, sizeof(uint32_t));
	l->last.ns = calloc(WIRE_LATENCIES_MAX, sizeof(uint32_t));
	if (l->base == NULL || l->first.ns == NULL || l->last.ns == NULL)
		goto err;
	what = "DPDK does not start";
	if (eal_start(socket, cpu) != 0)
		goto err;
	what = "no net_memif";
	l->pool = rte_pktmbuf_pool_create(
		"wire", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (l->pool == NULL || port_begin(l) != 0)
		goto err;
	what = "the data plane's end of the memif does not come up";
	if (link_await(l) != 0)
		goto err;
	frame_build(l);
	what = "no message integrity";
	if (wire_stun_init(&l->stun) != 0)
		goto err;
	return l;
err:
	snprintf(error, error_len, "%s", what);
	wire_link_destroy(l);
	return NULL;
}

void wire_link_destroy(struct wire_link *l)
{
	if (l == NULL)
		return;
	if (l->pool != NULL) {
		rte_eth_dev_stop(l->port);
		rte_eth_dev_close(l->port);
	}
	free(l->base);
	free(l->first.ns);
	free(l->last.ns);
	free(l);
}

const uint8_t *wire_link_payload(const struct wire_link *l)
{
	return &l->frame[PAYLOAD_AT];
}

const uint8_t *wire_link_mac(const struct wire_link *l)
{
	return l->mac;
}
