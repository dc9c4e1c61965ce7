/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RTCP in the clear: reads what viewers report (RFC 3550 6.4 to 6.6, RFC 4585
 * 6, RFC 5104 4.3.1) and writes what they are sent. Compounds are not demanded
 * (RFC 5506). Pure: buffer in, struct out.
 */
#ifndef DATAPLANE_VIEWER_RTCP_H
#define DATAPLANE_VIEWER_RTCP_H

#include <stddef.h>
#include <stdint.h>

enum rtcp_type {
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	RTCP_BYE = 203,
	RTCP_RTPFB = 205, /* RFC 4585 6.2 */
	RTCP_PSFB = 206,  /* RFC 4585 6.3 */
};

#define RTCP_FMT_NACK 1 /* of RTPFB, RFC 4585 6.2.1 */
#define RTCP_FMT_PLI 1  /* of PSFB, RFC 4585 6.3.1 */
#define RTCP_FMT_FIR 4  /* of PSFB, RFC 5104 4.3.1 */

/* One packet of a compound; its lengths have been checked for its type. */
struct rtcp_packet {
	uint8_t type;
	uint8_t count;       /* report blocks, BYE's SSRCs, or the feedback's format */
	uint16_t len;        /* [bytes], header included, padding left out */
	uint32_t ssrc;       /* of the sender; 0 when there is none */
	const uint8_t *data; /* borrowed */
};

/* A report block, RFC 3550 6.4.1. */
struct rtcp_block {
	uint32_t ssrc;
	uint8_t fraction_lost;   /* 1/256 since the last report */
	int32_t cumulative_lost; /* 24 bits, signed */
	uint32_t highest;        /* cycles << 16 | highest sequence number */
	uint32_t jitter;         /* RTP ticks */
	uint32_t last_sr;        /* middle 32 bits of our NTP time; 0: none */
	uint32_t delay_since_sr; /* 1/65536 s */
};

struct rtcp_sender_info {
	uint32_t ssrc;
	uint64_t ntp; /* 32.32 seconds since 1900 */
	uint32_t rtp; /* RTP ticks: the same moment */
	uint32_t packets;
	uint32_t octets; /* of payload */
};

/*
 * Reads the packet at *offset and moves *offset behind it. 1: `p` is filled; 0:
 * the end; -EBADMSG: what is left breaks its RFC.
 */
int rtcp_next(const uint8_t *data, size_t len, size_t *offset, struct rtcp_packet *p);
/* All of a datagram: 0, or -EBADMSG (also when there is no packet in it). */
int rtcp_check(const uint8_t *data, size_t len);

/* SR and RR: `i` below count. */
void rtcp_block(const struct rtcp_packet *p, unsigned int i, struct rtcp_block *b);
/* BYE: `i` below count. */
uint32_t rtcp_bye_ssrc(const struct rtcp_packet *p, unsigned int i);
/* RTPFB and PSFB: the stream that it is about (0 in a FIR). */
uint32_t rtcp_media_ssrc(const struct rtcp_packet *p);
/* NACK: how many packets are asked for. */
uint32_t rtcp_nack_packets(const struct rtcp_packet *p);
/* NACK: its entries; `i` below rtcp_nack_entries(): number `pid` and, for bit b of
 * `blp`, number pid + b + 1 (RFC 4585 6.2.1). */
unsigned int rtcp_nack_entries(const struct rtcp_packet *p);
void rtcp_nack_entry(const struct rtcp_packet *p, unsigned int i, uint16_t *pid, uint16_t *blp);
/* FIR: its entries; `i` below rtcp_fir_entries(). */
unsigned int rtcp_fir_entries(const struct rtcp_packet *p);
uint32_t rtcp_fir_ssrc(const struct rtcp_packet *p, unsigned int i);

/* A sender report without blocks and an SDES CNAME (at most 255 bytes) in one
 * compound. Returns its length or -ENOSPC, -EINVAL. */
int rtcp_format_report(
	uint8_t *out, size_t cap, const struct rtcp_sender_info *info, const char *cname);

/* [ns since 1970] to NTP's 32.32 since 1900, and the 32 bits in its middle. */
uint64_t rtcp_ntp(int64_t wall_ns);
uint32_t rtcp_ntp_middle(uint64_t ntp);

#endif
