/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/pipeline/feedback.c: viewers' SRTCP, made by libsrtp2,
 * becomes their figures; what is false, old or broken is dropped by name.
 */
#include "tests/unit/pipeline/feedback_scene.h"

#include <rte_byteorder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_figures(void **state)
{
	static const uint16_t profiles[] = {
		SRTP_PROFILE_GCM_128, SRTP_PROFILE_GCM_256, SRTP_PROFILE_AES128_CM_SHA1_80};

	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		const struct mr_stats_track *video, *audio;
		struct rtcp_block b = {
			.fraction_lost = 64, .cumulative_lost = 1000, .highest = 5, .jitter = 450};
		struct packet p = {.len = 0};
		struct scene c;

		scene_init(&c, profiles[i]);
		video = &c.v->stats->track[0];
		audio = &c.v->stats->track[1];
		add_rr(&p, REPORTER, 3);
		b.ssrc = c.v->track[0].ssrc;
		add_block(&p, &b);
		b = (struct rtcp_block){
			.ssrc = c.v->track[1].ssrc, .cumulative_lost = -3, .jitter = 7};
		add_block(&p, &b);
		b.ssrc = 0x12345678; /* nobody's */
		add_block(&p, &b);
		say(&c, &p);

		assert_int_equal(video->reports, 1);
		assert_int_equal(video->fraction_lost, 64);
		assert_int_equal(video->cumulative_lost, 1000);
		assert_int_equal(video->jitter, 450);
		assert_int_equal(video->round_trip_us, 0); /* no SR of ours was seen */
		assert_int_equal(audio->reports, 1);
		assert_int_equal(audio->cumulative_lost, -3);
		assert_int_equal(audio->jitter, 7);
		assert_int_equal(c.v->stats->srtcp_in, 1);
		assert_int_equal(c.h.w->stats->srtcp_in, 1);
		assert_int_equal(c.v->alive_ns, c.h.w->now_ns);
		assert_int_equal(c.v->stats->alive_ns, c.h.w->now_ns);
		harness_expect_notice(&c.h, MR_EVENT_VIEWER_STATE, c.v->id, MR_VIEWER_RTCP);
		harness_expect_notice(&c.h, MR_EVENT_VIEWER_STATE, c.v->id, MR_VIEWER_ALIVE);

		p.len = 0; /* told once */
		add_report(&p, REPORTER, c.v->track[0].ssrc);
		say(&c, &p);
		assert_int_equal(video->reports, 2);
		harness_no_notice(&c.h);
		assert_int_equal(harness_all_drops(&c.h), 0);
		scene_fini(&c);
	}
}

/* Lets the report stage send, and returns the middle of the NTP time that the
 * viewer reads in it. */
static uint32_t receive_report(struct scene *c)
{
	struct batch *out = &c->h.w->srtcp_out;
	uint8_t bytes[512];
	uint32_t words[2];

	c->v->next_report_ns = c->h.w->now_ns;
	c->h.w->look_ns = 0;
	report_stage(c->h.w);
	assert_int_equal(out->n, 1);
	memcpy(bytes, rte_pktmbuf_mtod(out->pkts[0], void *), out->pkts[0]->data_len);
	assert_true(oracle_unprotect_rtcp(c->receiver, bytes, out->pkts[0]->data_len) > 0);
	harness_free_batch(out);
	memcpy(words, bytes + 8, sizeof(words));
	return rte_be_to_cpu_32(words[0]) << 16 | rte_be_to_cpu_32(words[1]) >> 16;
}

