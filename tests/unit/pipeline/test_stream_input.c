/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stream input, with real packet buffers and a real stream: RTP datagrams in, the
 * plaintext ring, counters and notices out. Stories of one source as a table, then
 * single points, then a long random story against a model. One thread.
 */
#include "tests/unit/crypto/random.h"
#include "tests/unit/pipeline/input_scene.h"

#include <rte_malloc.h>
#include <stdio.h>

/* ---- stories ---- */

/* What is in the ring: "10 ", with a letter for another SSRC or version, "_ " per hole. */
static void describe(const struct bench *b, char *out, size_t size)
{
	size_t n = 0;

	for (uint64_t i = b->s->ring.oldest; i < b->s->ring.next; i++) {
		const struct plain_packet *p = plain_ring_get(&b->s->ring, i);
		const uint8_t *nal = plain_ring_payload(&b->s->ring, p);
		uint32_t ssrc, version;
		uint16_t seq;

		assert_true(n + 16 < size);
		if ((p->flags & PLAIN_HOLE) != 0) {
			n += (size_t)sprintf(out + n, "_ ");
			continue;
		}
		memcpy(&ssrc, nal + 2, 4);
		memcpy(&seq, nal + 6, 2);
		memcpy(&version, nal + 8, 4);
		n += (size_t)sprintf(
			out + n, "%s%u%s ", ssrc == SSRC_B ? "b" : "", seq, version ? "'" : "");
	}
	out[n] = 0;
}

