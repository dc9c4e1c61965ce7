/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/pipeline/protect.c behind fan-out: libsrtp2 decrypts every
 * packet of every profile, also across the wrap of the sequence number; a
 * resend is the same bytes.
 */
#include "tests/unit/pipeline/harness.h"

#include "crypto/crypto_device_ops.h"
#include "tests/unit/crypto/oracle.h"
#include "tests/unit/crypto/random.h"

#include <errno.h>
#include <rte_byteorder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VIEWERS 6
#define MAX_PAYLOAD 1400
#define RTP_HEADER 12

static const uint16_t profiles[] = {
	SRTP_PROFILE_GCM_128, SRTP_PROFILE_GCM_256, SRTP_PROFILE_AES128_CM_SHA1_80};

static struct oracle *oracle_of(const struct viewer *v)
{
	struct srtp_master m = harness_master(v->id, true);
	uint32_t ssrcs[MR_VIEWER_TRACKS];
	int n = 0;

	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		if (v->track[i].ssrc != 0)
			ssrcs[n++] = v->track[i].ssrc;
	return oracle_create(v->profile, m.key, m.salt, ssrcs, n);
}

/* What was put last, and what its copies must say. */
struct expected {
	uint8_t payload[MAX_PAYLOAD];
	uint16_t len;
	uint32_t timestamp;
};

static void check_copy(struct rte_mbuf *m, const struct viewer_track *t, struct oracle *o,
	const struct expected *e)
{
	uint8_t packet[2048];
	uint32_t word;
	int len;

	len = harness_rtp_len(m);
	memcpy(packet, harness_rtp(m), (size_t)len);
	len = oracle_unprotect(o, packet, len);
	assert_int_equal(len, RTP_HEADER + e->len);
	memcpy(&word, packet + 4, sizeof(word));
	assert_int_equal(rte_be_to_cpu_32(word), (uint32_t)(e->timestamp + t->timestamp_base));
	memcpy(&word, packet + 8, sizeof(word));
	assert_int_equal(rte_be_to_cpu_32(word), t->ssrc);
	assert_memory_equal(packet + RTP_HEADER, e->payload, e->len);
}

/* Viewers of all profiles at once, packets of all sizes. */
static void test_every_packet_decrypts(void **state)
{
	struct viewer *v[VIEWERS];
	struct oracle *o[VIEWERS];
	struct expected e;
	struct harness h;
	struct stream *s;
	struct random r;
	uint64_t bytes = 0;

	harness_init(&h);
	random_init(&r, 3711);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	for (int i = 0; i < VIEWERS; i++) {
		v[i] = harness_viewer(&h, profiles[i % 3], s);
		o[i] = oracle_of(v[i]);
	}
	for (uint32_t k = 0; k < 500; k++) {
		e.len = (uint16_t)(1 + random_below(&r, MAX_PAYLOAD));
		e.timestamp = k * 3000;
		random_bytes(&r, e.payload, e.len);
		bytes += e.len;
		harness_put(&h, s, e.payload, e.len, e.timestamp);
		fanout_stage(h.w);
		protect_stage(h.w);
		assert_int_equal(h.w->plain.n, 0);
		assert_int_equal(h.w->cipher.n, VIEWERS);
		for (int i = 0; i < VIEWERS; i++)
			check_copy(h.w->cipher.pkts[i], &v[i]->track[0], o[i], &e);
		harness_free_media(&h.w->cipher);
	}
	report_stage(h.w);
	for (int i = 0; i < VIEWERS; i++) {
		assert_int_equal(v[i]->track[0].packets_sent, 500);
		assert_int_equal(v[i]->track[0].octets_sent, bytes);
		assert_int_equal(v[i]->stats->track[0].packets, 500);
		assert_int_equal(v[i]->stats->track[0].bytes, bytes);
		oracle_destroy(o[i]);
	}
	assert_int_equal(h.w->stats->media_packets, 500 * VIEWERS);
	assert_int_equal(harness_all_drops(&h), 0);
	harness_fini(&h);
}

