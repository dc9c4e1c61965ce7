/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane/pipeline/classify.c: RFC 7983's ranges, every owner, every drop. */
#include "dataplane/pipeline/worker.h"

#include "tests/unit/pipeline/eal.h"
#include "tests/unit/pipeline/wire_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>

#define MEDIA 5004  /* a stream of ours */
#define THEIRS 5006 /* a stream of worker 1 */
#define ANY 5008    /* a stream at every address */
#define PUBLIC 8189 /* where viewers come to */
#define NOBODY 5010 /* no flow */
#define KNOWN 50001 /* remote port of a viewer of ours */
#define AWAY 50002  /* of a viewer of worker 1 */
#define STRANGER 50003
#define FIXED 50004 /* of a fixed session's viewer, which has a port of its own */
#define FIXED_LOCAL 6000

enum place { DROPPED, RTP, SRTCP, STUN, PUNT, KERNEL, HANDOFF };

struct fixture {
	struct rte_mempool *pool;
	struct mr_stats_worker stats;
	struct port shared;
	struct port owned;
	struct worker w;
	/* Only compared, never looked into. */
	int media, theirs, any, known, away, fixed;
};

static struct mr_endpoint at(const char *address, uint16_t port)
{
	struct mr_endpoint e;

	wire_endpoint(&e, address, port);
	return e;
}

static void flows_fill(struct fixture *f)
{
	struct flow_table *t = f->w.flows;
	struct mr_endpoint local = at("10.0.0.2", MEDIA), remote;

	assert_int_equal(
		flow_table_add_source(t, &local, (struct flow_value){&f->media, 0, MEDIA}), 0);
	local = at("10.0.0.2", THEIRS);
	assert_int_equal(
		flow_table_add_source(t, &local, (struct flow_value){&f->theirs, 1, THEIRS}), 0);
	local = at("::", ANY);
	assert_int_equal(flow_table_add_source(t, &local, (struct flow_value){&f->any, 0, ANY}), 0);
	local = at("::", PUBLIC);
	assert_int_equal(flow_table_add_public(t, &local), 0);
	local = at("10.0.0.2", PUBLIC);
	remote = at("10.0.0.1", KNOWN);
	assert_int_equal(
		flow_table_add_viewer(t, &local, &remote, (struct flow_value){&f->known, 0, 1}), 0);
	remote = at("10.0.0.1", AWAY);
	assert_int_equal(
		flow_table_add_viewer(t, &local, &remote, (struct flow_value){&f->away, 1, 2}), 0);
	local = at("10.0.0.2", FIXED_LOCAL);
	remote = at("10.0.0.1", FIXED);
	assert_int_equal(
		flow_table_add_viewer(t, &local, &remote, (struct flow_value){&f->fixed, 0, 3}), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->pool = eal_pool(1023);
	f->w.stats = &f->stats;
	f->w.n_workers = 2;
	f->w.n_ports = 2;
	f->shared.shared = true;
	f->shared.tap_dpdk_id = RTE_MAX_ETHPORTS;
	f->owned.index = 1;
	f->owned.tap_dpdk_id = 7;
	f->w.port[0].port = &f->shared;
	f->w.port[1].port = &f->owned;
	f->w.flows = flow_table_create("unit", 16, 16, SOCKET_ID_ANY);
	if (f->pool == NULL || f->w.flows == NULL)
		return 1;
	flows_fill(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_mempool_in_use_count(f->pool), 0);
	flow_table_destroy(f->w.flows);
	rte_mempool_free(f->pool);
	free(f);
	return 0;
}

static void put(struct fixture *f, const struct wire_frame *frame, uint8_t port)
{
	struct rte_mbuf *m = eal_mbuf(f->pool, frame->data, frame->len);

	packet_meta(m)->port = port;
	packet_meta(m)->arrival_ns = 4711;
	f->w.rx.pkts[f->w.rx.n++] = m;
}

/* Where the one packet has gone; it is taken out of there. */
static enum place take(struct fixture *f, struct rte_mbuf **m)
{
	struct ingress *in = &f->w.in;
	struct batch *batches[] = {&in->srtcp, &in->stun, &in->punt, &in->kernel, &in->handoff};
	const enum place places[] = {SRTCP, STUN, PUNT, KERNEL, HANDOFF};
	enum place place = DROPPED;
	unsigned int n = in->rtp.n;

	*m = NULL;
	if (in->rtp.n > 0) {
		*m = in->rtp.pkts[0].mbuf;
		place = RTP;
	}
	in->rtp.n = 0;
	for (size_t i = 0; i < RTE_DIM(batches); i++) {
		n += batches[i]->n;
		if (batches[i]->n > 0) {
			*m = batches[i]->pkts[0];
			place = places[i];
		}
		batches[i]->n = 0;
	}
	assert_true(n <= 1);
	return place;
}

static uint64_t drops_sum(const struct fixture *f)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < MR_DROP_COUNT; i++)
		sum += f->stats.drops[i];
	return sum;
}

