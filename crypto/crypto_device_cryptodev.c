/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The back end on a DPDK cryptodev: bulk RTP goes through a queue pair of the
 * worker's own, AES-GCM out of place from the shared payload, AES-CTR with HMAC-SHA1
 * copied first and then in place (devices hash the buffer that they read). SRTCP, STUN's
 * HMAC and the packets that devices are bad at (another header than 12 bytes, which is
 * fixed in a session; no payload) go through an ipsec-mb device of its own, with the same
 * keys and to the same bytes. Runs on the worker that owns the device; expand() anywhere.
 *
 * srtp_protect_burst() returns when all is done, so it enqueues and then polls. That is
 * all a software driver can gain from; an accelerator works on up to 256 packets while
 * the worker waits for it.
 */
#include "crypto/cryptodev_engine.h"
#include "crypto/cryptodev_queue.h"
#include "crypto/srtp_op.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "cryptodev:"
#define DEVICE_MAX_LEN 16000 /* bytes of a packet; some accelerators end at 16383 */

struct cryptodev_device {
	struct crypto_device base;
	struct cryptodev_engine *engine; /* a reference; constant, as the next: for expand() */
	struct crypto_device *cpu;       /* owned */
	bool keys_only;
	struct cryptodev_queue queue; /* private to the worker */
};

static struct cryptodev_device *device(struct crypto_device *dev)
{
	return (struct cryptodev_device *)dev;
}

/* Else the CPU does it. */
static bool device_takes(const struct srtp_op *op, const struct srtp_tx_layout *tx)
{
	return tx->session != NULL && op->hdr_len == SRTP_MIN_HDR_LEN && op->payload_len != 0 &&
	       op->payload_len <= DEVICE_MAX_LEN;
}

static uint16_t cpu_burst(struct cryptodev_device *d, struct srtp_op *ops, uint16_t n)
{
	return d->cpu->ops->protect_burst(d->cpu, ops, n);
}

static uint16_t protect_burst(struct crypto_device *dev, struct srtp_op *ops, uint16_t n)
{
	struct cryptodev_device *d = device(dev);
	uint16_t ok = 0, at = 0;

	while (at < n && !d->keys_only && !d->queue.stuck) {
		uint16_t k = 0;

		for (; at < n && k < d->queue.batch; at++) {
			struct srtp_op *op = &ops[at];
			const struct srtp_tx_layout *tx = srtp_tx_layout(op->tx);
			uint16_t status = srtp_op_check(op, tx->profile);

			if (at + 2 < n)
				__builtin_prefetch(ops[at + 2].tx);
			if (status != 0) {
				srtp_op_failed(op, status);
			} else if (!device_takes(op, tx)) {
				ok += cpu_burst(d, op, 1);
			} else {
				cryptodev_queue_prepare(&d->queue, k++, op);
			}
		}
		ok += cryptodev_queue_run(&d->queue, k);
	}
	if (at < n)
		ok += cpu_burst(d, &ops[at], (uint16_t)(n - at));
	return ok;
}

static void release(struct srtp_tx_layout *tx)
{
	cryptodev_engine_session_free(tx->engine, tx->session);
}

/* For the CPU as well: SRTP_TX_SIZE has room for both. */
static int expand(
	const struct crypto_device *dev, struct srtp_tx *key, const struct srtp_session_keys *keys)
{
	const struct cryptodev_device *d = (const struct cryptodev_device *)dev;
	struct srtp_tx_layout *tx = (struct srtp_tx_layout *)(void *)key->opaque;
	int rc;

	if (!cryptodev_engine_knows(d->engine, tx->profile))
		return -ENOTSUP;
	rc = d->cpu->ops->expand(d->cpu, key, keys);
	if (rc != 0)
		return rc;
	tx->session = cryptodev_engine_session(d->engine, tx->profile, keys);
	if (tx->session == NULL)
		return -errno;
	tx->engine = d->engine;
	tx->release = release;
	return 0;
}

