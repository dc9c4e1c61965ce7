/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/pipeline/repair.c: what a NACK brings back, as the same
 * bytes or by RTX (libsrtp2 reads it), and every reason for which it does not.
 */
#include "tests/unit/pipeline/repair_scene.h"

#include "dataplane/stream/rtp.h"

#include <rte_byteorder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_same_bytes(void **state)
{
	static const uint16_t profiles[] = {
		SRTP_PROFILE_GCM_128, SRTP_PROFILE_GCM_256, SRTP_PROFILE_AES128_CM_SHA1_80};

	for (size_t k = 0; k < sizeof(profiles) / sizeof(profiles[0]); k++) {
		static const unsigned int asked[] = {2, 3, 5};
		struct packet p = {.len = 0};
		struct media_batch *out;
		struct sent sent;
		struct scene c;
		uint32_t packets;

		begin(&c, profiles[k], &sent);
		packets = c.v->track[0].packets_sent;
		add_header(&p, RTCP_FMT_NACK, RTCP_RTPFB, 3); /* reduced size, RFC 5506 */
		add32(&p, REPORTER);
		add32(&p, c.v->track[0].ssrc);
		add32(&p, (uint32_t)number(c.v, 2) << 16 | 0x5);
		say(&c, &p);
		repair_stage(c.h.w);
		protect_stage(c.h.w);
		out = &c.h.w->cipher;
		assert_int_equal(out->n, 3);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(harness_rtp_len(out->pkts[i]), sent.len[asked[i]]);
			assert_memory_equal(harness_rtp(out->pkts[i]), sent.bytes[asked[i]],
				sent.len[asked[i]]);
		}
		assert_int_equal(c.v->stats->track[0].nacks, 3);
		assert_int_equal(c.v->stats->track[0].repaired, 3);
		assert_int_equal(c.v->stats->track[0].repaired_bytes, 3 * PAYLOAD);
		assert_int_equal(c.h.w->stats->repairs, 3);
		assert_int_equal(c.v->track[0].packets_sent, packets);
		assert_null(c.h.w->repairs_wait.head);
		harness_free_media(out);
		scene_fini(&c);
	}
}

static void check_rtx(struct scene *c, struct oracle *o, struct rte_mbuf *m, unsigned int original,
	uint64_t rtx_index)
{
	const struct viewer_track *t = &c->v->track[0];
	const struct rtp_header *h;
	uint8_t packet[2048], expected[PAYLOAD];
	uint16_t osn;

	memset(expected, (int)original, sizeof(expected));
	memcpy(packet, harness_rtp(m), harness_rtp_len(m));
	assert_int_equal(oracle_unprotect(o, packet, harness_rtp_len(m)),
		sizeof(*h) + RTX_OSN_LEN + PAYLOAD);
	h = (const struct rtp_header *)packet;
	memcpy(&osn, packet + sizeof(*h), sizeof(osn));
	assert_int_equal(h->mpt & 0x7f, RTX_TYPE);
	assert_int_equal(rte_be_to_cpu_16(h->seq), (uint16_t)rtx_index);
	assert_int_equal(rte_be_to_cpu_32(h->ssrc), RTX_SSRC);
	assert_int_equal(
		rte_be_to_cpu_32(h->timestamp), (uint32_t)(3000 * original + t->timestamp_base));
	assert_int_equal(rte_be_to_cpu_16(osn), number(c->v, original));
	assert_memory_equal(packet + sizeof(*h) + RTX_OSN_LEN, expected, sizeof(expected));
}

