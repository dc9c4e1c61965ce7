/* SPDX-License-Identifier: BSD-3-Clause */
/* apps/viewer/track.c: jitter, report blocks, the sender's clock. */
#include "apps/viewer/track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS 1000u /* us */

static const struct sdp_payload video = {
	.type = 106, .kind = MEDIA_VIDEO, .clock_rate = 90000, .codec = "H264"};

static void measure_jitter(void **state)
{
	struct track track;

	track_init(&track, 1, &video);
	/* every 10 ms, in step with its timestamps: none */
	for (uint32_t i = 0; i < 100; i++)
		track_receive(&track, i, i * 900, 100, (1000 + 10 * i) * (uint64_t)MS);
	assert_int_equal(track_jitter(&track), 0);
	/* every other one 2 ms late: |D| is 180 ticks each time */
	for (uint32_t i = 100; i < 1000; i++)
		track_receive(
			&track, i, i * 900, 100, (1000 + 10 * i + (i & 1) * 2) * (uint64_t)MS);
	assert_in_range(track_jitter(&track), 178, 180);
	assert_int_equal(track.frames, 1000);
	assert_int_equal(track.packets, 1000);
	assert_int_equal(track.bytes, 100000);
}

static void report_loss(void **state)
{
	struct track track;
	struct rtcp_block block;

	track_init(&track, 0x1234, &video);
	for (uint64_t i = 0; i < 100; i++)
		if (i % 4 != 1)
			track_receive(&track, i, 0, 100, MS);
	track_report_block(&track, 2 * MS, &block);
	assert_int_equal(block.ssrc, 0x1234);
	assert_int_equal(block.fraction_lost, 64); /* 25 of 100 */
	assert_int_equal(block.cumulative_lost, 25);
	assert_int_equal(block.highest, 99);
	assert_int_equal(block.last_sr, 0);

	/* nothing new */
	track_report_block(&track, 3 * MS, &block);
	assert_int_equal(block.fraction_lost, 0);
	assert_int_equal(block.cumulative_lost, 25);

	/* A.3: repeated packets count as received, the sum may go below zero */
	for (int i = 0; i < 30; i++)
		track_receive(&track, 99, 0, 100, 4 * MS);
	track_report_block(&track, 5 * MS, &block);
	assert_int_equal(block.cumulative_lost, -5);
	assert_int_equal(block.fraction_lost, 0);

	/* everything lost but the last */
	track_receive(&track, 4000, 0, 100, 6 * MS);
	track_report_block(&track, 7 * MS, &block);
	assert_int_equal(block.fraction_lost, 255);
}

static void report_sender_clock(void **state)
{
	const struct rtcp_packet report = {.ntp = 0x1122334455667788, .rtp_timestamp = 0xfffffff0};
	struct track track;
	struct rtcp_block block;

	track_init(&track, 1, &video);
	assert_null(track_last_report(&track));
	track_receive(&track, 5, 0, 100, 1000 * MS);
	track_receive_report(&track, &report, 2000 * MS);
	track_report_block(&track, 2500 * MS, &block);
	assert_int_equal(block.last_sr, 0x33445566);
	assert_int_equal(block.delay_since_sr, 0x8000); /* half a second */
	assert_int_equal(track_last_report(&track)->rtp_timestamp, 0xfffffff0);
	for (uint64_t i = 0; i < 2 * TRACK_REPORTS_MAX; i++)
		track_receive_report(&track, &report, i);
	assert_int_equal(track.report_count, 2 * TRACK_REPORTS_MAX + 1);
	assert_int_equal(track_last_report(&track)->at_us, 2 * TRACK_REPORTS_MAX - 1);
}

static void report_nothing_received(void **state)
{
	struct track track;
	struct rtcp_block block;

	track_init(&track, 1, NULL);
	track_report_block(&track, MS, &block);
	assert_int_equal(block.fraction_lost, 0);
	assert_int_equal(block.cumulative_lost, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measure_jitter),
		cmocka_unit_test(report_loss),
		cmocka_unit_test(report_sender_clock),
		cmocka_unit_test(report_nothing_received),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
