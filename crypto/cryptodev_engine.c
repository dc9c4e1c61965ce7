/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See cryptodev_engine.h. DPDK 22.11's sessions: one object per key and device, from a
 * mempool. Pools grow by a thousand sessions at a time, so that a process without viewers
 * needs little. rte_cryptodev_sym_session_create() and _free() work on the object alone
 * (the software drivers make a manager of their own for it), so they may run while workers
 * encrypt; not beside each other, because a freed object is wiped before anybody gets it.
 */
#define ALLOW_EXPERIMENTAL_API /* the session pool's constructor, since DPDK 19.05 */
#include "crypto/cryptodev_engine.h"

#include "crypto/secret.h"
#include "crypto/srtp_op.h"

#include <errno.h>
#include <rte_cryptodev.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_SESSIONS 1023 /* one less than a power of two fits its ring */
#define GCM_TAG_LEN 16     /* bytes */
#define GCM_IV_LEN 12
#define CTR_IV_LEN 16

const char *cryptodev_engine_algorithm(const struct srtp_profile *profile)
{
	return profile->auth_key_len == 0 ? "AES-GCM out of place" : "AES-CTR with HMAC-SHA1";
}

bool cryptodev_engine_knows(const struct cryptodev_engine *e, const struct srtp_profile *profile)
{
	for (uint8_t i = 0; i < e->n_profiles; i++)
		if (e->profiles[i] == profile->id)
			return true;
	return false;
}

static const struct rte_cryptodev_symmetric_capability *capability(uint8_t id,
	enum rte_crypto_sym_xform_type type, enum rte_crypto_cipher_algorithm cipher,
	enum rte_crypto_auth_algorithm auth, enum rte_crypto_aead_algorithm aead)
{
	struct rte_cryptodev_sym_capability_idx idx = {.type = type};

	if (type == RTE_CRYPTO_SYM_XFORM_CIPHER)
		idx.algo.cipher = cipher;
	else if (type == RTE_CRYPTO_SYM_XFORM_AUTH)
		idx.algo.auth = auth;
	else
		idx.algo.aead = aead;
	return rte_cryptodev_sym_capability_get(id, &idx);
}

static bool gcm_known(uint8_t id, uint64_t features, uint8_t key_len)
{
	const struct rte_cryptodev_symmetric_capability *c =
		capability(id, RTE_CRYPTO_SYM_XFORM_AEAD, 0, 0, RTE_CRYPTO_AEAD_AES_GCM);

	return c != NULL && (features & RTE_CRYPTODEV_FF_OOP_LB_IN_LB_OUT) != 0 &&
	       rte_cryptodev_sym_capability_check_aead(
		       c, key_len, GCM_TAG_LEN, SRTP_MIN_HDR_LEN, GCM_IV_LEN) == 0;
}

/* The bytes of HMAC-SHA1 to ask for, of which the tag is a prefix; 0: it does not know it.
 * Truncated ones are rare among devices: crypto_openssl writes 20 and nothing else. */
static uint8_t ctr_sha1_known(uint8_t id, uint64_t features, const struct srtp_profile *p)
{
	const struct rte_cryptodev_symmetric_capability *cipher =
		capability(id, RTE_CRYPTO_SYM_XFORM_CIPHER, RTE_CRYPTO_CIPHER_AES_CTR, 0, 0);
	const struct rte_cryptodev_symmetric_capability *auth =
		capability(id, RTE_CRYPTO_SYM_XFORM_AUTH, 0, RTE_CRYPTO_AUTH_SHA1_HMAC, 0);
	const uint8_t lengths[] = {20, p->rtp_tag_len};

	if (cipher == NULL || auth == NULL ||
		(features & RTE_CRYPTODEV_FF_SYM_OPERATION_CHAINING) == 0 ||
		rte_cryptodev_sym_capability_check_cipher(cipher, p->key_len, CTR_IV_LEN) != 0)
		return 0;
	for (size_t i = 0; i < sizeof(lengths); i++)
		if (rte_cryptodev_sym_capability_check_auth(auth, p->auth_key_len, lengths[i], 0) ==
			0)
			return lengths[i];
	return 0;
}

static void learn_profiles(struct cryptodev_engine *e, uint64_t features)
{
	static const uint16_t ids[] = {
		SRTP_PROFILE_GCM_128, SRTP_PROFILE_GCM_256, SRTP_PROFILE_AES128_CM_SHA1_80};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		const struct srtp_profile *p = srtp_profile_by_id(ids[i]);

		if (p->auth_key_len != 0) {
			e->sha1_len = ctr_sha1_known(e->id, features, p);
			if (e->sha1_len == 0)
				continue;
		} else if (!gcm_known(e->id, features, p->key_len)) {
			continue;
		}
		e->profiles[e->n_profiles++] = ids[i];
	}
}