static void test_rtx(void **state)
{
	static const uint16_t profiles[] = {
		SRTP_PROFILE_GCM_128, SRTP_PROFILE_GCM_256, SRTP_PROFILE_AES128_CM_SHA1_80};

	for (size_t k = 0; k < sizeof(profiles) / sizeof(profiles[0]); k++) {
		static const unsigned int asked[] = {1, 2, 7, 1};
		const uint32_t ssrc = RTX_SSRC;
		struct srtp_master m;
		struct oracle *o;
		struct scene c;

		begin(&c, profiles[k], NULL);
		c.v->track[0].rtx_ssrc = RTX_SSRC;
		c.v->track[0].rtx_payload_type = RTX_TYPE;
		c.v->track[0].rtx_next = 0x1fffe; /* its numbers wrap, too */
		m = harness_master(c.v->id, true);
		o = oracle_create(profiles[k], m.key, m.salt, &ssrc, 1);
		oracle_set_roc(o, RTX_SSRC, 1);
		for (unsigned int i = 0; i < 4; i++) {
			harness_advance(&c.h, 6 * MS);
			repair_want(c.h.w, &c.v->track[0], number(c.v, asked[i]), 0);
			repair_stage(c.h.w);
			protect_stage(c.h.w);
			assert_int_equal(c.h.w->cipher.n, 1);
			check_rtx(&c, o, c.h.w->cipher.pkts[0], asked[i], 0x1fffe + i);
			harness_free_media(&c.h.w->cipher);
		}
		assert_int_equal(c.v->stats->track[0].repaired, 4);
		assert_int_equal(c.v->track[0].rtx_next, 0x20002);
		oracle_destroy(o);
		scene_fini(&c);
	}
}

/* What was not sent, is not there any more, or never was. */
static void test_refusals(void **state)
{
	struct scene c;

	begin(&c, SRTP_PROFILE_GCM_128, NULL);
	assert_int_equal(ask(&c, number(c.v, SENT)), 0); /* still to come */
	assert_int_equal(ask(&c, (uint16_t)(number(c.v, 0) - 1)), 0);
	assert_int_equal(ask(&c, (uint16_t)(number(c.v, 0) + 0x8000)), 0);
	assert_int_equal(refused(c.v, MR_REPAIR_UNSENT), 3);

	plain_ring_skip(&c.video->ring, 2, c.h.w->now_ns);
	put(&c.h, c.video, 99);
	send_new(&c.h, NULL);
	assert_int_equal(ask(&c, number(c.v, SENT)), 0);
	assert_int_equal(ask(&c, number(c.v, SENT + 1)), 0);
	assert_int_equal(refused(c.v, MR_REPAIR_HOLE), 2);
	assert_int_equal(ask(&c, number(c.v, SENT + 2)), 1);

	harness_advance(&c.h, SECOND); /* the window is one second long */
	assert_int_equal(ask(&c, number(c.v, SENT + 2)), 1);
	harness_advance(&c.h, MS);
	assert_int_equal(ask(&c, number(c.v, SENT + 2)), 0);
	assert_int_equal(refused(c.v, MR_REPAIR_GONE), 1);

	for (unsigned int i = 0; i < 64; i++) /* as many as the ring keeps */
		put(&c.h, c.video, (uint8_t)i);
	send_new(&c.h, NULL);
	assert_int_equal(ask(&c, number(c.v, SENT + 2)), 0);
	assert_int_equal(ask(&c, number(c.v, SENT + 3)), 1);
	assert_int_equal(refused(c.v, MR_REPAIR_GONE), 2);

	c.h.w->repair_window_ns = 0;
	assert_int_equal(ask(&c, number(c.v, SENT + 4)), 0);
	c.h.w->repair_window_ns = SECOND;
	c.h.w->repair_bytes = 0;
	assert_int_equal(ask(&c, number(c.v, SENT + 4)), 0);
	assert_int_equal(refused(c.v, MR_REPAIR_OFF), 2);
	assert_int_equal(harness_all_drops(&c.h), 0);
	scene_fini(&c);
}