static void test_round_trip(void **state)
{
	static const struct {
		const char *why;
		uint64_t passed_ns; /* since our report */
		uint32_t delay;     /* 1/65536 s, as the viewer says */
		uint32_t least_us;
		uint32_t most_us;
		bool forged; /* an LSR that is not ours */
	} cases[] = {
		{"30 ms on the way, 500 ms there", 530 * MS, 32768, 29900, 30100, false},
		{"at once", 80 * MS, 0, 79900, 80100, false},
		{"a round trip of nothing is not unknown", 500 * MS, 32768, 1, 100, false},
		{"the viewer's clock runs a little fast", 500 * MS, 32768 + 30, 1, 1, false},
		{"held longer than since we sent it", 500 * MS, 40000, 0, 0, false},
		{"a delay of hours", 500 * MS, UINT32_MAX, 0, 0, false},
		{"longer than any round trip", 11 * SECOND, 0, 0, 0, false},
		{"an LSR that we never sent", 80 * MS, 0, 0, 0, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rtcp_block b = {0};
		struct packet p = {.len = 0};
		uint32_t trip;
		struct scene c;

		scene_init(&c, SRTP_PROFILE_GCM_128);
		c.v->track[0].packets_sent = 1;
		clock_arrival(&c.video->clock, 0, c.h.w->wall_ns);
		b.ssrc = c.v->track[0].ssrc;
		b.last_sr = receive_report(&c) + (cases[i].forged ? 1 : 0);
		b.delay_since_sr = cases[i].delay;
		harness_advance(&c.h, cases[i].passed_ns);
		add_rr(&p, REPORTER, 1);
		add_block(&p, &b);
		say(&c, &p);
		trip = c.v->stats->track[0].round_trip_us;
		if (trip < cases[i].least_us || trip > cases[i].most_us)
			fail_msg("%s: %u us", cases[i].why, trip);
		scene_fini(&c);
	}
}

/* A far viewer answers the report before the last. */
static void test_round_trip_over_a_second(void **state)
{
	struct rtcp_block b = {0};
	struct packet p = {.len = 0};
	struct scene c;

	scene_init(&c, SRTP_PROFILE_GCM_128);
	c.v->track[0].packets_sent = 1;
	clock_arrival(&c.video->clock, 0, c.h.w->wall_ns);
	b.ssrc = c.v->track[0].ssrc;
	b.last_sr = receive_report(&c);
	for (int i = 0; i < 3; i++) {
		harness_advance(&c.h, SECOND);
		receive_report(&c);
	}
	add_rr(&p, REPORTER, 1);
	add_block(&p, &b);
	say(&c, &p);
	assert_in_range(c.v->stats->track[0].round_trip_us, 2999900, 3000100);

	harness_advance(&c.h, SECOND);
	receive_report(&c); /* the fifth: the first is forgotten */
	p.len = 0;
	add_rr(&p, REPORTER, 1);
	add_block(&p, &b);
	say(&c, &p);
	assert_in_range(c.v->stats->track[0].round_trip_us, 2999900, 3000100);
	scene_fini(&c);
}

static void test_refused(void **state)
{
	struct packet p = {.len = 0}, copy;
	struct scene c;

	scene_init(&c, SRTP_PROFILE_GCM_128);
	add_report(&p, REPORTER, c.v->track[0].ssrc);
	protect(&c, &p);

	copy = p;
	copy.bytes[10] ^= 1;
	give(&c, copy.bytes, copy.len);
	assert_int_equal(harness_drops(&c.h, MR_DROP_SRTCP_AUTH), 1);
	copy = p;
	copy.bytes[copy.len - 4] &= 0x7f; /* the E flag: clear SRTCP is refused */
	give(&c, copy.bytes, copy.len);
	assert_int_equal(harness_drops(&c.h, MR_DROP_SRTCP_MALFORMED), 1);
	for (size_t len = 0; len < p.len; len++)
		give(&c, p.bytes, len);
	assert_int_equal(harness_all_drops(&c.h), 2 + p.len);
	assert_int_equal(c.v->stats->srtcp_in, 0);
	assert_int_not_equal(c.v->alive_ns, c.h.w->now_ns);
	harness_no_notice(&c.h);

	give(&c, p.bytes, p.len);
	assert_int_equal(c.v->stats->srtcp_in, 1);
	give(&c, p.bytes, p.len);
	assert_int_equal(harness_drops(&c.h, MR_DROP_SRTCP_REPLAY), 1);
	assert_int_equal(c.v->stats->srtcp_in, 1);
	scene_fini(&c);
}

/* Authentic, but broken: a sign of life, and nothing of it is believed. */
static void test_malformed_inside(void **state)
{
	struct packet p = {.len = 0};
	struct scene c;

	scene_init(&c, SRTP_PROFILE_GCM_128);
	add_report(&p, REPORTER, c.v->track[0].ssrc);
	add_header(&p, 2, RTCP_BYE, 1);
	add32(&p, REPORTER);
	say(&c, &p);
	assert_int_equal(harness_drops(&c.h, MR_DROP_SRTCP_MALFORMED), 1);
	assert_int_equal(c.v->stats->track[0].reports, 0);
	assert_int_equal(c.v->alive_ns, c.h.w->now_ns);
	assert_false(c.v->expired);
	scene_fini(&c);
}

static void test_nacks(void **state)
{
	struct packet p = {.len = 0};
	struct scene c;

	scene_init(&c, SRTP_PROFILE_AES128_CM_SHA1_80);
	add_header(&p, RTCP_FMT_NACK, RTCP_RTPFB, 4); /* reduced size, RFC 5506 */
	add32(&p, REPORTER);
	add32(&p, c.v->track[0].ssrc);
	add32(&p, 0x00640003);
	add32(&p, 0x00c80000);
	say(&c, &p);
	assert_int_equal(c.v->stats->track[0].nacks, 4);
	assert_int_equal(c.v->stats->track[1].nacks, 0);

	p.len = 0;
	add_header(&p, RTCP_FMT_NACK, RTCP_RTPFB, 3);
	add32(&p, REPORTER);
	add32(&p, 0x12345678); /* nobody's */
	add32(&p, 0x0064ffff);
	say(&c, &p);
	p.len = 0;
	add_header(&p, 15, RTCP_RTPFB, 3); /* transport-wide feedback, not ours */
	add32(&p, REPORTER);
	add32(&p, c.v->track[0].ssrc);
	add32(&p, 0x0064ffff);
	say(&c, &p);
	assert_int_equal(c.v->stats->track[0].nacks, 4);
	assert_int_equal(harness_all_drops(&c.h), 0);
	scene_fini(&c);
}

static void test_keyframes_wanted(void **state)
{
	struct packet p = {.len = 0};
	struct scene c;

	scene_init(&c, SRTP_PROFILE_GCM_128);
	add_pli(&p, c.v->track[0].ssrc);
	say(&c, &p);
	forget_notices(&c);
	/* The first was told; those of the next second are only counted. */
	for (int i = 0; i < 9; i++) {
		harness_advance(&c.h, 100 * MS);
		p.len = 0;
		add_pli(&p, c.v->track[0].ssrc);
		say(&c, &p);
	}
	harness_no_notice(&c.h);
	assert_int_equal(c.v->stats->track[0].plis, 10);
	harness_advance(&c.h, 100 * MS);
	p.len = 0;
	add_header(&p, RTCP_FMT_FIR, RTCP_PSFB, 6);
	add32(&p, REPORTER);
	add32(&p, 0);
	add32(&p, c.v->track[0].ssrc);
	add32(&p, 1u << 24);
	add32(&p, 0x12345678);
	add32(&p, 1u << 24);
	say(&c, &p);
	harness_expect_notice(&c.h, MR_EVENT_KEYFRAME_WANTED, c.video->id, 0);
	harness_no_notice(&c.h);
	assert_int_equal(c.v->stats->track[0].plis, 11);

	harness_advance(&c.h, 2 * SECOND);
	p.len = 0;
	add_pli(&p, c.v->track[1].ssrc); /* audio has none */
	say(&c, &p);
	harness_no_notice(&c.h);
	scene_fini(&c);
}

static void test_bye(void **state)
{
	static const struct {
		const char *why;
		uint32_t video; /* who reports on the track; 0: nobody */
		uint32_t audio;
		uint32_t bye[2]; /* said one after the other; 0: none */
		bool fixed;
		bool gone;
	} cases[] = {
		{"one reporter of both tracks", REPORTER, REPORTER, {REPORTER}, false, true},
		{"one of two", REPORTER, OTHER, {OTHER}, false, false},
		{"both of two", REPORTER, OTHER, {OTHER, REPORTER}, false, true},
		{"somebody else", REPORTER, REPORTER, {OTHER}, false, false},
		{"before any report", 0, 0, {REPORTER}, false, true},
		{"of one track that was reported", REPORTER, 0, {REPORTER}, false, true},
		{"of a session of the file", REPORTER, REPORTER, {REPORTER}, true, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet p;
		struct scene c;
		struct notice n;

		scene_init(&c, SRTP_PROFILE_GCM_128);
		c.v->fixed = cases[i].fixed;
		for (int t = 0; t < 2; t++) {
			uint32_t reporter = t == 0 ? cases[i].video : cases[i].audio;
			p.len = 0;
			if (reporter == 0)
				continue;
			add_report(&p, reporter, c.v->track[t].ssrc);
			say(&c, &p);
		}
		for (int k = 0; k < 2 && cases[i].bye[k] != 0; k++) {
			assert_false(c.v->expired);
			p.len = 0;
			add_rr(&p, cases[i].bye[k], 0);
			add_bye(&p, cases[i].bye[k]);
			say(&c, &p);
		}
		if (c.v->expired != cases[i].gone)
			fail_msg("%s", cases[i].why);
		bool told = false;
		while (harness_notice(&c.h, &n))
			told |= n.type == MR_EVENT_VIEWER_STATE && n.value == MR_VIEWER_BYE;
		assert_int_equal(told, cases[i].gone);
		if (cases[i].gone) {
			/* Said again: told before. */
			p.len = 0;
			add_bye(&p, REPORTER);
			say(&c, &p);
			harness_no_notice(&c.h);
			/* Should the notice have got lost: the report stage reminds. */
			harness_advance(&c.h, SECOND + 10 * MS);
			report_stage(c.h.w);
			harness_expect_notice(
				&c.h, MR_EVENT_VIEWER_STATE, c.v->id, MR_VIEWER_EXPIRED);
			harness_free_batch(&c.h.w->srtcp_out);
		}
		scene_fini(&c);
	}
}

/* A stream that has gone leaves nothing to report on. */
static void test_without_stream(void **state)
{
	struct packet p = {.len = 0};
	struct scene c;

	scene_init(&c, SRTP_PROFILE_GCM_128);
	harness_stream_end(&c.h, c.video);
	add_report(&p, REPORTER, c.v->track[0].ssrc);
	add_pli(&p, c.v->track[0].ssrc);
	say(&c, &p);
	assert_int_equal(c.v->stats->track[0].reports, 0);
	assert_int_equal(c.v->stats->track[0].plis, 0);
	assert_int_equal(c.v->stats->srtcp_in, 1);
	scene_fini(&c);
}

static int setup(void **state)
{
	oracle_library_init();
	return harness_eal(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_round_trip_over_a_second),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_malformed_inside),
		cmocka_unit_test(test_nacks),
		cmocka_unit_test(test_keyframes_wanted),
		cmocka_unit_test(test_bye),
		cmocka_unit_test(test_without_stream),
	};

	return cmocka_run_group_tests(tests, setup, harness_eal_end);
}