static void test_wrap(void **state)
{
	for (size_t p = 0; p < sizeof(profiles) / sizeof(profiles[0]); p++) {
		struct stream *streams[MR_VIEWER_TRACKS] = {0};
		struct mr_viewer_add add;
		struct expected e = {.payload = "across the wrap", .len = 16};
		struct harness h;
		struct viewer *v;
		struct oracle *o;

		harness_init(&h);
		streams[0] = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
		add = harness_viewer_add(&h, profiles[p], streams);
		add.track[0].sequence_base = 0x7fff; /* the highest that a join may have */
		v = harness_join(&h, &add, streams);
		o = oracle_of(v);
		for (uint32_t k = 0; k < 0x8000 + 2000; k++) {
			e.timestamp = k;
			harness_put(&h, streams[0], e.payload, e.len, e.timestamp);
			fanout_stage(h.w);
			protect_stage(h.w);
			check_copy(h.w->cipher.pkts[0], &v->track[0], o, &e);
			harness_free_media(&h.w->cipher);
		}
		assert_true(v->track[0].wire_base + streams[0]->audience.live_next > 0x10000);
		oracle_destroy(o);
		harness_fini(&h);
	}
}

/* Copies are a function of the packet and of what was fixed at join: RFC 3711
 * 9.1 allows an index twice only with the same bytes. */
static void test_resend_is_the_same(void **state)
{
	struct harness h;
	struct stream *s;

	harness_init(&h);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	for (int i = 0; i < VIEWERS; i++)
		harness_viewer(&h, profiles[i % 3], s);
	for (uint8_t k = 0; k < 10; k++)
		harness_put(&h, s, "0123456789", k + 1, k);
	fanout_stage(h.w);
	protect_stage(h.w);
	struct media_batch first = h.w->cipher;
	assert_int_equal(first.n, 10 * VIEWERS);
	harness_advance(&h, SECOND);
	s->audience.live_next = 0;
	worker_queue_audience(h.w, &s->audience);
	fanout_stage(h.w);
	protect_stage(h.w);
	assert_int_equal(h.w->cipher.n, first.n);
	for (uint16_t i = 0; i < first.n; i++) {
		assert_int_equal(first.pkts[i]->data_len, h.w->cipher.pkts[i]->data_len);
		assert_memory_equal(harness_rtp(first.pkts[i]), harness_rtp(h.w->cipher.pkts[i]),
			harness_rtp_len(first.pkts[i]));
	}
	harness_free_media(&first);
	harness_free_media(&h.w->cipher);
	harness_fini(&h);
}

static void test_failure_is_named(void **state)
{
	struct harness h;
	struct viewer *v;
	struct stream *s;

	harness_init(&h);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	v = harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	srtp_tx_fini(&v->rtp_key);
	harness_put(&h, s, "x", 1, 0);
	fanout_stage(h.w);
	protect_stage(h.w);
	assert_int_equal(h.w->cipher.n, 1);
	assert_int_equal(h.w->cipher.bytes, h.w->cipher.pkts[0]->pkt_len);
	assert_int_equal(harness_drops(&h, MR_DROP_PROTECT_FAILED), 1);
	assert_int_equal(v->track[0].packets_sent, 0);
	assert_int_equal(h.w->stats->media_packets, 1);
	harness_free_media(&h.w->cipher);
	harness_fini(&h);
}

static uint16_t keep_all(struct crypto_device *dev, struct srtp_op *ops, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		ops[i].status = EBUSY;
	return 0;
}

/* A buffer that a device may still write to serves no other packet, ever. */
static void test_kept_by_the_device(void **state)
{
	static const struct crypto_device_ops ops = {.protect_burst = keep_all};
	struct crypto_device stuck = {.ops = &ops};
	struct crypto_device *real;
	struct rte_mbuf *kept[2];
	struct harness h;
	struct stream *s;
	unsigned int before;

	s = harness_crowd(&h, 2);
	harness_put(&h, s, "x", 1, 0);
	before = rte_mempool_avail_count(h.w->pool);
	fanout_stage(h.w);
	memcpy(kept, h.w->plain.pkts, sizeof(kept));
	real = h.w->crypto;
	h.w->crypto = &stuck;
	protect_stage(h.w);
	h.w->crypto = real;
	assert_int_equal(h.w->cipher.n, 0);
	assert_int_equal(harness_drops(&h, MR_DROP_CRYPTO_STUCK), 2);
	assert_int_equal(harness_all_drops(&h), 2);
	assert_int_equal(rte_mempool_avail_count(h.w->pool), before - 2);
	rte_pktmbuf_free_bulk(kept, 2);
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
		cmocka_unit_test(test_every_packet_decrypts),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_resend_is_the_same),
		cmocka_unit_test(test_failure_is_named),
		cmocka_unit_test(test_kept_by_the_device),
	};

	return cmocka_run_group_tests(tests, setup, harness_eal_end);
}
