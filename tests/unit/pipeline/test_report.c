/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/pipeline/report.c: what sender reports say (read by
 * libsrtp2), when they go, and who is told to be silent or gone.
 */
#include "tests/unit/pipeline/harness.h"

#include "crypto/crypto_device_ops.h"
#include "dataplane/viewer/rtcp.h"
#include "tests/unit/crypto/oracle.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TURN (5 * MS)

struct report {
	uint32_t ssrc;
	uint64_t ntp;
	uint32_t rtp;
	uint32_t packets;
	uint32_t octets;
	char cname[256];
};

static uint32_t get_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return rte_be_to_cpu_32(v);
}

static struct oracle *oracle_of(const struct viewer *v)
{
	struct srtp_master m = harness_master(v->id, true);
	uint32_t ssrcs[] = {v->track[0].ssrc, v->track[1].ssrc};

	return oracle_create(v->profile, m.key, m.salt, ssrcs, v->track[1].ssrc != 0 ? 2 : 1);
}

/* Decrypts and takes apart, by the RFC and not by our parser. */
static void read_report(struct rte_mbuf *m, struct oracle *o, struct report *r)
{
	uint8_t b[512];
	int len;

	assert_in_range(m->data_len, 1, sizeof(b) - ORACLE_TRAILER);
	memcpy(b, rte_pktmbuf_mtod(m, void *), m->data_len);
	len = oracle_unprotect_rtcp(o, b, m->data_len);
	assert_true(len >= 28 + 12);
	assert_int_equal(get_be32(b), 0x80c80006); /* V=2, no blocks, SR, 7 words */
	memset(r, 0, sizeof(*r));
	r->ssrc = get_be32(b + 4);
	r->ntp = (uint64_t)get_be32(b + 8) << 32 | get_be32(b + 12);
	r->rtp = get_be32(b + 16);
	r->packets = get_be32(b + 20);
	r->octets = get_be32(b + 24);
	assert_int_equal(get_be32(b + 28) >> 16, 0x81ca); /* SDES of one */
	assert_int_equal((get_be32(b + 28) & 0xffff) * 4 + 4, len - 28);
	assert_int_equal(get_be32(b + 32), r->ssrc);
	assert_int_equal(b[36], 1); /* CNAME */
	memcpy(r->cname, b + 38, b[37]);
}

static void step(struct harness *h)
{
	harness_advance(h, TURN);
	report_stage(h->w);
}

/* Runs until a report has gone, at most `ns`. */
static void step_until_report(struct harness *h, uint64_t ns)
{
	for (uint64_t t = 0; t < ns && h->w->srtcp_out.n == 0; t += TURN)
		step(h);
}

/* Longer than a pass over all viewers. */
static void step_until_looked(struct harness *h)
{
	for (uint64_t t = 0; t < 50 * MS; t += TURN)
		step(h);
}

static void send_packet(struct harness *h, struct stream *s, uint16_t len, uint32_t timestamp)
{
	static const uint8_t payload[1500];

	harness_put(h, s, payload, len, timestamp);
	while (h->w->queue_head != NULL) {
		fanout_stage(h->w);
		protect_stage(h->w);
		harness_free_media(&h->w->cipher);
	}
}

/* The arithmetic that lip-sync hangs on: at the report's moment both clocks have
 * gone on since their last packet by the same time. */