/* First two payload bytes, and how each place takes them. */
static const struct protocol_case {
	const char *why;
	uint8_t byte[2];
	enum place source;
	enum place viewer;
	enum place stranger;
	enum mr_drop source_drop, viewer_drop, stranger_drop;
} protocols[] = {
#define NONE MR_DROP_FIRST_BYTE, MR_DROP_FIRST_BYTE, MR_DROP_FIRST_BYTE
#define MEDIA_DROPS 0, MR_DROP_SRTP_UNWANTED, MR_DROP_VIEWER_UNKNOWN
#define RTCP_DROPS 0, 0, MR_DROP_VIEWER_UNKNOWN
	{"STUN, lowest", {0, 1}, PUNT, STUN, PUNT, 0, 0, 0},
	{"STUN, highest", {3, 1}, PUNT, STUN, PUNT, 0, 0, 0},
	{"unassigned", {4, 0}, DROPPED, DROPPED, DROPPED, NONE},
	{"unassigned", {15, 0}, DROPPED, DROPPED, DROPPED, NONE},
	{"ZRTP", {16, 0}, DROPPED, DROPPED, DROPPED, NONE},
	{"ZRTP", {19, 0}, DROPPED, DROPPED, DROPPED, NONE},
	{"DTLS, lowest", {20, 254}, PUNT, PUNT, PUNT, 0, 0, 0},
	{"DTLS, highest", {63, 254}, PUNT, PUNT, PUNT, 0, 0, 0},
	{"TURN channel", {64, 0}, DROPPED, DROPPED, DROPPED, NONE},
	{"TURN channel", {79, 0}, DROPPED, DROPPED, DROPPED, NONE},
	{"QUIC, unassigned", {80, 0}, DROPPED, DROPPED, DROPPED, NONE},
	{"unassigned", {127, 0}, DROPPED, DROPPED, DROPPED, NONE},
	{"RTP, lowest", {128, 0}, RTP, DROPPED, DROPPED, MEDIA_DROPS},
	{"RTP, PCMU with marker", {128, 128}, RTP, DROPPED, DROPPED, MEDIA_DROPS},
	{"RTP, payload type 63", {128, 63}, RTP, DROPPED, DROPPED, MEDIA_DROPS},
	{"RTCP, RFC 5761's lowest", {128, 192}, PUNT, SRTCP, DROPPED, RTCP_DROPS},
	{"RTCP, sender report", {128, 200}, PUNT, SRTCP, DROPPED, RTCP_DROPS},
	{"RTCP, highest", {128, 223}, PUNT, SRTCP, DROPPED, RTCP_DROPS},
	{"RTP of type 64 to 95 is taken for RTCP", {128, 72}, PUNT, SRTCP, DROPPED, RTCP_DROPS},
	{"RTP, payload type 96", {128, 96}, RTP, DROPPED, DROPPED, MEDIA_DROPS},
	{"RTP, payload type 127 with marker", {128, 255}, RTP, DROPPED, DROPPED, MEDIA_DROPS},
	{"RTP, highest", {191, 96}, RTP, DROPPED, DROPPED, MEDIA_DROPS},
	{"unassigned", {192, 0}, DROPPED, DROPPED, DROPPED, NONE},
	{"unassigned", {255, 255}, DROPPED, DROPPED, DROPPED, NONE},
};

static void one(struct fixture *f, const struct protocol_case *c, uint16_t src_port,
	uint16_t dst_port, enum place should, enum mr_drop reason, const void *object,
	enum packet_kind kind)
{
	struct wire_frame_spec spec = {.payload = c->byte,
		.payload_len = 2,
		.src_port = src_port,
		.dst_port = dst_port,
		.padding = 16};
	uint64_t before = drops_sum(f), named = f->stats.drops[reason];
	struct wire_frame frame;
	struct rte_mbuf *m;
	enum place place;

