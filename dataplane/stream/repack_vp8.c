/* SPDX-License-Identifier: BSD-3-Clause */
/* VP8: RFC 7741. The stream's worker. */
#include "dataplane/stream/repack_private.h"

#include <string.h>

#define DESCRIPTOR_MAX 6 /* bytes, with all extensions and a 15-bit picture id */

/* Length of the payload descriptor (4.2), or 0 when it is not whole. */
static uint32_t descriptor_len(const uint8_t *p, uint32_t len)
{
	uint32_t at = 1;
	uint8_t x;

	if ((p[0] & 0x80) == 0)
		return len > at ? at : 0;
	if (len < 2)
		return 0;
	x = p[at++];
	if ((x & 0x80) != 0) { /* I: picture id, 7 or 15 bits */
		if (len <= at)
			return 0;
		at += (p[at] & 0x80) != 0 ? 2 : 1;
	}
	if ((x & 0x40) != 0) /* L: TL0PICIDX */
		at++;
	if ((x & 0x30) != 0) /* T or K */
		at++;
	return len > at ? at : 0;
}

int repack_vp8(struct repack *r, struct plain_ring *ring, const struct repack_input *in,
	bool frame_start, struct repack_figures *figures)
{
	uint32_t head = descriptor_len(in->payload, in->len);
	uint16_t flags = frame_start ? PLAIN_FRAME_START : 0;
	uint8_t descriptor[DESCRIPTOR_MAX];
	uint32_t done = head;

	if (head == 0 || head > DESCRIPTOR_MAX)
		return repack_refuse(ring, in, MR_DROP_PAYLOAD_MALFORMED);
	/* First partition's start; its first bit is 0 in a key frame (RFC 6386 9.1). */
	if ((in->payload[0] & 0x17) == 0x10 && (in->payload[head] & 0x01) == 0) {
		flags |= PLAIN_KEYFRAME;
		figures->keyframes++;
	}
	memcpy(descriptor, in->payload, head);
	if (in->len > r->max_payload)
		figures->resplit +=
			(in->len - head + r->max_payload - head - 1) / (r->max_payload - head);
	while (done < in->len) {
		uint32_t room = r->max_payload - head;
		uint32_t n = in->len - done < room ? in->len - done : room;
		struct repack_piece piece = {
			.head = descriptor,
			.head_len = (uint16_t)head,
			.body = in->payload + done,
			.body_len = (uint16_t)n,
		};

		done += n;
		repack_put(ring, in, &piece, in->marker && done == in->len, flags, figures);
		flags = 0;
		descriptor[0] &= (uint8_t)~0x10; /* S: only the first begins a partition */
	}
	return 0;
}
