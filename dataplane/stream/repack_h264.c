/* SPDX-License-Identifier: BSD-3-Clause */
/* H.264: RFC 6184, packetization modes 0 and 1. The stream's worker. */
#include "dataplane/stream/repack_private.h"

#include <string.h>

enum nal_type {
	NAL_SLICE = 1,
	NAL_IDR = 5,
	NAL_SPS = 7,
	NAL_PPS = 8,
	NAL_STAP_A = 24, /* 5.7.1 */
	NAL_STAP_B = 25,
	NAL_MTAP16 = 26,
	NAL_MTAP24 = 27,
	NAL_FU_A = 28, /* 5.8 */
	NAL_FU_B = 29,
};

#define FU_START 0x80
#define FU_END 0x40

static uint8_t nal_type(uint8_t octet)
{
	return octet & 0x1f;
}

/* ---- B slices ---- */

struct bits {
	const uint8_t *p;
	uint32_t n; /* bits */
	uint32_t at;
};

static uint32_t bit_read(struct bits *b)
{
	uint32_t bit = b->at < b->n ? (b->p[b->at / 8] >> (7 - b->at % 8)) & 1u : 0;

	b->at++;
	return bit;
}

/* ue(v), ITU-T H.264 9.1. */
static uint32_t exp_golomb_read(struct bits *b)
{
	unsigned int zeros = 0;
	uint32_t value = 1;

	while (b->at < b->n && bit_read(b) == 0)
		zeros++;
	if (zeros > 20)
		return UINT32_MAX;
	for (unsigned int i = 0; i < zeros; i++)
		value = value << 1 | bit_read(b);
	return value - 1;
}

/* `p`: behind the NAL's first octet. 7.3.3: first_mb_in_slice, slice_type. */
static bool is_b_slice(const uint8_t *p, uint32_t len)
{
	uint8_t rbsp[12];
	uint32_t n = 0;
	struct bits b;
	uint32_t type;

	for (uint32_t i = 0; i < len && n < sizeof(rbsp); i++) {
		if (i >= 2 && p[i] == 3 && p[i - 1] == 0 && p[i - 2] == 0)
			continue; /* emulation prevention, 7.4.1 */
		rbsp[n++] = p[i];
	}
	b = (struct bits){.p = rbsp, .n = n * 8};
	exp_golomb_read(&b);
	type = exp_golomb_read(&b);
	return b.at <= b.n && (type == 1 || type == 6);
}

/* ---- parameter sets ---- */

static void sets_add(struct h264_state *s, const uint8_t *nal, uint32_t len)
{
	struct h264_nal *n;

	if (s->n_sets == H264_SETS_MAX || len > sizeof(n->bytes))
		return;
	for (unsigned int i = 0; i < s->n_sets; i++)
		if (s->sets[i].len == len && memcmp(s->sets[i].bytes, nal, len) == 0)
			return;
	n = &s->sets[s->n_sets++];
	n->len = (uint16_t)len;
	memcpy(n->bytes, nal, len);
}

void repack_h264_reset(struct repack *r, const uint8_t *sets, uint16_t len)
{
	struct h264_state *s = &r->h264;
	uint16_t at = 0;

	memset(s, 0, sizeof(*s));
	while (len - at > 2) {
		uint16_t n = (uint16_t)(sets[at] << 8 | sets[at + 1]);
		at = (uint16_t)(at + 2);
		if (n == 0 || n > len - at)
			return;
		if (nal_type(sets[at]) == NAL_SPS || nal_type(sets[at]) == NAL_PPS)
			sets_add(s, sets + at, n);
		at = (uint16_t)(at + n);
	}
}

/* Sets that come with the pictures replace the SDP's. */
static void sets_see(struct h264_state *s, const uint8_t *nal, uint32_t len)
{
	bool sps = nal_type(nal[0]) == NAL_SPS;

	if (sps && !s->seen_sps)
		s->n_sets = 0;
	sets_add(s, nal, len);
	s->seen_sps |= sps;
	s->seen_pps |= !sps;
}

/* Puts the sets in force before a key frame that came without. */
static void sets_inject(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	uint16_t *flags, struct repack_figures *figures)
{
	struct h264_state *s = &r->h264;

	for (unsigned int i = 0; i < s->n_sets; i++) {
		struct repack_piece piece = {.body = s->sets[i].bytes, .body_len = s->sets[i].len};
		uint64_t index = repack_put(ring, in, &piece, false, *flags, figures);

		if (!s->has_start) {
			s->has_start = true;
			s->start_index = index;
		}
		*flags = 0;
		figures->injected++;
	}
}

/* ---- what a payload holds ---- */

struct content {
	bool sets;
	bool idr;
};

/* One NAL, whole or its beginning (`whole` false). */
static void nal_look(struct repack *r, const uint8_t *nal, uint32_t len, bool whole,
	struct content *c, struct repack_figures *figures)
{
	uint8_t type = nal_type(nal[0]);

	if ((type == NAL_SPS || type == NAL_PPS) && whole) {
		sets_see(&r->h264, nal, len);
		c->sets = true;
	} else if (type == NAL_IDR) {
		c->idr = true;
	} else if (type == NAL_SLICE && is_b_slice(nal + 1, len - 1)) {
		figures->findings |= MR_FINDING_B_FRAMES;
	}
}

/* Calls for each NAL of a STAP-A; false when its lengths do not fit. */
static bool stap_look(struct repack *r, const uint8_t *p, uint32_t len, struct content *c,
	struct repack_figures *figures)
{
	uint32_t at = 1;

