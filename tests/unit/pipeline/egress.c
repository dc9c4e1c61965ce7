/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane/pipeline/egress.c and the headers it writes, dataplane/viewer/frame_header.c:
 * every frame is judged by wire_frame_check(), which shares no code with them. */
#include "dataplane/pipeline/egress.h"
#include "dataplane/pipeline/frame.h"

#include "tests/unit/pipeline/eal.h"
#include "tests/unit/pipeline/wire_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <rte_ip.h>
#include <rte_udp.h>

struct fixture {
	struct rte_mempool *pool;
	struct port port;
	struct mr_stats_worker stats;
	struct worker w;
	struct viewer viewer;
};

static struct nexthop nexthop(uint16_t vlan)
{
	return (struct nexthop){.id = 1,
		.port = 1,
		.valid = 1,
		.dst = {2, 0, 0, 0, 0, 2},
		.src = {2, 0, 0, 0, 0, 1},
		.vlan_tci = vlan};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->pool = eal_pool(2047);
	f->w.stats = &f->stats;
	f->w.n_ports = 2;
	f->w.port[0].port = &f->port;
	f->w.port[1].port = &f->port;
	*state = f;
	return f->pool == NULL;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_mempool_in_use_count(f->pool), 0);
	rte_mempool_free(f->pool);
	free(f);
	return 0;
}

static void free_sent(struct fixture *f)
{
	rte_pktmbuf_free_bulk(f->w.tx.pkts, f->w.tx.n);
	f->w.tx.n = 0;
}

static void fill(uint8_t *data, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525u + 1013904223u;
		data[i] = (uint8_t)(seed >> 24);
	}
}

static const struct {
	const char *why;
	const char *local;
	const char *remote;
	uint16_t vlan;
	size_t l2, l3;
} headers[] = {
	{"IPv4", "192.0.2.1", "198.51.100.7", 0, 14, 20},
	{"IPv4, VLAN", "192.0.2.1", "198.51.100.7", 0x2064, 18, 20},
	{"IPv6", "2001:db8::1", "2001:db8:1:2:3:4:5:6", 0, 14, 40},
	{"IPv6, VLAN", "2001:db8::1", "2001:db8:1:2:3:4:5:6", 7, 18, 40},
	{"sums that carry", "255.255.255.254", "255.255.255.255", 0, 14, 20},
	{"IPv6, sums that carry", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 0, 14, 40},
};

static void header_of(struct frame_header *h, size_t i)
{
	struct mr_endpoint local, remote;
	struct nexthop n = nexthop(headers[i].vlan);

	wire_endpoint(&local, headers[i].local, 8189);
	wire_endpoint(&remote, headers[i].remote, 50001);
	memset(h, 0xff, sizeof(*h)); /* building depends on nothing that was there */
	frame_header_build(h, &n, &local, &remote);
}

static void test_software_checksums(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(headers); i++)
		for (size_t len = 0; len < 1453; len += len < 70 ? 1 : 97) {
			struct frame_header h;
			struct rte_mbuf *m;
			uint8_t data[1500];
			const uint8_t *frame;
			const char *wrong;

			fill(data, len, (uint32_t)(i * 5000 + len));
			header_of(&h, i);
			assert_true(h.valid);
			egress_frame(&f->w, eal_mbuf(f->pool, data, len), &h);
			assert_int_equal(f->w.tx.n, 1);
			m = f->w.tx.pkts[0];
			frame = rte_pktmbuf_mtod(m, const uint8_t *);
			assert_int_equal(packet_meta(m)->port, 1);
			assert_int_equal(m->pkt_len, headers[i].l2 + headers[i].l3 + 8 + len);
			assert_int_equal(
				m->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK), 0);
			wrong = wire_frame_check(frame, m->pkt_len, headers[i].l2);
			if (wrong != NULL)
				fail_msg("%s, %zu bytes: %s", headers[i].why, len, wrong);
			assert_memory_equal(frame + m->pkt_len - len, data, len);
			assert_memory_equal(frame, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
			free_sent(f);
		}
}

/* A sum of zero goes out as all ones: RFC 768. */
static void test_checksum_is_never_zero(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(headers); i++) {
		struct frame_header h;
		uint8_t data[2] = {0, 0};
		unsigned int found = 0;

		for (uint32_t v = 0; v < 0x10000; v++) {
			const uint8_t *frame, *udp;

			data[0] = (uint8_t)(v >> 8);
			data[1] = (uint8_t)v;
			header_of(&h, i);
			egress_frame(&f->w, eal_mbuf(f->pool, data, 2), &h);
			frame = rte_pktmbuf_mtod(f->w.tx.pkts[0], const uint8_t *);
			udp = frame + headers[i].l2 + headers[i].l3;
			assert_false(udp[6] == 0 && udp[7] == 0);
			found += udp[6] == 0xff && udp[7] == 0xff;
			free_sent(f);
		}
		assert_true(found >= 1);
	}
}

