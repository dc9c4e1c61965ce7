/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Acceptance of sequence numbers (RFC 3550 A.1), loss (A.3) and jitter (A.8):
 * a table of cases, then long random sequences against a model that remembers
 * everything. One thread.
 */
#include "dataplane/stream/rtp_receiver.h"
#include "tests/unit/crypto/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define W RTP_RECEIVER_WINDOW
#define SSRC 0x11111111u
#define OTHER 0x22222222u

static const char *const verdicts[] = {
	"accept", "accept late", "accept restart", "duplicate", "late", "probation"};

/* One receiver, in this order. */
static const struct {
	uint32_t ssrc;
	uint16_t seq;
	enum rtp_verdict want;
	uint64_t expected; /* afterwards, over all sequences */
	uint64_t lost;
	const char *why;
} cases[] = {
	{SSRC, 65530, RTP_ACCEPT, 1, 0, "the first, whatever it is"},
	{SSRC, 65530, RTP_DROP_DUPLICATE, 1, 0, "again"},
	{SSRC, 65532, RTP_ACCEPT, 3, 1, "one is missing"},
	{SSRC, 65531, RTP_ACCEPT_LATE, 3, 0, "it comes late: lost no more"},
	{SSRC, 65531, RTP_DROP_DUPLICATE, 3, 0, "late and again"},
	{SSRC, 65528, RTP_ACCEPT_LATE, 5, 1, "older than the first one: it was sent as well"},
	{SSRC, 65529, RTP_ACCEPT_LATE, 5, 0, "the one between"},
	{SSRC, 1, RTP_ACCEPT, 10, 4, "over the wrap, four missing"},
	{SSRC, 65535, RTP_ACCEPT_LATE, 10, 3, "late, from before the wrap"},
	{SSRC, 0, RTP_ACCEPT_LATE, 10, 2, "late, the wrap itself"},
	{SSRC, 65533, RTP_ACCEPT_LATE, 10, 1, "late"},
	{SSRC, 65534, RTP_ACCEPT_LATE, 10, 0, "all there"},
	{SSRC, 3000, RTP_ACCEPT, 3009, 2998, "2,999 ahead: still a gap"},
	{SSRC, 3000 - W, RTP_DROP_LATE, 3009, 2998, "beyond the window's edge"},
	{SSRC, 3001 - W, RTP_ACCEPT_LATE, 3009, 2997, "the window's edge"},
	{SSRC, 3001 - W, RTP_DROP_DUPLICATE, 3009, 2997, "the window's edge again"},
	{SSRC, 3001, RTP_ACCEPT, 3010, 2997, "the edge moves"},
	{SSRC, 3001 - W, RTP_DROP_LATE, 3010, 2997, "out of it now, seen or not"},
	{SSRC, 3002 - W, RTP_ACCEPT_LATE, 3010, 2996, "the new edge"},
	{SSRC, 10000, RTP_DROP_PROBATION, 3010, 2996, "a jump ahead"},
	{SSRC, 20000, RTP_DROP_PROBATION, 3010, 2996, "another, not its successor"},
	{SSRC, 10001, RTP_DROP_PROBATION, 3010, 2996, "too late to confirm"},
	{SSRC, 3002, RTP_ACCEPT, 3011, 2996, "the sequence went on"},
	{SSRC, 10002, RTP_DROP_PROBATION, 3011, 2996, "10001 is forgotten by then"},
	{SSRC, 10003, RTP_ACCEPT_RESTART, 3012, 2996, "two in a row: it jumped"},
	{SSRC, 10003, RTP_DROP_DUPLICATE, 3012, 2996, "the new sequence has a window too"},
	{SSRC, 10002, RTP_ACCEPT_LATE, 3013, 2996, "the one that probation took comes again"},
	{SSRC, 3003, RTP_DROP_PROBATION, 3013, 2996, "a straggler of the old sequence"},
	{SSRC, 10004, RTP_ACCEPT, 3014, 2996, "the new one goes on"},
	{OTHER, 500, RTP_DROP_PROBATION, 3014, 2996, "another SSRC"},
	{SSRC, 10005, RTP_ACCEPT, 3015, 2996, "was a stray packet"},
	{OTHER, 501, RTP_DROP_PROBATION, 3015, 2996, "another stray one: ours came between"},
	{OTHER, 503, RTP_DROP_PROBATION, 3015, 2996, "not in a row"},
	{OTHER, 504, RTP_ACCEPT_RESTART, 3016, 2996, "in a row: the source's new SSRC"},
	{OTHER, 505, RTP_ACCEPT, 3017, 2996, "it goes on"},
	{SSRC, 10006, RTP_DROP_PROBATION, 3017, 2996, "the old one is the stray now"},
	{OTHER, 506 - 2000, RTP_DROP_LATE, 3017, 2996, "far behind, alone: a straggler"},
	{OTHER, 507 - 2000, RTP_ACCEPT_RESTART, 3018, 2996,
		"two in a row far behind: the camera counts anew"},
};