static void test_contents(void **state)
{
	static const uint16_t profiles[] = {
		SRTP_PROFILE_GCM_128, SRTP_PROFILE_GCM_256, SRTP_PROFILE_AES128_CM_SHA1_80};

	for (size_t p = 0; p < sizeof(profiles) / sizeof(profiles[0]); p++) {
		struct stream *streams[MR_VIEWER_TRACKS];
		struct mr_viewer_add add;
		struct report video, audio;
		struct harness h;
		struct viewer *v;
		struct oracle *o;
		int64_t began;
		uint64_t passed;

		harness_init(&h);
		streams[0] = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
		streams[1] = harness_stream(&h, MR_KIND_AUDIO, 48000, 64);
		add = harness_viewer_add(&h, profiles[p], streams);
		v = harness_join(&h, &add, streams);
		o = oracle_of(v);
		began = h.w->wall_ns;
		send_packet(&h, streams[0], 1000, 0xfffffff0); /* wraps on the way */
		send_packet(&h, streams[0], 200, 0xfffffff0);
		send_packet(&h, streams[1], 160, 777);
		step_until_report(&h, SECOND);
		assert_int_equal(h.w->srtcp_out.n, 2);
		assert_ptr_equal(packet_meta(h.w->srtcp_out.pkts[0])->viewer, v);
		read_report(h.w->srtcp_out.pkts[0], o, &video);
		read_report(h.w->srtcp_out.pkts[1], o, &audio);

		assert_int_equal(video.ssrc, v->track[0].ssrc);
		assert_int_equal(audio.ssrc, v->track[1].ssrc);
		assert_int_equal(video.packets, 2);
		assert_int_equal(video.octets, 1200);
		assert_int_equal(audio.packets, 1);
		assert_int_equal(audio.octets, 160);
		assert_string_equal(video.cname, "cname-of-viewer");
		assert_string_equal(audio.cname, video.cname);

		assert_true(video.ntp == audio.ntp);
		assert_int_equal(video.ntp >> 32, (uint64_t)h.w->wall_ns / SECOND + 2208988800ull);
		passed = (uint64_t)(h.w->wall_ns - began);
		assert_int_equal(video.rtp - v->track[0].timestamp_base,
			(uint32_t)(0xfffffff0 + passed * 90000 / SECOND));
		assert_int_equal(audio.rtp - v->track[1].timestamp_base,
			(uint32_t)(777 + passed * 48000 / SECOND));
		assert_int_equal(v->stats->srtcp_out, 2);
		assert_int_equal(h.w->stats->srtcp_out, 2);
		assert_int_equal(v->feedback[0].sent_ntp[0], (uint32_t)(video.ntp >> 16));
		harness_free_batch(&h.w->srtcp_out);
		oracle_destroy(o);
		harness_fini(&h);
	}
}

/* Over a minute: one a second, however coarse the turns are. */
static void test_schedule(void **state)
{
	struct harness h;
	struct viewer *v;
	struct stream *s;
	uint64_t last = 0;
	unsigned int n = 0;

	harness_init(&h);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	v = harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	send_packet(&h, s, 100, 0);
	for (int i = 0; i < 60 * 200; i++) {
		v->alive_ns = h.w->now_ns;
		h.w->moved = false;
		step(&h);
		assert_int_equal(h.w->moved, h.w->srtcp_out.n > 0);
		if (h.w->srtcp_out.n == 0)
			continue;
		n += h.w->srtcp_out.n;
		if (last != 0)
			assert_in_range(h.w->now_ns - last, SECOND - 20 * MS, SECOND + 20 * MS);
		last = h.w->now_ns;
		harness_free_batch(&h.w->srtcp_out);
	}
	assert_in_range(n, 59, 60);

	/* After a stall, one report and not all that were missed. */
	harness_advance(&h, 10 * SECOND);
	v->alive_ns = h.w->now_ns;
	for (int i = 0; i < 20; i++)
		step(&h);
	assert_int_equal(h.w->srtcp_out.n, 1);
	harness_free_batch(&h.w->srtcp_out);
	harness_fini(&h);
}

static void test_who_gets_none(void **state)
{
	struct stream *streams[MR_VIEWER_TRACKS] = {0};
	struct mr_viewer_add add;
	struct viewer *fixed, *deaf;
	struct harness h;
	struct stream *s;

	harness_init(&h);
	s = streams[0] = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	step_until_report(&h, 3 * SECOND);
	assert_int_equal(h.w->srtcp_out.n, 0); /* nothing was sent yet */

	deaf = harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	deaf->rtcp = false;
	add = harness_viewer_add(&h, SRTP_PROFILE_GCM_128, streams);
	fixed = harness_join(&h, &add, streams);
	fixed->fixed = true;
	send_packet(&h, s, 100, 0);
	for (int i = 0; i < 400; i++)
		step(&h);
	assert_int_equal(deaf->stats->srtcp_out, 0);
	assert_in_range(fixed->stats->srtcp_out, 1, 2);
	harness_free_batch(&h.w->srtcp_out);
	harness_fini(&h);
}