	if (len < 4)
		return false;
	while (at < len) {
		uint32_t n;

		if (len - at < 3)
			return false;
		n = (uint32_t)p[at] << 8 | p[at + 1];
		if (n == 0 || n > len - at - 2)
			return false;
		nal_look(r, p + at + 2, n, true, c, figures);
		at += 2 + n;
	}
	return true;
}

static int payload_look(struct repack *r, const struct repack_input *in, struct content *c,
	struct repack_figures *figures)
{
	const uint8_t *p = in->payload;

	switch (nal_type(p[0])) {
	case NAL_STAP_A:
		return stap_look(r, p, in->len, c, figures) ? 0 : -(1 + MR_DROP_PAYLOAD_MALFORMED);
	case NAL_STAP_B:
	case NAL_MTAP16:
	case NAL_MTAP24:
	case NAL_FU_B:
		figures->findings |= MR_FINDING_INTERLEAVED;
		return -(1 + MR_DROP_PAYLOAD_MALFORMED);
	case NAL_FU_A:
		if (in->len < 3 || (p[1] & (FU_START | FU_END)) == (FU_START | FU_END))
			return -(1 + MR_DROP_PAYLOAD_MALFORMED);
		if ((p[1] & FU_START) != 0) {
			uint8_t nal[16];
			uint32_t n = in->len - 1 < sizeof(nal) ? in->len - 1 : sizeof(nal);

			memcpy(nal, p + 1, n);
			nal[0] = (uint8_t)((p[0] & 0xe0) | nal_type(p[1]));
			nal_look(r, nal, n, false, c, figures);
		}
		return 0;
	case 0:
	case 30:
	case 31:
		return -(1 + MR_DROP_PAYLOAD_MALFORMED);
	default:
		nal_look(r, p, in->len, true, c, figures);
		return 0;
	}
}

/* ---- splitting ---- */

/* One NAL, or a part of one that already was a fragment: `indicator` is the
 * FU indicator, `header` the FU header with the S and E bits that the whole has. */
static void fragments_put(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	uint8_t indicator, uint8_t header, const uint8_t *body, uint32_t len, bool marker,
	uint16_t flags, struct repack_figures *figures)
{
	uint32_t room = r->max_payload - 2u;
	uint32_t parts = (len + room - 1) / room;
	uint32_t done = 0;

	/* Of equal size: no fragment of a few bytes at the end. */
	for (uint32_t i = 0; i < parts; i++) {
		uint32_t n = (len - done + (parts - i) - 1) / (parts - i);
		bool last = i + 1 == parts;
		uint8_t head[2] = {indicator, header};

		if (i > 0)
			head[1] &= (uint8_t)~FU_START;
		if (!last)
			head[1] &= (uint8_t)~FU_END;
		struct repack_piece piece = {
			.head = head,
			.head_len = sizeof(head),
			.body = body + done,
			.body_len = (uint16_t)n,
		};
		repack_put(ring, in, &piece, marker && last, flags, figures);
		flags = 0;
		done += n;
	}
	figures->resplit += parts;
}

static void nal_put(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	const uint8_t *nal, uint32_t len, bool marker, uint16_t flags,
	struct repack_figures *figures)
{
	struct repack_piece piece = {.body = nal, .body_len = (uint16_t)len};

	if (len > r->max_payload)
		fragments_put(r, ring, in, (uint8_t)((nal[0] & 0xe0) | NAL_FU_A),
			(uint8_t)(FU_START | FU_END | nal_type(nal[0])), nal + 1, len - 1, marker,
			flags, figures);
	else
		repack_put(ring, in, &piece, marker, flags, figures);
}

/* A STAP-A that is too long: its NALs one by one (stap_look has checked it). */
static void stap_split(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	uint16_t flags, struct repack_figures *figures)
{
	uint32_t at = 1;

	while (at < in->len) {
		uint32_t n = (uint32_t)in->payload[at] << 8 | in->payload[at + 1];
		bool last = at + 2 + n == in->len;

		nal_put(r, ring, in, in->payload + at + 2, n, in->marker && last, flags, figures);
		flags = 0;
		figures->resplit++;
		at += 2 + n;
	}
}

static void payload_put(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	uint16_t flags, struct repack_figures *figures)
{
	const uint8_t *p = in->payload;

	if (in->len <= r->max_payload || nal_type(p[0]) < NAL_STAP_A)
		nal_put(r, ring, in, p, in->len, in->marker, flags, figures);
	else if (nal_type(p[0]) == NAL_STAP_A)
		stap_split(r, ring, in, flags, figures);
	else
		fragments_put(
			r, ring, in, p[0], p[1], p + 2, in->len - 2, in->marker, flags, figures);
}

int repack_h264(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	bool frame_start, struct repack_figures *figures)
{
	struct h264_state *s = &r->h264;
	struct content c = {0};
	uint16_t flags = frame_start ? PLAIN_FRAME_START : 0;
	uint64_t first;
	int rc;

	if (frame_start) {
		s->seen_sps = false;
		s->seen_pps = false;
		s->seen_idr = false;
		s->has_start = false;
	}
	rc = payload_look(r, in, &c, figures);
	if (rc != 0)
		return rc;
	if (c.idr && !s->seen_idr && !(s->seen_sps && s->seen_pps))
		sets_inject(r, ring, in, &flags, figures);
	first = ring->next;
	payload_put(r, ring, in, flags, figures);
	if (c.sets && !s->has_start) {
		s->has_start = true;
		s->start_index = first;
	}
	if (c.idr && !s->seen_idr) {
		s->seen_idr = true;
		figures->keyframes++;
		plain_ring_mark_keyframe(ring, s->has_start ? s->start_index : first);
	}
	return 0;
}
