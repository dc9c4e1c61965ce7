/* SPDX-License-Identifier: BSD-3-Clause */
/* RTCP with a source (RFC 3550 6); pure, any thread. */
#include "controlplane/source/rtcp.h"

#include <errno.h>
#include <string.h>

enum { RTCP_SR = 200, RTCP_RR = 201, RTCP_SDES = 202, RTCP_BYE = 203, RTCP_PSFB = 206 };

#define FMT_PLI 1         /* of PSFB, RFC 4585 6.3.1 */
#define FMT_FIR 4         /* of PSFB, RFC 5104 4.3.1 */
#define RTCP_HEADER 8     /* bytes: header and SSRC */
#define RTCP_SENDER 20    /* bytes of sender information behind it */
#define RTCP_BLOCK 24     /* bytes of one report block */
#define RTCP_PLI 12       /* bytes: header and two SSRCs */
#define RTCP_FIR 20       /* ditto and one entry */
#define SDES_CNAME 1      /* RFC 3550 6.5.1 */
#define RTCP_CNAME_MAX 32 /* bytes */

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void put_header(uint8_t *p, uint8_t count, uint8_t type, size_t size)
{
	p[0] = (uint8_t)(2 << 6 | count);
	p[1] = type;
	p[2] = 0;
	p[3] = (uint8_t)(size / 4 - 1);
}

int rtcp_parse(struct rtcp_info *info, const uint8_t *data, size_t len)
{
	struct rtcp_info found = {0};
	size_t at = 0;

	if (len < 4)
		return -EINVAL;
	while (at < len) {
		const uint8_t *p = data + at;
		size_t size;

		if (len - at < 4 || p[0] >> 6 != 2)
			return -EINVAL;
		size = ((size_t)(p[2] << 8 | p[3]) + 1) * 4;
		if (size > len - at)
			return -EINVAL;
		switch (p[1]) {
		case RTCP_SR:
			if (size < RTCP_HEADER + RTCP_SENDER + (size_t)(p[0] & 31) * RTCP_BLOCK)
				return -EINVAL;
			found.has_sr = true;
			found.ssrc = get32(p + 4);
			found.ntp = (uint64_t)get32(p + 8) << 32 | get32(p + 12);
			found.rtp = get32(p + 16);
			break;
		case RTCP_BYE:
			found.bye = true;
			break;
		default:
			break;
		}
		at += size;
	}
	*info = found;
	return 0;
}

void rtcp_reporter_sender(struct rtcp_reporter *r, const struct rtcp_info *info, uint64_t now_us)
{
	r->lsr = (uint32_t)(info->ntp >> 16);
	r->lsr_arrival_us = now_us;
}

/* RFC 3550 A.3: the share lost since the last report. */
static uint8_t fraction_lost(struct rtcp_reporter *r, uint64_t expected, uint64_t lost)
{
	uint64_t expected_interval = expected - r->expected_prior;
	uint64_t lost_interval = lost > r->lost_prior ? lost - r->lost_prior : 0;
	uint64_t fraction;

	r->expected_prior = expected;
	r->lost_prior = lost;
	if (!expected_interval || !lost_interval)
		return 0;
	fraction = (lost_interval << 8) / expected_interval;
	return fraction > 255 ? 255 : (uint8_t)fraction;
}

static void format_block(
	struct rtcp_reporter *r, uint8_t *p, const struct rtcp_received *received, uint64_t now_us)
{
	uint64_t expected, lost;

	if (!r->based || received->expected < r->expected_base || received->lost < r->lost_base) {
		r->expected_base = received->expected;
		r->lost_base = received->lost;
		r->expected_prior = 0;
		r->lost_prior = 0;
		r->based = true;
	}
	expected = received->expected - r->expected_base;
	lost = received->lost - r->lost_base;
	put32(p, received->ssrc);
	put32(p + 4, (uint32_t)(lost > 0x7fffff ? 0x7fffff : lost)); /* 24 bits, signed */
	p[4] = fraction_lost(r, expected, lost);
	put32(p + 8, received->extended_highest);
	put32(p + 12, received->jitter);
	put32(p + 16, r->lsr);
	put32(p + 20, r->lsr ? (uint32_t)((now_us - r->lsr_arrival_us) * 65536 / 1000000) : 0);
}

static size_t format_sdes(uint8_t *p, uint32_t own_ssrc, const char *cname)
{
	size_t name = strnlen(cname, RTCP_CNAME_MAX);
	/* SSRC, the item, at least one zero byte, up to a multiple of four. */
	size_t words = 1 + (2 + name + 1 + 3) / 4;

	memset(p, 0, 4 + words * 4);
	p[0] = 2 << 6 | 1;
	p[1] = RTCP_SDES;
	p[3] = (uint8_t)words;
	put32(p + 4, own_ssrc);
	p[8] = SDES_CNAME;
	p[9] = (uint8_t)name;
	memcpy(p + 10, cname, name);
	return 4 + words * 4;
}

size_t rtcp_format_report(struct rtcp_reporter *r, uint8_t out[RTCP_REPORT_MAX], uint32_t own_ssrc,
	const char *cname, const struct rtcp_received *received, uint64_t now_us)
{
	size_t size = RTCP_HEADER + (received ? RTCP_BLOCK : 0);

	put_header(out, received ? 1 : 0, RTCP_RR, size);
	put32(out + 4, own_ssrc);
	if (received)
		format_block(r, out + RTCP_HEADER, received, now_us);
	return size + format_sdes(out + size, own_ssrc, cname);
}

size_t rtcp_format_keyframe(uint8_t out[RTCP_REPORT_MAX], uint32_t own_ssrc, const char *cname,
	uint32_t media_ssrc, bool fir, uint8_t number)
{
	size_t size = fir ? RTCP_FIR : RTCP_PLI;
	uint8_t *p = out + RTCP_HEADER;

	put_header(out, 0, RTCP_RR, RTCP_HEADER);
	put32(out + 4, own_ssrc);
	p += format_sdes(p, own_ssrc, cname);
	put_header(p, fir ? FMT_FIR : FMT_PLI, RTCP_PSFB, size);
	put32(p + 4, own_ssrc);
	put32(p + 8, fir ? 0 : media_ssrc); /* RFC 5104 4.3.1.2: not used in a FIR */
	if (fir) {
		put32(p + 12, media_ssrc);
		put32(p + 16, (uint32_t)number << 24);
	}
	return (size_t)(p - out) + size;
}
