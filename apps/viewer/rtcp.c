/* SPDX-License-Identifier: BSD-3-Clause */
/* RTCP parse and format, see rtcp.h. Pure, any thread. */
#include "apps/viewer/rtcp.h"

#include <errno.h>
#include <string.h>

#define BLOCK_SIZE 24       /* bytes */
#define SENDER_INFO_SIZE 20 /* bytes */
#define SDES_CNAME 1        /* RFC 3550 6.5.1 */
#define FORMAT_PLI 1        /* RFC 4585 6.3.1 */
#define FORMAT_FIR 4        /* RFC 5104 4.3.1 */
#define LOST_MAX 0x7fffff   /* 24 bits, signed */
#define LOST_MIN (-0x800000)

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, (uint16_t)(v >> 16)), (uint16_t)v);
}

static uint8_t *put_header(uint8_t *p, uint8_t count, uint8_t type, size_t length)
{
	p[0] = (uint8_t)(0x80 | count);
	p[1] = type;
	return put16(p + 2, (uint16_t)(length / 4 - 1));
}

int rtcp_next(const uint8_t *data, size_t length, size_t *offset, struct rtcp_packet *packet)
{
	const uint8_t *p = data + *offset;
	size_t left, size;

	if (*offset >= length)
		return 0;
	left = length - *offset;
	if (left < 4 || p[0] >> 6 != 2)
		return -EBADMSG;
	size = ((size_t)p[2] << 8 | p[3]) * 4 + 4;
	if (size > left)
		return -EBADMSG;

	memset(packet, 0, sizeof(*packet));
	packet->type = p[1];
	if (size >= RTCP_HEADER_SIZE)
		packet->ssrc = get32(p + 4);
	if (packet->type == RTCP_SENDER_REPORT) {
		if (size < RTCP_HEADER_SIZE + SENDER_INFO_SIZE)
			return -EBADMSG;
		packet->ntp = (uint64_t)get32(p + 8) << 32 | get32(p + 12);
		packet->rtp_timestamp = get32(p + 16);
		packet->packets = get32(p + 20);
		packet->octets = get32(p + 24);
	}
	*offset += size;
	return 1;
}

static uint8_t *put_block(uint8_t *p, const struct rtcp_block *block)
{
	int32_t lost = block->cumulative_lost;

	if (lost > LOST_MAX)
		lost = LOST_MAX;
	if (lost < LOST_MIN)
		lost = LOST_MIN;
	p = put32(p, block->ssrc);
	p = put32(p, (uint32_t)block->fraction_lost << 24 | ((uint32_t)lost & 0xffffff));
	p = put32(p, block->highest);
	p = put32(p, block->jitter);
	p = put32(p, block->last_sr);
	return put32(p, block->delay_since_sr);
}

int rtcp_format_report(uint8_t *data, size_t size, uint32_t ssrc, const struct rtcp_block *blocks,
	size_t count, const char *cname)
{
	size_t name = strlen(cname);
	size_t report = RTCP_HEADER_SIZE + count * BLOCK_SIZE;
	/* header, SSRC, item type and length, text, at least one NUL, to 32 bits */
	size_t sdes = (RTCP_HEADER_SIZE + 2 + name + 1 + 3) / 4 * 4;
	uint8_t *p = data;

	if (count > RTCP_BLOCKS_MAX || name >= RTCP_CNAME_SIZE)
		return -EINVAL;
	if (report + sdes > size)
		return -ENOSPC;

	p = put_header(p, (uint8_t)count, RTCP_RECEIVER_REPORT, report);
	p = put32(p, ssrc);
	for (size_t i = 0; i < count; i++)
		p = put_block(p, &blocks[i]);

	memset(p, 0, sdes);
	p = put_header(p, 1, RTCP_SOURCE_DESCRIPTION, sdes);
	p = put32(p, ssrc);
	*p++ = SDES_CNAME;
	*p++ = (uint8_t)name;
	memcpy(p, cname, name);
	return (int)(report + sdes);
}

int rtcp_format_nack(uint8_t *data, size_t size, uint32_t ssrc, uint32_t media_ssrc,
	const uint16_t *numbers, size_t count)
{
	uint8_t *p = data + RTCP_HEADER_SIZE + 4;

	if (size < (size_t)(p - data))
		return -ENOSPC;
	for (size_t i = 0; i < count;) {
		uint16_t first = numbers[i++];
		uint16_t behind = 0;

		while (i < count && (uint16_t)(numbers[i] - first - 1) < 16)
			behind |= (uint16_t)(1u << (uint16_t)(numbers[i++] - first - 1));
		if (p + 4 > data + size)
			return -ENOSPC;
		p = put16(put16(p, first), behind);
	}
	put32(put32(put_header(data, 1, RTCP_FEEDBACK, (size_t)(p - data)), ssrc), media_ssrc);
	return (int)(p - data);
}

int rtcp_format_pli(uint8_t data[RTCP_PLI_SIZE], uint32_t ssrc, uint32_t media_ssrc)
{
	put32(put32(put_header(data, FORMAT_PLI, RTCP_PAYLOAD_FEEDBACK, RTCP_PLI_SIZE), ssrc),
		media_ssrc);
	return RTCP_PLI_SIZE;
}

int rtcp_format_fir(uint8_t data[RTCP_FIR_SIZE], uint32_t ssrc, uint32_t media_ssrc, uint8_t number)
{
	uint8_t *p = put_header(data, FORMAT_FIR, RTCP_PAYLOAD_FEEDBACK, RTCP_FIR_SIZE);

	/* The header names no stream (RFC 5104 4.3.1.2), the entry does. */
	p = put32(put32(put32(p, ssrc), 0), media_ssrc);
	put32(p, (uint32_t)number << 24);
	return RTCP_FIR_SIZE;
}
