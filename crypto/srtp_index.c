/* SPDX-License-Identifier: BSD-3-Clause */
/* From 16 bits of sequence number to the 48-bit index. Any thread; no state. */
#include "crypto/srtp_index.h"

#define SEQ_RANGE (UINT64_C(1) << 16)
#define SEQ_HALF (UINT64_C(1) << 15)

uint64_t srtp_index_from_seq(uint64_t highest, uint16_t seq)
{
	uint64_t roc = highest & ~(SEQ_RANGE - 1);
	uint64_t s_l = highest & (SEQ_RANGE - 1);

	/* RFC 3711 appendix A */
	if (s_l < SEQ_HALF) {
		if (seq > s_l + SEQ_HALF && roc != 0)
			roc -= SEQ_RANGE;
	} else if (s_l - SEQ_HALF > seq && roc < SRTP_INDEX_MAX - (SEQ_RANGE - 1)) {
		roc += SEQ_RANGE;
	}
	return roc | seq;
}
