/* SPDX-License-Identifier: BSD-3-Clause */
/* H.264: RFC 6184, packetization modes 0 and 1. The stream's worker. */
#include "dataplane/stream/h264_nal.h"
#include "dataplane/stream/repack_private.h"

#include <string.h>

#define FU_START 0x80
#define FU_END 0x40

/* ---- parameter sets ---- */

/* The newest set of its kind and id is in force. */
static void sets_add(struct h264_state *s, const uint8_t *nal, uint32_t len)
{
	int id = h264_set_id(nal, len);
	struct h264_set *to = NULL;

	if (id < 0 || len > sizeof(to->bytes))
		return;
	for (unsigned int i = 0; i < s->n_sets && to == NULL; i++)
		if (s->sets[i].type == h264_nal_type(nal[0]) && s->sets[i].id == id)
			to = &s->sets[i];
	if (to == NULL && s->n_sets == H264_SETS_MAX) {
		memmove(&s->sets[0], &s->sets[1], (H264_SETS_MAX - 1) * sizeof(s->sets[0]));
		s->n_sets--;
	}
	if (to == NULL)
		to = &s->sets[s->n_sets++];
	to->type = h264_nal_type(nal[0]);
	to->id = (uint8_t)id;
	to->len = (uint16_t)len;
	memcpy(to->bytes, nal, len);
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
		if (h264_nal_type(sets[at]) == H264_SPS || h264_nal_type(sets[at]) == H264_PPS)
			sets_add(s, sets + at, n);
		at = (uint16_t)(at + n);
	}
}

/* Sets that come with the pictures replace the SDP's; of one in fragments (`whole`
 * false) it is only known that it came. */
static void sets_see(struct h264_state *s, const uint8_t *nal, uint32_t len, bool whole)
{
	bool sps = h264_nal_type(nal[0]) == H264_SPS;

	if (whole)
		sets_add(s, nal, len);
	s->seen_sps |= sps;
	s->seen_pps |= !sps;
}

static void set_put(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	const struct h264_set *set, uint16_t *flags, struct repack_figures *figures)
{
	struct h264_state *s = &r->h264;
	struct repack_piece piece = {.body = set->bytes, .body_len = set->len};
	uint64_t index = repack_put(ring, in, &piece, false, *flags, figures);

	if (!s->has_start) {
		s->has_start = true;
		s->start_index = index;
	}
	*flags = 0;
	figures->injected++;
}

/* Puts the sets in force before a key frame that came without: SPS first, what
 * refers to them behind. */
static void sets_inject(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	uint16_t *flags, struct repack_figures *figures)
{
	const struct h264_state *s = &r->h264;

	for (unsigned int type = H264_SPS; type <= H264_PPS; type++)
		for (unsigned int i = 0; i < s->n_sets; i++)
			if (s->sets[i].type == type)
				set_put(r, ring, in, &s->sets[i], flags, figures);
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
	uint8_t type = h264_nal_type(nal[0]);

	if (type == H264_SPS || type == H264_PPS) {
		sets_see(&r->h264, nal, len, whole);
		c->sets = true;
	} else if (type == H264_IDR) {
		c->idr = true;
	} else if (type == H264_SLICE && h264_is_b_slice(nal, len)) {
		figures->findings |= MR_FINDING_B_FRAMES;
	}
}

/* The unit at `at` of a STAP-A: its length, or 0 when it does not fit (5.7.1: only
 * single NAL units may be aggregated). */
static uint32_t stap_unit(const uint8_t *p, uint32_t len, uint32_t at)
{
	uint32_t n;

	if (len - at < 3)
		return 0;
	n = (uint32_t)p[at] << 8 | p[at + 1];
	if (n > len - at - 2 || h264_nal_type(p[at + 2]) == 0 ||
		h264_nal_type(p[at + 2]) >= H264_STAP_A)
		return 0;
	return n;
}

/* Whole or not at all: nothing of a broken one counts. */
static bool stap_look(struct repack *r, const uint8_t *p, uint32_t len, struct content *c,
	struct repack_figures *figures)
{
	uint32_t at = 1;

	if (len == at)
		return false;
	while (at < len) {
		uint32_t n = stap_unit(p, len, at);

		if (n == 0)
			return false;
		at += 2 + n;
	}
	for (at = 1; at < len; at += 2 + stap_unit(p, len, at))
		nal_look(r, p + at + 2, stap_unit(p, len, at), true, c, figures);
	return true;
}

/* 5.8: a part of a single NAL unit, not both its start and its end. */
static bool fragment_look(struct repack *r, const uint8_t *p, uint32_t len, struct content *c,
	struct repack_figures *figures)
{
	uint8_t nal[16];
	uint32_t n = len - 1 < sizeof(nal) ? len - 1 : sizeof(nal);

	if (len < 3 || (p[1] & (FU_START | FU_END)) == (FU_START | FU_END))
		return false;
	if (h264_nal_type(p[1]) == 0 || h264_nal_type(p[1]) >= H264_STAP_A)
		return false;
	if ((p[1] & FU_START) == 0)
		return true;
	memcpy(nal, p + 1, n);
	nal[0] = (uint8_t)((p[0] & 0xe0) | h264_nal_type(p[1]));
	nal_look(r, nal, n, false, c, figures);
	return true;
}

static int payload_look(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	struct content *c, struct repack_figures *figures)
{
	const uint8_t *p = in->payload;
	bool good = true;

	switch (h264_nal_type(p[0])) {
	case H264_STAP_A:
		good = stap_look(r, p, in->len, c, figures);
		break;
	case H264_FU_A:
		good = fragment_look(r, p, in->len, c, figures);
		break;
	case H264_STAP_B:
	case H264_MTAP16:
	case H264_MTAP24:
	case H264_FU_B:
		figures->findings |= MR_FINDING_INTERLEAVED;
		good = false;
		break;
	case 0:
	case 30:
	case 31:
		return -(1 + MR_DROP_PAYLOAD_MALFORMED); /* to be ignored, 5.2 */
	default:
		nal_look(r, p, in->len, true, c, figures);
	}
	return good ? 0 : repack_refuse(ring, in, MR_DROP_PAYLOAD_MALFORMED);
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
		fragments_put(r, ring, in, (uint8_t)((nal[0] & 0xe0) | H264_FU_A),
			(uint8_t)(FU_START | FU_END | h264_nal_type(nal[0])), nal + 1, len - 1,
			marker, flags, figures);
	else
		repack_put(ring, in, &piece, marker, flags, figures);
}

/* A STAP-A that is too long: its NALs one by one (stap_look has checked it). */
static void stap_split(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	uint16_t flags, struct repack_figures *figures)
{
	uint32_t at = 1;

	while (at < in->len) {
		uint32_t n = stap_unit(in->payload, in->len, at);
		bool last = at + 2 + n == in->len;

		nal_put(r, ring, in, in->payload + at + 2, n, in->marker && last, flags, figures);
		flags = 0;
		if (n <= r->max_payload)
			figures->resplit++; /* else its fragments were counted */
		at += 2 + n;
	}
}

static void payload_put(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	uint16_t flags, struct repack_figures *figures)
{
	const uint8_t *p = in->payload;

	if (in->len <= r->max_payload || h264_nal_type(p[0]) < H264_STAP_A)
		nal_put(r, ring, in, p, in->len, in->marker, flags, figures);
	else if (h264_nal_type(p[0]) == H264_STAP_A)
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
	rc = payload_look(r, ring, in, &c, figures);
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
