/* SPDX-License-Identifier: BSD-3-Clause */
/* See h264_nal.h. Any thread. */
#include "dataplane/stream/h264_nal.h"

struct bits {
	uint8_t rbsp[12]; /* enough for all that is looked at */
	uint32_t n;       /* bits */
	uint32_t at;      /* beyond n: there were too few */
};

/* What follows the NAL's header octet, without emulation prevention (7.4.1). */
static void bits_init(struct bits *b, const uint8_t *nal, uint32_t len)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < len && n < sizeof(b->rbsp); i++) {
		if (i >= 3 && nal[i] == 3 && nal[i - 1] == 0 && nal[i - 2] == 0)
			continue;
		b->rbsp[n++] = nal[i];
	}
	b->n = n * 8;
	b->at = 0;
}

static uint32_t bit_read(struct bits *b)
{
	uint32_t bit = b->at < b->n ? (b->rbsp[b->at / 8] >> (7 - b->at % 8)) & 1u : 0;

	b->at++;
	return bit;
}

/* ue(v), 9.1. */
static uint32_t exp_golomb_read(struct bits *b)
{
	unsigned int zeros = 0;
	uint32_t value = 1;

	while (bit_read(b) == 0 && b->at <= b->n)
		zeros++;
	if (b->at > b->n || zeros > 20)
		return UINT32_MAX;
	for (unsigned int i = 0; i < zeros; i++)
		value = value << 1 | bit_read(b);
	return value - 1;
}

/* 7.3.3: first_mb_in_slice, slice_type. */
bool h264_is_b_slice(const uint8_t *nal, uint32_t len)
{
	struct bits b;
	uint32_t type;

	bits_init(&b, nal, len);
	exp_golomb_read(&b);
	type = exp_golomb_read(&b);
	return b.at <= b.n && (type == 1 || type == 6);
}

/* 7.3.2.1.1: behind profile, constraints and level; 7.3.2.2: first. */
int h264_set_id(const uint8_t *nal, uint32_t len)
{
	bool sps = h264_nal_type(nal[0]) == H264_SPS;
	struct bits b;
	uint32_t id;

	bits_init(&b, nal, len);
	if (sps)
		b.at = 24;
	id = exp_golomb_read(&b);
	if (b.at > b.n || id > (sps ? 31 : 255))
		return -1;
	return (int)id;
}
