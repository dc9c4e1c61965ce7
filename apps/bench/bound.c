/* SPDX-License-Identifier: BSD-3-Clause */
/* See bound.h. */
#include "apps/bench/bound.h"

#include "apps/bench/figures.h"
#include "apps/bench/rig.h"

#include <intel-ipsec-mb.h>
#include <rte_malloc.h>
#include <stdalign.h>
#include <string.h>

#define BURST_MAX 32
#define DST_SIZE 2048 /* bytes: of one packet */
#define HDR_LEN 12
#define ROC_LEN 4

/* One viewer's: the expanded keys of either kind, whole cache lines. */
struct bound_key {
	alignas(64) union {
		struct gcm_key_data gcm;
		struct {
			alignas(16) uint8_t enc_keys[11 * 16];
			alignas(16) uint8_t ipad[20];
			alignas(16) uint8_t opad[20];
		} ctr;
		uint8_t size[1024];
	};
};

struct bound {
	const struct srtp_profile *profile;
	IMB_MGR *mgr;           /* owned */
	struct bound_key *keys; /* owned, n */
	uint32_t *order;        /* owned, n */
	uint32_t n;
	uint32_t next;
	uint32_t payload;
	struct gcm_context_data context;
	IMB_JOB cipher[BURST_MAX];
	IMB_JOB hash[BURST_MAX];
	alignas(64) uint8_t iv[BURST_MAX][16];
	alignas(64) uint8_t tag[BURST_MAX][32];
	alignas(64) uint8_t src[DST_SIZE];
	alignas(64) uint8_t dst[BURST_MAX][DST_SIZE];
};

struct method {
	const char *name;
	void (*encrypt)(struct bound *b); /* BURST_MAX packets */
};

static const struct bound_key *key_at(const struct bound *b, uint32_t ahead)
{
	uint32_t at = b->next + ahead;

	return &b->keys[b->order[at < b->n ? at : at % b->n]];
}

static void keys_pass(struct bound *b)
{
	b->next = (b->next + BURST_MAX) % b->n;
}

/* Where packet `i` begins: its payload starts a cache line. */
static uint8_t *packet_at(struct bound *b, uint32_t i)
{
	return &b->dst[i][64 - HDR_LEN];
}

/* All into one buffer: nothing is faster. */
static void gcm_one(struct bound *b, uint32_t i)
{
	const struct gcm_key_data *key = &key_at(b, i)->gcm;
	uint8_t *to = packet_at(b, 0);

	b->iv[i][11]++;
	if (b->profile->key_len == 16)
		IMB_AES128_GCM_ENC(b->mgr, key, &b->context, to + HDR_LEN, b->src, b->payload,
			b->iv[i], to, HDR_LEN, to + HDR_LEN + b->payload, 16);
	else
		IMB_AES256_GCM_ENC(b->mgr, key, &b->context, to + HDR_LEN, b->src, b->payload,
			b->iv[i], to, HDR_LEN, to + HDR_LEN + b->payload, 16);
}

static void gcm_direct(struct bound *b)
{
	for (uint32_t i = 0; i < BURST_MAX; i++)
		gcm_one(b, i);
	keys_pass(b);
}

/* The same, with the next key on its way. */
static void gcm_prefetched(struct bound *b)
{
	for (uint32_t i = 0; i < BURST_MAX; i++) {
		const uint8_t *next = (const uint8_t *)key_at(b, i + 1);

		for (unsigned int line = 0; line < sizeof(struct gcm_key_data); line += 64)
			__builtin_prefetch(next + line);
		gcm_one(b, i);
	}
	keys_pass(b);
}

