/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * H.264 from sources to viewers: what passes, is split, injected, found or refused,
 * as a table of little films; then random films whose NAL units must come out as they
 * went in. One thread.
 */
#include "dataplane/stream/repack.h"
#include "tests/unit/crypto/random.h"
#include "tests/unit/pipeline/eal.h"
#include "tests/unit/stream/h264_reassembly.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MALFORMED (-(1 + MR_DROP_PAYLOAD_MALFORMED))

static int start(void **state)
{
	return eal_start(NULL);
}

static int end(void **state)
{
	return rte_eal_cleanup();
}

/* ---- little films ---- */

/* Each NAL has a letter, its last byte. */
static const struct nal {
	uint8_t bytes[8];
	uint8_t len;
} nals[] = {
	{{0x67, 0x42, 0xc0, 0x1f, 0x8c, 's'}, 6}, /* SPS 0 of the SDP */
	{{0x68, 0xce, 0x3c, 'p'}, 4},             /* PPS 0 of the SDP */
	{{0x67, 0x42, 0xc0, 0x1f, 0x8c, 'S'}, 6}, /* SPS 0 in band */
	{{0x67, 0x42, 0xc0, 0x1f, 0x8d, 'T'}, 6}, /* SPS 0, another one */
	{{0x67, 0x42, 0xc0, 0x1f, 0x4c, 'U'}, 6}, /* SPS 1 */
	{{0x68, 0xce, 0x3c, 'P'}, 4},             /* PPS 0 in band */
	{{0x68, 0x4e, 0x3c, 'Q'}, 4},             /* PPS 1 */
	{{0x65, 0x88, 0x84, 'I'}, 4},             /* IDR slice */
	{{0x65, 0x48, 0x84, 'J'}, 4},             /* another of the same picture */
	{{0x41, 0x9a, 0x24, 'N'}, 4},             /* P slice */
	{{0x01, 0x9c, 0x24, 'B'}, 4},             /* B slice */
	{{0x09, 0xf0, 'A'}, 3},                   /* access unit delimiter */
	{{0x06, 0x05, 0x01, 'E'}, 4},             /* SEI */
};

static const struct nal *nal_of(char letter)
{
	for (size_t i = 0; i < sizeof(nals) / sizeof(nals[0]); i++)
		if (nals[i].bytes[nals[i].len - 1] == (uint8_t)letter)
			return &nals[i];
	fail_msg("no NAL %c", letter);
	return NULL;
}

struct film {
	struct repack *repack;
	struct plain_ring ring;
	struct repack_figures figures;
	uint64_t seen; /* index of the first packet not described yet */
	int rc;        /* the last one that was not 0 */
};

static void film_start(struct film *f, uint16_t max_payload, const char *sdp)
{
	uint8_t sets[MR_PARAMETER_SETS];
	uint16_t len = 0;

	memset(f, 0, sizeof(*f));
	assert_int_equal(plain_ring_init(&f->ring, 1024, 1u << 19), 0);
	f->repack = repack_create(MR_CODEC_H264, max_payload);
	assert_non_null(f->repack);
	for (; *sdp != 0; sdp++) {
		const struct nal *n = nal_of(*sdp);

		sets[len] = 0;
		sets[len + 1] = n->len;
		memcpy(sets + len + 2, n->bytes, n->len);
		len = (uint16_t)(len + 2 + n->len);
	}
	repack_reset(f->repack, sets, len);
}

static void film_end(struct film *f)
{
	repack_destroy(f->repack);
	plain_ring_fini(&f->ring);
}

static void film_packet(struct film *f, const uint8_t *payload, uint32_t len, uint32_t timestamp)
{
	struct repack_input in = {
		.payload = payload, .len = len, .timestamp = timestamp, .arrival_ns = 1};
	int rc = repack_packet(f->repack, &f->ring, &in, &f->figures);

	if (rc != 0)
		f->rc = rc;
}

/* "A S P {I} (SPI)|N": packets; { } in fragments, ( ) aggregated, | another picture. */
static void film_play(struct film *f, const char *script)
{
	uint32_t timestamp = 1000;

	for (; *script != 0; script++) {
		uint8_t p[256];
		uint32_t len = 0;

		if (*script == ' ')
			continue;
		if (*script == '|') {
			timestamp += 3000;
		} else if (*script == '(') {
			p[len++] = 0x78;
			while (*++script != ')') {
				const struct nal *n = nal_of(*script);

				p[len++] = 0;
				p[len++] = n->len;
				memcpy(p + len, n->bytes, n->len);
				len += n->len;
			}
			film_packet(f, p, len, timestamp);
		} else if (*script == '{') {
			const struct nal *n = nal_of(*++script);

			for (uint8_t i = 1; i < n->len; i++) {
				p[0] = (n->bytes[0] & 0xe0) | 28;
				p[1] = (uint8_t)((n->bytes[0] & 0x1f) | (i == 1 ? 0x80 : 0) |
						 (i + 1 == n->len ? 0x40 : 0));
				/* The first fragment shows what kind of slice it is. */
				p[2] = n->bytes[i];
				film_packet(f, p, 3, timestamp);
			}
			script++;
		} else {
			const struct nal *n = nal_of(*script);

			film_packet(f, n->bytes, n->len, timestamp);
		}
	}
}