static int expand_message(
	const struct crypto_device *dev, struct srtp_tx *key, const struct srtp_session_keys *keys)
{
	const struct cryptodev_device *d = (const struct cryptodev_device *)dev;

	return d->cpu->ops->expand_message(d->cpu, key, keys);
}

/* ---- one message at a time: the CPU ---- */

static void aead_seal(struct crypto_device *dev, const struct srtp_tx *tx, const uint8_t iv[12],
	const uint8_t *aad, size_t aad_len, uint8_t *buf, size_t len, uint8_t tag[16])
{
	struct crypto_device *cpu = device(dev)->cpu;

	cpu->ops->aead_seal(cpu, tx, iv, aad, aad_len, buf, len, tag);
}

static void aead_open(struct crypto_device *dev, const struct srtp_tx *tx, const uint8_t iv[12],
	const uint8_t *aad, size_t aad_len, uint8_t *buf, size_t len, uint8_t tag[16])
{
	struct crypto_device *cpu = device(dev)->cpu;

	cpu->ops->aead_open(cpu, tx, iv, aad, aad_len, buf, len, tag);
}

static int cipher(struct crypto_device *dev, const struct srtp_tx *tx, const uint8_t iv[16],
	uint8_t *buf, size_t len)
{
	struct crypto_device *cpu = device(dev)->cpu;

	return cpu->ops->cipher(cpu, tx, iv, buf, len);
}

static int authenticate(struct crypto_device *dev, const struct srtp_tx *tx, const uint8_t *buf,
	size_t len, uint8_t digest[20])
{
	struct crypto_device *cpu = device(dev)->cpu;

	return cpu->ops->authenticate(cpu, tx, buf, len, digest);
}

static void hmac_expand(const struct crypto_device *dev, struct hmac_sha1_key *key,
	const uint8_t *secret, size_t len)
{
	const struct crypto_device *cpu = ((const struct cryptodev_device *)dev)->cpu;

	cpu->ops->hmac_expand(cpu, key, secret, len);
}

static int hmac(struct crypto_device *dev, const struct hmac_sha1_key *key, const uint8_t *buf,
	size_t len, uint8_t digest[20])
{
	struct crypto_device *cpu = device(dev)->cpu;

	return cpu->ops->hmac(cpu, key, buf, len, digest);
}

/* ---- start and end ---- */

#define TEST_LEN 333 /* bytes of payload */

/* Whether the device makes the CPU's bytes of one packet: a driver that cannot work out
 * of place, or hashes something else, is found here and not by viewers. */
static int self_test(struct cryptodev_device *d, const struct srtp_profile *profile)
{
	struct area {
		uint8_t src[TEST_LEN];
		uint8_t dst[2][SRTP_MIN_HDR_LEN + TEST_LEN + SRTP_MAX_TRAILER];
	} *a = rte_malloc("crypto_test", sizeof(struct area), 64);
	struct srtp_session_keys keys;
	struct srtp_tx tx;
	int rc = -ENOMEM;

	if (a == NULL)
		return rc;
	memset(a, 0x5a, sizeof(*a));
	memset(&keys, 0xa5, sizeof(keys));
	rc = srtp_tx_init(&d->base, &tx, profile, &keys);
	for (int i = 0; rc == 0 && i < 2; i++) {
		struct srtp_op op = {.tx = &tx,
			.src = a->src,
			.dst = a->dst[i],
			.index = 0x12345678,
			.hdr_len = SRTP_MIN_HDR_LEN,
			.payload_len = TEST_LEN,
			.ssrc = 0x87654321};

		if ((i == 0 ? protect_burst(&d->base, &op, 1) : cpu_burst(d, &op, 1)) != 1)
			rc = -op.status;
	}
	if (rc == 0 && memcmp(a->dst[0], a->dst[1],
			       SRTP_MIN_HDR_LEN + TEST_LEN + profile->rtp_tag_len) != 0)
		rc = -EBADMSG;
	srtp_tx_fini(&tx);
	if (rc != -EBUSY) /* else the device may still write there */
		rte_free(a);
	return rc;
}

