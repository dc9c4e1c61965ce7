/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Little films for the tests of dataplane/stream/repack_h264.c: NALs that have letters,
 * played from a script through the repacker into a ring, and described again. One thread.
 */
#ifndef TESTS_UNIT_STREAM_H264_FILM_H
#define TESTS_UNIT_STREAM_H264_FILM_H

#include "dataplane/stream/repack.h"
#include "tests/unit/pipeline/eal.h"
#include "tests/unit/stream/h264_reassembly.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static inline int start(void **state)
{
	return eal_start(NULL);
}

static inline int end(void **state)
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

static inline const struct nal *nal_of(char letter)
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

static inline void film_start(struct film *f, uint16_t max_payload, const char *sdp)
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

static inline void film_end(struct film *f)
{
	repack_destroy(f->repack);
	plain_ring_fini(&f->ring);
}

static inline void film_packet(
	struct film *f, const uint8_t *payload, uint32_t len, uint32_t timestamp)
{
	struct repack_input in = {
		.payload = payload, .len = len, .timestamp = timestamp, .arrival_ns = 1};
	int rc = repack_packet(f->repack, &f->ring, &in, &f->figures);

	if (rc != 0)
		f->rc = rc;
}

/* "A S P {I} (SPI)|N": packets; { } in fragments, ( ) aggregated, | another picture. */
static inline void film_play(struct film *f, const char *script)
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
static inline void film_describe(struct film *f, char *out, size_t size)
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

#endif
