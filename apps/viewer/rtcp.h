/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RTCP in the clear: reads what a gateway sends (sender reports, BYE), writes
 * receiver reports with SDES, NACKs, PLIs and FIRs. Pure: buffers in, structs out;
 * protection is media.c's business. RFC 3550 6.4, 6.5, 6.6.
 */
#ifndef APPS_VIEWER_RTCP_H
#define APPS_VIEWER_RTCP_H

#include <stddef.h>
#include <stdint.h>

#define RTCP_HEADER_SIZE 8   /* bytes: common header and the sender's SSRC */
#define RTCP_BLOCKS_MAX 31   /* report blocks in one report */
#define RTCP_REPORT_MAX 1024 /* bytes: room that rtcp_format_report() needs at most */
#define RTCP_CNAME_SIZE 17   /* bytes, NUL included */
#define RTCP_PLI_SIZE 12     /* bytes */
#define RTCP_FIR_SIZE 20     /* bytes */

enum rtcp_type {
	RTCP_SENDER_REPORT = 200,
	RTCP_RECEIVER_REPORT = 201,
	RTCP_SOURCE_DESCRIPTION = 202,
	RTCP_BYE = 203,
	RTCP_FEEDBACK = 205,         /* transport layer: RFC 4585 6.2 */
	RTCP_PAYLOAD_FEEDBACK = 206, /* RFC 4585 6.3 */
};

/* One packet of a compound; the sender's fields only for sender reports. */
struct rtcp_packet {
	uint8_t type;
	uint32_t ssrc;
	uint64_t ntp;           /* 32.32 seconds since 1900 */
	uint32_t rtp_timestamp; /* RTP ticks */
	uint32_t packets;
	uint32_t octets;
};

/* A report block, RFC 3550 6.4.1. */
struct rtcp_block {
	uint32_t ssrc;
	uint8_t fraction_lost;   /* 1/256 since the last report */
	int32_t cumulative_lost; /* clamped to 24 bits when written */
	uint32_t highest;        /* cycles << 16 | highest sequence number */
	uint32_t jitter;         /* RTP ticks */
	uint32_t last_sr;        /* middle 32 bits of the NTP time, 0: none */
	uint32_t delay_since_sr; /* 1/65536 s */
};

/*
 * Read the packet at *offset and move *offset behind it. 1: *packet is filled;
 * 0: the end; -EBADMSG: what is left is no RTCP. Compounds are not demanded
 * (RFC 5506).
 */
int rtcp_next(const uint8_t *data, size_t length, size_t *offset, struct rtcp_packet *packet);

/*
 * Write a receiver report of `count` blocks and an SDES CNAME. Returns the
 * length in bytes, or -ENOSPC / -EINVAL.
 */
int rtcp_format_report(uint8_t *data, size_t size, uint32_t ssrc, const struct rtcp_block *blocks,
	size_t count, const char *cname);

/*
 * Write a NACK for `count` rising sequence numbers of `media_ssrc` (RFC 4585
 * 6.2.1), alone in its packet (RFC 5506). Returns the length, or -ENOSPC.
 */
int rtcp_format_nack(uint8_t *data, size_t size, uint32_t ssrc, uint32_t media_ssrc,
	const uint16_t *numbers, size_t count);

/* Write a PLI (RFC 4585 6.3.1), alone in its packet. Returns its length. */
int rtcp_format_pli(uint8_t data[RTCP_PLI_SIZE], uint32_t ssrc, uint32_t media_ssrc);

/*
 * Write a FIR (RFC 5104 4.3.1) of one entry, alone in its packet. `number` rises by one
 * with each new request to the same stream and begins again after 255. Returns its length.
 */
int rtcp_format_fir(
	uint8_t data[RTCP_FIR_SIZE], uint32_t ssrc, uint32_t media_ssrc, uint8_t number);

#endif