/* No packet more often than once per half round trip; 5 ms while that is unknown. */
static void test_not_too_soon(void **state)
{
	static const struct {
		const char *why;
		uint32_t round_trip_us;
		uint64_t wait_ns;
		unsigned int again;
	} cases[] = {
		{"round trip unknown", 0, 5 * MS - 1, 0},
		{"round trip unknown, later", 0, 5 * MS, 1},
		{"a round trip of nothing", 1, 4 * MS, 0},
		{"within half a round trip", 100000, 50 * MS - 1, 0},
		{"after half a round trip", 100000, 50 * MS, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene c;
		unsigned int n;

		begin(&c, SRTP_PROFILE_GCM_128, NULL);
		c.v->stats->track[0].round_trip_us = cases[i].round_trip_us;
		assert_int_equal(ask(&c, number(c.v, 3)), 1);
		assert_int_equal(ask(&c, number(c.v, 4)), 1); /* another packet may */
		harness_advance(&c.h, cases[i].wait_ns);
		n = ask(&c, number(c.v, 3));
		if (n != cases[i].again || refused(c.v, MR_REPAIR_SOON) != 1 - n)
			fail_msg("%s: %u", cases[i].why, n);
		scene_fini(&c);
	}
}

/* The numbers on the wire wrap; the nearest below the newest is meant. */
static void test_wrap(void **state)
{
	struct sent sent;
	struct media_batch *out;
	struct scene c;

	scene_init(&c, SRTP_PROFILE_GCM_128);
	c.v->track[0].wire_base = 0x2fffc;
	for (uint8_t i = 0; i < SENT; i++)
		put(&c.h, c.video, i);
	send_new(&c.h, &sent);
	repair_want(c.h.w, &c.v->track[0], 0xfffd, 0x7f); /* 0xfffd to 4 */
	out = &c.h.w->cipher;
	for (unsigned int n = 1; n < SENT;) {
		repair_stage(c.h.w);
		protect_stage(c.h.w);
		assert_in_range(out->n, 1, SENT - n);
		for (uint16_t i = 0; i < out->n; i++, n++)
			assert_memory_equal(harness_rtp(out->pkts[i]), sent.bytes[n], sent.len[n]);
		harness_free_media(out);
	}
	assert_int_equal(refused(c.v, MR_REPAIR_UNSENT), 1);
	scene_fini(&c);
}

/* Nothing is made for who has no next hop, and no RTX number is used. */
static void test_no_way(void **state)
{
	struct scene c;

	begin(&c, SRTP_PROFILE_GCM_128, NULL);
	c.v->track[0].rtx_ssrc = RTX_SSRC;
	c.v->track[0].rtx_next = 7;
	c.v->header.valid = false;
	assert_int_equal(ask(&c, number(c.v, 1)), 0);
	assert_int_equal(harness_drops(&c.h, MR_DROP_NEXTHOP_UNRESOLVED), 1);
	assert_int_equal(c.v->track[0].rtx_next, 7);
	c.v->header.valid = true;
	assert_int_equal(ask(&c, number(c.v, 1)), 1);
	assert_int_equal(c.v->track[0].rtx_next, 8);
	scene_fini(&c);
}

/* The stream goes while its viewer waits for a repair. */
static void test_stream_goes(void **state)
{
	struct scene c;

	begin(&c, SRTP_PROFILE_GCM_128, NULL);
	repair_want(c.h.w, &c.v->track[0], number(c.v, 3), 1);
	harness_stream_end(&c.h, c.video);
	repair_stage(c.h.w);
	assert_int_equal(c.h.w->plain.n, 0);
	assert_int_equal(refused(c.v, MR_REPAIR_GONE), 2);
	scene_fini(&c);
}

/* What comes out of the next turn, without anybody asking. */
static unsigned int unasked(struct scene *c)
{
	unsigned int n;

	repair_stage(c->h.w);
	n = c->h.w->plain.n;
	protect_stage(c->h.w);
	harness_free_media(&c->h.w->cipher);
	return n;
}

/* A repair goes out a second time, once, where that helps and does no harm. */
static void test_second_copy(void **state)
{
	static const struct {
		const char *why;
		uint32_t round_trip_us;
		uint64_t bytes; /* of the budget, per second */
		uint64_t early_ns, late_ns;
		unsigned int copies;
	} cases[] = {
		{"round trip unknown", 0, 1000000, 19 * MS, 21 * MS, 1},
		{"a round trip of 50 ms", 50000, 1000000, 29 * MS, 31 * MS, 1},
		{"a long round trip: the viewer asks itself", 100000, 1000000, 54 * MS, SECOND / 2,
			0},
		{"a viewer near the end of its budget", 0, 500, 19 * MS, 21 * MS, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int early, late, again;
		struct worker *w;
		struct scene c;

		begin(&c, SRTP_PROFILE_GCM_128, NULL);
		w = c.h.w;
		w->repair_bytes = cases[i].bytes;
		c.v->stats->track[0].round_trip_us = cases[i].round_trip_us;
		if (cases[i].bytes == 500) /* 4096 bytes may be saved up: eight such packets */
			for (unsigned int k = 0; k < SENT; k++)
				assert_int_equal(ask(&c, number(c.v, k)), 1);
		w->n_echoes = 0;
		assert_int_equal(ask(&c, number(c.v, 3)), cases[i].bytes != 500);
		w->due_ns = UINT64_MAX;
		harness_advance(&c.h, cases[i].early_ns);
		early = unasked(&c);
		assert_int_equal(w->due_ns != UINT64_MAX, cases[i].copies);
		harness_advance(&c.h, cases[i].late_ns - cases[i].early_ns);
		late = unasked(&c);
		harness_advance(&c.h, 100 * MS);
		again = unasked(&c);
		if (early != 0 || late != cases[i].copies || again != 0)
			fail_msg("%s: %u, %u, %u", cases[i].why, early, late, again);
		scene_fini(&c);
	}
}

/* Its viewer leaves meanwhile, or has asked for it itself. */
static void test_second_copy_not_wanted(void **state)
{
	struct viewer *other;
	struct scene c;

	begin(&c, SRTP_PROFILE_GCM_128, NULL);
	other = harness_viewer(&c.h, SRTP_PROFILE_GCM_128, c.video);
	put(&c.h, c.video, SENT);
	send_new(&c.h, NULL);
	assert_int_equal(ask(&c, number(c.v, 3)), 1);
	repair_want(c.h.w, &other->track[0], (uint16_t)other->track[0].wire_base, 0);
	assert_int_equal(unasked(&c), 1);
	assert_int_equal(c.h.w->n_echoes, 2);
	harness_leave(&c.h, other);
	harness_advance(&c.h, 18 * MS);
	assert_int_equal(ask(&c, number(c.v, 3)), 1);
	harness_advance(&c.h, 3 * MS);
	assert_int_equal(unasked(&c), 0);
	assert_int_equal(refused(c.v, MR_REPAIR_SOON), 1);
	scene_fini(&c);
}

static void test_no_buffers(void **state)
{
	struct rte_mbuf *all[HARNESS_MBUFS];
	struct scene c;
	unsigned int n = 0;

	begin(&c, SRTP_PROFILE_GCM_128, NULL);
	while (n < HARNESS_MBUFS && (all[n] = rte_pktmbuf_alloc(c.h.w->pool)) != NULL)
		n++;
	assert_int_equal(ask(&c, number(c.v, 3)), 0);
	assert_int_equal(harness_drops(&c.h, MR_DROP_MBUF_EMPTY), 1);
	rte_pktmbuf_free_bulk(all, n);
	assert_int_equal(ask(&c, number(c.v, 3)), 1);
	scene_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_rtx),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_not_too_soon),
		cmocka_unit_test(test_second_copy),
		cmocka_unit_test(test_second_copy_not_wanted),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_no_way),
		cmocka_unit_test(test_stream_goes),
		cmocka_unit_test(test_no_buffers),
	};

	oracle_library_init();
	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
