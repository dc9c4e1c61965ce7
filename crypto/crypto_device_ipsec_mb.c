/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CPU back end, on intel-ipsec-mb: AES-GCM one direct call per packet with
 * the next packet's key prefetched, AES-CTR and HMAC-SHA1 as two bursts. Runs
 * on the worker that owns the device; expand() on any thread: the library's key
 * expansion keeps nothing in the manager, which we only read for its functions.
 */
#include "crypto/crypto_device_ops.h"
#include "crypto/secret.h"
#include "crypto/srtp_op.h"

#include <errno.h>
#include <intel-ipsec-mb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA1_LEN 20   /* bytes of digest, of which the tag is a prefix */
#define SHA1_BLOCK 64 /* bytes */
#define CTR_BATCH 32  /* packets: jobs and scratch stay in the first cache level */

/* `material` of an AES-GCM key, and of an AES-CTR + HMAC-SHA1 key. */
struct ctr_material {
	alignas(16) uint8_t enc_keys[11 * 16];
	alignas(16) uint8_t ipad[SHA1_LEN]; /* SHA-1 state after key XOR ipad */
	alignas(16) uint8_t opad[SHA1_LEN];
};
static_assert(sizeof(struct gcm_key_data) <= SRTP_TX_SIZE - 64, "the expanded GCM key fits");
static_assert(sizeof(struct ctr_material) <= SRTP_TX_SIZE - 64, "the expanded CTR key fits");

struct ipsec_mb_device {
	struct crypto_device base;

	/* constant after creation: other threads read it in expand() */
	IMB_MGR *mgr;       /* owned */
	uint32_t gcm_lines; /* cache lines of gcm_key_data that this CPU's code reads */

	/* private to the worker; valid within one burst */
	struct gcm_context_data gcm;
	struct srtp_op *pending[CTR_BATCH];
	uint16_t n_pending;
	alignas(64) uint8_t iv[CTR_BATCH][16];
	/* An unchecked HMAC-SHA1 job writes 20 bytes whatever the tag's length. */
	alignas(64) uint8_t digest[CTR_BATCH][SHA1_LEN];
	IMB_JOB cipher[CTR_BATCH]; /* constant fields are set at creation */
	IMB_JOB hash[CTR_BATCH];
};

static struct ipsec_mb_device *device(struct crypto_device *dev)
{
	return (struct ipsec_mb_device *)dev;
}

static const struct gcm_key_data *gcm_key(const struct srtp_tx_layout *tx)
{
	return (const struct gcm_key_data *)tx->material;
}

static const struct ctr_material *ctr_key(const struct srtp_tx_layout *tx)
{
	return (const struct ctr_material *)tx->material;
}

static void protect_gcm(
	struct ipsec_mb_device *d, struct srtp_op *op, const struct srtp_tx_layout *tx)
{
	uint8_t *payload = op->dst + op->hdr_len;
	uint8_t *tag = payload + op->payload_len;
	alignas(16) uint8_t iv[16];

	srtp_gcm_iv(iv, tx->salt, op->ssrc, op->index);
	if (tx->profile->key_len == 16)
		IMB_AES128_GCM_ENC(d->mgr, gcm_key(tx), &d->gcm, payload, op->src, op->payload_len,
			iv, op->dst, op->hdr_len, tag, 16);
	else
		IMB_AES256_GCM_ENC(d->mgr, gcm_key(tx), &d->gcm, payload, op->src, op->payload_len,
			iv, op->dst, op->hdr_len, tag, 16);
	srtp_op_done(op, 16);
}

