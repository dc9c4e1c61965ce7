/* SPDX-License-Identifier: BSD-3-Clause */
/* A stream's time, by stream input: that of a source that restarts, and its reports. One
 * thread. */
#include "tests/unit/pipeline/input_scene.h"

#include <stdio.h>

static void give_frame(struct bench *b, uint32_t ssrc, uint16_t seq, uint32_t timestamp)
{
	struct rtp r = {.ssrc = ssrc, .payload_type = PT, .seq = seq, .timestamp = timestamp};
	uint8_t datagram[64];

	give_wire(b, datagram, slice(datagram, &r, 0));
	run(b);
}

/* Restarts of every kind, after any pause: output time goes on, by what has passed. */
static void test_time_goes_on(void **state)
{
	static const struct {
		uint64_t pause_ms;
		bool bind;
		uint32_t ssrc;
		uint32_t timestamp;
		uint32_t ticks; /* that output time goes on by */
		const char *why;
	} restarts[] = {
		{0, true, SSRC_A, 0, 1, "at once"},
		{1, true, SSRC_A, 4000000000u, 90, "a millisecond"},
		{33, true, SSRC_B, 17, 2970, "a frame's time, new SSRC"},
		{33, false, SSRC_A, 5, 2970, "not bound again"},
		{5000, true, SSRC_A, 0x7fffffff, 450000, "five seconds"},
		{5000, false, SSRC_B, 0x80000000, 450000,
			"five seconds, new SSRC, not bound again"},
		{3600 * 1000, true, SSRC_A, 1, 324000000, "an hour"},
		{100000000, true, SSRC_A, 1, 324000000, "longer than can be told: an hour"},
	};

	for (size_t i = 0; i < sizeof(restarts) / sizeof(restarts[0]); i++) {
		struct bench b;
		const struct plain_packet *before;
		const struct plain_packet *after;

		bench_init(&b, MR_KIND_VIDEO, 90000);
		give_frame(&b, SSRC_A, 100, 0xfffffff0);
		harness_advance(&b.h, 33 * MS);
		give_frame(&b, SSRC_A, 101, 0xfffffff0 + 3000);
		before = plain_ring_get(&b.s->ring, 1);
		assert_int_equal(
			before->timestamp - plain_ring_get(&b.s->ring, 0)->timestamp, 3000);
		harness_advance(&b.h, restarts[i].pause_ms * MS);
		if (restarts[i].bind)
			bench_bind_wire(&b);
		else
			give_frame(&b, restarts[i].ssrc, 29999, restarts[i].timestamp);
		give_frame(&b, restarts[i].ssrc, 30000, restarts[i].timestamp);
		after = plain_ring_get(&b.s->ring, b.s->ring.next - 1);
		if (after->timestamp - before->timestamp != restarts[i].ticks)
			fail_msg("%s: %u ticks", restarts[i].why,
				after->timestamp - before->timestamp);
		assert_true((after->flags & PLAIN_FRAME_START) != 0);
		/* ... and from there by the source's own. */
		give_frame(&b, restarts[i].ssrc, 30001, restarts[i].timestamp + 1234);
		assert_int_equal(plain_ring_get(&b.s->ring, b.s->ring.next - 1)->timestamp -
					 after->timestamp,
			1234);
		bench_fini(&b);
	}
}

static bool synchronized(const struct stream *s)
{
	return atomic_load_explicit(&s->stats->synchronized, memory_order_relaxed) != 0;
}

/* The source's reports are in its own time, viewers' in the stream's. */
static void test_reports(void **state)
{
	struct bench b;
	struct order o = {.type = ORDER_STREAM_REPORT,
		.report = {.rtp = 1000, .ntp = UINT64_C(0xe0000000) << 32}};
	uint32_t rtp;

	bench_init(&b, MR_KIND_VIDEO, 90000);
	o.stream = b.s;
	order_carry_out(b.h.w, &o); /* before the first packet: it says nothing */
	assert_false(synchronized(b.s));
	give_frame(&b, SSRC_A, 100, 1000);
	order_carry_out(b.h.w, &o);
	assert_true(synchronized(b.s));
	assert_true(clock_rtp_at(&b.s->clock, b.h.w->wall_ns, &rtp));
	assert_int_equal(rtp, plain_ring_get(&b.s->ring, 0)->timestamp);

	/* A new binding: output time goes on, the reports are worth nothing any more. */
	harness_advance(&b.h, 1000 * MS);
	bench_bind_wire(&b);
	give_frame(&b, SSRC_A, 7, 77777777);
	assert_false(synchronized(b.s));
	o.report.rtp = 77777777;
	order_carry_out(b.h.w, &o);
	assert_true(synchronized(b.s));
	assert_true(clock_rtp_at(&b.s->clock, b.h.w->wall_ns, &rtp));
	assert_int_equal(rtp, plain_ring_get(&b.s->ring, 1)->timestamp);

	/* So with a jump. */
	give_frame(&b, SSRC_A, 20000, 5);
	give_frame(&b, SSRC_A, 20001, 5);
	assert_false(synchronized(b.s));
	bench_fini(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time_goes_on),
		cmocka_unit_test(test_reports),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