static void test_cases(void **state)
{
	struct rtp_receiver r;
	uint64_t extended;

	rtp_receiver_init(&r, 90000);
	assert_int_equal(rtp_receiver_expected(&r), 0);
	assert_int_equal(rtp_receiver_lost(&r), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum rtp_verdict v = rtp_receiver_accept(
			&r, cases[i].ssrc, cases[i].seq, 0, 1000000000, &extended);

		if (v != cases[i].want || rtp_receiver_expected(&r) != cases[i].expected ||
			rtp_receiver_lost(&r) != cases[i].lost)
			fail_msg("[%zu] %s: %s, expected %llu, lost %llu", i, cases[i].why,
				verdicts[v], (unsigned long long)rtp_receiver_expected(&r),
				(unsigned long long)rtp_receiver_lost(&r));
		if (v <= RTP_ACCEPT_RESTART)
			assert_int_equal((uint16_t)extended, cases[i].seq);
	}
	assert_int_equal(r.restarts, 3);
}

static void test_extended_numbers_rise_over_wraps(void **state)
{
	struct rtp_receiver r;
	uint64_t first = 0;
	uint64_t extended;

	rtp_receiver_init(&r, 8000);
	for (uint32_t i = 0; i < 200000; i++) {
		assert_int_equal(
			rtp_receiver_accept(&r, SSRC, (uint16_t)(65000 + i), i * 160, i, &extended),
			RTP_ACCEPT);
		if (i == 0)
			first = extended;
		assert_true(extended == first + i);
	}
	assert_true(rtp_receiver_received(&r) == 200000);
	assert_true(rtp_receiver_lost(&r) == 0);
}

static void test_reconnect_starts_anew_at_once(void **state)
{
	struct rtp_receiver r;
	uint64_t extended;

	rtp_receiver_init(&r, 90000);
	rtp_receiver_restart(&r); /* before anything came: nothing to restart */
	assert_int_equal(rtp_receiver_accept(&r, SSRC, 100, 0, 0, &extended), RTP_ACCEPT);
	rtp_receiver_restart(&r);
	assert_int_equal(rtp_receiver_accept(&r, SSRC, 100, 0, 0, &extended), RTP_ACCEPT_RESTART);
	assert_int_equal(rtp_receiver_accept(&r, SSRC, 100, 0, 0, &extended), RTP_DROP_DUPLICATE);
	rtp_receiver_restart(&r);
	assert_int_equal(rtp_receiver_accept(&r, OTHER, 7, 0, 0, &extended), RTP_ACCEPT_RESTART);
	assert_true(rtp_receiver_expected(&r) == 3);
	assert_true(rtp_receiver_lost(&r) == 0);
}

/* ---- the model: every number ever sent, and RFC 3550's own arithmetic ---- */

#define SENT 60000

struct model {
	uint8_t got[SENT]; /* by number since the start */
	uint32_t highest;
	uint32_t lowest;
	bool started;
	uint64_t duplicates;
	/* A.8 in the source's own terms */
	uint32_t transit;
	uint32_t jitter;
	bool transit_valid;
};