/* Encrypts, then authenticates header, ciphertext and ROC of what is pending. */
static uint16_t flush_ctr(struct ipsec_mb_device *d)
{
	uint16_t n = d->n_pending, n_cipher = 0, ok = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct srtp_op *op = d->pending[i];
		const struct srtp_tx_layout *tx = srtp_tx_layout(op->tx);
		const struct ctr_material *key = ctr_key(tx);
		IMB_JOB *hash = &d->hash[i];

		if (op->payload_len != 0) {
			IMB_JOB *job = &d->cipher[n_cipher];

			srtp_ctr_iv(d->iv[n_cipher], tx->salt, op->ssrc, op->index);
			job->enc_keys = key->enc_keys;
			job->src = op->src;
			job->dst = op->dst + op->hdr_len;
			job->msg_len_to_cipher_in_bytes = op->payload_len;
			n_cipher++;
		}
		/* The ROC stands where the tag will: RFC 3711 4.2 */
		put_be32(op->dst + op->hdr_len + op->payload_len, (uint32_t)(op->index >> 16));
		hash->src = op->dst;
		hash->msg_len_to_hash_in_bytes =
			(uint64_t)op->hdr_len + op->payload_len + SRTP_ROC_LEN;
		hash->u.HMAC._hashed_auth_key_xor_ipad = key->ipad;
		hash->u.HMAC._hashed_auth_key_xor_opad = key->opad;
		hash->status = IMB_STATUS_BEING_PROCESSED;
	}

	d->n_pending = 0;
	if (n_cipher != 0 &&
		IMB_SUBMIT_CIPHER_BURST_NOCHECK(d->mgr, d->cipher, n_cipher, IMB_CIPHER_CNTR,
			IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES) != n_cipher)
		goto err;
	if (IMB_SUBMIT_HASH_BURST_NOCHECK(d->mgr, d->hash, n, IMB_AUTH_HMAC_SHA_1) != n)
		goto err;

	for (uint16_t i = 0; i < n; i++) {
		struct srtp_op *op = d->pending[i];
		uint8_t tag_len = srtp_tx_layout(op->tx)->profile->rtp_tag_len;

		memcpy(op->dst + op->hdr_len + op->payload_len, d->digest[i], tag_len);
		srtp_op_done(op, tag_len);
		ok++;
	}
	return ok;
err:
	for (uint16_t i = 0; i < n; i++)
		srtp_op_failed(d->pending[i], EIO);
	return 0;
}

#define GCM_LINES_LEAST 6 /* of a key, that all CPUs read */

/* Keys of other viewers are cold: 1200 bytes take as long as their misses. */
static inline void prefetch_key(const struct ipsec_mb_device *d, const struct srtp_tx *tx)
{
	const uint8_t *material = srtp_tx_layout(tx)->material;

	__builtin_prefetch(tx);
#pragma GCC unroll 8
	for (uint32_t i = 0; i < GCM_LINES_LEAST; i++)
		__builtin_prefetch(material + 64 * i);
	for (uint32_t i = GCM_LINES_LEAST; i < d->gcm_lines; i++)
		__builtin_prefetch(material + 64 * i);
}

static uint16_t protect_burst(struct crypto_device *dev, struct srtp_op *ops, uint16_t n)
{
	struct ipsec_mb_device *d = device(dev);
	uint16_t ok = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct srtp_op *op = &ops[i];
		const struct srtp_tx_layout *tx = srtp_tx_layout(op->tx);
		uint16_t status;

		if (i + 1 < n)
			prefetch_key(d, ops[i + 1].tx);
		status = srtp_op_check(op, tx->profile);
		if (status != 0) {
			srtp_op_failed(op, status);
		} else if (tx->profile->auth_key_len == 0) {
			protect_gcm(d, op, tx);
			ok++;
		} else {
			d->pending[d->n_pending++] = op;
			if (d->n_pending == CTR_BATCH)
				ok += flush_ctr(d);
		}
	}
	if (d->n_pending != 0)
		ok += flush_ctr(d);
	return ok;
}

static void aead_seal(struct crypto_device *dev, const struct srtp_tx *key, const uint8_t iv[12],
	const uint8_t *aad, size_t aad_len, uint8_t *buf, size_t len, uint8_t tag[16])
{
	struct ipsec_mb_device *d = device(dev);
	const struct srtp_tx_layout *tx = srtp_tx_layout(key);

	if (tx->profile->key_len == 16)
		IMB_AES128_GCM_ENC(
			d->mgr, gcm_key(tx), &d->gcm, buf, buf, len, iv, aad, aad_len, tag, 16);
	else
		IMB_AES256_GCM_ENC(
			d->mgr, gcm_key(tx), &d->gcm, buf, buf, len, iv, aad, aad_len, tag, 16);
}

static void aead_open(struct crypto_device *dev, const struct srtp_tx *key, const uint8_t iv[12],
	const uint8_t *aad, size_t aad_len, uint8_t *buf, size_t len, uint8_t tag[16])
{
	struct ipsec_mb_device *d = device(dev);
	const struct srtp_tx_layout *tx = srtp_tx_layout(key);

	if (tx->profile->key_len == 16)
		IMB_AES128_GCM_DEC(
			d->mgr, gcm_key(tx), &d->gcm, buf, buf, len, iv, aad, aad_len, tag, 16);
	else
		IMB_AES256_GCM_DEC(
			d->mgr, gcm_key(tx), &d->gcm, buf, buf, len, iv, aad, aad_len, tag, 16);
}

