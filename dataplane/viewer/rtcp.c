/* SPDX-License-Identifier: BSD-3-Clause */
/* See rtcp.h. The viewer's worker. */
#include "dataplane/viewer/rtcp.h"

#include "dataplane/viewer/big_endian.h"

#include <errno.h>
#include <string.h>

#define HEADER_LEN 4
#define SENDER_INFO_LEN 20
#define BLOCK_LEN 24
#define FEEDBACK_LEN 12 /* header, sender's and media's SSRC: RFC 4585 6.1 */
#define NACK_LEN 4
#define FIR_LEN 8
#define SDES_CNAME 1              /* RFC 3550 6.5.1 */
#define NTP_TO_UNIX 2208988800ull /* [s] from 1900 to 1970 */
#define NS_PER_S 1000000000ull

/* Whether a packet of this type and length holds what its header promises. */
static int check_body(const struct rtcp_packet *p)
{
	size_t least = HEADER_LEN;

	switch (p->type) {
	case RTCP_SR:
		least = HEADER_LEN + 4 + SENDER_INFO_LEN + (size_t)p->count * BLOCK_LEN;
		break;
	case RTCP_RR:
		least = HEADER_LEN + 4 + (size_t)p->count * BLOCK_LEN;
		break;
	case RTCP_BYE:
		least = HEADER_LEN + (size_t)p->count * 4;
		break;
	case RTCP_RTPFB:
		least = FEEDBACK_LEN;
		break;
	case RTCP_PSFB:
		least = FEEDBACK_LEN;
		if (p->count == RTCP_FMT_FIR && p->len >= least && (p->len - least) % FIR_LEN != 0)
			return -EBADMSG;
		break;
	default: /* SDES, APP, XR and what is to come: passed over */
		break;
	}
	return p->len < least ? -EBADMSG : 0;
}

int rtcp_next(const uint8_t *data, size_t len, size_t *offset, struct rtcp_packet *p)
{
	const uint8_t *at = data + *offset;
	size_t left, size;

	if (*offset >= len)
		return 0;
	left = len - *offset;
	if (left < HEADER_LEN || at[0] >> 6 != 2)
		return -EBADMSG;
	size = ((size_t)get_be16(at + 2) + 1) * 4;
	if (size > left)
		return -EBADMSG;
	*offset += size;
	if ((at[0] & 0x20) != 0) {
		/* RFC 3550 6.4.1: only the last packet is padded. */
		uint8_t padding = at[size - 1];
		if (size != left || padding == 0 || padding % 4 != 0 || padding > size - HEADER_LEN)
			return -EBADMSG;
		size -= padding;
	}
	p->type = at[1];
	p->count = at[0] & 0x1f;
	p->data = at;
	/* Beyond 64 KB there is no datagram. */
	p->len = (uint16_t)(size > UINT16_MAX ? UINT16_MAX : size);
	p->ssrc = size >= HEADER_LEN + 4 ? get_be32(at + HEADER_LEN) : 0;
	return check_body(p) != 0 ? -EBADMSG : 1;
}

int rtcp_check(const uint8_t *data, size_t len)
{
	struct rtcp_packet p;
	size_t offset = 0;
	int rc;

	if (len == 0)
		return -EBADMSG;
	do
		rc = rtcp_next(data, len, &offset, &p);
	while (rc == 1);
	return rc;
}

void rtcp_block(const struct rtcp_packet *p, unsigned int i, struct rtcp_block *b)
{
	size_t head = HEADER_LEN + 4 + (p->type == RTCP_SR ? SENDER_INFO_LEN : 0);
	const uint8_t *at = p->data + head + (size_t)i * BLOCK_LEN;
	uint32_t loss = get_be32(at + 4);

	b->ssrc = get_be32(at);
	b->fraction_lost = (uint8_t)(loss >> 24);
	b->cumulative_lost = (int32_t)(loss << 8) >> 8;
	b->highest = get_be32(at + 8);
	b->jitter = get_be32(at + 12);
	b->last_sr = get_be32(at + 16);
	b->delay_since_sr = get_be32(at + 20);
}

uint32_t rtcp_bye_ssrc(const struct rtcp_packet *p, unsigned int i)
{
	return get_be32(p->data + HEADER_LEN + (size_t)i * 4);
}

uint32_t rtcp_media_ssrc(const struct rtcp_packet *p)
{
	return get_be32(p->data + 8);
}

uint32_t rtcp_nack_packets(const struct rtcp_packet *p)
{
	uint32_t n = 0;

	/* A number and 16 bits for those behind it. */
	for (size_t at = FEEDBACK_LEN; at + NACK_LEN <= p->len; at += NACK_LEN)
		n += 1 + (uint32_t)__builtin_popcount(get_be16(p->data + at + 2));
	return n;
}

unsigned int rtcp_nack_entries(const struct rtcp_packet *p)
{
	return (unsigned int)(p->len - FEEDBACK_LEN) / NACK_LEN;
}

void rtcp_nack_entry(const struct rtcp_packet *p, unsigned int i, uint16_t *pid, uint16_t *blp)
{
	const uint8_t *at = p->data + FEEDBACK_LEN + (size_t)i * NACK_LEN;

	*pid = get_be16(at);
	*blp = get_be16(at + 2);
}

unsigned int rtcp_fir_entries(const struct rtcp_packet *p)
{
	return (unsigned int)(p->len - FEEDBACK_LEN) / FIR_LEN;
}

uint32_t rtcp_fir_ssrc(const struct rtcp_packet *p, unsigned int i)
{
	return get_be32(p->data + FEEDBACK_LEN + (size_t)i * FIR_LEN);
}

static uint8_t *put_header(uint8_t *p, uint8_t count, uint8_t type, size_t len)
{
	*p++ = (uint8_t)(0x80 | count);
	*p++ = type;
	return put_be16(p, (uint16_t)(len / 4 - 1));
}

int rtcp_format_report(
	uint8_t *out, size_t cap, const struct rtcp_sender_info *info, const char *cname)
{
	const size_t report = HEADER_LEN + 4 + SENDER_INFO_LEN;
	size_t name = strlen(cname);
	/* header, SSRC, item's type, length and text, at least one 0, to 32 bits */
	size_t sdes = (HEADER_LEN + 4 + 2 + name + 1 + 3) / 4 * 4;
	uint8_t *p = out;

	if (name > UINT8_MAX)
		return -EINVAL;
	if (cap < report + sdes)
		return -ENOSPC;
	p = put_header(p, 0, RTCP_SR, report);
	p = put_be32(p, info->ssrc);
	p = put_be32(p, (uint32_t)(info->ntp >> 32));
	p = put_be32(p, (uint32_t)info->ntp);
	p = put_be32(p, info->rtp);
	p = put_be32(p, info->packets);
	p = put_be32(p, info->octets);

	memset(p, 0, sdes);
	p = put_header(p, 1, RTCP_SDES, sdes);
	p = put_be32(p, info->ssrc);
	*p++ = SDES_CNAME;
	*p++ = (uint8_t)name;
	memcpy(p, cname, name);
	return (int)(report + sdes);
}

uint64_t rtcp_ntp(int64_t wall_ns)
{
	uint64_t ns = wall_ns < 0 ? 0 : (uint64_t)wall_ns;
	uint64_t s = ns / NS_PER_S + NTP_TO_UNIX; /* the era ends in 2036: 32 bits are kept */

	return s << 32 | ((ns % NS_PER_S) << 32) / NS_PER_S;
}

uint32_t rtcp_ntp_middle(uint64_t ntp)
{
	return (uint32_t)(ntp >> 16);
}
