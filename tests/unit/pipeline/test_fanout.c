/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/pipeline/fanout.c: whom a job serves with what, in which
 * order, how much of it in a turn, and what comes and goes while it runs.
 */
#include "tests/unit/pipeline/harness.h"

#include "dataplane/stream/rtp.h"

#include <rte_byteorder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PACKETS 8 /* that a count is kept of */

/* How often each viewer got each packet; by viewer id, by payload's first byte. */
struct served {
	uint16_t count[HARNESS_VIEWERS + 1][PACKETS];
	uint64_t total;
};

static void put_numbered(struct harness *h, struct stream *s, uint8_t number)
{
	uint8_t payload[100];

	memset(payload, number, sizeof(payload));
	harness_put(h, s, payload, sizeof(payload), 3000u * number);
}

/* One turn of fan-out; returns how many copies it made. */
static uint16_t turn(struct harness *h, struct served *served)
{
	struct plain_batch *plain = &h->w->plain;
	uint16_t n;

	fanout_stage(h->w);
	n = plain->n;
	for (uint16_t i = 0; i < n; i++) {
		assert_in_range(plain->op[i].src[0], 0, PACKETS - 1);
		served->count[plain->track[i]->viewer->id][plain->op[i].src[0]]++;
		served->total++;
	}
	harness_free_plain(plain);
	return n;
}

static void run_until_idle(struct harness *h, struct served *served)
{
	for (int i = 0; h->w->queue_head != NULL; i++) {
		assert_in_range(i, 0, 1000);
		turn(h, served);
	}
}

/* So many viewers of one stream, of whom nobody was served yet. */
static struct stream *begin(struct harness *h, struct served *served, unsigned int viewers)
{
	memset(served, 0, sizeof(*served));
	return harness_crowd(h, viewers);
}

static void test_copy(void **state)
{
	struct harness h;
	struct stream *s;
	struct viewer *v;
	const struct rtp_header *rtp;
	const struct srtp_op *op;
	struct rte_mbuf *m;
	uint8_t *payload;

	harness_init(&h);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	put_numbered(&h, s, 0); /* before the viewer: not for it */
	fanout_stage(h.w);
	assert_int_equal(h.w->plain.n, 0);

	v = harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	payload = plain_ring_reserve(&s->ring, 3);
	memcpy(payload, "abc", 3);
	plain_ring_commit(&s->ring, 3, 123456, PLAIN_MARKER, 0);
	worker_queue_audience(h.w, &s->audience);
	h.w->moved = false;
	fanout_stage(h.w);
	assert_true(h.w->moved);
	assert_int_equal(h.w->plain.n, 1);

	m = h.w->plain.pkts[0];
	op = &h.w->plain.op[0];
	rtp = harness_rtp(m);
	assert_int_equal(rtp->vpxcc, 0x80);
	assert_int_equal(rtp->mpt, 0x80 | 96);
	assert_int_equal(rte_be_to_cpu_16(rtp->seq), v->track[0].wire_base);
	assert_int_equal(
		rte_be_to_cpu_32(rtp->timestamp), (uint32_t)(123456 + v->track[0].timestamp_base));
	assert_int_equal(rte_be_to_cpu_32(rtp->ssrc), v->track[0].ssrc);
	assert_ptr_equal(op->src, payload); /* shared: encryption is the copy */
	assert_ptr_equal(op->dst, rtp);
	assert_ptr_equal(op->tx, &v->rtp_key);
	assert_int_equal(op->index, v->track[0].wire_base);
	assert_int_equal(op->hdr_len, 12);
	assert_int_equal(op->payload_len, 3);
	assert_int_equal(op->ssrc, v->track[0].ssrc);
	assert_ptr_equal(h.w->plain.track[0], &v->track[0]);
	assert_int_equal(m->data_len, 42 + 12 + 3 + v->track[0].tag_len);
	assert_int_equal(m->pkt_len, m->data_len);
	assert_int_equal(h.w->plain.bytes, m->pkt_len);
	assert_int_equal(h.w->plain.ports, 1);
	assert_in_range(rte_pktmbuf_tailroom(m) + m->data_len - 42, 12 + 1500 + SRTP_MAX_TRAILER,
		UINT16_MAX);
	harness_free_plain(&h.w->plain);
	harness_fini(&h);
}

static void test_bounded_and_resumed(void **state)
{
	static struct served served;
	struct harness h;
	struct stream *s;

	s = begin(&h, &served, 600);
	put_numbered(&h, s, 0);
	put_numbered(&h, s, 1);
	assert_int_equal(turn(&h, &served), FANOUT_BUDGET);
	assert_int_equal(s->audience.live_position, FANOUT_BUDGET);
	assert_int_equal(turn(&h, &served), FANOUT_BUDGET);
	assert_int_equal(turn(&h, &served), FANOUT_BUDGET);
	run_until_idle(&h, &served);
	for (uint32_t id = 1; id <= 600; id++)
		for (int p = 0; p < 2; p++)
			assert_int_equal(served.count[id][p], 1);
	assert_int_equal(served.total, 1200);
	h.w->moved = false;
	assert_int_equal(turn(&h, &served), 0);
	assert_false(h.w->moved);
	harness_fini(&h);
}