static uint32_t reported(const struct harness *h)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->w->n_viewers; i++)
		n += h->w->viewers[i]->stats->srtcp_out > 0;
	return n;
}

/* All due at once: spread over turns, none left out; and as many as time has passed,
 * whatever the number of turns. */
static void test_bounded(void **state)
{
	enum { VIEWERS = 500, PASS = 25 * MS };
	struct harness h;
	struct stream *s;
	unsigned int turns = 0;

	s = harness_crowd(&h, VIEWERS);
	send_packet(&h, s, 100, 0);
	harness_advance(&h, SECOND);
	do {
		h.w->moved = false;
		report_stage(h.w);
		turns++;
		assert_in_range(h.w->srtcp_out.n, 1, 128);
		harness_free_batch(&h.w->srtcp_out);
	} while (h.w->look_ns <= h.w->now_ns);
	assert_in_range(turns, VIEWERS / 128, VIEWERS / 64);
	assert_in_range(reported(&h), VIEWERS, VIEWERS);
	/* The next pass is not before its time. */
	for (int i = 0; i < VIEWERS; i++)
		h.w->viewers[i]->stats->srtcp_out = h.w->viewers[i]->next_report_ns = 0;
	report_stage(h.w);
	assert_int_equal(reported(&h), 0);
	for (int i = 1; i <= 100; i++) {
		harness_advance(&h, PASS / 100);
		for (int turn = 0; turn < 3; turn++) {
			h.w->moved = true;
			report_stage(h.w);
			harness_free_batch(&h.w->srtcp_out);
		}
		assert_in_range(reported(&h), VIEWERS / 100 * i - 2, VIEWERS / 100 * i + 2);
	}

	/* Viewers that go while a pass runs leave it in the array's bounds. */
	harness_advance(&h, SECOND);
	report_stage(h.w);
	assert_in_range(h.w->srtcp_out.n, 1, 16); /* a busy turn: few */
	while (h.w->n_viewers > 3)
		harness_leave(&h, h.w->viewers[h.w->n_viewers / 2]);
	report_stage(h.w);
	assert_in_range(h.w->look_position, 1, 3);
	harness_free_batch(&h.w->srtcp_out);
	harness_fini(&h);
}

static void test_expiry(void **state)
{
	struct harness h;
	struct viewer *v, *fixed;
	struct stream *s;

	harness_init(&h);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	v = harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	fixed = harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	fixed->fixed = true;
	send_packet(&h, s, 100, 0);
	for (int i = 0; i < 6000; i++) { /* 30 s */
		step(&h);
		harness_free_batch(&h.w->srtcp_out);
	}
	harness_no_notice(&h);
	assert_false(v->expired);
	for (int i = 0; i < 4; i++)
		step(&h);
	harness_expect_notice(&h, MR_EVENT_VIEWER_STATE, v->id, MR_VIEWER_EXPIRED);
	harness_no_notice(&h);
	assert_true(v->expired);
	assert_false(fixed->expired);

	/* The notice may get lost: told again each second; a late sign of life changes nothing. */
	harness_free_batch(&h.w->srtcp_out);
	v->alive_ns = h.w->now_ns;
	for (int i = 0; i < 3 * 200; i++)
		step(&h);
	for (int i = 0; i < h.w->srtcp_out.n; i++)
		assert_ptr_equal(packet_meta(h.w->srtcp_out.pkts[i])->viewer, fixed);
	for (int i = 0; i < 2; i++)
		harness_expect_notice(&h, MR_EVENT_VIEWER_STATE, v->id, MR_VIEWER_EXPIRED);
	harness_free_batch(&h.w->srtcp_out);
	harness_fini(&h);
}

