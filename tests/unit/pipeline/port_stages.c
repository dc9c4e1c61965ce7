/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane/pipeline/port_rx.c and port_tx.c, over net_ring: what is sent comes
 * back, until its ring is full. */
#include "dataplane/pipeline/punt.h"
#include "dataplane/pipeline/worker.h"

#include "tests/unit/pipeline/eal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <rte_ethdev.h>

#define RING 1023 /* frames that net_ring holds */

struct fixture {
	struct rte_mempool *pool;
	struct mr_stats_worker stats;
	struct port port;
	struct worker w;
	uint16_t staged; /* RTP that the control plane sends in a turn */
};

/* The stage's other half, which is punt.c's: as if `staged` packets had come. */
void punt_receive(struct worker *w)
{
	const struct fixture *f = RTE_PTR_SUB(w, offsetof(struct fixture, w));

	w->in.rtp.n = f->staged;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct rte_eth_conf conf;

	if (f == NULL)
		return 1;
	*state = f;
	memset(&conf, 0, sizeof(conf));
	f->pool = eal_pool(4095);
	if (f->pool == NULL || rte_eth_dev_get_port_by_name("net_ring0", &f->port.dpdk_id) < 0 ||
		rte_eth_dev_configure(f->port.dpdk_id, 1, 1, &conf) < 0 ||
		rte_eth_rx_queue_setup(f->port.dpdk_id, 0, 512, 0, NULL, f->pool) < 0 ||
		rte_eth_tx_queue_setup(f->port.dpdk_id, 0, 512, 0, NULL) < 0 ||
		rte_eth_dev_start(f->port.dpdk_id) < 0)
		return 1;
	f->port.index = 0;
	f->port.shared = true;
	f->w.stats = &f->stats;
	f->w.n_ports = 1;
	f->w.port[0].port = &f->port;
	f->w.port[0].dpdk_id = f->port.dpdk_id;
	f->w.now_ns = 4711;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_mempool_in_use_count(f->pool), 0);
	rte_eth_dev_stop(f->port.dpdk_id);
	rte_mempool_free(f->pool);
	free(f);
	return 0;
}

static void put(struct fixture *f, uint32_t number)
{
	struct rte_mbuf *m = eal_mbuf(f->pool, &number, sizeof(number));

	packet_meta(m)->port = 0;
	f->w.tx.pkts[f->w.tx.n++] = m;
}

/* Takes a turn's packets; each must be the next number. */
static uint16_t receive(struct fixture *f, uint32_t *next)
{
	uint16_t n;

	port_rx_stage(&f->w);
	n = f->w.rx.n;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = f->w.rx.pkts[i];

		assert_int_equal(*rte_pktmbuf_mtod(m, uint32_t *), (*next)++);
		assert_int_equal(packet_meta(m)->port, 0);
		assert_int_equal(packet_meta(m)->arrival_ns, 4711);
		rte_pktmbuf_free(m);
	}
	return n;
}

static void test_bursts(void **state)
{
	struct fixture *f = *state;
	uint32_t next = 0;

	f->w.moved = false;
	port_tx_stage(&f->w);
	assert_false(f->w.moved);
	for (uint32_t i = 0; i < 70; i++)
		put(f, i);
	port_tx_stage(&f->w);
	assert_true(f->w.moved);
	assert_int_equal(f->w.tx.n, 0);
	assert_int_equal(f->stats.tx_packets, 70);
	assert_int_equal(f->stats.tx_bytes, 280);
	assert_int_equal(receive(f, &next), BURST);
	assert_int_equal(receive(f, &next), BURST);
	assert_int_equal(receive(f, &next), 70 - 2 * BURST);
	f->w.moved = false;
	assert_int_equal(receive(f, &next), 0);
	assert_false(f->w.moved);
	assert_int_equal(f->stats.rx_packets, 70);
}