/* What is in the ring: letters, "(..)", "{X--}" for fragments, "*" before the packet where
 * a key frame starts, "|" before another picture, "_" for a hole. */
static void film_describe(struct film *f, char *out, size_t size)
{
	struct reassembly *r = calloc(1, sizeof(*r));
	size_t n = 0;

	assert_non_null(r);
	for (uint64_t i = 0; i < f->ring.next; i++) {
		const struct plain_packet *p = plain_ring_get(&f->ring, i);
		const uint8_t *payload = plain_ring_payload(&f->ring, p);
		uint32_t before;

		assert_true(n + 64 < size);
		if ((p->flags & PLAIN_HOLE) != 0) {
			out[n++] = '_';
			continue;
		}
		if ((p->flags & PLAIN_FRAME_START) != 0 && i > 0)
			out[n++] = '|';
		if ((p->flags & PLAIN_KEYFRAME) != 0)
			out[n++] = '*';
		before = r->n;
		if (!reassembly_packet(r, payload, p->len))
			fail_msg("packet %llu: %s", (unsigned long long)i, r->error);
		if ((payload[0] & 0x1f) == 28) {
			out[n++] = r->open ? '-' : (char)payload[p->len - 1];
			continue;
		}
		if ((payload[0] & 0x1f) == 24)
			out[n++] = '(';
		for (uint32_t k = before; k < r->n; k++)
			out[n++] = (char)r->bytes[r->at[k] + r->len[k] - 1];
		if ((payload[0] & 0x1f) == 24)
			out[n++] = ')';
	}
	out[n] = 0;
	free(r);
}

static const struct {
	const char *sdp;
	const char *in;
	const char *want;
	uint32_t injected;
	uint32_t keyframes;
	uint32_t findings;
	const char *why;
} films[] = {
	{"sp", "S P I|N|N", "*SPI|N|N", 0, 1, 0, "sets in band: the SPS is where it starts"},
	{"sp", "I|N", "*spI|N", 2, 1, 0, "no sets in band: the SDP's"},
	{"sp", "I|N|I", "*spI|N|*spI", 4, 2, 0, "... before each key frame"},
	{"ps", "I", "*spI", 2, 1, 0, "the SDP has them in another order: SPS first"},
	{"sp", "I J|N", "*spIJ|N", 2, 1, 0, "two slices: before the first"},
	{"sp", "A E I|N", "AE*spI|N", 2, 1, 0, "behind delimiter and SEI"},
	{"sp", "A S P E I", "A*SPEI", 0, 1, 0, "nothing is injected, whatever lies between"},
	{"sp", "{I}|N", "*sp--I|N", 2, 1, 0, "before the first fragment"},
	{"sp", "(I)|N", "*sp(I)|N", 2, 1, 0, "before an aggregate with a key frame"},
	{"sp", "(SPI)|N", "*(SPI)|N", 0, 1, 0, "sets in the same aggregate"},
	{"sp", "(ASP) {I}|N", "*(ASP)--I|N", 0, 1, 0, "sets in an aggregate before"},
	{"sp", "(SP)|I|N", "(SP)|*SPI|N", 2, 1, 0, "sets of another picture do not count"},
	{"sp", "S I", "*SSpI", 2, 1, 0, "an SPS without its PPS"},
	{"sp", "P I", "*PsPI", 2, 1, 0, "a PPS without its SPS"},
	{"sp", "N|N", "N|N", 0, 0, 0, "no key frame, nothing to inject"},
	{"", "I|N", "*I|N", 0, 1, 0, "no sets known"},
	{"", "S P I|I", "*SPI|*SPI", 2, 2, 0, "sets learnt in band"},
	{"sp", "S P I|I", "*SPI|*SPI", 2, 2, 0, "in band beats the SDP's"},
	{"sp", "T P I|I", "*TPI|*TPI", 2, 2, 0, "... when the SPS has changed"},
	{"sp", "T P I|S P I|I", "*TPI|*SPI|*SPI", 2, 3, 0, "... and changed again"},
	{"sp", "T|I", "T|*TpI", 2, 1, 0, "a changed SPS, the PPS still the SDP's"},
	{"sp", "U Q I|I", "*UQI|*sUpQI", 4, 2, 0, "other ids stand beside"},
	{"sp", "S S P P I", "*SSPPI", 0, 1, 0, "sets twice"},
	{"sp", "{S} P I|N", "*----SPI|N", 0, 1, 0, "an SPS in fragments is one too"},
	{"sp", "N|N|N", "N|N|N", 0, 0, 0, "P slices only: no finding"},
	{"sp", "I|B|N", "*spI|B|N", 2, 1, MR_FINDING_B_FRAMES, "a B slice"},
	{"sp", "I|{B}|N", "*spI|--B|N", 2, 1, MR_FINDING_B_FRAMES, "a fragmented B slice"},
	{"sp", "I|(EB)|N", "*spI|(EB)|N", 2, 1, MR_FINDING_B_FRAMES, "an aggregated B slice"},
};

