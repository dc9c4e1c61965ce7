/* SPDX-License-Identifier: BSD-3-Clause */
/* See cryptodev_queue.h. */
#include "crypto/cryptodev_queue.h"

#include "crypto/secret.h"
#include "crypto/srtp_op.h"

#include <errno.h>
#include <rte_cryptodev.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE_MS 50   /* without any answer: the device is given up */
#define SESSION_LINES 10 /* cache lines at the begin of a software session worth a prefetch */
static_assert(CRYPTODEV_HARDWARE_BATCH < CRYPTODEV_DESCRIPTORS, "a batch fits the queue");

/* One operation's private area: behind it in memory, at CRYPTODEV_IV_OFFSET. */
struct flight {
	uint8_t iv[CRYPTODEV_IV_LEN];
	uint8_t digest[20]; /* of HMAC-SHA1, of which the tag is a prefix */
	struct srtp_op *op; /* borrowed for the burst */
};

static struct flight *flight_of(struct rte_crypto_op *cop)
{
	return rte_crypto_op_ctod_offset(cop, struct flight *, CRYPTODEV_IV_OFFSET);
}

/* Points a packet header at memory that is not its own. Accelerators take virtual
 * addresses (cryptodev_engine.c refuses others); the memory has to be EAL's then. */
static void buf_aim(struct rte_mbuf *m, const uint8_t *at, uint32_t len)
{
	m->buf_addr = (void *)(uintptr_t)at;
	m->buf_iova = (uintptr_t)at;
	m->buf_len = (uint16_t)len;
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
}

/* RFC 7714: the payload is read where all viewers share it. */
static void prepare_gcm(struct cryptodev_queue *q, uint16_t i, const struct srtp_op *op,
	const struct srtp_tx_layout *tx)
{
	struct rte_crypto_sym_op *sym = q->ops[i]->sym;
	uint8_t *payload = op->dst + op->hdr_len;

	buf_aim(q->src[i], op->src, op->payload_len);
	buf_aim(q->dst[i], payload, (uint32_t)op->payload_len + tx->profile->rtp_tag_len);
	sym->m_src = q->src[i];
	sym->m_dst = q->dst[i];
	sym->aead.data.offset = 0;
	sym->aead.data.length = op->payload_len;
	sym->aead.digest.data = payload + op->payload_len;
	sym->aead.digest.phys_addr = (uintptr_t)payload + op->payload_len;
	sym->aead.aad.data = op->dst;
	sym->aead.aad.phys_addr = (uintptr_t)op->dst;
	srtp_gcm_iv(flight_of(q->ops[i])->iv, tx->salt, op->ssrc, op->index);
}

/* RFC 3711: header, ciphertext and ROC are authenticated; the ROC stands where the tag
 * will. */
static void prepare_ctr(struct cryptodev_queue *q, uint16_t i, const struct srtp_op *op,
	const struct srtp_tx_layout *tx)
{
	struct rte_crypto_op *cop = q->ops[i];
	struct rte_crypto_sym_op *sym = cop->sym;
	struct flight *f = flight_of(cop);
	uint32_t len = (uint32_t)op->hdr_len + op->payload_len + SRTP_ROC_LEN;

	memcpy(op->dst + op->hdr_len, op->src, op->payload_len);
	put_be32(op->dst + op->hdr_len + op->payload_len, (uint32_t)(op->index >> 16));
	buf_aim(q->dst[i], op->dst, len);
	sym->m_src = q->dst[i];
	sym->m_dst = NULL;
	sym->cipher.data.offset = op->hdr_len;
	sym->cipher.data.length = op->payload_len;
	sym->auth.data.offset = 0;
	sym->auth.data.length = len;
	sym->auth.digest.data = f->digest;
	sym->auth.digest.phys_addr = rte_crypto_op_ctophys_offset(
		cop, CRYPTODEV_IV_OFFSET + offsetof(struct flight, digest));
	srtp_ctr_iv(f->iv, tx->salt, op->ssrc, op->index);
}

void cryptodev_queue_prepare(struct cryptodev_queue *q, uint16_t i, struct srtp_op *op)
{
	const struct srtp_tx_layout *tx = srtp_tx_layout(op->tx);
	struct rte_crypto_op *cop = q->ops[i];

	op->status = EINPROGRESS;
	cop->status = RTE_CRYPTO_OP_STATUS_NOT_PROCESSED;
	cop->sym->session = tx->session;
	flight_of(cop)->op = op;
	if (tx->profile->auth_key_len == 0)
		prepare_gcm(q, i, op, tx);
	else
		prepare_ctr(q, i, op, tx);
	if (!q->engine->hardware)
		for (int k = 0; k < SESSION_LINES; k++)
			__builtin_prefetch((const uint8_t *)tx->session + 64 * k);
}