/* The stream that came second is not kept waiting by the first one's crowd. */
static void test_streams_take_turns(void **state)
{
	static struct served served;
	struct harness h;
	struct stream *a, *b, *c;
	struct viewer *last;

	memset(&served, 0, sizeof(served));
	harness_init(&h);
	a = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	b = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	c = harness_stream(&h, MR_KIND_AUDIO, 48000, 64);
	for (int i = 0; i < 900; i++)
		harness_viewer(&h, SRTP_PROFILE_GCM_128, i % 2 == 0 ? a : b);
	last = harness_viewer(&h, SRTP_PROFILE_GCM_128, c);
	put_numbered(&h, a, 0);
	put_numbered(&h, b, 0);
	turn(&h, &served);
	assert_int_equal(served.total, FANOUT_BUDGET);
	/* The others are in the middle of their jobs: it goes in its first turn, which is
	 * shorter for that. */
	put_numbered(&h, c, 0);
	put_numbered(&h, a, 1);
	turn(&h, &served);
	assert_int_equal(served.count[last->id][0], 1);
	assert_in_range(served.total, FANOUT_BUDGET + FANOUT_SHORT,
		FANOUT_BUDGET + FANOUT_SHORT + FANOUT_SLICE);
	run_until_idle(&h, &served);
	for (uint32_t id = 1; id <= 900; id++)
		for (int p = 0; p < 2; p++)
			assert_int_equal(served.count[id][p], id % 2 == 1 || p == 0);
	assert_false(a->audience.queued);
	assert_false(b->audience.queued);
	assert_false(c->audience.queued);
	harness_fini(&h);
}

/* Who leaves in the middle of a job takes nobody else's packet and gives nobody
 * one twice. */
static void test_leave_during_job(void **state)
{
	static const struct {
		const char *why;
		uint32_t at; /* position in the list of the one who leaves */
	} cases[] = {
		{"the first, served", 0},
		{"the last one served", FANOUT_BUDGET - 1},
		{"the next to be served", FANOUT_BUDGET},
		{"one who waits", 400},
		{"the very last", 599},
	};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		static struct served served;
		struct harness h;
		struct stream *s;
		struct viewer *gone;
		uint32_t gone_id;

		s = begin(&h, &served, 600);
		put_numbered(&h, s, 0);
		put_numbered(&h, s, 1);
		turn(&h, &served);
		gone = s->audience.tracks[cases[c].at]->viewer;
		gone_id = gone->id;
		harness_leave(&h, gone);
		run_until_idle(&h, &served);
		for (uint32_t id = 1; id <= 600; id++)
			for (int p = 0; p < 2; p++)
				if (id != gone_id && served.count[id][p] != 1)
					fail_msg("%s: viewer %u got packet %d %u times",
						cases[c].why, id, p, served.count[id][p]);
		assert_int_equal(served.count[gone_id][0], cases[c].at < FANOUT_BUDGET);
		assert_int_equal(served.count[gone_id][1], 0);
		harness_fini(&h);
	}
}

static void test_everybody_leaves_during_job(void **state)
{
	static struct served served;
	struct harness h;
	struct stream *s;

	s = begin(&h, &served, 300);
	put_numbered(&h, s, 0);
	turn(&h, &served);
	while (h.w->n_viewers > 0)
		harness_leave(&h, h.w->viewers[h.w->n_viewers / 2]);
	run_until_idle(&h, &served);
	assert_int_equal(served.total, FANOUT_BUDGET);
	/* The next one to come begins with the next packet. */
	harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	put_numbered(&h, s, 1);
	run_until_idle(&h, &served);
	assert_int_equal(served.count[301][0], 0);
	assert_int_equal(served.count[301][1], 1);
	harness_fini(&h);
}

static void test_join_during_job(void **state)
{
	static struct served served;
	struct harness h;
	struct stream *s;

	s = begin(&h, &served, 300);
	put_numbered(&h, s, 0);
	turn(&h, &served);
	harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	put_numbered(&h, s, 1);
	run_until_idle(&h, &served);
	for (uint32_t id = 1; id <= 301; id++)
		for (int p = 0; p < 2; p++)
			assert_int_equal(served.count[id][p], 1);
	harness_fini(&h);
}

/* The stream goes while its job runs: the worker forgets it. */
static void test_stream_ends_during_job(void **state)
{
	static struct served served;
	struct harness h;
	struct stream *a, *b;
	struct viewer *v;

	memset(&served, 0, sizeof(served));
	harness_init(&h);
	a = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	b = harness_stream(&h, MR_KIND_AUDIO, 48000, 64);
	for (int i = 0; i < 300; i++)
		harness_viewer(&h, SRTP_PROFILE_GCM_128, a);
	v = harness_viewer(&h, SRTP_PROFILE_GCM_128, b);
	put_numbered(&h, a, 0);
	put_numbered(&h, b, 0);
	turn(&h, &served);
	harness_stream_end(&h, a);
	run_until_idle(&h, &served);
	assert_int_equal(served.total, FANOUT_SHORT);
	assert_int_equal(served.count[v->id][0], 1);
	assert_null(h.w->viewers[0]->track[0].audience);
	harness_fini(&h);
}