static const struct {
	/* numbers; b..: of another SSRC; ..': with another payload; t..: down the packet
	 * ring; +40: so many ms pass; ; ends a turn; R: bound again; N: the source is away */
	const char *in;
	const char *want;
	uint64_t duplicated, late, reordered, lost, restarts;
	enum mr_drop drop; /* that is counted `drops` times */
	uint64_t drops;
	const char *why;
} stories[] = {
	{"10 11 12", "10 11 12 ", 0, 0, 0, 0, 0, 0, 0, "in order"},
	{"10 10 11 10 11", "10 11 ", 3, 0, 0, 0, 0, MR_DROP_RTP_DUPLICATE, 3, "duplicates"},
	{"10 11 10' 11' 12'", "10 11 12' ", 2, 0, 0, 0, 0, MR_DROP_RTP_DUPLICATE, 2,
		"numbers repeated with other payloads: the first counts"},
	{"10 12 11 13", "10 11 12 13 ", 0, 0, 1, 0, 0, 0, 0, "two swapped"},
	{"10 12; +39", "10 ", 0, 0, 0, 1, 0, 0, 0, "a gap is waited for"},
	{"10 12; +40", "10 _ 12 ", 0, 0, 0, 1, 0, 0, 0, "... for 40 ms, then it is one hole"},
	{"10 12; +40 11", "10 _ 12 ", 0, 1, 1, 0, 0, MR_DROP_RTP_LATE, 1,
		"late: not lost on the way, too late for us"},
	{"10 12; +20 11'; +40 13", "10 11' 12 13 ", 0, 0, 1, 0, 0, 0, 0, "it came in time"},
	{"10 16; +50", "10 _ _ _ _ _ 16 ", 0, 0, 0, 5, 0, 0, 0, "five lost: five holes"},
	{"10 40 12 14; +50 41",
		"10 _ 12 _ 14 _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ "
		"_ 40 41 ",
		0, 0, 2, 27, 0, 0, 0, "several gaps"},
	{"65534 65535 0 2 1", "65534 65535 0 1 2 ", 0, 0, 1, 0, 0, 0, 0, "over the wrap"},
	{"10 9 11", "10 11 ", 0, 1, 1, 0, 0, MR_DROP_RTP_LATE, 1, "older than the first"},
	{"2000 900 2001", "2000 2001 ", 0, 1, 0, 0, 0, MR_DROP_RTP_LATE, 1,
		"older than the window"},
	{"10 30000 11", "10 11 ", 0, 0, 0, 0, 0, MR_DROP_RTP_PROBATION, 1, "a stray number"},
	{"10 30000 30001 30002", "10 _ 30001 30002 ", 0, 0, 0, 0, 1, MR_DROP_RTP_PROBATION, 1,
		"a jump: what probation took is a hole"},
	{"10 12 30000 30001", "10 _ 12 _ 30001 ", 0, 0, 0, 1, 1, MR_DROP_RTP_PROBATION, 1,
		"what waited goes out before it"},
	{"10 b500 11 b501 12", "10 11 12 ", 0, 0, 0, 0, 0, MR_DROP_RTP_PROBATION, 2,
		"stray packets of another SSRC"},
	{"10 b500 b501 b502", "10 _ b501 b502 ", 0, 0, 0, 0, 1, MR_DROP_RTP_PROBATION, 1,
		"restarted with a new SSRC"},
	{"10 11 R 10' 11'", "10 11 10' 11' ", 0, 0, 0, 0, 1, 0, 0,
		"reconnected: same SSRC and numbers, nothing lost"},
	{"10 11 R b7 b8", "10 11 b7 b8 ", 0, 0, 0, 0, 1, 0, 0, "reconnected with a new SSRC"},
	{"10 12 R 20 21", "10 _ 12 20 21 ", 0, 0, 0, 1, 1, 0, 0,
		"what waited goes out before the new binding"},
	{"10 N 11 R 12", "10 12 ", 0, 0, 0, 0, 1, MR_DROP_STREAM_UNBOUND, 1,
		"while the source is away"},
	{"t10 t11 t13 t14", "10 11 _ 13 14 ", 0, 0, 0, 1, 0, 0, 0,
		"over TCP nothing is waited for"},
	{"t10 t11 t13 t12", "10 11 _ 13 ", 0, 1, 1, 0, 0, MR_DROP_RTP_LATE, 1, "... nor put back"},
	{"10 12; t11; 13", "10 11 12 13 ", 0, 0, 1, 0, 0, 0, 0,
		"a datagram that came in fragments, by the kernel"},
	{"10 12 14; t13; 15", "10 _ 12 13 14 15 ", 0, 0, 1, 1, 0, 0, 0,
		"... what is missing before it is given up, what waits behind it stays"},
	{"10 14 16; t12; +20 13; +20 15; +40", "10 _ 12 13 14 _ 16 ", 0, 1, 3, 1, 0,
		MR_DROP_RTP_LATE, 1, "each gap counts from what waits behind it"},
	{"10 13; t11; 12", "10 11 12 13 ", 0, 0, 2, 0, 0, 0, 0, "... and goes on waiting"},
	{"10 t12 11", "10 _ 12 ", 0, 1, 1, 0, 0, MR_DROP_RTP_LATE, 1,
		"... too early: late is late"},
};

static void play(struct bench *b, const char *p)
{
	while (*p != 0) {
		struct rtp r = {.ssrc = SSRC_A, .payload_type = PT};
		uint8_t datagram[64];
		uint32_t len;
		bool staged;

		if (*p == ' ' || *p == ';') {
			if (*p++ == ';')
				run(b);
			continue;
		}
		if (*p == '+') {
			harness_advance(&b->h, strtoull(p + 1, (char **)(uintptr_t)&p, 10) * MS);
			run(b);
			continue;
		}
		if (*p == 'R' || *p == 'N') {
			struct mr_stream_bind bind = {
				.input = *p == 'R' ? MR_INPUT_WIRE : MR_INPUT_NONE,
				.payload_type = PT};

			run(b);
			bench_bind(b, &bind);
			p++;
			continue;
		}
		staged = *p == 't';
		p += staged;
		if (*p == 'b') {
			r.ssrc = SSRC_B;
			p++;
		}
		r.seq = (uint16_t)strtoul(p, (char **)(uintptr_t)&p, 10);
		r.timestamp = r.seq * 3000u;
		len = slice(datagram, &r, *p == '\'');
		p += *p == '\'';
		if (staged)
			give_staged(b, datagram, len);
		else
			give_wire(b, datagram, len);
	}
	run(b);
}

