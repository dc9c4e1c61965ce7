/* SPDX-License-Identifier: BSD-3-Clause */
/* The 48-bit packet index of RFC 3711 3.3.1 and appendix A. libc only. */
#ifndef CRYPTO_SRTP_INDEX_H
#define CRYPTO_SRTP_INDEX_H

#include <stdint.h>

#define SRTP_INDEX_MAX ((UINT64_C(1) << 48) - 1)

/* The index that `seq` means when `highest` is the highest index seen so far.
 * Within the ROCs that exist: before index 0 it is read as ROC 0, and never above
 * SRTP_INDEX_MAX, where the key is spent. (libsrtp2 exports srtp_index_guess().) */
uint64_t srtp_index_from_seq(uint64_t highest, uint16_t seq);

#endif