/* By its own name, or by that of what it sits on: -1, there is none. */
static int find_device(const char *name)
{
	int id = rte_cryptodev_get_dev_id(name);

	if (id >= 0)
		return id;
	for (id = 0; id < RTE_CRYPTO_MAX_DEVS; id++) {
		struct rte_cryptodev_info info = {0};

		if (!rte_cryptodev_is_valid_dev((uint8_t)id))
			continue;
		rte_cryptodev_info_get((uint8_t)id, &info);
		if (info.device != NULL && strcmp(rte_dev_name(info.device), name) == 0 &&
			(info.feature_flags & RTE_CRYPTODEV_FF_SYMMETRIC_CRYPTO) != 0)
			return id;
	}
	return -1;
}

static int find_or_make_device(
	struct cryptodev_engine *e, const char *name, uint16_t queues, char *error, size_t len)
{
	char args[48];
	int id = find_device(name), rc;

	if (id < 0 && strncmp(name, "crypto_", strlen("crypto_")) == 0) {
		snprintf(args, sizeof(args), "max_nb_queue_pairs=%u", queues);
		rc = rte_eal_hotplug_add("vdev", name, args);
		if (rc != 0) {
			snprintf(error, len,
				"cryptodev:%s: DPDK cannot make this virtual device: %s; is there "
				"such a driver, and has this CPU what it needs?",
				name, strerror(-rc));
			return rc;
		}
		e->made = true;
		snprintf(e->name, sizeof(e->name), "%s", name);
		id = find_device(name);
	}
	if (id < 0) {
		snprintf(error, len,
			"cryptodev:%s: DPDK finds no such device; bind a PCI accelerator's "
			"virtual function to vfio-pci (dpdk-devbind.py), or name a virtual device "
			"such as crypto_aesni_mb",
			name);
		return -ENODEV;
	}
	e->id = (uint8_t)id;
	return 0;
}

static int judge_device(struct cryptodev_engine *e, uint16_t queues, char *error, size_t len)
{
	struct rte_cryptodev_info info = {0};

	rte_cryptodev_info_get(e->id, &info);
	snprintf(e->name, sizeof(e->name), "%s", rte_cryptodev_name_get(e->id));
	snprintf(e->driver, sizeof(e->driver), "%s", info.driver_name);
	e->hardware = (info.feature_flags & RTE_CRYPTODEV_FF_HW_ACCELERATED) != 0;
	e->queues = queues;
	e->socket = (unsigned int)rte_cryptodev_socket_id(e->id);
	if (info.max_nb_queue_pairs < queues) {
		snprintf(error, len,
			"cryptodev:%s: it has %u queue pairs for %u workers; use fewer workers",
			e->name, info.max_nb_queue_pairs, queues);
		return -EINVAL;
	}
	/* Its DMA gets the addresses of our memory as they are: no look-up per packet. */
	if (e->hardware && rte_eal_iova_mode() != RTE_IOVA_VA) {
		snprintf(error, len,
			"cryptodev:%s: an accelerator needs an IOMMU that translates our "
			"addresses (intel_iommu=on or amd_iommu=on, and vfio-pci)",
			e->name);
		return -ENOTSUP;
	}
	learn_profiles(e, info.feature_flags);
	return 0;
}

/* One pool more. The lock is held, or nobody else knows the engine yet. */
static int grow(struct cryptodev_engine *e)
{
	unsigned int size = rte_cryptodev_sym_get_private_session_size(e->id);
	struct rte_mempool *pool;
	char name[RTE_MEMPOOL_NAMESIZE];

	if (e->n_pools == CRYPTODEV_POOLS_MAX)
		return -ENOMEM;
	snprintf(name, sizeof(name), "crypto%u_%u", e->id, e->n_pools);
	pool = rte_cryptodev_sym_session_pool_create(
		name, POOL_SESSIONS, size, 0, 0, (int)e->socket);
	if (pool == NULL)
		return -ENOMEM;
	e->pools[e->n_pools++] = pool;
	return 0;
}

static int start(struct cryptodev_engine *e)
{
	struct rte_cryptodev_config config = {.socket_id = (int)e->socket,
		.nb_queue_pairs = e->queues,
		.ff_disable = RTE_CRYPTODEV_FF_ASYMMETRIC_CRYPTO | RTE_CRYPTODEV_FF_SECURITY};
	struct rte_cryptodev_qp_conf queue = {.nb_descriptors = CRYPTODEV_DESCRIPTORS};
	int rc = rte_cryptodev_configure(e->id, &config);

	for (uint16_t i = 0; rc == 0 && i < e->queues; i++)
		rc = rte_cryptodev_queue_pair_setup(e->id, i, &queue, (int)e->socket);
	if (rc == 0)
		rc = rte_cryptodev_start(e->id);
	return rc;
}