static void gcm_job(struct bound *b, IMB_JOB *job, uint32_t i)
{
	uint8_t *to = packet_at(b, i);

	b->iv[i][11]++;
	job->cipher_mode = IMB_CIPHER_GCM;
	job->hash_alg = IMB_AUTH_AES_GMAC;
	job->cipher_direction = IMB_DIR_ENCRYPT;
	job->chain_order = IMB_ORDER_CIPHER_HASH;
	job->key_len_in_bytes = b->profile->key_len;
	job->enc_keys = &key_at(b, i)->gcm;
	job->dec_keys = job->enc_keys;
	job->src = b->src;
	job->dst = to + HDR_LEN;
	job->cipher_start_src_offset_in_bytes = 0;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = b->payload;
	job->msg_len_to_hash_in_bytes = b->payload;
	job->iv = b->iv[i];
	job->iv_len_in_bytes = 12;
	job->u.GCM.aad = to;
	job->u.GCM.aad_len_in_bytes = HDR_LEN;
	job->auth_tag_output = to + HDR_LEN + b->payload;
	job->auth_tag_output_len_in_bytes = 16;
}

static void gcm_jobs(struct bound *b)
{
	for (uint32_t i = 0; i < BURST_MAX; i++) {
		gcm_job(b, IMB_GET_NEXT_JOB(b->mgr), i);
		IMB_SUBMIT_JOB_NOCHECK(b->mgr);
	}
	while (IMB_FLUSH_JOB(b->mgr) != NULL)
		;
	keys_pass(b);
}

static void gcm_burst(struct bound *b)
{
	IMB_JOB *jobs[BURST_MAX];
	uint32_t n;

	while (IMB_GET_NEXT_BURST(b->mgr, BURST_MAX, jobs) < BURST_MAX)
		IMB_FLUSH_BURST(b->mgr, BURST_MAX, jobs);
	for (uint32_t i = 0; i < BURST_MAX; i++)
		gcm_job(b, jobs[i], i);
	n = IMB_SUBMIT_BURST_NOCHECK(b->mgr, BURST_MAX, jobs);
	if (n < BURST_MAX)
		IMB_FLUSH_BURST(b->mgr, BURST_MAX, jobs);
	keys_pass(b);
}

/* CTR, then HMAC-SHA1 over header, ciphertext and ROC (RFC 3711 4.2). */
static void ctr_sha1_bursts(struct bound *b)
{
	for (uint32_t i = 0; i < BURST_MAX; i++) {
		const struct bound_key *key = key_at(b, i);

		b->iv[i][11]++;
		b->cipher[i].enc_keys = key->ctr.enc_keys;
		b->hash[i].u.HMAC._hashed_auth_key_xor_ipad = key->ctr.ipad;
		b->hash[i].u.HMAC._hashed_auth_key_xor_opad = key->ctr.opad;
		b->hash[i].status = IMB_STATUS_BEING_PROCESSED;
	}
	IMB_SUBMIT_CIPHER_BURST_NOCHECK(
		b->mgr, b->cipher, BURST_MAX, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES);
	IMB_SUBMIT_HASH_BURST_NOCHECK(b->mgr, b->hash, BURST_MAX, IMB_AUTH_HMAC_SHA_1);
	keys_pass(b);
}

static const struct method gcm_methods[] = {
	{"direct", gcm_direct},
	{"direct, next key prefetched", gcm_prefetched},
	{"job API", gcm_jobs},
	{"burst API", gcm_burst},
};

static const struct method ctr_methods[] = {
	{"CTR burst and SHA-1 burst", ctr_sha1_bursts},
};

static bool is_gcm(const struct bound *b)
{
	return b->profile->auth_key_len == 0;
}

unsigned int bound_methods(const struct bound *b)
{
	return is_gcm(b) ? RTE_DIM(gcm_methods) : RTE_DIM(ctr_methods);
}

static const struct method *method_at(const struct bound *b, unsigned int method)
{
	return is_gcm(b) ? &gcm_methods[method] : &ctr_methods[method];
}

const char *bound_method_name(const struct bound *b, unsigned int method)
{
	return method_at(b, method)->name;
}