static void test_films(void **state)
{
	for (size_t i = 0; i < sizeof(films) / sizeof(films[0]); i++) {
		struct film f;
		char got[256];

		film_start(&f, 1200, films[i].sdp);
		film_play(&f, films[i].in);
		film_describe(&f, got, sizeof(got));
		if (strcmp(got, films[i].want) != 0)
			fail_msg("%s: \"%s\" became \"%s\"", films[i].why, films[i].in, got);
		if (f.figures.injected != films[i].injected ||
			f.figures.keyframes != films[i].keyframes ||
			f.figures.findings != films[i].findings || f.rc != 0 ||
			f.figures.resplit != 0)
			fail_msg("%s: injected %u, key frames %u, findings %x", films[i].why,
				f.figures.injected, f.figures.keyframes, f.figures.findings);
		if (films[i].keyframes > 0)
			assert_true(f.ring.has_keyframe);
		film_end(&f);
	}
}

static void test_reset(void **state)
{
	struct film f;
	char got[256];
	uint8_t broken[] = {0, 2, 0x67, 0x42, 0, 9, 0x68};
	uint8_t none[] = {0, 0, 0x67};

	film_start(&f, 1200, "sp");
	film_play(&f, "T P I|N");
	/* The source connects again, with an SDP without sets, then with broken ones. */
	repack_reset(f.repack, NULL, 0);
	film_play(&f, "I");
	repack_reset(f.repack, broken, sizeof(broken));
	film_play(&f, "I");
	repack_reset(f.repack, none, sizeof(none));
	film_play(&f, "I");
	film_describe(&f, got, sizeof(got));
	assert_string_equal(got, "*TPI|N|*I|*I|*I");
	film_end(&f);
}

/* More kinds of sets than are kept: the newest, never more than there is room for. */
static void test_many_sets(void **state)
{
	struct film f;
	uint8_t pps[4] = {0x68, 0, 0, 'p'};

	film_start(&f, 1200, "s");
	for (uint32_t id = 0; id < 64; id++) {
		uint32_t code = id + 1; /* ue(v): 6 zeros at most, then the code */
		unsigned int bits = 32 - (unsigned int)__builtin_clz(code);
		uint32_t value = code << (24 - (2 * bits - 1));

		pps[1] = (uint8_t)(value >> 16);
		pps[2] = (uint8_t)(value >> 8);
		film_packet(&f, pps, sizeof(pps), 1000 + id);
	}
	film_play(&f, "|I");
	assert_int_equal(f.figures.injected, 8);
	film_end(&f);
}

/* ---- what is refused ---- */