static void test_stories(void **state)
{
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct bench b;
		char got[256];
		const struct mr_stats_stream *st;

		bench_init(&b, MR_KIND_VIDEO, 90000);
		st = b.s->stats;
		play(&b, stories[i].in);
		describe(&b, got, sizeof(got));
		if (strcmp(got, stories[i].want) != 0)
			fail_msg("%s (%s): \"%s\"", stories[i].why, stories[i].in, got);
		if (stat(&st->duplicated) != stories[i].duplicated ||
			stat(&st->late) != stories[i].late ||
			stat(&st->reordered) != stories[i].reordered ||
			stat(&st->lost) != stories[i].lost ||
			stat(&st->restarts) != stories[i].restarts)
			fail_msg("%s: duplicated %d, late %d, reordered %d, lost %d, restarts %d",
				stories[i].why, (int)stat(&st->duplicated), (int)stat(&st->late),
				(int)stat(&st->reordered), (int)stat(&st->lost),
				(int)stat(&st->restarts));
		if (harness_drops(&b.h, stories[i].drop) != stories[i].drops ||
			harness_all_drops(&b.h) != stories[i].drops)
			fail_msg("%s: drops", stories[i].why);
		assert_int_equal(b.h.w->n_holding, b.s->reorder.held > 0);
		bench_fini(&b); /* every packet buffer has come back */
	}
}

/* No index is used twice, whatever the source does: what fan-out encrypts under
 * one index is one payload. */
static void test_index_rises(void **state)
{
	struct bench b;

	bench_init(&b, MR_KIND_VIDEO, 90000);
	play(&b, "10 11 11' 13; +50 R 10' b7 b8 R 10 11 30000 30001 30000' t30002 t30004; +50");
	for (uint64_t i = 0; i < b.s->ring.next; i++)
		assert_int_equal(plain_ring_get(&b.s->ring, i)->index, i);
	bench_fini(&b);
}

/* ---- who may send what ---- */