	wire_frame_build(&frame, &spec);
	put(f, &frame, 0);
	classify_stage(&f->w);
	assert_int_equal(f->w.rx.n, 0);
	if (should == RTP && f->w.in.rtp.n == 1) {
		const struct input_packet *p = &f->w.in.rtp.pkts[0];

		assert_ptr_equal(p->stream, object);
		assert_int_equal(p->len, 2);
		assert_memory_equal(p->data, c->byte, 2);
		assert_int_equal(p->arrival_ns, 4711);
	}
	place = take(f, &m);
	if (place != should)
		fail_msg(
			"%s (%u) from %u to %u: %d", c->why, c->byte[0], src_port, dst_port, place);
	if (place == DROPPED) {
		assert_int_equal(f->stats.drops[reason], named + 1);
		return;
	}
	assert_int_equal(drops_sum(f), before);
	assert_int_equal(packet_meta(m)->kind, kind);
	assert_int_equal(packet_meta(m)->l3, 14);
	assert_int_equal(packet_meta(m)->l4, 34);
	assert_int_equal(packet_meta(m)->payload, 42);
	assert_int_equal(packet_meta(m)->payload_len, 2);
	assert_int_equal(packet_meta(m)->ip_version, 4);
	if (kind == PACKET_PUNT_SOURCE) {
		/* Worker 0 may look at it after the stream has gone. */
		assert_null(packet_meta(m)->stream);
		assert_int_equal(packet_meta(m)->stream_id, dst_port);
	} else {
		assert_ptr_equal(packet_meta(m)->stream, object);
	}
	rte_pktmbuf_free(m);
}

static enum packet_kind kind_of(enum place p, enum packet_kind punt)
{
	return p == RTP ? PACKET_RTP : p == SRTCP ? PACKET_SRTCP : p == STUN ? PACKET_STUN : punt;
}

static void test_protocols(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(protocols); i++) {
		const struct protocol_case *c = &protocols[i];
		enum packet_kind source = kind_of(c->source, PACKET_PUNT_SOURCE);
		enum packet_kind viewer = kind_of(c->viewer, PACKET_PUNT);

		one(f, c, 4000, MEDIA, c->source, c->source_drop, &f->media, source);
		one(f, c, 4000, ANY, c->source, c->source_drop, &f->any, source);
		one(f, c, KNOWN, PUBLIC, c->viewer, c->viewer_drop,
			c->viewer == PUNT ? NULL : &f->known, viewer);
		one(f, c, FIXED, FIXED_LOCAL, c->viewer, c->viewer_drop,
			c->viewer == PUNT ? NULL : &f->fixed, viewer);
		one(f, c, STRANGER, PUBLIC, c->stranger, c->stranger_drop, NULL, PACKET_PUNT);
		one(f, c, 4000, NOBODY, DROPPED, MR_DROP_FLOW_UNKNOWN, NULL, 0);
		/* What another worker owns goes there; what is for the control plane
		 * goes by punt's own way. */
		one(f, c, 4000, THEIRS, c->source == RTP ? HANDOFF : c->source, c->source_drop,
			&f->theirs, source);
		one(f, c, AWAY, PUBLIC,
			c->viewer == STUN || c->viewer == SRTCP ? HANDOFF : c->viewer,
			c->viewer_drop, c->viewer == PUNT ? NULL : &f->away, viewer);
	}
}

static void test_short_payloads(void **state)
{
	static const uint8_t rtp = 0x80;
	struct fixture *f = *state;
	struct wire_frame_spec empty = {.dst_port = MEDIA, .padding = 18};
	struct wire_frame_spec single = {.dst_port = MEDIA, .payload = &rtp, .payload_len = 1};
	uint64_t before = f->stats.drops[MR_DROP_FIRST_BYTE];
	struct wire_frame frame;
	struct rte_mbuf *m;

	wire_frame_build(&frame, &empty);
	put(f, &frame, 0);
	classify_stage(&f->w);
	assert_int_equal(take(f, &m), DROPPED);
	assert_int_equal(f->stats.drops[MR_DROP_FIRST_BYTE], before + 1);
	wire_frame_build(&frame, &single);
	put(f, &frame, 0);
	classify_stage(&f->w);
	assert_int_equal(take(f, &m), RTP); /* stream input says what it lacks */
	rte_pktmbuf_free(m);
}