static const struct {
	uint8_t payload[16];
	uint8_t len;
	bool hole;
	uint32_t findings;
	const char *why;
} refused[] = {
	{{0x60, 1, 2, 3}, 4, false, 0, "type 0: to be ignored"},
	{{0x7e, 1, 2, 3}, 4, false, 0, "type 30: to be ignored"},
	{{0x7f, 1, 2, 3}, 4, false, 0, "type 31: to be ignored"},
	{{0x79, 0, 0, 0, 1, 0x65}, 6, true, MR_FINDING_INTERLEAVED, "STAP-B"},
	{{0x7a, 0, 0, 0, 1, 0x65}, 6, true, MR_FINDING_INTERLEAVED, "MTAP16"},
	{{0x7b, 0, 0, 0, 1, 0x65}, 6, true, MR_FINDING_INTERLEAVED, "MTAP24"},
	{{0x7d, 0x85, 0, 0, 1}, 5, true, MR_FINDING_INTERLEAVED, "FU-B"},
	{{0x78}, 1, true, 0, "STAP-A without a unit"},
	{{0x78, 0}, 2, true, 0, "STAP-A, half a length"},
	{{0x78, 0, 0}, 3, true, 0, "STAP-A, a unit of no length"},
	{{0x78, 0, 2, 0x65}, 4, true, 0, "STAP-A, a unit beyond the end"},
	{{0x78, 0, 1, 0x65, 0}, 5, true, 0, "STAP-A, a second length cut"},
	{{0x78, 0, 1, 0x65, 0, 0}, 6, true, 0, "STAP-A, a second unit of no length"},
	{{0x78, 0, 3, 0x78, 0, 0}, 6, true, 0, "a STAP-A in a STAP-A"},
	{{0x78, 0, 3, 0x7c, 0x85, 0}, 6, true, 0, "an FU-A in a STAP-A"},
	{{0x78, 0, 1, 0x60}, 4, true, 0, "type 0 in a STAP-A"},
	{{0x7c}, 1, true, 0, "FU-A without its header"},
	{{0x7c, 0x85}, 2, true, 0, "FU-A without a byte"},
	{{0x7c, 0xc5, 1}, 3, true, 0, "FU-A that starts and ends"},
	{{0x7c, 0x9c, 1}, 3, true, 0, "FU-A of an FU-A"},
	{{0x7c, 0x98, 1}, 3, true, 0, "FU-A of a STAP-A"},
	{{0x7c, 0x80, 1}, 3, true, 0, "FU-A of type 0"},
};

static void test_refused(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct film f;
		uint64_t before;
		/* Exactly that long: AddressSanitizer sees every byte read beyond. */
		uint8_t *payload = malloc(refused[i].len);

		assert_non_null(payload);
		memcpy(payload, refused[i].payload, refused[i].len);
		film_start(&f, 1200, "sp");
		film_play(&f, "N");
		before = f.ring.next;
		film_packet(&f, payload, refused[i].len, 99);
		if (f.rc != MALFORMED)
			fail_msg("%s: %d", refused[i].why, f.rc);
		if (f.ring.next - before != refused[i].hole)
			fail_msg("%s: %llu packets", refused[i].why,
				(unsigned long long)(f.ring.next - before));
		if (refused[i].hole)
			assert_int_equal(plain_ring_get(&f.ring, before)->flags, PLAIN_HOLE);
		if (f.figures.findings != refused[i].findings || f.figures.keyframes != 0 ||
			f.figures.injected != 0)
			fail_msg("%s: it had effects", refused[i].why);
		film_end(&f);
		free(payload);
	}
}

/* The sets of a STAP-A that is broken further on are not learnt. */
static void test_broken_aggregate_teaches_nothing(void **state)
{
	struct film f;
	uint8_t stap[] = {0x78, 0, 6, 0x67, 0x42, 0xc0, 0x1f, 0x8d, 'T', 0, 9, 0x68};
	char got[256];

	film_start(&f, 1200, "sp");
	film_packet(&f, stap, sizeof(stap), 1000);
	assert_int_equal(f.rc, MALFORMED);
	film_play(&f, "|I");
	film_describe(&f, got, sizeof(got));
	assert_string_equal(got, "_|*spI");
	film_end(&f);
}

/* ---- splitting ---- */

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

static void test_create(void **state)
{
	static const struct {
		uint8_t codec;
		uint16_t max;
		bool want;
		const char *why;
	} creations[] = {
		{MR_CODEC_H264, 1404, true, "usual"},
		{MR_CODEC_H264, REPACK_PAYLOAD_MIN, true, "the least"},
		{MR_CODEC_H264, REPACK_PAYLOAD_MIN - 1, false, "less"},
		{MR_CODEC_VP8, PLAIN_PAYLOAD_MAX, true, "the most"},
		{MR_CODEC_VP8, PLAIN_PAYLOAD_MAX + 1, false, "more"},
		{MR_CODEC_PCMA, 1404, true, "the last codec"},
		{MR_CODEC_NONE, 1404, false, "not carried"},
		{MR_CODEC_PCMA + 1, 1404, false, "unknown"},
	};

	for (size_t i = 0; i < sizeof(creations) / sizeof(creations[0]); i++) {
		struct repack *r = repack_create(creations[i].codec, creations[i].max);

		if ((r != NULL) != creations[i].want)
			fail_msg("%s", creations[i].why);
		repack_destroy(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_films),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_many_sets),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_broken_aggregate_teaches_nothing),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_random_films),
	};

	return cmocka_run_group_tests(tests, start, end);
}