/* A queue that takes nothing: TX_BUFFER frames wait in order, the rest is named. */
static void test_full_queue(void **state)
{
	struct fixture *f = *state;
	uint64_t sent_before = f->stats.tx_packets;
	const uint32_t kept = RING + TX_BUFFER, total = kept + 100;
	uint32_t number = 0, next = 0;

	while (number < total) {
		while (f->w.tx.n < BATCH_MAX && number < total)
			put(f, number++);
		port_tx_stage(&f->w);
	}
	assert_int_equal(f->stats.drops[MR_DROP_TX_FULL], 100);
	assert_int_equal(f->stats.tx_packets - sent_before, RING);
	assert_int_equal(f->w.port[0].n_tx, TX_BUFFER);
	f->w.moved = false;
	port_tx_stage(&f->w);
	assert_true(f->w.moved); /* somebody waits: no sleep */

	while (next < kept) {
		assert_true(receive(f, &next) > 0);
		port_tx_stage(&f->w);
	}
	assert_int_equal(f->w.port[0].n_tx, 0);
	assert_int_equal(f->stats.tx_packets - sent_before, kept);
}

static void put_media(struct fixture *f, uint32_t number, uint8_t port)
{
	struct media_batch *b = &f->w.cipher;
	struct rte_mbuf *m = eal_mbuf(f->pool, &number, sizeof(number));

	if (b->n == 0)
		b->bytes = b->ports = 0;
	b->ports |= 1u << port;
	b->bytes += m->pkt_len;
	b->port[b->n] = port;
	b->pkts[b->n++] = m;
}

/* Media goes behind all else of its turn, straight to the driver or not, by one port or
 * several; what is counted is what was taken. */
static void test_media(void **state)
{
	struct fixture *f = *state;
	uint64_t packets = f->stats.tx_packets, bytes = f->stats.tx_bytes;
	uint32_t number = 0, next = 0;

	f->w.n_ports = 2;
	f->w.port[1] = f->w.port[0];
	f->w.moved = false;
	for (int i = 0; i < 70; i++)
		put_media(f, number++, 0);
	port_tx_stage(&f->w); /* alone */
	assert_true(f->w.moved);
	assert_int_equal(f->w.cipher.n, 0);
	assert_int_equal(f->w.port[0].n_tx, 0);
	for (int i = 0; i < 3; i++)
		put(f, number++);
	for (int i = 0; i < 40; i++)
		put_media(f, number++, 0);
	port_tx_stage(&f->w); /* behind others */
	for (int i = 0; i < 20; i++)
		put_media(f, number++, i < 10 ? 0 : 1);
	port_tx_stage(&f->w); /* by two ports */
	assert_int_equal(f->stats.tx_packets - packets, number);
	assert_int_equal(f->stats.tx_bytes - bytes, number * sizeof(number));
	while (receive(f, &next) > 0)
		;
	assert_int_equal(next, number);
	f->w.n_ports = 1;
}

/* What the driver does not take of media waits, and the next behind it. */
static void test_media_waits(void **state)
{
	struct fixture *f = *state;
	uint64_t packets = f->stats.tx_packets, bytes = f->stats.tx_bytes;
	const uint32_t kept = RING + TX_BUFFER;
	uint32_t number = 0, next = 0;

	while (number < kept + 50) {
		for (int i = 0; i < 64 && number < kept + 50; i++)
			put_media(f, number++, 0);
		port_tx_stage(&f->w);
	}
	assert_int_equal(f->w.port[0].n_tx, TX_BUFFER);
	assert_int_equal(f->stats.tx_packets - packets, RING);
	assert_int_equal(f->stats.tx_bytes - bytes, RING * sizeof(number));
	while (next < kept) {
		assert_true(receive(f, &next) > 0);
		port_tx_stage(&f->w);
	}
	assert_int_equal(f->stats.tx_packets - packets, kept);
	assert_int_equal(f->stats.tx_bytes - bytes, kept * sizeof(number));
}

/* What came down the packet ring leaves less room for what ports bring. */
static void test_room_for_staged(void **state)
{
	struct fixture *f = *state;
	uint32_t next = 0;

	for (uint32_t i = 0; i < BURST; i++)
		put(f, i);
	port_tx_stage(&f->w);
	f->staged = BATCH_MAX - 5;
	assert_int_equal(receive(f, &next), 5);
	f->staged = BATCH_MAX;
	assert_int_equal(receive(f, &next), 0);
	f->staged = 0;
	assert_int_equal(receive(f, &next), BURST - 5);
	f->w.in.rtp.n = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_full_queue),
		cmocka_unit_test(test_media),
		cmocka_unit_test(test_media_waits),
		cmocka_unit_test(test_room_for_staged),
	};

	if (eal_start("--vdev=net_ring0") < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
