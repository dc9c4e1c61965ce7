/* SPDX-License-Identifier: BSD-3-Clause */
/* VP8 from sources to viewers: every form of its descriptor, key frames, splitting. One thread. */
#include "dataplane/stream/repack.h"
#include "tests/unit/crypto/random.h"
#include "tests/unit/pipeline/eal.h"

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

struct film {
	struct repack *repack;
	struct plain_ring ring;
	struct repack_figures figures;
};

static void film_start(struct film *f, uint16_t max_payload)
{
	memset(f, 0, sizeof(*f));
	assert_int_equal(plain_ring_init(&f->ring, 1024, 1u << 19), 0);
	f->repack = repack_create(MR_CODEC_VP8, max_payload);
	assert_non_null(f->repack);
	repack_reset(f->repack, NULL, 0);
}

static void film_end(struct film *f)
{
	repack_destroy(f->repack);
	plain_ring_fini(&f->ring);
}

static int film_packet(
	struct film *f, const uint8_t *payload, uint32_t len, uint32_t timestamp, bool marker)
{
	struct repack_input in = {
		.payload = payload, .len = len, .timestamp = timestamp, .marker = marker};

	return repack_packet(f->repack, &f->ring, &in, &f->figures);
}

/* RFC 7741 4.2: the descriptor, then the first byte of the VP8 data. */
static const struct {
	uint8_t bytes[8];
	uint8_t head; /* bytes of descriptor */
	bool keyframe;
	const char *why;
} forms[] = {
	{{0x10, 0x00}, 1, true, "required octet only, S, partition 0: key frame"},
	{{0x10, 0x01}, 1, false, "inverse key frame bit set: no key frame"},
	{{0x00, 0x00}, 1, false, "not a partition's start"},
	{{0x11, 0x00}, 1, false, "partition 1's start"},
	{{0x17, 0x00}, 1, false, "partition 7's start"},
	{{0x30, 0x00}, 1, true, "N: nobody refers to it"},
	{{0x58, 0x00}, 1, true, "reserved bits are ignored"},
	{{0x90, 0x00, 0x00}, 2, true, "X, no extension"},
	{{0x90, 0x80, 0x7f, 0x00}, 3, true, "I: picture id of 7 bits"},
	{{0x90, 0x80, 0x80, 0x01, 0x00}, 4, true, "I: picture id of 15 bits"},
	{{0x90, 0x40, 0xff, 0x00}, 3, true, "L: TL0PICIDX"},
	{{0x90, 0x20, 0xff, 0x00}, 3, true, "T: TID"},
	{{0x90, 0x10, 0xff, 0x00}, 3, true, "K: KEYIDX"},
	{{0x90, 0x30, 0xff, 0x00}, 3, true, "T and K share an octet"},
	{{0x90, 0xc0, 0x7f, 0xff, 0x00}, 4, true, "I and L"},
	{{0x90, 0xa0, 0x7f, 0xff, 0x00}, 4, true, "I and T"},
	{{0x90, 0x70, 0xff, 0xff, 0x00}, 4, true, "L, T and K"},
	{{0x90, 0xf0, 0x7f, 0xff, 0xff, 0x00}, 5, true, "all, 7 bits"},
	{{0x90, 0xf0, 0xff, 0xff, 0xff, 0xff, 0x00}, 6, true, "all, 15 bits: the longest"},
	{{0x90, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00}, 6, true, "and reserved bits"},
};