double bound_run(struct bound *b, unsigned int method, uint32_t packets)
{
	const struct method *m = method_at(b, method);
	uint32_t bursts = packets / BURST_MAX + 1;
	double start = thread_cycles();

	for (uint32_t i = 0; i < bursts; i++)
		m->encrypt(b);
	return (thread_cycles() - start) / bursts / BURST_MAX;
}

static void ctr_jobs_init(struct bound *b)
{
	for (uint32_t i = 0; i < BURST_MAX; i++) {
		b->cipher[i] = (IMB_JOB){
			.cipher_mode = IMB_CIPHER_CNTR,
			.cipher_direction = IMB_DIR_ENCRYPT,
			.hash_alg = IMB_AUTH_NULL,
			.chain_order = IMB_ORDER_CIPHER_HASH,
			.key_len_in_bytes = IMB_KEY_128_BYTES,
			.iv = b->iv[i],
			.iv_len_in_bytes = 16,
			.src = b->src,
			.dst = packet_at(b, i) + HDR_LEN,
			.msg_len_to_cipher_in_bytes = b->payload,
		};
		b->hash[i] = (IMB_JOB){
			.cipher_mode = IMB_CIPHER_NULL,
			.cipher_direction = IMB_DIR_ENCRYPT,
			.hash_alg = IMB_AUTH_HMAC_SHA_1,
			.chain_order = IMB_ORDER_HASH_CIPHER,
			.src = packet_at(b, i),
			.msg_len_to_hash_in_bytes = HDR_LEN + b->payload + ROC_LEN,
			.auth_tag_output = b->tag[i],
			.auth_tag_output_len_in_bytes = 20,
		};
	}
}

static void key_expand(struct bound *b, struct bound_key *to, uint64_t *state)
{
	alignas(16) uint8_t key[64], dec[11 * 16];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(rig_random(state) >> 32);
	if (is_gcm(b) && b->profile->key_len == 16) {
		IMB_AES128_GCM_PRE(b->mgr, key, &to->gcm);
	} else if (is_gcm(b)) {
		IMB_AES256_GCM_PRE(b->mgr, key, &to->gcm);
	} else {
		IMB_AES_KEYEXP_128(b->mgr, key, to->ctr.enc_keys, dec);
		IMB_SHA1_ONE_BLOCK(b->mgr, key, to->ctr.ipad);
		IMB_SHA1_ONE_BLOCK(b->mgr, key, to->ctr.opad);
	}
}

struct bound *bound_create(const struct srtp_profile *profile, uint32_t keys, bool random,
	uint32_t payload, uint64_t seed)
{
	struct bound *b = rte_zmalloc("bound", sizeof(*b), 64);
	uint64_t state = seed;

	if (b == NULL)
		return NULL;
	b->profile = profile;
	b->n = keys;
	b->payload = payload;
	b->mgr = alloc_mb_mgr(0);
	b->keys = rte_zmalloc("bound_keys", (size_t)keys * sizeof(b->keys[0]), 64);
	b->order = rte_zmalloc("bound_order", (size_t)keys * sizeof(b->order[0]), 64);
	if (b->mgr == NULL || b->keys == NULL || b->order == NULL) {
		bound_destroy(b);
		return NULL;
	}
	init_mb_mgr_auto(b->mgr, NULL);
	ctr_jobs_init(b);
	for (uint32_t i = 0; i < keys; i++) {
		key_expand(b, &b->keys[i], &state);
		b->order[i] = i;
	}
	for (uint32_t k = keys; random && k > 1; k--) {
		uint32_t with = (uint32_t)(rig_random(&state) % k);
		uint32_t other = b->order[k - 1];

		b->order[k - 1] = b->order[with];
		b->order[with] = other;
	}
	for (uint32_t i = 0; i < DST_SIZE; i++)
		b->src[i] = (uint8_t)(rig_random(&state) >> 32);
	return b;
}

void bound_destroy(struct bound *b)
{
	if (b == NULL)
		return;
	if (b->mgr != NULL)
		free_mb_mgr(b->mgr);
	rte_free(b->keys);
	rte_free(b->order);
	rte_free(b);
}