/* The device gets what DPDK's own functions say it must: flags, lengths and the
 * pseudo-header's sum. */
static void test_offloaded_checksums(void **state)
{
	struct fixture *f = *state;

	f->w.port[1].ip_checksum = true;
	f->w.port[1].udp_checksum = true;
	for (size_t i = 0; i < RTE_DIM(headers); i++) {
		struct frame_header h;
		struct rte_udp_hdr *udp;
		struct rte_mbuf *m;
		uint8_t data[1200];
		const void *ip;

		fill(data, sizeof(data), (uint32_t)i);
		header_of(&h, i);
		egress_frame(&f->w, eal_mbuf(f->pool, data, sizeof(data)), &h);
		m = f->w.tx.pkts[0];
		ip = rte_pktmbuf_mtod_offset(m, const void *, headers[i].l2);
		udp = rte_pktmbuf_mtod_offset(
			m, struct rte_udp_hdr *, headers[i].l2 + headers[i].l3);
		assert_int_equal(m->l2_len, headers[i].l2);
		assert_int_equal(m->l3_len, headers[i].l3);
		assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_L4_MASK, RTE_MBUF_F_TX_UDP_CKSUM);
		if (headers[i].l3 == 20) {
			assert_true(m->ol_flags & RTE_MBUF_F_TX_IPV4);
			assert_true(m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM);
			assert_int_equal(((const struct rte_ipv4_hdr *)ip)->hdr_checksum, 0);
			assert_int_equal(udp->dgram_cksum, rte_ipv4_phdr_cksum(ip, 0));
		} else {
			assert_true(m->ol_flags & RTE_MBUF_F_TX_IPV6);
			assert_int_equal(udp->dgram_cksum, rte_ipv6_phdr_cksum(ip, 0));
		}
		free_sent(f);
	}
	f->w.port[1].ip_checksum = false;
	f->w.port[1].udp_checksum = false;
}

static void test_header_refusals(void **state)
{
	struct fixture *f = *state;
	struct nexthop known = nexthop(0), unknown = nexthop(0);
	struct mr_endpoint v4, v6;
	struct frame_header h;

	unknown.valid = 0;
	wire_endpoint(&v4, "192.0.2.1", 1);
	wire_endpoint(&v6, "2001:db8::1", 1);
	frame_header_build(&h, NULL, &v4, &v4);
	assert_false(h.valid);
	frame_header_build(&h, &known, &v4, &v6);
	assert_false(h.valid);
	frame_header_build(&h, &known, &v6, &v4);
	assert_false(h.valid);
	frame_header_build(&h, &unknown, &v4, &v4);
	assert_false(h.valid);
	egress_frame(&f->w, eal_mbuf(f->pool, "x", 1), &h);
	assert_int_equal(f->w.tx.n, 0);
	assert_int_equal(f->stats.drops[MR_DROP_NEXTHOP_UNRESOLVED], 1);
}

static void test_port_beyond_the_workers(void **state)
{
	struct fixture *f = *state;
	struct frame_header h;
	uint64_t before = f->stats.drops[MR_DROP_NEXTHOP_UNRESOLVED];

	header_of(&h, 0);
	h.port = 2;
	egress_frame(&f->w, eal_mbuf(f->pool, "x", 1), &h);
	assert_int_equal(f->stats.drops[MR_DROP_NEXTHOP_UNRESOLVED], before + 1);
}

/* Both batches leave, replies first, each packet of a batch in order, each with another
 * identification. */
static void test_stage(void **state)
{
	struct fixture *f = *state;
	struct batch *batches[] = {&f->w.srtcp_out, &f->w.raw};
	uint16_t first_id = 0;

	header_of(&f->viewer.header, 0);
	for (unsigned int b = 0; b < RTE_DIM(batches); b++)
		for (uint8_t i = 0; i < 100; i++) {
			uint8_t data[2] = {(uint8_t)b, i};
			struct rte_mbuf *m = eal_mbuf(f->pool, data, 2);

			packet_meta(m)->viewer = &f->viewer;
			batches[b]->pkts[batches[b]->n++] = m;
		}
	egress_stage(&f->w);
	assert_int_equal(f->w.tx.n, 200);
	for (unsigned int i = 0; i < 200; i++) {
		struct rte_mbuf *m = f->w.tx.pkts[i];
		const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
		uint16_t id = (uint16_t)(frame[18] << 8 | frame[19]);

		assert_null(wire_frame_check(frame, m->pkt_len, 14));
		assert_int_equal(frame[42], 1 - i / 100);
		assert_int_equal(frame[43], i % 100);
		if (i == 0)
			first_id = id;
		assert_int_equal(id, (uint16_t)(first_id + i));
	}
	for (unsigned int b = 0; b < RTE_DIM(batches); b++)
		assert_int_equal(batches[b]->n, 0);
	free_sent(f);
}

