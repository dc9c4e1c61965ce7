/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of what dataplane/pipeline/catch_up.c makes of wires that carry less than it
 * could send: how long until the viewer is live, and how long no frame can be shown.
 */
#include "tests/unit/pipeline/bottleneck.h"

#define STREAM_NS 26000000ull /* between frames of 8,000 bytes: 2.5 Mbit/s on the wire */
#define STREAM_KBITS 2634     /* 8 packets of LEN, and headers */
#define KEY_EVERY (10 * SECOND)
#define CHANCE_MS 1500ull

struct run {
	struct scene c;
	struct wire l;
	uint64_t next_key_ns;
	uint64_t joined_ns;
	uint64_t live_ns; /* since joined_ns; 0: not yet */
	uint64_t given_up;
};

static void put_due(struct run *r)
{
	struct worker *w = r->c.h.w;

	while (w->now_ns >= r->c.next_frame_ns) {
		bool key = r->c.next_frame_ns >= r->next_key_ns;

		put_frame(&r->c, key);
		if (key)
			r->next_key_ns += KEY_EVERY;
		r->c.next_frame_ns += r->c.frame_ns;
	}
}

/* What was made for the viewer goes on the wire. */
static void transmit(struct run *r)
{
	struct plain_batch *b = &r->c.h.w->plain;

	for (uint16_t i = 0; i < b->n; i++) {
		const struct rtp_header *h = harness_rtp(b->pkts[i]);
		uint16_t back = (uint16_t)((uint16_t)r->l.end_sent - rte_be_to_cpu_16(h->seq));

		if (b->track[i]->viewer != r->c.v)
			continue;
		wire_send(&r->l, r->c.h.w->now_ns, r->l.end_sent - (int16_t)back,
			b->op[i].payload_len, (h->mpt & 0x80) != 0,
			b->op[i].src[0] == KEY_PACKETS - 1);
	}
}

static void play(struct run *r, uint64_t ns)
{
	struct worker *w = r->c.h.w;
	uint64_t end = w->now_ns + ns;

	while (w->now_ns < end) {
		put_due(r);
		w->due_ns = RTE_MIN(end, r->c.next_frame_ns);
		w->moved = false;
		if (r->c.v != NULL) {
			wire_receive(&r->l, w->now_ns);
			wire_feedback(&r->l, w, &r->c.v->track[0]);
			w->due_ns = RTE_MIN(w->due_ns, w->now_ns + MS / 5);
		}
		repair_stage(w);
		fanout_stage(w);
		catch_up_stage(w);
		if (r->c.v != NULL)
			transmit(r);
		report_stage(w);
		harness_free_batch(&w->srtcp_out);
		protect_stage(w);
		harness_free_media(&w->cipher);
		if (r->c.v != NULL && r->live_ns == 0 && r->c.v->track[0].state == TRACK_LIVE)
			r->live_ns = w->now_ns - r->joined_ns;
		harness_advance(&r->c.h,
			w->moved ? TURN_NS : RTE_MAX(w->due_ns, w->now_ns + 1) - w->now_ns);
	}
	if (r->c.v != NULL)
		r->given_up = r->c.v->track[0].stats->bursts_given_up;
}

/* Somebody joins `age_ns` after the key frame, behind a wire of so many Mbit/s. */
static void join_behind(struct run *r, unsigned int mbits, unsigned int trip_ms, uint64_t age_ns)
{
	memset(r, 0, sizeof(*r));
	scene_init(&r->c, WORKER_START_KEYFRAME, 8192);
	r->c.frame_ns = STREAM_NS;
	r->next_key_ns = r->c.h.w->now_ns;
	r->l.rate = mbits * 1000000ull / 8;
	r->l.trip_ns = trip_ms * MS;
	play(r, age_ns);
	join(&r->c);
	r->joined_ns = r->c.h.w->now_ns;
	r->l.next = r->l.highest = r->l.end_sent = r->l.first_sent =
		(uint16_t)r->c.v->track[0].wire_base;
}

/* The least time until the viewer is live: for what was kept, over what the stream leaves
 * of the wire, or until the next key frame. */
static uint64_t least_ms(unsigned int mbits, uint64_t kept, uint64_t age_ns)
{
	uint64_t bits = kept * 8 * (LEN + WIRE_OVERHEAD) / LEN;

	return RTE_MIN(bits / (mbits * 1000 - STREAM_KBITS), (KEY_EVERY - age_ns) / MS);
}

/* Whatever the wire carries and how long it is: the viewer has caught up soon after it
 * could have, and the picture goes on. */
