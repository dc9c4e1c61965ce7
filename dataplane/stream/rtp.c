/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 3550 5.1 and 5.3.1: see rtp.h. */
#include "dataplane/stream/rtp.h"

#include <string.h>

static uint16_t read_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t read_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int rtp_parse(const uint8_t *data, size_t len, struct rtp_packet *p)
{
	size_t at = sizeof(struct rtp_header);

	if (len < at)
		return -(1 + MR_DROP_RTP_SHORT);
	if (data[0] >> 6 != 2)
		return -(1 + MR_DROP_RTP_VERSION);
	at += (size_t)(data[0] & 0x0f) * 4; /* CSRCs */
	if ((data[0] & 0x10) != 0) {
		if (len < at + 4)
			return -(1 + MR_DROP_RTP_SHORT);
		at += 4 + (size_t)read_be16(data + at + 2) * 4;
	}
	if (len < at)
		return -(1 + MR_DROP_RTP_SHORT);
	if ((data[0] & 0x20) != 0) {
		uint8_t padding = data[len - 1];
		if (len == at || padding == 0 || padding > len - at)
			return -(1 + MR_DROP_RTP_PADDING);
		len -= padding;
	}
	p->marker = (data[1] & 0x80) != 0;
	p->payload_type = data[1] & 0x7f;
	p->seq = read_be16(data + 2);
	p->timestamp = read_be32(data + 4);
	p->ssrc = read_be32(data + 8);
	p->payload = data + at;
	p->payload_len = (uint32_t)(len - at);
	return 0;
}