/* A copy as fan-out makes it, and a payload as encryption does. */
static void put_media(struct fixture *f, size_t i, uint8_t port, uint16_t len)
{
	struct media_batch *b = &f->w.cipher;
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);
	struct frame_header h;

	assert_non_null(m);
	memset(m->buf_addr, 0xee, m->buf_len);
	m->ol_flags = m->tx_offload = UINT64_MAX; /* whoever had it last */
	header_of(&h, i);
	h.port = port;
	frame_write(&f->w.port[port], m, &h, (uint8_t *)m->buf_addr + 116, 116, len, 4711);
	fill((uint8_t *)m->buf_addr + 116, len, len);
	b->ports |= 1u << port;
	b->port[b->n] = port;
	b->pkts[b->n++] = m;
}

/* Copies that leave by several ports: the sum is made for those whose device makes none,
 * over what was encrypted meanwhile. */
static void test_media_checksums(void **state)
{
	struct fixture *f = *state;
	struct media_batch *b = &f->w.cipher;

	f->w.port[0].udp_checksum = true;
	for (size_t i = 0; i < RTE_DIM(headers); i++)
		for (uint16_t len = 12; len < 1453; len += 131)
			put_media(f, i, len % 2, len);
	egress_stage(&f->w);
	for (uint16_t k = 0; k < b->n; k++) {
		struct rte_mbuf *m = b->pkts[k];
		bool offload = b->port[k] == 0;
		const char *wrong =
			wire_frame_check(rte_pktmbuf_mtod(m, uint8_t *), m->pkt_len, m->l2_len);

		assert_int_equal(
			m->ol_flags & RTE_MBUF_F_TX_L4_MASK, offload ? RTE_MBUF_F_TX_UDP_CKSUM : 0);
		if (!offload && wrong != NULL)
			fail_msg("copy %u: %s", k, wrong);
		if (offload)
			assert_non_null(wrong); /* the device is still to add the payload's sum */
	}
	assert_int_equal(f->w.tx.n, 0);
	rte_pktmbuf_free_bulk(b->pkts, b->n);
	b->n = 0;
	b->ports = 0;
	f->w.port[0].udp_checksum = false;
}

/* IPv4 may go without (millrace-bench), IPv6 never. */
static void test_no_checksum(void **state)
{
	struct fixture *f = *state;
	struct media_batch *b = &f->w.cipher;

	f->w.port[1].udp_no_checksum = true;
	put_media(f, 0, 1, 100);
	put_media(f, 2, 1, 100);
	egress_stage(&f->w);
	for (uint16_t k = 0; k < 2; k++) {
		struct rte_mbuf *m = b->pkts[k];
		const struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(
			m, const struct rte_udp_hdr *, m->l2_len + m->l3_len);

		if (k == 0)
			assert_int_equal(udp->dgram_cksum, 0);
		else
			assert_null(wire_frame_check(
				rte_pktmbuf_mtod(m, uint8_t *), m->pkt_len, m->l2_len));
	}
	rte_pktmbuf_free_bulk(b->pkts, b->n);
	b->n = 0;
	b->ports = 0;
	f->w.port[1].udp_no_checksum = false;
}

static void test_full(void **state)
{
	struct fixture *f = *state;
	struct frame_header h;

	header_of(&h, 0);
	for (unsigned int i = 0; i < FRAMES_MAX + 3; i++)
		egress_frame(&f->w, eal_mbuf(f->pool, "x", 1), &h);
	assert_int_equal(f->w.tx.n, FRAMES_MAX);
	assert_int_equal(f->stats.drops[MR_DROP_TX_FULL], 3);
	free_sent(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_software_checksums),
		cmocka_unit_test(test_checksum_is_never_zero),
		cmocka_unit_test(test_offloaded_checksums),
		cmocka_unit_test(test_header_refusals),
		cmocka_unit_test(test_port_beyond_the_workers),
		cmocka_unit_test(test_stage),
		cmocka_unit_test(test_media_checksums),
		cmocka_unit_test(test_no_checksum),
		cmocka_unit_test(test_full),
	};

	if (eal_start(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