static void test_wires(void **state)
{
	static const struct {
		unsigned int mbits;
		unsigned int trip_ms;
		unsigned int more;     /* per cent of the least time, and 150 ms, */
		unsigned int stall_ms; /* at most */
		unsigned int lost;     /* packets, at most */
	} cases[] = {
		{5, 5, 50, 700, 300},
		{5, 30, 75, 700, 400},
		{5, 80, 75, 900, 700},
		{10, 5, 10, 150, 120},
		{10, 30, 10, 250, 150},
		{10, 80, 30, 500, 280},
		{20, 5, 20, 150, 60},
		{20, 30, 20, 200, 120},
		{20, 80, 30, 450, 200},
		{100, 5, 0, 50, 0},
		{100, 30, 0, 50, 0},
		{100, 80, 0, 50, 0},
	};
	/* 7,370 ms are the worst for a wire of 10 Mbit/s: then the next key frame ends it. */
	static const unsigned int ages[] = {1000, 2000, 3000, 5000, 7000, 7370, 9000};
	unsigned int failed = 0;
	struct run *r = malloc(sizeof(*r));

	assert_non_null(r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t k = 0; k < sizeof(ages) / sizeof(ages[0]); k++) {
			uint64_t least, most, live, stall, first;
			const struct mr_stats_track *s;

			join_behind(r, cases[i].mbits, cases[i].trip_ms, ages[k] * MS);
			s = r->c.v->track[0].stats;
			least = least_ms(cases[i].mbits, s->burst_bytes, ages[k] * MS);
			most = least + least * cases[i].more / 100 + 150;
			most = RTE_MAX(most, 900ull); /* burstRate bounds it, too */
			play(r, 7 * SECOND);
			live = r->live_ns / MS;
			first = (r->l.first_frame_ns - r->joined_ns) / MS;
			stall = RTE_MAX(r->l.stall_ns, r->c.h.w->now_ns - r->l.last_frame_ns) / MS;
			/* What is asked of a wire of 10 Mbit/s: 3 s, and 1 s without a frame. */
			assert_true(cases[i].mbits < 10 || (live < 3000 && stall < 1000));
			scene_fini(&r->c);
			if (r->live_ns != 0 && live <= most && stall <= cases[i].stall_ms &&
				r->l.lost <= cases[i].lost && first <= 150 && r->given_up == 0)
				continue;
			failed++;
			print_error(
				"%u Mbit/s, %u ms, %u ms kept: live after %u ms, at best %u, %u "
				"ms without a frame, %u to the first, %u lost, %u given up\n",
				cases[i].mbits, cases[i].trip_ms, ages[k], (unsigned int)live,
				(unsigned int)least, (unsigned int)stall, (unsigned int)first,
				(unsigned int)r->l.lost, (unsigned int)r->given_up);
		}
	}
	free(r);
	assert_int_equal(failed, 0);
}

/* What is lost of the live stream while old losses are still being repaired on a full wire
 * may be older than the repair window before its turn comes. The picture goes on. */
static void test_late_repairs(void **state)
{
	static const unsigned int ages[] = {1137, 1274};
	struct run *r = malloc(sizeof(*r));

	assert_non_null(r);
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		join_behind(r, 5, 80, ages[i] * MS);
		play(r, 7 * SECOND);
		assert_int_not_equal(r->live_ns, 0);
		assert_true(r->l.stall_ns < 500 * MS);
		assert_true(r->c.h.w->now_ns - r->l.last_frame_ns < 100 * MS);
		assert_int_equal(r->c.v->track[0].stats->repairs_refused[MR_REPAIR_GONE], 0);
		scene_fini(&r->c);
	}
	free(r);
}

/* Losses by chance are no reason to be slow: 2 and 5 % on a fast wire. */
static void test_losses_by_chance(void **state)
{
	static const unsigned int one_in[] = {50, 20};
	struct run *r = malloc(sizeof(*r));

	assert_non_null(r);
	for (size_t i = 0; i < sizeof(one_in) / sizeof(one_in[0]); i++) {
		join_behind(r, 100, 5, 7 * SECOND);
		r->l.random = one_in[i];
		play(r, 2 * SECOND);
		if (r->live_ns == 0 || r->live_ns > CHANCE_MS * MS || r->l.stall_ns > 300 * MS)
			fail_msg("one in %u: live after %llu ms, %llu ms without a frame",
				one_in[i], (unsigned long long)r->live_ns / MS,
				(unsigned long long)r->l.stall_ns / MS);
		scene_fini(&r->c);
	}
	free(r);
}

/* Repairs of who is slow hold up nobody else's. */
static void test_others_need_not_wait(void **state)
{
	struct run *r = malloc(sizeof(*r));
	struct viewer_track *slow, *other;
	struct viewer *v;

	assert_non_null(r);
	join_behind(r, 10, 5, 5 * SECOND);
	r->c.h.w->start = WORKER_START_LIVE;
	v = harness_viewer(&r->c.h, SRTP_PROFILE_GCM_128, r->c.s);
	other = &v->track[0];
	play(r, 500 * MS);
	slow = &r->c.v->track[0];
	assert_int_equal(slow->state, TRACK_CATCHING);
	slow->catch_up.paced_ns = r->c.h.w->now_ns + 80 * MS;
	repair_want(r->c.h.w, slow, (uint16_t)slow->wire_base, 0xffff);
	play(r, MS);
	repair_want(r->c.h.w, other, (uint16_t)other->wire_base, 0);
	repair_want(r->c.h.w, other, (uint16_t)(other->wire_base + 1), 0);
	play(r, 2 * MS);
	assert_int_equal(other->stats->repaired, 2);
	scene_fini(&r->c);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wires),
		cmocka_unit_test(test_late_repairs),
		cmocka_unit_test(test_losses_by_chance),
		cmocka_unit_test(test_others_need_not_wait),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