static int cipher_ctr(struct crypto_device *dev, const struct srtp_tx *key, const uint8_t iv[16],
	uint8_t *buf, size_t len)
{
	struct ipsec_mb_device *d = device(dev);
	IMB_JOB *job = &d->cipher[0];

	if (len == 0)
		return 0;
	memcpy(d->iv[0], iv, 16);
	job->enc_keys = ctr_key(srtp_tx_layout(key))->enc_keys;
	job->src = buf;
	job->dst = buf;
	job->msg_len_to_cipher_in_bytes = len;
	return IMB_SUBMIT_CIPHER_BURST_NOCHECK(
		       d->mgr, job, 1, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES) == 1
		       ? 0
		       : -EIO;
}

/* One HMAC from the states behind its pads. */
static int hash_one(struct ipsec_mb_device *d, const uint8_t *ipad, const uint8_t *opad,
	const uint8_t *buf, size_t len, uint8_t digest[SHA1_LEN])
{
	IMB_JOB *job = &d->hash[0];

	job->src = buf;
	job->msg_len_to_hash_in_bytes = len;
	job->u.HMAC._hashed_auth_key_xor_ipad = ipad;
	job->u.HMAC._hashed_auth_key_xor_opad = opad;
	job->status = IMB_STATUS_BEING_PROCESSED;
	if (IMB_SUBMIT_HASH_BURST_NOCHECK(d->mgr, job, 1, IMB_AUTH_HMAC_SHA_1) != 1)
		return -EIO;
	memcpy(digest, d->digest[0], SHA1_LEN);
	return 0;
}

static int authenticate(struct crypto_device *dev, const struct srtp_tx *key, const uint8_t *buf,
	size_t len, uint8_t digest[SHA1_LEN])
{
	const struct ctr_material *material = ctr_key(srtp_tx_layout(key));

	return hash_one(device(dev), material->ipad, material->opad, buf, len, digest);
}

static int hmac(struct crypto_device *dev, const struct hmac_sha1_key *key, const uint8_t *buf,
	size_t len, uint8_t digest[SHA1_LEN])
{
	return hash_one(device(dev), key->inner, key->outer, buf, len, digest);
}

/* The SHA-1 state after the first block of HMAC, so that packets start from it. */
static void hmac_state(IMB_MGR *mgr, const uint8_t *key, size_t len, uint8_t pad, uint8_t *state)
{
	uint8_t block[SHA1_BLOCK];

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < len; i++)
		block[i] ^= key[i];
	IMB_SHA1_ONE_BLOCK(mgr, block, state);
	secret_wipe(block, sizeof(block));
}

static int expand(
	const struct crypto_device *dev, struct srtp_tx *key, const struct srtp_session_keys *keys)
{
	IMB_MGR *mgr = ((const struct ipsec_mb_device *)dev)->mgr;
	struct srtp_tx_layout *tx = (struct srtp_tx_layout *)(void *)key->opaque;
	struct ctr_material *ctr = (struct ctr_material *)tx->material;
	alignas(16) uint8_t dec_keys[11 * 16];

	switch (tx->profile->id) {
	case SRTP_PROFILE_GCM_128:
		IMB_AES128_GCM_PRE(mgr, keys->cipher, (struct gcm_key_data *)tx->material);
		return 0;
	case SRTP_PROFILE_GCM_256:
		IMB_AES256_GCM_PRE(mgr, keys->cipher, (struct gcm_key_data *)tx->material);
		return 0;
	case SRTP_PROFILE_AES128_CM_SHA1_80:
		IMB_AES_KEYEXP_128(mgr, keys->cipher, ctr->enc_keys, dec_keys);
		secret_wipe(dec_keys, sizeof(dec_keys));
		hmac_state(mgr, keys->auth, tx->profile->auth_key_len, 0x36, ctr->ipad);
		hmac_state(mgr, keys->auth, tx->profile->auth_key_len, 0x5c, ctr->opad);
		return 0;
	}
	return -EINVAL;
}