static void model_jitter(struct model *m, uint32_t arrival, uint32_t timestamp)
{
	uint32_t transit = arrival - timestamp;
	int d = (int)(transit - m->transit);

	m->transit = transit;
	if (!m->transit_valid) {
		m->transit_valid = true;
		return;
	}
	if (d < 0)
		d = -d;
	m->jitter += (uint32_t)d - ((m->jitter + 8) >> 4);
}

static uint64_t model_received(const struct model *m)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < SENT; i++)
		n += m->got[i];
	return n;
}

struct arriving {
	uint64_t at_ns;
	uint32_t number;
};

static int by_time(const void *a, const void *b)
{
	const struct arriving *x = a;
	const struct arriving *y = b;

	return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

/* `loss` and `twice` in percent, `delay` in packets that may overtake each other. */
static void run_model(uint32_t clock_rate, uint32_t loss, uint32_t twice, uint32_t delay)
{
	static struct arriving arriving[2 * SENT];
	static struct model m;
	struct random random;
	struct rtp_receiver r;
	size_t n = 0;
	uint16_t base;
	uint32_t ticks = clock_rate / 250;

	memset(&m, 0, sizeof(m));
	random_init(&random, clock_rate + loss * 7 + twice * 1000 + delay * 100000);
	base = (uint16_t)random_u64(&random);
	rtp_receiver_init(&r, clock_rate);
	for (uint32_t i = 0; i < SENT; i++) {
		for (int copy = 0; copy < 2; copy++) {
			/* whole ticks at every clock rate used: no rounding to argue about */
			uint64_t late = (uint64_t)random_below(&random, delay * 32 + 1) * 125000;

			if (random_below(&random, 100) < (copy == 0 ? loss : 100 - twice))
				continue;
			arriving[n++] = (struct arriving){
				.at_ns = UINT64_C(5000000000) + i * UINT64_C(4000000) + late,
				.number = i};
		}
	}
	qsort(arriving, n, sizeof(arriving[0]), by_time);
	for (size_t k = 0; k < n; k++) {
		uint32_t i = arriving[k].number;
		uint32_t timestamp = 12345 + i * ticks;
		uint64_t extended;
		enum rtp_verdict v = rtp_receiver_accept(
			&r, SSRC, (uint16_t)(base + i), timestamp, arriving[k].at_ns, &extended);
		enum rtp_verdict want = m.got[i]                      ? RTP_DROP_DUPLICATE
					: !m.started || i > m.highest ? RTP_ACCEPT
								      : RTP_ACCEPT_LATE;

		if (v != want)
			fail_msg("%u of %u: %s, not %s", i, m.highest, verdicts[v], verdicts[want]);
		if (want == RTP_DROP_DUPLICATE)
			continue;
		m.got[i] = 1;
		if (!m.started || i > m.highest)
			m.highest = i;
		if (!m.started || i < m.lowest)
			m.lowest = i;
		m.started = true;
		model_jitter(
			&m, (uint32_t)(arriving[k].at_ns / 125000 * clock_rate / 8000), timestamp);
		if (rtp_receiver_jitter(&r) != m.jitter >> 4)
			fail_msg("jitter %u, not %u", rtp_receiver_jitter(&r), m.jitter >> 4);
		if (k % 1000 == 0 || k + 1 == n) {
			uint64_t expected = m.highest - m.lowest + 1;
			assert_true(rtp_receiver_expected(&r) == expected);
			assert_true(rtp_receiver_received(&r) == model_received(&m));
			assert_true(rtp_receiver_lost(&r) == expected - model_received(&m));
		}
	}
	printf("clock %u, loss %u %%, twice %u %%, delay %u: lost %llu, jitter %u\n", clock_rate,
		loss, twice, delay, (unsigned long long)rtp_receiver_lost(&r),
		rtp_receiver_jitter(&r));
	if (loss == 0)
		assert_true(rtp_receiver_lost(&r) == 0);
}

static void test_model(void **state)
{
	run_model(90000 / 90 * 96, 0, 0, 0);
	run_model(8000, 0, 0, 3);
	run_model(48000, 2, 0, 0);
	run_model(48000, 2, 3, 5);
	run_model(96000, 30, 20, 40);
	run_model(8000, 0, 100, 200);
}

/* Jitter of 90 kHz, arrivals that are no whole tick, an uptime beyond 2^32 ticks:
 * within a tick of the true value; at rest it falls to nothing. */
static void test_jitter_long_uptime(void **state)
{
	struct rtp_receiver r;
	uint64_t extended;
	uint64_t t = UINT64_C(3) * 365 * 86400 * 1000000000u; /* three years */

	rtp_receiver_init(&r, 90000);
	for (uint32_t i = 0; i < 20000; i++) {
		t += 11111111 + (i % 2 != 0 ? 1000000 : -1000000); /* +- 1 ms */
		rtp_receiver_accept(&r, SSRC, (uint16_t)i, i * 1000, t, &extended);
	}
	/* |D| is 1 ms: 90 ticks */
	assert_in_range(rtp_receiver_jitter(&r), 89, 91);
	for (uint32_t i = 20000; i < 20500; i++) {
		t += 11111111;
		rtp_receiver_accept(&r, SSRC, (uint16_t)i, i * 1000, t, &extended);
	}
	assert_in_range(rtp_receiver_jitter(&r), 0, 1);
}

/* 200 packets per second; packets 0..999 have come, in order. What follows, and after
 * how many of those the receiver starts anew; 0: never. */
static void test_counts_anew(void **state)
{
	static const struct {
		uint16_t first; /* number of the first one that follows */
		uint16_t step;  /* to the next */
		unsigned int n;
		uint64_t interval_ns;
		unsigned int fresh_every; /* a new packet after so many of them; 0: none */
		unsigned int anew;
		const char *why;
	} runs[] = {
		{500, 1, 100, 5000000, 0, 41, "the camera is back, 500 before"},
		{65520, 1, 100, 5000000, 0, 41, "before the first number that was ever seen"},
		{999, 1, 1, 5000000, 0, 0, "the highest once more"},
		{500, 3, 100, 5000000, 0, 41, "back on a lossy way: two of three are missing"},
		{500, 1, 100, 20000000, 0, 16, "few packets: not so long, but enough of them"},
		{500, 1, 400, 100000, 0, 0, "a burst once more, 40 ms long"},
		{500, 1, 400, 5000000, 10, 0, "old ones among new ones, however long"},
		{500, 0, 400, 5000000, 0, 0, "one and the same"},
		{999, 65535, 400, 5000000, 0, 0, "backwards"},
		{0, 17, 50, 5000000, 0, 0, "far apart: here and there one that was late"},
	};

	for (size_t k = 0; k < sizeof(runs) / sizeof(runs[0]); k++) {
		uint64_t t = 1000000000, extended;
		uint16_t fresh = 1000, seq = runs[k].first;
		unsigned int anew = 0;
		struct rtp_receiver r;

		rtp_receiver_init(&r, 90000);
		for (uint32_t i = 0; i < 1000; i++, t += 5000000)
			rtp_receiver_accept(&r, SSRC, (uint16_t)i, i * 450, t, &extended);
		for (unsigned int i = 1; i <= runs[k].n && anew == 0; i++) {
			if (rtp_receiver_accept(&r, SSRC, seq, i * 450, t, &extended) ==
				RTP_ACCEPT_RESTART)
				anew = i;
			seq = (uint16_t)(seq + runs[k].step);
			t += runs[k].interval_ns;
			if (runs[k].fresh_every != 0 && i % runs[k].fresh_every == 0)
				assert_int_equal(
					rtp_receiver_accept(&r, SSRC, fresh++, 0, t, &extended),
					RTP_ACCEPT);
		}
		if (anew != runs[k].anew)
			fail_msg("%s: anew after %u, not %u", runs[k].why, anew, runs[k].anew);
		/* From there on it counts. */
		if (anew != 0)
			assert_int_equal(
				rtp_receiver_accept(&r, SSRC, seq, 0, t, &extended), RTP_ACCEPT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_extended_numbers_rise_over_wraps),
		cmocka_unit_test(test_reconnect_starts_anew_at_once),
		cmocka_unit_test(test_counts_anew),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_jitter_long_uptime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