static int test_profiles(
	struct cryptodev_device *d, const struct crypto_device_config *c, char *error, size_t len)
{
	const struct cryptodev_engine *e = d->engine;

	for (unsigned int i = 0; i < c->n_profiles; i++) {
		if (cryptodev_engine_knows(e, c->profiles[i]))
			continue;
		snprintf(error, len,
			NAME "%s has no %s for %s: leave that out of srtpProfiles and sessions, or "
			     "choose another device",
			e->name, cryptodev_engine_algorithm(c->profiles[i]), c->profiles[i]->name);
		return -ENOTSUP;
	}
	for (uint8_t i = 0; !d->keys_only && i < e->n_profiles; i++) {
		const struct srtp_profile *p = srtp_profile_by_id(e->profiles[i]);
		int rc = self_test(d, p);

		if (rc == 0)
			continue;
		snprintf(error, len,
			NAME "%s fails its test of %s (%s): choose another device, or ipsec-mb",
			e->name, p->name, rc == -EBADMSG ? "wrong bytes" : strerror(-rc));
		return rc;
	}
	return 0;
}

static void destroy(struct crypto_device *dev)
{
	struct cryptodev_device *d = device(dev);

	/* The queue pair ends with the last device; nothing is in flight, or for ever. */
	crypto_device_destroy(d->cpu);
	cryptodev_queue_fini(&d->queue);
	cryptodev_engine_put(d->engine);
	free(d);
}

static struct crypto_device *create(
	const struct crypto_device_config *config, char *error, size_t error_len)
{
	const struct crypto_device_config cpu_config = {.backend = crypto_device_ipsec_mb.name};
	struct cryptodev_device *d = calloc(1, sizeof(*d));
	int rc = -ENOMEM;

	if (d == NULL) {
		snprintf(error, error_len, "%s: no memory", config->backend);
		errno = ENOMEM;
		return NULL;
	}
	d->base.ops = &crypto_device_cryptodev;
	d->keys_only = config->worker == CRYPTO_KEYS_ONLY;
	d->cpu = crypto_device_ipsec_mb.create(&cpu_config, error, error_len);
	if (d->cpu == NULL) {
		rc = -errno;
		goto err;
	}
	if (config->first != NULL) {
		d->engine = device(config->first)->engine;
		cryptodev_engine_get(d->engine);
	} else {
		d->engine = cryptodev_engine_open(
			config->backend + strlen(NAME), config->n_workers, error, error_len);
	}
	if (d->engine == NULL) {
		rc = -errno;
		goto err;
	}
	if (!d->keys_only) {
		snprintf(error, error_len, "%s: no memory for operations: raise dataplane.memory",
			config->backend);
		rc = config->worker < d->engine->queues
			     ? cryptodev_queue_init(&d->queue, d->engine, config->worker)
			     : -EINVAL;
		if (rc != 0)
			goto err;
	}
	rc = test_profiles(d, config, error, error_len);
	if (rc != 0)
		goto err;
	snprintf(d->base.describe, sizeof(d->base.describe), NAME "%.31s, %.20s", d->engine->name,
		crypto_device_describe(d->cpu));
	return &d->base;
err:
	destroy(&d->base);
	errno = -rc;
	return NULL;
}

const struct crypto_device_ops crypto_device_cryptodev = {
	.name = NAME,
	.create = create,
	.destroy = destroy,
	.expand = expand,
	.expand_message = expand_message,
	.protect_burst = protect_burst,
	.aead_seal = aead_seal,
	.aead_open = aead_open,
	.cipher = cipher,
	.authenticate = authenticate,
	.hmac_expand = hmac_expand,
	.hmac = hmac,
};
