/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The receiving side of RFC 6184, packetization mode 1, written for tests from
 * its text alone: packets in, NAL units out. Strict: whatever a receiver could
 * stumble over is an error.
 */
#ifndef TESTS_UNIT_STREAM_H264_REASSEMBLY_H
#define TESTS_UNIT_STREAM_H264_REASSEMBLY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REASSEMBLY_NALS 512
#define REASSEMBLY_BYTES (1u << 20)

struct reassembly {
	uint8_t bytes[REASSEMBLY_BYTES];
	uint32_t used;
	uint32_t at[REASSEMBLY_NALS];
	uint32_t len[REASSEMBLY_NALS];
	uint32_t n;
	bool open; /* a fragmented NAL is being put together */
	const char *error;
};

static inline void reassembly_init(struct reassembly *r)
{
	r->used = 0;
	r->n = 0;
	r->open = false;
	r->error = NULL;
}

static inline bool reassembly_append(struct reassembly *r, const uint8_t *p, uint32_t len)
{
	if (r->used + len > REASSEMBLY_BYTES) {
		r->error = "out of room";
		return false;
	}
	memcpy(r->bytes + r->used, p, len);
	r->used += len;
	r->len[r->n] += len;
	return true;
}

static inline bool reassembly_begin(struct reassembly *r)
{
	if (r->n == REASSEMBLY_NALS) {
		r->error = "too many NALs";
		return false;
	}
	r->at[r->n] = r->used;
	r->len[r->n] = 0;
	return true;
}

static inline bool reassembly_whole(struct reassembly *r, const uint8_t *p, uint32_t len)
{
	if (len == 0 || (p[0] & 0x1f) == 0 || (p[0] & 0x1f) > 23) {
		r->error = "not a single NAL unit";
		return false;
	}
	if (!reassembly_begin(r) || !reassembly_append(r, p, len))
		return false;
	r->n++;
	return true;
}

static inline bool reassembly_stap(struct reassembly *r, const uint8_t *p, uint32_t len)
{
	uint32_t at = 1;

	while (at < len) {
		uint32_t n;

		if (len - at < 2) {
			r->error = "STAP-A: length cut";
			return false;
		}
		n = (uint32_t)p[at] << 8 | p[at + 1];
		if (n > len - at - 2) {
			r->error = "STAP-A: unit cut";
			return false;
		}
		if (!reassembly_whole(r, p + at + 2, n))
			return false;
		at += 2 + n;
	}
	return true;
}

static inline bool reassembly_fragment(struct reassembly *r, const uint8_t *p, uint32_t len)
{
	uint8_t header = (uint8_t)((p[0] & 0xe0) | (p[1] & 0x1f));
	bool start = (p[1] & 0x80) != 0;
	bool end = (p[1] & 0x40) != 0;

	if (len < 3)
		r->error = "FU-A: empty";
	else if (start && end)
		r->error = "FU-A: start and end";
	else if ((p[1] & 0x20) != 0)
		r->error = "FU-A: reserved bit";
	else if (start == r->open)
		r->error = start ? "FU-A: start within a NAL" : "FU-A: no start";
	else if (!start && r->bytes[r->at[r->n]] != header)
		r->error = "FU-A: another NAL's header";
	if (r->error != NULL)
		return false;
	if (start && (!reassembly_begin(r) || !reassembly_append(r, &header, 1)))
		return false;
	r->open = !end;
	if (!reassembly_append(r, p + 2, len - 2))
		return false;
	r->n += end;
	return true;
}

static inline bool reassembly_packet(struct reassembly *r, const uint8_t *p, uint32_t len)
{
	uint8_t type = p[0] & 0x1f;

	if (r->open && type != 28) {
		r->error = "something else within a fragmented NAL";
		return false;
	}
	if (type == 24)
		return reassembly_stap(r, p, len);
	if (type == 28)
		return reassembly_fragment(r, p, len);
	return reassembly_whole(r, p, len);
}

#endif