static void test_silence(void **state)
{
	struct harness h;
	struct stream *s;

	harness_init(&h);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	for (int i = 0; i < 5 * 200; i++)
		step(&h);
	harness_no_notice(&h); /* never began */

	s->started = true;
	s->receiver.ssrc = 0xabcd;
	atomic_store(&s->stats->last_packet_ns, h.w->now_ns);
	for (int i = 0; i < 3 * 200 - 1; i++)
		step(&h);
	harness_no_notice(&h);
	for (int i = 0; i < 5 * 200; i++)
		step(&h);
	harness_expect_notice(&h, MR_EVENT_STREAM_STATE, s->id, MR_STREAM_SILENT);
	harness_no_notice(&h);
	assert_true(s->silent);

	/* Stream input clears it with the next packet. */
	s->silent = false;
	atomic_store(&s->stats->last_packet_ns, h.w->now_ns);
	for (int i = 0; i < 4 * 200; i++)
		step(&h);
	harness_expect_notice(&h, MR_EVENT_STREAM_STATE, s->id, MR_STREAM_SILENT);
	harness_fini(&h);
}

static void test_failures(void **state)
{
	static struct rte_mbuf *all[HARNESS_MBUFS];
	struct harness h;
	struct viewer *v;
	struct stream *s;

	harness_init(&h);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	v = harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	send_packet(&h, s, 100, 0);
	assert_int_equal(rte_pktmbuf_alloc_bulk(h.w->pool, all, HARNESS_MBUFS), 0);
	harness_advance(&h, SECOND);
	report_stage(h.w);
	assert_int_equal(harness_drops(&h, MR_DROP_MBUF_EMPTY), 1);
	rte_pktmbuf_free_bulk(all, HARNESS_MBUFS);

	h.w->srtcp_out.n = BATCH_MAX;
	harness_advance(&h, SECOND);
	report_stage(h.w);
	assert_int_equal(harness_drops(&h, MR_DROP_TX_FULL), 1);
	h.w->srtcp_out.n = 0;

	/* RFC 3711 3.3.1: a key whose indices are used up says nothing more. */
	v->rtcp_tx.next_index = UINT32_C(1) << 31;
	harness_advance(&h, SECOND);
	report_stage(h.w);
	assert_int_equal(harness_drops(&h, MR_DROP_PROTECT_FAILED), 1);
	assert_int_equal(h.w->srtcp_out.n, 0);
	harness_fini(&h);
}

static uint16_t refuse_all(struct crypto_device *dev, struct srtp_op *ops, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		ops[i].status = EIO;
	return 0;
}

/* A look between fan-out and protect, which fails: what is told never falls, and is true
 * again as soon as that much was sent. */
static void test_taken_back(void **state)
{
	static const struct crypto_device_ops ops = {.protect_burst = refuse_all};
	struct crypto_device broken = {.ops = &ops};
	struct crypto_device *real;
	struct mr_stats_track *told;
	struct harness h;
	struct stream *s;

	harness_init(&h);
	real = h.w->crypto;
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	told = &harness_viewer(&h, SRTP_PROFILE_GCM_128, s)->stats->track[0];
	send_packet(&h, s, 100, 0);
	step(&h);
	harness_put(&h, s, "four", 4, 0);
	fanout_stage(h.w);
	step_until_looked(&h);
	h.w->crypto = &broken;
	protect_stage(h.w);
	h.w->crypto = real;
	assert_int_equal(harness_drops(&h, MR_DROP_PROTECT_FAILED), 1);
	step_until_looked(&h);
	assert_in_range(told->packets, 1, 2);
	assert_in_range(told->bytes, 100, 104);
	/* One of the two is below what was told, the other is not. */
	send_packet(&h, s, 1, 0);
	step_until_looked(&h);
	assert_int_equal(told->packets, 2);
	assert_in_range(told->bytes, 101, 104);
	send_packet(&h, s, 200, 0);
	step_until_looked(&h);
	assert_int_equal(told->packets, 3);
	assert_int_equal(told->bytes, 301);
	harness_free_batch(&h.w->srtcp_out);
	harness_fini(&h);
}

static int setup(void **state)
{
	oracle_library_init();
	return harness_eal(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_who_gets_none),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_taken_back),
	};

	return cmocka_run_group_tests(tests, setup, harness_eal_end);
}
