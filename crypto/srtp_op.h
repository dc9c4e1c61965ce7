/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every back end does with a struct srtp_op: checks it, forms its IV, says
 * how it went. Private to crypto/; on the worker that owns the device.
 */
#ifndef CRYPTO_SRTP_OP_H
#define CRYPTO_SRTP_OP_H

#include "crypto/crypto_device_ops.h"
#include "crypto/srtp_index.h"

#include <emmintrin.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#define SRTP_MIN_HDR_LEN 12 /* bytes: RFC 3550 5.1 */
#define SRTP_MAX_HDR_LEN 76
#define SRTP_ROC_LEN 4 /* bytes, authenticated but not sent: RFC 3711 4.2 */

static inline void put_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

/* Two words in the order of memory XOR salt, to `iv` in one store: what is read at once
 * after narrower stores waits until these have left for the cache. */
static inline void srtp_iv_store(uint8_t iv[16], const uint8_t salt[16], uint64_t a, uint64_t b)
{
	__m128i words = _mm_set_epi64x((int64_t)b, (int64_t)a);

	words = _mm_xor_si128(words, _mm_loadu_si128((const __m128i *)(const void *)salt));
	_mm_storeu_si128((__m128i *)(void *)iv, words);
}

/* RFC 7714 8.1: (00 00 || SSRC || ROC || SEQ) XOR salt, 12 bytes of 16. */
static inline void srtp_gcm_iv(
	uint8_t iv[16], const uint8_t salt[16], uint32_t ssrc, uint64_t index)
{
	srtp_iv_store(iv, salt, __builtin_bswap64((uint64_t)ssrc << 16 | index >> 32),
		__builtin_bswap32((uint32_t)index));
}

/* RFC 3711 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16. */
static inline void srtp_ctr_iv(
	uint8_t iv[16], const uint8_t salt[16], uint32_t ssrc, uint64_t index)
{
	srtp_iv_store(iv, salt, __builtin_bswap64(ssrc), __builtin_bswap64(index << 16));
}

/* 0 or a positive errno for srtp_op.status. */
static inline uint16_t srtp_op_check(const struct srtp_op *op, const struct srtp_profile *profile)
{
	if (profile == NULL || op->hdr_len < SRTP_MIN_HDR_LEN || op->hdr_len > SRTP_MAX_HDR_LEN)
		return EINVAL;
	if (op->index > SRTP_INDEX_MAX)
		return EOVERFLOW;
	if ((uint32_t)op->hdr_len + op->payload_len + profile->rtp_tag_len > CRYPTO_MESSAGE_MAX)
		return EMSGSIZE;
	return 0;
}

static inline void srtp_op_done(struct srtp_op *op, uint8_t tag_len)
{
	op->status = 0;
	op->out_len = (uint16_t)(op->hdr_len + op->payload_len + tag_len);
}

static inline void srtp_op_failed(struct srtp_op *op, uint16_t status)
{
	op->status = status;
	op->out_len = 0;
}

#endif
