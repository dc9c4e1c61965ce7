/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * H.264 of all sizes through dataplane/stream/repack_h264.c: what is split and put
 * together again is what came in, of chosen sizes and of random films. One thread.
 */
#include "tests/unit/crypto/random.h"
#include "tests/unit/stream/h264_film.h"

static const struct {
	uint32_t payload; /* bytes */
	uint16_t max;
	uint32_t packets;
	const char *why;
} sizes[] = {
	{1200, 1200, 1, "fits exactly"},
	{1201, 1200, 2, "one too many"},
	{2397, 1200, 2, "two full fragments: 2 x 1198 and the header octet"},
	{2398, 1200, 3, "one more"},
	{1460, 1404, 2, "a 1472-byte datagram"},
	{20000, 1404, 15, "20 KB over TCP"},
	{65523, 1404, 47, "the longest that comes down the packet ring"},
	{65523, 256, 258, "... in the smallest packets"},
	{2000, 2048, 1, "the largest packets"},
};

static void test_sizes(void **state)
{
	static uint8_t nal[65536];
	static struct reassembly r;
	struct random random;

	random_init(&random, 21);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct film f;
		struct repack_input in = {.payload = nal, .len = sizes[i].payload, .marker = true};
		uint16_t least = UINT16_MAX;

		random_bytes(&random, nal, sizes[i].payload);
		nal[0] = 0x61;
		nal[1] = 0x9a;
		film_start(&f, sizes[i].max, "sp");
		assert_int_equal(repack_packet(f.repack, &f.ring, &in, &f.figures), 0);
		reassembly_init(&r);
		for (uint64_t k = 0; k < f.ring.next; k++) {
			const struct plain_packet *p = plain_ring_get(&f.ring, k);

			assert_non_null(p);
			assert_true(p->len <= sizes[i].max);
			if (p->len < least)
				least = p->len;
			if (((p->flags & PLAIN_MARKER) != 0) != (k + 1 == f.ring.next))
				fail_msg("%s: marker of packet %llu", sizes[i].why,
					(unsigned long long)k);
			if (!reassembly_packet(&r, plain_ring_payload(&f.ring, p), p->len))
				fail_msg("%s: %s", sizes[i].why, r.error);
		}
		if (f.ring.next != sizes[i].packets)
			fail_msg("%s: %llu packets", sizes[i].why, (unsigned long long)f.ring.next);
		assert_int_equal(f.figures.packets, sizes[i].packets);
		assert_int_equal(f.figures.resplit, sizes[i].packets > 1 ? sizes[i].packets : 0);
		/* Of equal size: no fragment of a few bytes at the end. */
		if (sizes[i].packets > 1)
			assert_true(least >= sizes[i].payload / sizes[i].packets);
		assert_false(r.open);
		assert_int_equal(r.n, 1);
		assert_int_equal(r.len[0], sizes[i].payload);
		assert_memory_equal(r.bytes, nal, sizes[i].payload);
		film_end(&f);
	}
}

/* ---- random films ---- */

struct source {
	struct random random;
	uint8_t nals[REASSEMBLY_BYTES];
	uint32_t used;
	uint32_t at[REASSEMBLY_NALS];
	uint32_t len[REASSEMBLY_NALS];
	uint32_t n;
};

static uint32_t random_size(struct random *r)
{
	switch (random_below(r, 8)) {
	case 0:
		return 2 + random_below(r, 65000);
	case 1:
		return 20000 + random_below(r, 500);
	case 2:
		return 1180 + random_below(r, 300);
	default:
		return 2 + random_below(r, 2000);
	}
}

static const uint8_t *source_nal(struct source *s, uint32_t len, uint8_t type)
{
	uint8_t *nal = s->nals + s->used;

	assert_true(s->n < REASSEMBLY_NALS && s->used + len <= sizeof(s->nals));
	random_bytes(&s->random, nal, len);
	nal[0] = (uint8_t)(random_below(&s->random, 4) << 5 | type);
	s->at[s->n] = s->used;
	s->len[s->n++] = len;
	s->used += len;
	return nal;
}

/* One picture of a few NALs, packetized as sources do: single, aggregated, in
 * fragments of any size up to that of a datagram. */