/* The fields that are the same for every packet. */
static void init_jobs(struct ipsec_mb_device *d)
{
	for (uint16_t i = 0; i < CTR_BATCH; i++) {
		IMB_JOB *cipher = &d->cipher[i], *hash = &d->hash[i];

		cipher->cipher_mode = IMB_CIPHER_CNTR;
		cipher->cipher_direction = IMB_DIR_ENCRYPT;
		cipher->hash_alg = IMB_AUTH_NULL;
		cipher->chain_order = IMB_ORDER_CIPHER_HASH;
		cipher->key_len_in_bytes = IMB_KEY_128_BYTES;
		cipher->iv = d->iv[i];
		cipher->iv_len_in_bytes = 16;

		hash->cipher_mode = IMB_CIPHER_NULL;
		hash->cipher_direction = IMB_DIR_ENCRYPT;
		hash->hash_alg = IMB_AUTH_HMAC_SHA_1;
		hash->chain_order = IMB_ORDER_HASH_CIPHER;
		hash->auth_tag_output = d->digest[i];
		hash->auth_tag_output_len_in_bytes = SHA1_LEN;
	}
}

static void hmac_expand(const struct crypto_device *dev, struct hmac_sha1_key *key,
	const uint8_t *secret, size_t len)
{
	IMB_MGR *mgr = ((const struct ipsec_mb_device *)dev)->mgr;

	hmac_state(mgr, secret, len, 0x36, key->inner);
	hmac_state(mgr, secret, len, 0x5c, key->outer);
}

static const char *arch_name(IMB_ARCH arch)
{
	switch (arch) {
	case IMB_ARCH_SSE:
		return "SSE";
	case IMB_ARCH_AVX:
		return "AVX";
	case IMB_ARCH_AVX2:
		return "AVX2";
	case IMB_ARCH_AVX512:
		return "AVX512";
	default:
		return "unknown";
	}
}

static struct crypto_device *create(
	const struct crypto_device_config *config, char *error, size_t error_len)
{
	const uint64_t self_test = IMB_FEATURE_SELF_TEST | IMB_FEATURE_SELF_TEST_PASS;
	struct ipsec_mb_device *d;
	IMB_ARCH arch = IMB_ARCH_NONE;
	int err = ENOMEM;

	snprintf(error, error_len, "ipsec-mb: no memory");
	d = aligned_alloc(64, (sizeof(*d) + 63) / 64 * 64);
	if (d == NULL)
		goto err_none;
	memset(d, 0, sizeof(*d));
	d->mgr = alloc_mb_mgr(0);
	if (d->mgr == NULL)
		goto err_device;
	init_mb_mgr_auto(d->mgr, &arch);

	/* The emulation without AES instructions is slow and leaks by timing. */
	err = ENOTSUP;
	snprintf(error, error_len,
		"ipsec-mb: this CPU has no AES instructions (or its virtual "
		"machine hides them)");
	if (imb_get_errno(d->mgr) != 0 || arch < IMB_ARCH_SSE ||
		(d->mgr->features & IMB_CPUFLAGS_SSE) != IMB_CPUFLAGS_SSE)
		goto err_mgr;
	err = EIO;
	snprintf(error, error_len, "ipsec-mb: its self test failed on this CPU");
	if ((d->mgr->features & self_test) == IMB_FEATURE_SELF_TEST)
		goto err_mgr;

	/* The round keys, then powers of the hash key: AVX-512 uses up to 48 of 16 bytes,
	 * AVX2 8, the others 8 and as many of their halves' sums. */
	d->gcm_lines = arch == IMB_ARCH_AVX512 ? sizeof(struct gcm_key_data) / 64 + 1
		       : arch == IMB_ARCH_AVX2 ? GCM_LINES_LEAST
					       : 8;
	init_jobs(d);
	d->base.ops = &crypto_device_ipsec_mb;
	snprintf(d->base.describe, sizeof(d->base.describe), "ipsec-mb %s %s",
		imb_get_version_str(), arch_name(arch));
	return &d->base;
err_mgr:
	free_mb_mgr(d->mgr);
err_device:
	free(d);
err_none:
	errno = err;
	return NULL;
}

static void destroy(struct crypto_device *dev)
{
	struct ipsec_mb_device *d = device(dev);

	free_mb_mgr(d->mgr);
	secret_wipe(d, sizeof(*d));
	free(d);
}

const struct crypto_device_ops crypto_device_ipsec_mb = {
	.name = "ipsec-mb",
	.create = create,
	.destroy = destroy,
	.expand = expand,
	.expand_message = expand,
	.protect_burst = protect_burst,
	.aead_seal = aead_seal,
	.aead_open = aead_open,
	.cipher = cipher_ctr,
	.authenticate = authenticate,
	.hmac_expand = hmac_expand,
	.hmac = hmac,
};
