/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stream input makes of payloads: large ones, also down the real packet ring, are
 * split again; parameter sets of the SDP and findings. One thread.
 */
#include "dataplane/pipeline/punt.h"
#include "tests/unit/crypto/random.h"
#include "tests/unit/pipeline/input_scene.h"
#include "tests/unit/stream/h264_reassembly.h"

static void test_large_nals(void **state)
{
	static const uint32_t sizes[] = {
		1388, 1389, 1449, 1937, 4000, 16384, 20000, 20001, 40000, 65535};
	static struct reassembly r;
	static uint8_t datagram[65536];
	static uint8_t nal[65536];
	struct mr_channel channel;
	struct bench b;
	struct random random;
	struct worker *w;

	random_init(&random, 99);
	bench_init(&b, MR_KIND_VIDEO, 90000);
	w = b.h.w;
	ring_open(&b, &channel);
	for (uint16_t i = 0; i < 200; i++) {
		struct rtp h = {.ssrc = SSRC_A,
			.payload_type = PT,
			.seq = i,
			.timestamp = i * 3000u,
			.marker = true};
		struct mr_packet head = {.kind = MR_PACKET_DOWN_RTP, .stream_id = b.s->id};
		uint32_t size = i < 10 ? sizes[i] : 13 + random_below(&random, 65523);
		uint64_t before = b.s->ring.next;
		uint32_t len = size - 12;

		random_bytes(&random, nal, len);
		nal[0] = 0x61;
		nal[1] = 0x9a;
		ring_put(&channel, &head, datagram, rtp_format(datagram, &h, nal, len));
		punt_receive(w);
		assert_int_equal(w->in.rtp.n, 1);
		stream_input_stage(w);
		assert_int_equal(harness_all_drops(&b.h), 0);

		reassembly_init(&r);
		for (uint64_t k = before; k < b.s->ring.next; k++) {
			const struct plain_packet *p = plain_ring_get(&b.s->ring, k);

			assert_true(p->len <= b.s->max_payload);
			if (!reassembly_packet(&r, plain_ring_payload(&b.s->ring, p), p->len))
				fail_msg("%u bytes: %s", size, r.error);
		}
		assert_int_equal(r.n, 1);
		assert_int_equal(r.len[0], len);
		assert_memory_equal(r.bytes, nal, len);
		assert_int_equal(b.s->ring.next - before > 1, len > b.s->max_payload);
	}
	ring_close(&b, &channel);
	bench_fini(&b);
}

/* The largest datagram of an Ethernet frame: 1460 bytes of payload. */
static void test_full_datagrams(void **state)
{
	struct bench b;
	struct rtp r = {.ssrc = SSRC_A, .payload_type = PT, .seq = 1, .marker = true};
	uint8_t nal[1460] = {0x41, 0x9a};
	uint8_t datagram[1472];

	bench_init(&b, MR_KIND_VIDEO, 90000);
	assert_int_equal(rtp_format(datagram, &r, nal, sizeof(nal)), 1472);
	give_wire(&b, datagram, sizeof(datagram));
	run(&b);
	assert_int_equal(b.s->ring.next, 2);
	assert_int_equal(stat(&b.s->stats->resplit), 2);
	assert_int_equal(plain_ring_get(&b.s->ring, 0)->flags, PLAIN_FRAME_START);
	assert_int_equal(plain_ring_get(&b.s->ring, 1)->flags, PLAIN_MARKER);
	bench_fini(&b);
}

/* Sets of the SDP, as the binding brings them, and what is found in the pictures. */
static void test_sets_and_findings(void **state)
{
	static const uint8_t idr[] = {0x65, 0x88, 0x84};
	static const uint8_t b_slice[] = {0x01, 0x9c, 0x24};
	static const uint8_t mtap[] = {0x7a, 0, 0, 0, 1, 0x65};
	struct mr_stream_bind bind = {.input = MR_INPUT_WIRE,
		.payload_type = PT,
		.parameter_sets_len = 11,
		.parameter_sets = {0, 5, 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0, 2, 0x68, 0xce}};
	struct rtp r = {.ssrc = SSRC_A, .payload_type = PT, .seq = 1, .timestamp = 3000};
	struct bench b;
	uint8_t datagram[64];

	bench_init(&b, MR_KIND_VIDEO, 90000);
	bench_bind(&b, &bind);
	give_wire(&b, datagram, rtp_format(datagram, &r, idr, sizeof(idr)));
	run(&b);
	assert_int_equal(b.s->ring.next, 3);
	assert_int_equal(b.s->ring.keyframe, 0);
	assert_true(b.s->ring.has_keyframe);
	assert_int_equal(plain_ring_payload(&b.s->ring, plain_ring_get(&b.s->ring, 0))[0], 0x67);
	assert_int_equal(stat(&b.s->stats->injected), 2);
	assert_int_equal(stat(&b.s->stats->keyframes), 1);
	assert_int_equal(stat(&b.s->stats->out_packets), 3);
	assert_int_equal(stat(&b.s->stats->packets), 1);
	harness_expect_notice(&b.h, MR_EVENT_STREAM_STATE, b.s->id, MR_STREAM_RECEIVING);

	for (int i = 0; i < 3; i++) {
		r.seq++;
		r.timestamp += 3000;
		give_wire(&b, datagram, rtp_format(datagram, &r, b_slice, sizeof(b_slice)));
		r.seq++;
		give_wire(&b, datagram, rtp_format(datagram, &r, mtap, sizeof(mtap)));
		run(&b);
	}
	harness_expect_notice(&b.h, MR_EVENT_STREAM_FINDING, b.s->id, MR_FINDING_B_FRAMES);
	harness_expect_notice(&b.h, MR_EVENT_STREAM_FINDING, b.s->id, MR_FINDING_INTERLEAVED);
	harness_no_notice(&b.h);
	assert_int_equal(harness_drops(&b.h, MR_DROP_PAYLOAD_MALFORMED), 3);
	bench_fini(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large_nals),
		cmocka_unit_test(test_full_datagrams),
		cmocka_unit_test(test_sets_and_findings),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