static void source_picture(struct source *s, struct film *f, uint32_t timestamp, bool idr)
{
	static uint8_t p[65536];
	uint32_t units = 1 + random_below(&s->random, 4);

	for (uint32_t u = 0; u < units; u++) {
		struct repack_input in = {.payload = p, .timestamp = timestamp};
		bool last = u + 1 == units;
		uint8_t type = idr ? 5 : 2; /* 2: looked into by nobody */
		uint32_t how = random_below(&s->random, 3);

		if (how == 0) {
			uint32_t len = random_size(&s->random);

			in.payload = source_nal(s, len, type);
			in.len = len;
			in.marker = last;
			assert_int_equal(repack_packet(f->repack, &f->ring, &in, &f->figures), 0);
		} else if (how == 1) {
			uint32_t k = 1 + random_below(&s->random, 6);

			p[0] = 0x78;
			in.len = 1;
			for (uint32_t j = 0; j < k; j++) {
				uint32_t len = random_size(&s->random) % 8000 + 1;
				const uint8_t *nal = source_nal(s, len, type);

				p[in.len++] = (uint8_t)(len >> 8);
				p[in.len++] = (uint8_t)len;
				memcpy(p + in.len, nal, len);
				in.len += len;
			}
			in.marker = last;
			assert_int_equal(repack_packet(f->repack, &f->ring, &in, &f->figures), 0);
		} else {
			uint32_t len = random_size(&s->random) + 10;
			const uint8_t *nal = source_nal(s, len, type);
			uint32_t done = 1;
			uint32_t most = random_below(&s->random, 2) == 0 ? 1400 : 9000;

			while (done < len) {
				uint32_t n = 1 + random_below(&s->random, most);

				/* Not both start and end. */
				if (done == 1 && n >= len - done)
					n = len - done - 1;
				if (n > len - done)
					n = len - done;
				p[0] = (uint8_t)((nal[0] & 0xe0) | 28);
				p[1] = (uint8_t)((nal[0] & 0x1f) | (done == 1 ? 0x80 : 0) |
						 (done + n == len ? 0x40 : 0));
				memcpy(p + 2, nal + done, n);
				done += n;
				in.len = n + 2;
				in.marker = last && done == len;
				assert_int_equal(
					repack_packet(f->repack, &f->ring, &in, &f->figures), 0);
			}
		}
	}
}

static void test_random_films(void **state)
{
	static const uint16_t limits[] = {256, 700, 1200, 1404, 1452, 2048};
	static struct source s;
	static struct reassembly r;

	random_init(&s.random, 4242);
	for (int round = 0; round < 300; round++) {
		uint16_t max = limits[random_below(&s.random, 6)];
		uint64_t starts = 0;
		uint64_t markers = 0;
		bool idr = random_below(&s.random, 3) == 0;
		struct film f;

		film_start(&f, max, "");
		/* One picture fits the ring whole. */
		s.used = 0;
		s.n = 0;
		source_picture(&s, &f, 7777, idr);
		reassembly_init(&r);
		assert_int_equal(f.ring.oldest, 0);
		for (uint64_t i = 0; i < f.ring.next; i++) {
			const struct plain_packet *p = plain_ring_get(&f.ring, i);

			assert_true(p->len > 0 && p->len <= max);
			assert_int_equal(p->timestamp, 7777);
			starts += (p->flags & PLAIN_FRAME_START) != 0;
			markers += (p->flags & PLAIN_MARKER) != 0;
			if (!reassembly_packet(&r, plain_ring_payload(&f.ring, p), p->len))
				fail_msg("round %d, packet %llu: %s", round, (unsigned long long)i,
					r.error);
		}
		assert_false(r.open);
		assert_int_equal(starts, 1);
		assert_int_equal(markers, 1);
		assert_true((plain_ring_get(&f.ring, 0)->flags & PLAIN_FRAME_START) != 0);
		assert_true((plain_ring_get(&f.ring, f.ring.next - 1)->flags & PLAIN_MARKER) != 0);
		assert_int_equal(f.figures.packets, f.ring.next);
		assert_int_equal(f.figures.frames, 1);
		assert_int_equal(f.figures.keyframes, idr);
		assert_int_equal(f.ring.has_keyframe, idr);
		if (idr)
			assert_int_equal(f.ring.keyframe, 0);
		assert_int_equal(r.n, s.n);
		for (uint32_t k = 0; k < s.n; k++) {
			assert_int_equal(r.len[k], s.len[k]);
			assert_memory_equal(r.bytes + r.at[k], s.nals + s.at[k], s.len[k]);
		}
		film_end(&f);
	}
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_random_films),
	};

	return cmocka_run_group_tests(tests, start, end);
}