static void test_refused(void **state)
{
	static const struct {
		const char *remote; /* of the binding */
		uint16_t remote_port;
		uint32_t flags;
		uint32_t ssrc;
		uint8_t payload_type; /* of the packet */
		uint8_t first;        /* byte of the packet */
		uint8_t len;          /* of the datagram; 0: whole */
		int drop;             /* -1: accepted */
		uint32_t finding;
		const char *why;
	} cases[] = {
		{NULL, 0, 0, 0, PT, 0x80, 0, -1, 0, "anybody may send"},
		{"192.0.2.9", 0, 0, 0, PT, 0x80, 0, -1, 0, "the source, from any port"},
		{"192.0.2.9", 6000, 0, 0, PT, 0x80, 0, -1, 0, "the source"},
		{NULL, 6000, 0, 0, PT, 0x80, 0, -1, 0, "anybody, from that port"},
		{"192.0.2.8", 0, 0, 0, PT, 0x80, 0, MR_DROP_SOURCE_ADDRESS, 0, "another address"},
		{"192.0.2.9", 6001, 0, 0, PT, 0x80, 0, MR_DROP_SOURCE_ADDRESS, 0, "another port"},
		{NULL, 0, MR_BIND_SSRC, SSRC_A, PT, 0x80, 0, -1, 0, "the SSRC announced"},
		{NULL, 0, MR_BIND_SSRC, SSRC_B, PT, 0x80, 0, MR_DROP_RTP_SSRC, 0, "another SSRC"},
		{NULL, 0, 0, SSRC_B, PT, 0x80, 0, -1, 0, "none announced"},
		{NULL, 0, 0, 0, PT + 1, 0x80, 0, MR_DROP_RTP_PAYLOAD_TYPE, MR_FINDING_PAYLOAD_TYPE,
			"another payload type"},
		{NULL, 0, 0, 0, PT, 0x40, 0, MR_DROP_RTP_VERSION, 0, "another version"},
		{NULL, 0, 0, 0, PT, 0x8f, 0, MR_DROP_RTP_SHORT, 0, "CSRCs beyond the end"},
		{NULL, 0, 0, 0, PT, 0xa0, 0, MR_DROP_RTP_PADDING, 0, "padding of no length"},
		{NULL, 0, 0, 0, PT, 0x80, 11, MR_DROP_RTP_SHORT, 0, "cut"},
		{NULL, 0, 0, 0, PT, 0x80, 12, MR_DROP_RTP_EMPTY, 0, "empty"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;
		struct mr_stream_bind bind = {.input = MR_INPUT_WIRE,
			.payload_type = PT,
			.flags = cases[i].flags,
			.ssrc = cases[i].ssrc,
			.remote.port = htons(cases[i].remote_port)};
		struct rtp r = {.ssrc = SSRC_A, .payload_type = cases[i].payload_type, .seq = 7};
		uint8_t datagram[64];
		uint32_t len;

		if (cases[i].remote != NULL) {
			bind.remote.addr[10] = bind.remote.addr[11] = 0xff;
			inet_pton(AF_INET, cases[i].remote, &bind.remote.addr[12]);
		}
		bench_init(&b, MR_KIND_VIDEO, 90000);
		bench_bind(&b, &bind);
		len = slice(datagram, &r, 0);
		datagram[0] = cases[i].first;
		for (int twice = 0; twice < 2; twice++) {
			r.seq++;
			datagram[3]++;
			give_wire(&b, datagram, cases[i].len != 0 ? cases[i].len : len);
			run(&b);
		}
		if (harness_all_drops(&b.h) != (cases[i].drop >= 0 ? 2 : 0))
			fail_msg("%s: %d drops", cases[i].why, (int)harness_all_drops(&b.h));
		if (cases[i].drop >= 0 && harness_drops(&b.h, (enum mr_drop)cases[i].drop) != 2)
			fail_msg("%s: another drop", cases[i].why);
		assert_int_equal(b.s->ring.next, cases[i].drop >= 0 ? 0 : 2);
		assert_int_equal(atomic_load(&b.s->stats->findings), cases[i].finding);
		/* Told once. */
		if (cases[i].finding != 0)
			harness_expect_notice(
				&b.h, MR_EVENT_STREAM_FINDING, b.s->id, cases[i].finding);
		else if (cases[i].drop < 0 || cases[i].drop == MR_DROP_RTP_EMPTY)
			harness_expect_notice(
				&b.h, MR_EVENT_STREAM_STATE, b.s->id, MR_STREAM_RECEIVING);
		harness_no_notice(&b.h);
		bench_fini(&b);
	}
}

/* A padding-only packet takes its number and nothing else. */
static void test_empty_leaves_no_hole(void **state)
{
	struct bench b;
	struct rtp r = {.ssrc = SSRC_A, .payload_type = PT, .seq = 7};
	uint8_t datagram[64];
	char got[64];

	bench_init(&b, MR_KIND_VIDEO, 90000);
	for (int i = 0; i < 3; i++, r.seq++) {
		uint32_t len = slice(datagram, &r, 0);

		if (i == 1) {
			datagram[0] |= 0x20;
			datagram[len - 1] = 12;
		}
		give_wire(&b, datagram, len);
	}
	run(&b);
	describe(&b, got, sizeof(got));
	assert_string_equal(got, "7 9 ");
	assert_int_equal(stat(&b.s->stats->packets), 3);
	assert_int_equal(stat(&b.s->stats->lost), 0);
	assert_int_equal(harness_drops(&b.h, MR_DROP_RTP_EMPTY), 1);
	bench_fini(&b);
}

static void test_wrapping_removed(void **state)
{
	static const uint8_t datagram[] = {0xb2, 0x80 | PT, 0, 7, 0, 0, 0, 9, 0xaa, 0xaa, 0xaa,
		0xaa, 1, 1, 1, 1, 2, 2, 2, 2,                  /* CSRCs */
		0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0,            /* extension */
		0x41, 0x9a, 'p', 'i', 'c', 't', 'u', 'r', 'e', /* payload */
		0, 0, 0, 4};
	struct bench b;
	const struct plain_packet *p;

	bench_init(&b, MR_KIND_VIDEO, 90000);
	give_wire(&b, datagram, sizeof(datagram));
	run(&b);
	p = plain_ring_get(&b.s->ring, 0);
	assert_non_null(p);
	assert_int_equal(p->len, 9);
	assert_memory_equal(plain_ring_payload(&b.s->ring, p), "\x41\x9apicture", 9);
	assert_int_equal(p->flags, PLAIN_MARKER | PLAIN_FRAME_START);
	assert_int_equal(stat(&b.s->stats->bytes), 9);
	assert_int_equal(stat(&b.s->stats->out_bytes), 9);
	bench_fini(&b);
}

static void test_state_notices(void **state)
{
	struct bench b;
	struct notice n;

	bench_init(&b, MR_KIND_VIDEO, 90000);
	play(&b, "10 11");
	assert_true(harness_notice(&b.h, &n));
	assert_int_equal(n.type, MR_EVENT_STREAM_STATE);
	assert_int_equal(n.value, MR_STREAM_RECEIVING);
	assert_int_equal(n.ssrc, SSRC_A);
	assert_int_equal(n.gap_ms, 0); /* the first of all */
	assert_int_equal(b.s->stats->gaps, 0);
	harness_no_notice(&b.h);
	b.s->silent = true; /* as the report stage finds it after 3 s */
	b.s->stats->last_packet_ns -= 5000000000ull;
	play(&b, "12 13");
	assert_true(harness_notice(&b.h, &n));
	assert_int_equal(n.value, MR_STREAM_RECEIVING);
	assert_in_range(n.gap_ms, 5000, 6000);
	assert_int_equal(b.s->stats->gaps, 1);
	assert_int_equal(b.s->stats->last_gap_ms, n.gap_ms);
	harness_no_notice(&b.h);
	play(&b, "R 14 15");
	harness_expect_notice(&b.h, MR_EVENT_STREAM_STATE, b.s->id, MR_STREAM_RECEIVING);
	harness_no_notice(&b.h);
	bench_fini(&b);
}

/* What viewers get: the ring, each payload once, holes as gaps in the numbers. */
static void test_holes_are_not_sent(void **state)
{
	struct bench b;
	struct viewer *v;
	uint16_t first, last;

	bench_init(&b, MR_KIND_VIDEO, 90000);
	v = harness_viewer(&b.h, 0x0007, b.s);
	play(&b, "10 13; +50");
	fanout_stage(b.h.w);
	assert_int_equal(b.h.w->plain.n, 2);
	first = rte_be_to_cpu_16(harness_rtp(b.h.w->plain.pkts[0])->seq);
	last = rte_be_to_cpu_16(harness_rtp(b.h.w->plain.pkts[1])->seq);
	assert_int_equal((uint16_t)(last - first), 3);
	harness_free_plain(&b.h.w->plain);
	harness_leave(&b.h, v);
	bench_fini(&b);
}

/* ---- a long random story ---- */

#define SENT 40000

static void test_random_story(void **state)
{
	static uint8_t given[SENT]; /* how often each packet came into the ring */
	struct random random;
	struct bench b;
	uint64_t sent = 0, duplicates = 0, pushed = 0, index = 0, holes = 0;
	uint16_t base;
	int64_t last = -1;

	random_init(&random, 1234);
	memset(given, 0, sizeof(given));
	base = (uint16_t)random_u64(&random);
	bench_init(&b, MR_KIND_VIDEO, 90000);
	/* 5 in 100 lost, 2 sent twice, any overtaken by up to 20, ten to a turn of 10 ms */
	for (uint32_t block = 0; block < SENT; block += 20) {
		uint32_t order[25];
		uint32_t n = 0;

		for (uint32_t i = block; i < block + 20; i++) {
			/* The first and the last one come, so that all count as expected. */
			bool edge = i < 20 || i >= SENT - 20;

			if (!edge && random_below(&random, 100) < 5)
				continue;
			order[n++] = i;
			sent++;
			if (!edge && n < 24 && random_below(&random, 100) < 2) {
				order[n++] = i;
				duplicates++;
			}
		}
		if (block != 0)
			for (uint32_t i = n; i > 1; i--) {
				uint32_t k = random_below(&random, i);
				uint32_t swap = order[i - 1];

				order[i - 1] = order[k];
				order[k] = swap;
			}
		for (uint32_t i = 0; i < n; i++) {
			struct rtp r = {.ssrc = SSRC_A,
				.payload_type = PT,
				.seq = (uint16_t)(base + order[i]),
				.timestamp = order[i] * 300};
			uint8_t datagram[64];

			give_wire(&b, datagram, slice(datagram, &r, order[i]));
			pushed++;
			if (i % 10 == 9) {
				run(&b);
				harness_advance(&b.h, 10 * MS);
			}
		}
		run(&b);
		harness_advance(&b.h, 50 * MS);
		run(&b);
		for (; index < b.s->ring.next; index++) {
			const struct plain_packet *p = plain_ring_get(&b.s->ring, index);
			uint32_t number;

			if ((p->flags & PLAIN_HOLE) != 0) {
				holes++;
				continue;
			}
			memcpy(&number, plain_ring_payload(&b.s->ring, p) + 8, 4);
			assert_true(number < SENT && (int64_t)number > last);
			assert_true(index == number); /* gaps are as long as the loss */
			last = number;
			given[number]++;
			assert_int_equal(p->timestamp, number * 300);
		}
	}
	assert_int_equal(last, SENT - 1);
	assert_int_equal(stat(&b.s->stats->packets), sent);
	assert_int_equal(stat(&b.s->stats->duplicated), duplicates);
	assert_int_equal(stat(&b.s->stats->expected), SENT);
	assert_int_equal(stat(&b.s->stats->lost), SENT - sent);
	assert_int_equal(stat(&b.s->stats->late), 0);
	assert_int_equal(stat(&b.s->stats->restarts), 0);
	assert_int_equal(stat(&b.s->stats->out_packets), sent);
	assert_int_equal(holes, SENT - sent);
	assert_int_equal(harness_all_drops(&b.h), duplicates);
	assert_int_equal(atomic_load(&b.s->stats->extended_highest), base + SENT - 1);
	printf("%llu given, %llu lost, %llu twice, %llu reordered\n", (unsigned long long)pushed,
		(unsigned long long)(SENT - sent), (unsigned long long)duplicates,
		(unsigned long long)stat(&b.s->stats->reordered));
	bench_fini(&b);
}

/* Streams that hold packets are looked at until they do not; one may be unlinked
 * while it holds some. */
static void test_holding_streams(void **state)
{
	struct bench b;
	struct stream *first;
	struct mr_stream_bind bind = {.input = MR_INPUT_WIRE, .payload_type = PT};

	bench_init(&b, MR_KIND_VIDEO, 90000);
	first = b.s;
	b.s = harness_stream(&b.h, MR_KIND_VIDEO, 90000, RING);
	bench_bind(&b, &bind);
	play(&b, "10 12 13 15");
	assert_int_equal(b.h.w->n_holding, 1);
	b.s = first;
	play(&b, "10 12");
	assert_int_equal(b.h.w->n_holding, 2);
	play(&b, "11");
	assert_int_equal(b.h.w->n_holding, 1);
	harness_stream_end(&b.h, b.h.w->streams[1]);
	assert_int_equal(b.h.w->n_holding, 0);
	bench_fini(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_index_rises),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_empty_leaves_no_hole),
		cmocka_unit_test(test_wrapping_removed),
		cmocka_unit_test(test_state_notices),
		cmocka_unit_test(test_holes_are_not_sent),
		cmocka_unit_test(test_random_story),
		cmocka_unit_test(test_holding_streams),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