struct cryptodev_engine *cryptodev_engine_open(
	const char *name, uint16_t queues, char *error, size_t error_len)
{
	struct cryptodev_engine *e = calloc(1, sizeof(*e));
	int rc;

	if (e == NULL) {
		snprintf(error, error_len, "cryptodev:%s: no memory", name);
		errno = ENOMEM;
		return NULL;
	}
	e->references = 1;
	pthread_mutex_init(&e->lock, NULL);
	rc = find_or_make_device(e, name, queues, error, error_len);
	if (rc == 0)
		rc = judge_device(e, queues, error, error_len);
	if (rc != 0)
		goto err_device;
	rc = start(e);
	if (rc != 0) {
		snprintf(error, error_len, "cryptodev:%s does not start: %s", e->name,
			strerror(-rc));
		goto err_device;
	}
	rc = grow(e);
	if (rc != 0) {
		snprintf(error, error_len,
			"cryptodev:%s: no memory for its sessions: raise dataplane.memory",
			e->name);
		goto err_device;
	}
	return e;
err_device:
	cryptodev_engine_put(e);
	errno = rc < 0 ? -rc : EIO;
	return NULL;
}

void cryptodev_engine_get(struct cryptodev_engine *e)
{
	e->references++;
}

/* Also of one that did not open. */
void cryptodev_engine_put(struct cryptodev_engine *e)
{
	if (e == NULL || --e->references > 0)
		return;
	if (e->queues != 0) {
		rte_cryptodev_stop(e->id);
		rte_cryptodev_close(e->id);
	}
	if (e->made)
		rte_eal_hotplug_remove("vdev", e->name);
	for (uint32_t i = 0; i < e->n_pools; i++)
		rte_mempool_free(e->pools[i]);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static void *session_make(struct cryptodev_engine *e, struct rte_crypto_sym_xform *xforms)
{
	for (uint32_t i = 0;; i++) {
		if (i == e->n_pools && grow(e) != 0) {
			rte_errno = ENOMEM;
			return NULL;
		}
		if (rte_mempool_avail_count(e->pools[i]) != 0)
			return rte_cryptodev_sym_session_create(e->id, xforms, e->pools[i]);
	}
}

void *cryptodev_engine_session(struct cryptodev_engine *e, const struct srtp_profile *profile,
	const struct srtp_session_keys *keys)
{
	struct rte_crypto_sym_xform aead = {.type = RTE_CRYPTO_SYM_XFORM_AEAD,
		.aead = {.op = RTE_CRYPTO_AEAD_OP_ENCRYPT,
			.algo = RTE_CRYPTO_AEAD_AES_GCM,
			.key = {.data = keys->cipher, .length = profile->key_len},
			.iv = {.offset = CRYPTODEV_IV_OFFSET, .length = GCM_IV_LEN},
			.digest_length = GCM_TAG_LEN,
			.aad_length = SRTP_MIN_HDR_LEN}};
	struct rte_crypto_sym_xform auth = {.type = RTE_CRYPTO_SYM_XFORM_AUTH,
		.auth = {.op = RTE_CRYPTO_AUTH_OP_GENERATE,
			.algo = RTE_CRYPTO_AUTH_SHA1_HMAC,
			.key = {.data = keys->auth, .length = profile->auth_key_len},
			.digest_length = e->sha1_len}};
	struct rte_crypto_sym_xform cipher = {.next = &auth,
		.type = RTE_CRYPTO_SYM_XFORM_CIPHER,
		.cipher = {.op = RTE_CRYPTO_CIPHER_OP_ENCRYPT,
			.algo = RTE_CRYPTO_CIPHER_AES_CTR,
			.key = {.data = keys->cipher, .length = profile->key_len},
			.iv = {.offset = CRYPTODEV_IV_OFFSET, .length = CTR_IV_LEN}}};
	void *session;
	int err;

	pthread_mutex_lock(&e->lock);
	session = session_make(e, profile->auth_key_len == 0 ? &aead : &cipher);
	err = rte_errno;
	pthread_mutex_unlock(&e->lock);
	if (session == NULL)
		errno = err != 0 ? err : EIO;
	return session;
}

void cryptodev_engine_session_free(struct cryptodev_engine *e, void *session)
{
	struct rte_mempool *pool;

	/* A device that kept an operation may read its session at any time. */
	if (atomic_load_explicit(&e->stuck, memory_order_acquire))
		return;
	pthread_mutex_lock(&e->lock);
	pool = rte_mempool_from_obj(session);
	if (rte_cryptodev_sym_session_free(e->id, session) == 0)
		secret_wipe(session, pool->elt_size);
	pthread_mutex_unlock(&e->lock);
}
