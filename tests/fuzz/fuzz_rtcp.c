/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer target: any bytes as a viewer's RTCP, every field of it read. */
#include "dataplane/viewer/rtcp.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t read_packet(const struct rtcp_packet *p)
{
	struct rtcp_block b;
	uint32_t sum = 0;

	for (unsigned int i = 0; (p->type == RTCP_SR || p->type == RTCP_RR) && i < p->count; i++) {
		rtcp_block(p, i, &b);
		sum += b.ssrc + b.highest + b.jitter + b.last_sr + b.delay_since_sr;
	}
	for (unsigned int i = 0; p->type == RTCP_BYE && i < p->count; i++)
		sum += rtcp_bye_ssrc(p, i);
	if (p->type == RTCP_RTPFB || p->type == RTCP_PSFB)
		sum += rtcp_media_ssrc(p);
	if (p->type == RTCP_RTPFB && p->count == RTCP_FMT_NACK)
		sum += rtcp_nack_packets(p);
	if (p->type == RTCP_PSFB && p->count == RTCP_FMT_FIR)
		for (unsigned int i = 0; i < rtcp_fir_entries(p); i++)
			sum += rtcp_fir_ssrc(p, i);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static volatile uint32_t sink;
	struct rtcp_packet p;
	size_t offset = 0;
	int rc;

	while ((rc = rtcp_next(data, size, &offset, &p)) == 1) {
		if (p.data < data || p.data + p.len > data + size)
			abort();
		sink += read_packet(&p);
	}
	(void)sink;
	if (rtcp_check(data, size) == 0 && rc != 0)
		abort();
	return 0;
}
