/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RTCP with a source: its sender reports taken apart, our receiver reports put
 * together (RFC 3550 6.4). Pure functions; any thread.
 */
#ifndef CONTROLPLANE_SOURCE_RTCP_H
#define CONTROLPLANE_SOURCE_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTCP_REPORT_MAX 128 /* bytes: receiver report and SDES */

struct rtcp_info {
	bool has_sr; /* the fields below, of the last sender report inside */
	bool bye;
	uint32_t ssrc;
	uint64_t ntp; /* 32.32 */
	uint32_t rtp; /* RTP ticks */
};

/* A compound packet from the wire. 0; -EINVAL: breaks RFC 3550 6.1, nothing of it is used. */
int rtcp_parse(struct rtcp_info *info, const uint8_t *data, size_t len);

/* What a stream has received so far, as the data plane's statistics tell it. */
struct rtcp_received {
	uint64_t expected;         /* RFC 3550 A.3 */
	uint64_t lost;             /* ditto */
	uint32_t extended_highest; /* sequence number */
	uint32_t jitter;           /* RTP ticks */
	uint32_t ssrc;             /* of the source */
};

/* Between two reports of the same track. Zero it when the source starts anew. */
struct rtcp_reporter {
	uint64_t expected_prior;
	uint64_t lost_prior;
	uint64_t expected_base; /* at the start of this session: reports begin at 0 */
	uint64_t lost_base;
	bool based;
	uint32_t lsr;            /* middle of the last sender report's NTP time; 0: none yet */
	uint64_t lsr_arrival_us; /* monotonic clock */
};

/* Remembers a sender report for LSR and DLSR. */
void rtcp_reporter_sender(struct rtcp_reporter *r, const struct rtcp_info *info, uint64_t now_us);

/*
 * Writes RR (one report block; none where `received` is NULL) and SDES CNAME
 * from `own_ssrc`. Returns its length.
 */
size_t rtcp_format_report(struct rtcp_reporter *r, uint8_t out[RTCP_REPORT_MAX], uint32_t own_ssrc,
	const char *cname, const struct rtcp_received *received, uint64_t now_us);

/*
 * Writes a request for a key frame of `media_ssrc` in a compound with an empty RR
 * and SDES: PLI (RFC 4585 6.3.1), or with `fir` a FIR (RFC 5104 4.3.1) numbered
 * `number`, which rises by one with each. Returns its length.
 */
size_t rtcp_format_keyframe(uint8_t out[RTCP_REPORT_MAX], uint32_t own_ssrc, const char *cname,
	uint32_t media_ssrc, bool fir, uint8_t number);

#endif
