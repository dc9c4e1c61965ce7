/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * H.264 from sources to viewers: what passes, is split, injected, found or refused,
 * as a table of little films. One thread.
 */
#include "tests/unit/stream/h264_film.h"

#define MALFORMED (-(1 + MR_DROP_PAYLOAD_MALFORMED))

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
	};

	return cmocka_run_group_tests(tests, start, end);
}
