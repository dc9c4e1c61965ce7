/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What comes down the packet ring, in the order that its commands have: one that is
 * not carried out delays the ring for a bounded time, once, and takes nothing with it.
 * One thread.
 */
#include "dataplane/pipeline/punt.h"
#include "tests/unit/pipeline/input_scene.h"

#define WAIT (200 * MS) /* as punt.c has it */

struct scene {
	struct bench b;
	struct mr_channel channel;
	uint16_t seq;
};

static void scene_init(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	bench_init(&s->b, MR_KIND_AUDIO, 48000);
	ring_open(&s->b, &s->channel);
}

static void scene_fini(struct scene *s)
{
	ring_close(&s->b, &s->channel);
	bench_fini(&s->b);
}

/* A packet of the stream that follows that command. */
static void put(struct scene *s, uint64_t after)
{
	struct rtp rtp = {.ssrc = SSRC_A, .payload_type = PT, .seq = s->seq, .timestamp = s->seq};
	struct mr_packet head = {
		.kind = MR_PACKET_DOWN_RTP, .stream_id = s->b.s->id, .after = after};
	uint8_t datagram[64];

	s->seq++;
	ring_put(&s->channel, &head, datagram, rtp_format(datagram, &rtp, "sound", 5));
}

/* How many packets a turn brings. */
static unsigned int turn(struct scene *s)
{
	unsigned int n;

	punt_receive(s->b.h.w);
	n = s->b.h.w->in.rtp.n;
	stream_input_stage(s->b.h.w);
	return n;
}

static void carried_out(struct scene *s, uint64_t command)
{
	atomic_store(&s->b.h.w->commands_done, command);
}

static void test_waits_for_its_command(void **state)
{
	struct scene s;

	scene_init(&s);
	put(&s, 0);
	put(&s, 5);
	put(&s, 5);
	assert_int_equal(turn(&s), 1);
	harness_advance(&s.b.h, WAIT / 2);
	carried_out(&s, 4);
	assert_int_equal(turn(&s), 0);
	carried_out(&s, 5);
	assert_int_equal(turn(&s), 2);
	assert_int_equal(harness_all_drops(&s.b.h), 0);
	scene_fini(&s);
}

static void test_waits_in_vain_once(void **state)
{
	struct scene s;

	scene_init(&s);
	for (uint64_t command = 1; command <= 3; command++)
		put(&s, command);
	assert_int_equal(turn(&s), 0);
	harness_advance(&s.b.h, WAIT);
	assert_int_equal(turn(&s), 0);
	harness_advance(&s.b.h, 1);
	assert_int_equal(turn(&s), 3); /* not each after a time of its own */
	put(&s, 4);
	assert_int_equal(turn(&s), 1);

	/* the main thread moves again: order is worth waiting for again */
	carried_out(&s, 4);
	put(&s, 4);
	put(&s, 5);
	assert_int_equal(turn(&s), 1);
	harness_advance(&s.b.h, WAIT / 2);
	assert_int_equal(turn(&s), 0);
	carried_out(&s, 5);
	assert_int_equal(turn(&s), 1);
	assert_int_equal(harness_all_drops(&s.b.h), 0);
	scene_fini(&s);
}

/* What cannot do without the command is dropped by the checks, and nothing behind it. */
static void test_what_needs_it_is_dropped(void **state)
{
	struct mr_packet head = {.kind = MR_PACKET_DOWN_SEND, .nexthop_id = 77, .after = 9};
	struct scene s;

	scene_init(&s);
	ring_put(&s.channel, &head, "reply", 5);
	put(&s, 9);
	assert_int_equal(turn(&s), 0);
	harness_advance(&s.b.h, WAIT + 1);
	assert_int_equal(turn(&s), 1);
	assert_int_equal(harness_drops(&s.b.h, MR_DROP_DOWN_INVALID), 1);
	assert_int_equal(harness_all_drops(&s.b.h), 1);
	scene_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_for_its_command),
		cmocka_unit_test(test_waits_in_vain_once),
		cmocka_unit_test(test_what_needs_it_is_dropped),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