/* Whole, and cut at every byte: a descriptor without data behind it is refused. */
static void test_forms(void **state)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		for (uint32_t len = 1; len <= forms[i].head + 1u; len++) {
			struct film f;
			uint8_t *cut = malloc(len);
			int rc;

			assert_non_null(cut);
			memcpy(cut, forms[i].bytes, len);
			film_start(&f, 1200);
			rc = film_packet(&f, cut, len, 1, true);
			if (len <= forms[i].head) {
				if (rc != MALFORMED)
					fail_msg("%s, %u bytes: %d", forms[i].why, len, rc);
				assert_int_equal(f.ring.next, 1);
				assert_int_equal(plain_ring_get(&f.ring, 0)->flags, PLAIN_HOLE);
			} else {
				const struct plain_packet *p = plain_ring_get(&f.ring, 0);

				if (rc != 0 || f.ring.next != 1 || p->len != len)
					fail_msg("%s: %d", forms[i].why, rc);
				assert_memory_equal(plain_ring_payload(&f.ring, p), cut, len);
				if (((p->flags & PLAIN_KEYFRAME) != 0) != forms[i].keyframe ||
					f.ring.has_keyframe != forms[i].keyframe ||
					f.figures.keyframes != forms[i].keyframe)
					fail_msg("%s: key frame %x", forms[i].why, p->flags);
				assert_true((p->flags & PLAIN_FRAME_START) != 0);
				assert_true((p->flags & PLAIN_MARKER) != 0);
			}
			film_end(&f);
			free(cut);
		}
	}
}

/* Every form, split: each part has the descriptor, the first alone its S bit, and
 * together they are the data. */
static void test_split(void **state)
{
	static const uint32_t sizes[] = {1200, 1201, 1460, 20000, 65523};
	static uint8_t payload[65536];
	static uint8_t data[65536];
	struct random random;

	random_init(&random, 31);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			struct film f;
			uint8_t head = forms[i].head;
			uint32_t total = 0;

			random_bytes(&random, payload, sizes[k]);
			memcpy(payload, forms[i].bytes, head + 1u);
			film_start(&f, 1200);
			assert_int_equal(film_packet(&f, payload, sizes[k], 5, true), 0);
			for (uint64_t n = 0; n < f.ring.next; n++) {
				const struct plain_packet *p = plain_ring_get(&f.ring, n);
				const uint8_t *out = plain_ring_payload(&f.ring, p);
				uint8_t first = (uint8_t)(payload[0] & (n == 0 ? 0xff : ~0x10));

				assert_true(p->len <= 1200 && p->len > head);
				assert_int_equal(out[0], first);
				assert_memory_equal(out + 1, payload + 1, head - 1u);
				assert_int_equal(p->timestamp, 5);
				assert_int_equal(p->flags & PLAIN_MARKER,
					n + 1 == f.ring.next ? PLAIN_MARKER : 0);
				assert_int_equal(p->flags & PLAIN_FRAME_START,
					n == 0 ? PLAIN_FRAME_START : 0);
				assert_int_equal(p->flags & PLAIN_KEYFRAME,
					n == 0 && forms[i].keyframe ? PLAIN_KEYFRAME : 0);
				memcpy(data + total, out + head, p->len - (uint32_t)head);
				total += p->len - (uint32_t)head;
			}
			if (total != sizes[k] - head)
				fail_msg("%s: %u of %u bytes", forms[i].why, total, sizes[k]);
			assert_memory_equal(data, payload + head, total);
			assert_int_equal(f.figures.packets, f.ring.next);
			assert_int_equal(f.figures.resplit, sizes[k] > 1200 ? f.ring.next : 0);
			film_end(&f);
		}
	}
}

/* A key frame over several packets: its start is where a decoder can begin. */
static void test_film(void **state)
{
	static const struct {
		uint8_t payload[2];
		uint32_t timestamp;
		bool marker;
	} film[] = {
		{{0x10, 0x01}, 1000, true},  /* an inter frame */
		{{0x10, 0x00}, 4000, false}, /* a key frame's first partition */
		{{0x00, 0x00}, 4000, false}, /* its continuation */
		{{0x11, 0x00}, 4000, true},  /* the second partition */
		{{0x10, 0x01}, 7000, true},
	};
	struct film f;

	film_start(&f, 1200);
	for (size_t i = 0; i < sizeof(film) / sizeof(film[0]); i++)
		assert_int_equal(
			film_packet(&f, film[i].payload, 2, film[i].timestamp, film[i].marker), 0);
	assert_true(f.ring.has_keyframe);
	assert_int_equal(f.ring.keyframe, 1);
	assert_int_equal(f.figures.keyframes, 1);
	assert_int_equal(f.figures.frames, 3);
	assert_int_equal(f.figures.findings, 0);
	film_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_film),
	};

	return cmocka_run_group_tests(tests, start, end);
}
