/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every back end does with a struct srtp_op: checks it, forms its IV, says
 * how it went. Private to crypto/; on the worker that owns the device.
 */
#ifndef CRYPTO_SRTP_OP_H
#define CRYPTO_SRTP_OP_H

#include "crypto/crypto_device_ops.h"
#include "crypto/srtp_index.h"

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

static inline void put_be64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

static inline void xor_16(uint8_t *p, const uint8_t *q)
{
	uint64_t a[2], b[2];

	memcpy(a, p, sizeof(a));
	memcpy(b, q, sizeof(b));
	a[0] ^= b[0];
	a[1] ^= b[1];
	memcpy(p, a, sizeof(a));
}

/* RFC 7714 8.1: (00 00 || SSRC || ROC || SEQ) XOR salt, 12 bytes of 16. */
static inline void srtp_gcm_iv(
	uint8_t iv[16], const uint8_t salt[16], uint32_t ssrc, uint64_t index)
{
	memset(iv, 0, 16);
	put_be64(iv, (uint64_t)ssrc << 16 | index >> 32);
	put_be32(iv + 8, (uint32_t)index);
	xor_16(iv, salt);
}

/* RFC 3711 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16. */
static inline void srtp_ctr_iv(
	uint8_t iv[16], const uint8_t salt[16], uint32_t ssrc, uint64_t index)
{
	put_be64(iv, ssrc);
	put_be64(iv + 8, index << 16);
	xor_16(iv, salt);
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