/* One that the device does not have (any more). */
static void op_lost(struct srtp_op *op)
{
	secret_wipe(op->dst + op->hdr_len, op->payload_len); /* may be plain: prepare_ctr() */
	srtp_op_failed(op, EIO);
}

static bool finish(struct rte_crypto_op *cop)
{
	const struct flight *f = flight_of(cop);
	struct srtp_op *op = f->op;
	const struct srtp_profile *profile = srtp_tx_layout(op->tx)->profile;

	if (cop->status != RTE_CRYPTO_OP_STATUS_SUCCESS) {
		op_lost(op);
		return false;
	}
	if (profile->auth_key_len != 0)
		memcpy(op->dst + op->hdr_len + op->payload_len, f->digest, profile->rtp_tag_len);
	srtp_op_done(op, profile->rtp_tag_len);
	return true;
}

/* Nothing moved for long. What was not taken is refused; what was taken and did not
 * come back may be written to for ever. */
static void give_up(struct cryptodev_queue *q, uint16_t n, uint16_t sent, uint16_t back)
{
	for (uint16_t i = sent; i < n; i++)
		op_lost(flight_of(q->ops[i])->op);
	if (sent == back)
		return;
	q->stuck = true;
	atomic_store_explicit(&q->engine->stuck, true, memory_order_release);
	for (uint16_t i = 0; i < sent; i++) {
		struct srtp_op *op = flight_of(q->ops[i])->op;

		if (op->status == EINPROGRESS)
			srtp_op_failed(op, EBUSY);
	}
}

uint16_t cryptodev_queue_run(struct cryptodev_queue *q, uint16_t n)
{
	struct rte_crypto_op *done[CRYPTODEV_SOFTWARE_BATCH];
	uint16_t sent = 0, back = 0, ok = 0;
	uint64_t since = 0; /* when it last moved; 0: now */

	while (back < n) {
		uint16_t got = 0, put = 0;

		if (sent < n)
			put = rte_cryptodev_enqueue_burst(
				q->engine->id, q->id, &q->ops[sent], (uint16_t)(n - sent));
		sent = (uint16_t)(sent + put);
		if (back < sent)
			got = rte_cryptodev_dequeue_burst(
				q->engine->id, q->id, done, CRYPTODEV_SOFTWARE_BATCH);
		for (uint16_t i = 0; i < got; i++)
			ok += finish(done[i]);
		back = (uint16_t)(back + got);
		if (put + got != 0) {
			since = 0;
		} else if (since == 0) {
			since = rte_rdtsc();
		} else if (rte_rdtsc() - since > q->patience) {
			give_up(q, n, sent, back);
			break;
		}
	}
	return ok;
}

/* Operations and packet headers for one batch, made once and used over and over. */
int cryptodev_queue_init(struct cryptodev_queue *q, struct cryptodev_engine *engine, uint16_t id)
{
	int socket = (int)engine->socket;
	char name[RTE_MEMPOOL_NAMESIZE];

	q->engine = engine;
	q->id = id;
	q->patience = rte_get_tsc_hz() / 1000 * PATIENCE_MS;
	q->batch = engine->hardware ? CRYPTODEV_HARDWARE_BATCH : CRYPTODEV_SOFTWARE_BATCH;
	snprintf(name, sizeof(name), "crypto%u_ops%u", q->engine->id, q->id);
	q->op_pool = rte_crypto_op_pool_create(name, RTE_CRYPTO_OP_TYPE_SYMMETRIC, q->batch, 0,
		RTE_ALIGN_CEIL(sizeof(struct flight), 8), socket);
	snprintf(name, sizeof(name), "crypto%u_bufs%u", q->engine->id, q->id);
	q->buf_pool = rte_pktmbuf_pool_create(name, 2u * q->batch, 0, 0, 0, socket);
	if (q->op_pool == NULL || q->buf_pool == NULL ||
		rte_crypto_op_bulk_alloc(
			q->op_pool, RTE_CRYPTO_OP_TYPE_SYMMETRIC, q->ops, q->batch) != q->batch ||
		rte_pktmbuf_alloc_bulk(q->buf_pool, q->src, q->batch) != 0 ||
		rte_pktmbuf_alloc_bulk(q->buf_pool, q->dst, q->batch) != 0)
		return -ENOMEM;
	for (uint16_t i = 0; i < q->batch; i++) {
		q->ops[i]->sess_type = RTE_CRYPTO_OP_WITH_SESSION;
		q->src[i]->data_off = 0;
		q->dst[i]->data_off = 0;
	}
	return 0;
}

void cryptodev_queue_fini(struct cryptodev_queue *q)
{
	/* What the device keeps, it keeps. */
	if (q->stuck)
		return;
	rte_mempool_free(q->op_pool);
	rte_mempool_free(q->buf_pool);
}