/* What is nobody's: a shared port's is dropped, an owned port's is the kernel's. */
static void test_not_ours(void **state)
{
	static const struct {
		const char *why;
		struct wire_frame_spec spec;
		enum mr_drop reason;
		bool kernel;
	} cases[] = {
		{"ARP", {.ether_type = 0x0806}, MR_DROP_ETH_TYPE, true},
		{"TCP", {.protocol = 6}, MR_DROP_IP_PROTOCOL, true},
		{"fragment", {.fragment = 0x2000}, MR_DROP_IP_FRAGMENT, true},
		{"no flow", {.dst_port = NOBODY}, MR_DROP_FLOW_UNKNOWN, true},
		{"IP checksum", {.ip_checksum_error = 1}, MR_DROP_IP_CHECKSUM, false},
		{"UDP checksum", {.udp_checksum_error = 1}, MR_DROP_UDP_CHECKSUM, false},
		{"UDP length", {.udp_length_error = 9}, MR_DROP_UDP_SHORT, false},
		{"IP length", {.ip_length_error = 9}, MR_DROP_IP_SHORT, false},
		{"version", {.version = 7}, MR_DROP_IP_HEADER, false},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(cases); i++)
		for (uint8_t port = 0; port < 2; port++) {
			uint64_t before = f->stats.drops[cases[i].reason];
			bool kernel = port == 1 && cases[i].kernel;
			struct wire_frame frame;
			struct rte_mbuf *m;

			wire_frame_build(&frame, &cases[i].spec);
			put(f, &frame, port);
			classify_stage(&f->w);
			if (take(f, &m) != (kernel ? KERNEL : DROPPED))
				fail_msg("%s by port %u", cases[i].why, port);
			assert_int_equal(
				f->stats.drops[cases[i].reason], before + (kernel ? 0 : 1));
			if (kernel)
				assert_int_equal(packet_meta(m)->kind, PACKET_KERNEL);
			rte_pktmbuf_free(m);
		}
}

static void test_segments(void **state)
{
	struct fixture *f = *state;
	struct wire_frame_spec spec = {0};
	struct wire_frame frame;
	struct rte_mbuf *m;

	wire_frame_build(&frame, &spec);
	put(f, &frame, 0);
	assert_int_equal(rte_pktmbuf_chain(f->w.rx.pkts[0], eal_mbuf(f->pool, "x", 1)), 0);
	classify_stage(&f->w);
	assert_int_equal(take(f, &m), DROPPED);
	assert_int_equal(f->stats.drops[MR_DROP_RX_SEGMENTED], 1);
}

/* The device's word for a checksum saves the sum; its silence does not. */
static void test_device_checksums(void **state)
{
	static const uint8_t rtp[2] = {0x80, 96};
	struct fixture *f = *state;
	struct wire_frame_spec spec = {.dst_port = MEDIA,
		.payload = rtp,
		.payload_len = 2,
		.udp_checksum_error = 1,
		.ip_checksum_error = 1};
	static const struct {
		uint64_t flags;
		enum mr_drop reason;
	} cases[] = {
		{RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD, MR_DROP_COUNT},
		{RTE_MBUF_F_RX_IP_CKSUM_GOOD, MR_DROP_UDP_CHECKSUM},
		{RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_BAD, MR_DROP_UDP_CHECKSUM},
		{RTE_MBUF_F_RX_L4_CKSUM_GOOD, MR_DROP_IP_CHECKSUM},
		{0, MR_DROP_IP_CHECKSUM},
	};
	struct wire_frame frame;

	wire_frame_build(&frame, &spec);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		bool good = cases[i].reason == MR_DROP_COUNT;
		uint64_t before = good ? 0 : f->stats.drops[cases[i].reason];
		struct rte_mbuf *m;

		put(f, &frame, 0);
		f->w.rx.pkts[0]->ol_flags |= cases[i].flags;
		classify_stage(&f->w);
		assert_int_equal(take(f, &m), good ? RTP : DROPPED);
		if (!good)
			assert_int_equal(f->stats.drops[cases[i].reason], before + 1);
		rte_pktmbuf_free(m);
	}
}

static void test_full_batch(void **state)
{
	static const uint8_t rtp[2] = {0x80, 96};
	struct fixture *f = *state;
	struct wire_frame_spec spec = {.dst_port = MEDIA, .payload = rtp, .payload_len = 2};
	struct wire_frame frame;

	wire_frame_build(&frame, &spec);
	for (unsigned int i = 0; i < BATCH_MAX; i++)
		put(f, &frame, 0);
	classify_stage(&f->w);
	assert_int_equal(f->w.in.rtp.n, BATCH_MAX);
	for (unsigned int i = 0; i < BATCH_MAX; i++)
		rte_pktmbuf_free(f->w.in.rtp.pkts[i].mbuf);
	f->w.in.rtp.n = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_short_payloads),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_device_checksums),
		cmocka_unit_test(test_full_batch),
	};

	if (eal_start(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