static void test_overrun(void **state)
{
	static struct served served;
	struct harness h;
	struct stream *s;
	struct viewer *v;
	uint16_t first;

	s = begin(&h, &served, 300);
	v = h.w->viewers[299];
	put_numbered(&h, s, 0);
	turn(&h, &served); /* those that fit the budget got it */
	for (int i = 0; i < 64 + 5; i++)
		put_numbered(&h, s, (uint8_t)(1 + i % 7));
	fanout_stage(h.w);
	/* Packet 0 was lost for the others, five more for everybody. */
	assert_int_equal(harness_drops(&h, MR_DROP_FANOUT_OVERRUN), 300 - FANOUT_BUDGET + 5 * 300);
	first = rte_be_to_cpu_16(harness_rtp(h.w->plain.pkts[0])->seq);
	assert_int_equal(first, (uint16_t)(h.w->viewers[0]->track[0].wire_base + 6));
	harness_free_plain(&h.w->plain);
	run_until_idle(&h, &served);
	assert_int_equal(v->track[0].join_index, 0);
	assert_int_equal(s->audience.live_next, s->ring.next);
	harness_fini(&h);
}

/* What the source lost is a gap for viewers, too. */
static void test_holes(void **state)
{
	struct harness h;
	struct stream *s;
	struct viewer *v;
	uint16_t base;

	harness_init(&h);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	v = harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	base = (uint16_t)v->track[0].wire_base;
	put_numbered(&h, s, 0);
	plain_ring_skip(&s->ring, 3, h.w->now_ns);
	put_numbered(&h, s, 1);
	fanout_stage(h.w);
	assert_int_equal(h.w->plain.n, 2);
	assert_int_equal(
		rte_be_to_cpu_16(harness_rtp(h.w->plain.pkts[1])->seq), (uint16_t)(base + 4));
	harness_free_plain(&h.w->plain);
	harness_fini(&h);
}

/* Who has no next hop is dropped by name before anything is encrypted; its number passes
 * all the same, and its buffer goes back. */
static void test_no_way(void **state)
{
	struct harness h;
	struct stream *s;
	struct viewer *v[3];

	harness_init(&h);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	for (int i = 0; i < 3; i++)
		v[i] = harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	v[1]->header.valid = false;
	put_numbered(&h, s, 0);
	fanout_stage(h.w);
	assert_int_equal(h.w->plain.n, 2);
	assert_ptr_equal(h.w->plain.track[0], &v[0]->track[0]);
	assert_ptr_equal(h.w->plain.track[1], &v[2]->track[0]);
	assert_int_equal(rte_mempool_in_use_count(h.w->pool), 2);
	assert_int_equal(harness_drops(&h, MR_DROP_NEXTHOP_UNRESOLVED), 1);
	assert_int_equal(v[1]->track[0].packets_sent, 0);
	harness_free_plain(&h.w->plain);

	v[1]->header.valid = true;
	v[2]->header.port = 1; /* that this worker does not have */
	put_numbered(&h, s, 1);
	fanout_stage(h.w);
	assert_int_equal(h.w->plain.n, 2);
	assert_int_equal(h.w->plain.op[1].index, v[1]->track[0].wire_base + 1);
	assert_int_equal(harness_drops(&h, MR_DROP_NEXTHOP_UNRESOLVED), 2);
	assert_int_equal(harness_all_drops(&h), 2);
	harness_free_plain(&h.w->plain);
	harness_fini(&h);
}

static void test_no_buffers(void **state)
{
	static struct rte_mbuf *all[HARNESS_MBUFS];
	static struct served served;
	struct harness h;
	struct stream *s;

	s = begin(&h, &served, 20);
	assert_int_equal(rte_pktmbuf_alloc_bulk(h.w->pool, all, HARNESS_MBUFS - 10), 0);
	put_numbered(&h, s, 0);
	run_until_idle(&h, &served);
	assert_int_equal(served.total, 0);
	assert_int_equal(harness_drops(&h, MR_DROP_MBUF_EMPTY), 20);
	rte_pktmbuf_free_bulk(all, HARNESS_MBUFS - 10);
	put_numbered(&h, s, 1);
	run_until_idle(&h, &served);
	assert_int_equal(served.total, 20);
	harness_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_bounded_and_resumed),
		cmocka_unit_test(test_streams_take_turns),
		cmocka_unit_test(test_leave_during_job),
		cmocka_unit_test(test_everybody_leaves_during_job),
		cmocka_unit_test(test_join_during_job),
		cmocka_unit_test(test_stream_ends_during_job),
		cmocka_unit_test(test_overrun),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_no_way),
		cmocka_unit_test(test_no_buffers),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
