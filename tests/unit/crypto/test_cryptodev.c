/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The cryptodev back end beside what every back end is tested for: what the device gets
 * and what the CPU does, several workers, refusals at the start, sessions; and devices
 * that are slow, out of order, wrong, or never answer. Those are made of a software one,
 * by standing between it and the API. One thread.
 */
#include "crypto/crypto_device_ops.h"
#include "tests/unit/crypto/backend.h"
#include "tests/unit/crypto/random.h"

#include <errno.h>
#include <rte_cryptodev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define OPS 70
#define ROOM 1600 /* bytes */
#define SOFTWARE "crypto_aesni_mb"

struct scene {
	struct crypto_device *dev, *cpu;
	struct srtp_tx tx[BACKEND_PROFILES], plain_tx[BACKEND_PROFILES];
	struct srtp_op ops[OPS];
	uint8_t src[OPS][ROOM], dst[OPS][ROOM], want[OPS][ROOM];
};
static struct scene scene;

static struct crypto_device *open_device(const char *backend, struct crypto_device *first,
	uint16_t n_workers, uint16_t worker, char error[256])
{
	const struct crypto_device_config config = {
		.backend = backend, .first = first, .n_workers = n_workers, .worker = worker};

	return crypto_device_open(&config, error, 256);
}

/* Keys, payloads, and by ipsec-mb the bytes that there have to be. */
static void scene_init(struct scene *s)
{
	struct srtp_session_keys keys;
	struct random r;

	random_init(&r, 2211);
	s->dev = crypto_device_create("cryptodev:" SOFTWARE);
	s->cpu = crypto_device_create("ipsec-mb");
	assert_true(s->dev != NULL && s->cpu != NULL);
	for (int p = 0; p < BACKEND_PROFILES; p++) {
		const struct srtp_profile *profile = srtp_profile_by_id(profile_ids[p]);

		random_bytes(&r, &keys, sizeof(keys));
		assert_int_equal(srtp_tx_init(s->dev, &s->tx[p], profile, &keys), 0);
		assert_int_equal(srtp_tx_init(s->cpu, &s->plain_tx[p], profile, &keys), 0);
	}
	for (int i = 0; i < OPS; i++) {
		random_bytes(&r, s->src[i], sizeof(s->src[i]));
		memset(s->want[i], 0x80, 12);
		s->ops[i] = (struct srtp_op){.tx = &s->plain_tx[i % BACKEND_PROFILES],
			.src = s->src[i],
			.dst = s->want[i],
			.index = (uint64_t)i << 10,
			.hdr_len = 12,
			.payload_len = (uint16_t)(1 + 20 * i),
			.ssrc = 0x1000u + (uint32_t)i};
	}
	assert_int_equal(srtp_protect_burst(s->cpu, s->ops, OPS), OPS);
}

static void scene_fini(struct scene *s)
{
	for (int p = 0; p < BACKEND_PROFILES; p++) {
		srtp_tx_fini(&s->tx[p]);
		srtp_tx_fini(&s->plain_tx[p]);
	}
	crypto_device_destroy(s->dev);
	crypto_device_destroy(s->cpu);
}

/* The same once more, by the device; the number that succeeded. */
static uint16_t scene_run(struct scene *s)
{
	for (int i = 0; i < OPS; i++) {
		s->ops[i].tx = &s->tx[i % BACKEND_PROFILES];
		s->ops[i].dst = s->dst[i];
		s->ops[i].status = 0xffff;
		memset(s->dst[i], 0x80, 12);
		memset(s->dst[i] + 12, 0xee, ROOM - 12);
	}
	return srtp_protect_burst(s->dev, s->ops, OPS);
}

static void scene_check(const struct scene *s)
{
	for (int i = 0; i < OPS; i++) {
		const struct srtp_op *op = &s->ops[i];

		assert_int_equal(op->status, 0);
		assert_memory_equal(op->dst, s->want[i], op->out_len);
	}
}

static uint64_t enqueued(void)
{
	struct rte_cryptodev_stats stats = {0};

	assert_int_equal(
		rte_cryptodev_stats_get((uint8_t)rte_cryptodev_get_dev_id(SOFTWARE), &stats), 0);
	return stats.enqueued_count;
}

static void test_who_encrypts(void **state)
{
	static const struct {
		const char *why;
		uint16_t hdr_len, payload_len;
		bool device;
	} cases[] = {
		{"what the gateway sends", 12, 1200, true},
		{"one byte", 12, 1, true},
		{"a session has one length of header", 16, 1200, false},
		{"devices differ about nothing", 12, 0, false},
	};
	struct scene *s = &scene;

	scene_init(s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int p = 0; p < BACKEND_PROFILES; p++) {
			struct srtp_op op = s->ops[0];
			uint64_t before = enqueued();

			op.hdr_len = cases[i].hdr_len;
			op.payload_len = cases[i].payload_len;
			op.dst = s->want[0];
			op.tx = &s->plain_tx[p];
			memset(op.dst, 0x80, op.hdr_len);
			assert_int_equal(srtp_protect_burst(s->cpu, &op, 1), 1);
			op.dst = s->dst[0];
			op.tx = &s->tx[p];
			memset(op.dst, 0x80, op.hdr_len);
			assert_int_equal(srtp_protect_burst(s->dev, &op, 1), 1);
			assert_memory_equal(s->dst[0], s->want[0], op.out_len);
			if (enqueued() - before != cases[i].device)
				fail_msg("%s: %d", cases[i].why, p);
		}
	}
	scene_fini(s);
}

/* Sessions are made once and serve every queue pair; who goes first does not matter. */
static void test_workers(void **state)
{
	struct scene *s = &scene;
	struct crypto_device *second, *keys_only;
	char error[256];

	scene_init(s);
	for (int p = 0; p < BACKEND_PROFILES; p++)
		srtp_tx_fini(&s->tx[p]);
	crypto_device_destroy(s->dev);

	s->dev = open_device("cryptodev:" SOFTWARE, NULL, 2, 0, error);
	second = open_device("cryptodev:" SOFTWARE, s->dev, 0, 1, error);
	keys_only = open_device("cryptodev:" SOFTWARE, s->dev, 0, CRYPTO_KEYS_ONLY, error);
	assert_true(s->dev != NULL && second != NULL && keys_only != NULL);
	assert_null(open_device("cryptodev:" SOFTWARE, s->dev, 0, 2, error));
	for (int p = 0; p < BACKEND_PROFILES; p++) {
		struct srtp_session_keys keys = {.cipher = {1, 2, 3}, .auth = {4}, .salt = {5}};
		const struct srtp_profile *profile = srtp_profile_by_id(profile_ids[p]);

		assert_int_equal(srtp_tx_init(keys_only, &s->tx[p], profile, &keys), 0);
		assert_int_equal(srtp_tx_init(s->cpu, &s->plain_tx[p], profile, &keys), 0);
	}
	for (int i = 0; i < OPS; i++) {
		s->ops[i].dst = s->want[i];
		s->ops[i].tx = &s->plain_tx[i % BACKEND_PROFILES];
	}
	assert_int_equal(srtp_protect_burst(s->cpu, s->ops, OPS), OPS);
	assert_int_equal(scene_run(s), OPS);
	scene_check(s);
	crypto_device_destroy(s->dev);
	crypto_device_destroy(keys_only);
	s->dev = second;
	assert_int_equal(scene_run(s), OPS);
	scene_check(s);
	scene_fini(s);
	assert_int_equal(rte_cryptodev_count(), 0);
}

static void test_refused(void **state)
{
	static const struct {
		const char *backend;
		int err;
		const char *text[3];
	} cases[] = {
		{"cryptodev:crypto_aesni_gcm", ENOTSUP,
			{"crypto_aesni_gcm", "AES-CTR with HMAC-SHA1", "srtpProfiles"}},
		{"cryptodev:crypto_null", ENOTSUP, {"crypto_null", "AES-GCM", "srtpProfiles"}},
		{"cryptodev:crypto_no_such", 0, {"crypto_no_such", "virtual device"}},
		{"cryptodev:0000:ff:1f.7", ENODEV, {"0000:ff:1f.7", "vfio-pci"}},
		{"cryptodev:", ENODEV, {"no such device"}},
		{"cryptodev", ENOENT, {"no 'cryptodev'"}},
		{"ipsec-mb:x", ENOENT, {"no 'ipsec-mb:x'"}},
	};
	const struct srtp_profile *profiles[BACKEND_PROFILES];

	for (int p = 0; p < BACKEND_PROFILES; p++)
		profiles[p] = srtp_profile_by_id(profile_ids[p]);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct crypto_device_config config = {.backend = cases[i].backend,
			.n_workers = 1,
			.profiles = profiles,
			.n_profiles = BACKEND_PROFILES};
		char error[256] = "";

		errno = 0;
		assert_null(crypto_device_open(&config, error, sizeof(error)));
		print_message("%s\n", error);
		assert_true(errno == cases[i].err || (cases[i].err == 0 && errno != 0));
		for (int k = 0; k < 3 && cases[i].text[k] != NULL; k++)
			if (strstr(error, cases[i].text[k]) == NULL)
				fail_msg("'%s' is not in: %s", cases[i].text[k], error);
		assert_int_equal(rte_cryptodev_count(), 0); /* nothing is left */
	}
}

/* A profile that the device does not know is refused, not sent through the CPU. */
static void test_profile_refused(void **state)
{
	const struct srtp_profile *p = srtp_profile_by_id(SRTP_PROFILE_AES128_CM_SHA1_80);
	struct crypto_device *dev = crypto_device_create("cryptodev:crypto_aesni_gcm");
	struct srtp_session_keys keys = {0};
	const struct srtp_tx zero = {0};
	struct srtp_tx tx;

	assert_non_null(dev);
	assert_int_equal(srtp_tx_init(dev, &tx, p, &keys), -ENOTSUP);
	assert_memory_equal(&tx, &zero, sizeof(tx));
	crypto_device_destroy(dev);
}

/* More keys than a pool of sessions holds; none is left readable, and all come back. */
static void test_many_keys(void **state)
{
	enum { KEYS = 2500 };
	static struct srtp_tx tx[KEYS];
	static uint8_t wire[2][128];
	const struct srtp_profile *p = srtp_profile_by_id(SRTP_PROFILE_GCM_128);
	struct crypto_device *dev = crypto_device_create("cryptodev:" SOFTWARE);
	struct crypto_device *cpu = crypto_device_create("ipsec-mb");
	struct srtp_session_keys keys = {0};
	static const uint8_t zeros[64];

	for (int round = 0; round < 2; round++) {
		const uint8_t *last[2] = {NULL};

		for (int i = 0; i < KEYS; i++) {
			memcpy(keys.cipher, &i, sizeof(i));
			assert_int_equal(srtp_tx_init(dev, &tx[i], p, &keys), 0);
		}
		for (int i = 0; i < KEYS; i++) {
			struct srtp_op op = {.tx = &tx[i],
				.src = zeros,
				.dst = wire[0],
				.hdr_len = 12,
				.payload_len = 64};

			assert_int_equal(srtp_protect_burst(dev, &op, 1), 1);
			if (i % 100 == 0) {
				struct srtp_tx other;

				memcpy(keys.cipher, &i, sizeof(i));
				assert_int_equal(srtp_tx_init(cpu, &other, p, &keys), 0);
				op.tx = &other;
				op.dst = wire[1];
				assert_int_equal(srtp_protect_burst(cpu, &op, 1), 1);
				assert_memory_equal(wire[0], wire[1], op.out_len);
				srtp_tx_fini(&other);
			}
		}
		last[0] = srtp_tx_layout(&tx[0])->session;
		last[1] = srtp_tx_layout(&tx[KEYS - 1])->session;
		for (int i = 0; i < KEYS; i++)
			srtp_tx_fini(&tx[i]);
		for (int k = 0; k < 2; k++)
			for (int i = 0; i < 1024; i++)
				assert_int_equal(last[k][i], 0);
	}
	crypto_device_destroy(dev);
	crypto_device_destroy(cpu);
}

/* ---- a device that misbehaves ---- */

enum fault { FAULT_NONE, SLOW, ONE_AT_A_TIME, REVERSED, ONE_WRONG, REFUSES, NEVER_BACK };

static struct rte_crypto_fp_ops real; /* one thread */
static enum fault fault;
static unsigned int polls;

static uint16_t faulty_enqueue(void *qp, struct rte_crypto_op **ops, uint16_t n)
{
	if (fault == REFUSES)
		return 0;
	return real.enqueue_burst(qp, ops, fault == ONE_AT_A_TIME && n > 1 ? 1 : n);
}

static uint16_t faulty_dequeue(void *qp, struct rte_crypto_op **ops, uint16_t n)
{
	uint16_t got;

	polls++;
	if (fault == NEVER_BACK || (fault == SLOW && polls % 100 != 0))
		return 0;
	got = real.dequeue_burst(qp, ops, n);
	for (uint16_t i = 0; fault == REVERSED && i < got / 2; i++) {
		struct rte_crypto_op *op = ops[i];

		ops[i] = ops[got - 1 - i];
		ops[got - 1 - i] = op;
	}
	if (fault == ONE_WRONG && got != 0)
		ops[got / 2]->status = RTE_CRYPTO_OP_STATUS_ERROR;
	return got;
}

static void fault_begin(enum fault what)
{
	struct rte_crypto_fp_ops *fp = &rte_crypto_fp_ops[rte_cryptodev_get_dev_id(SOFTWARE)];

	fault = what;
	polls = 0;
	real = *fp;
	fp->enqueue_burst = faulty_enqueue;
	fp->dequeue_burst = faulty_dequeue;
}

static void fault_end(void)
{
	rte_crypto_fp_ops[rte_cryptodev_get_dev_id(SOFTWARE)] = real;
}

static void test_odd_but_right(void **state)
{
	static const enum fault faults[] = {FAULT_NONE, SLOW, ONE_AT_A_TIME, REVERSED};
	struct scene *s = &scene;

	scene_init(s);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		fault_begin(faults[i]);
		assert_int_equal(scene_run(s), OPS);
		fault_end();
		scene_check(s);
	}
	scene_fini(s);
}

static void assert_wiped(const struct srtp_op *op)
{
	for (int i = 0; i < op->payload_len; i++)
		assert_int_equal(op->dst[op->hdr_len + i], 0);
}

static void test_one_wrong(void **state)
{
	struct scene *s = &scene;
	uint16_t ok, wrong = 0;

	scene_init(s);
	fault_begin(ONE_WRONG);
	ok = scene_run(s);
	fault_end();
	for (int i = 0; i < OPS; i++) {
		const struct srtp_op *op = &s->ops[i];

		if (op->status == 0) {
			assert_memory_equal(op->dst, s->want[i], op->out_len);
			continue;
		}
		wrong++;
		assert_int_equal(op->status, EIO);
		assert_int_equal(op->out_len, 0);
		assert_wiped(op);
	}
	assert_in_range(wrong, 1, OPS / 2);
	assert_int_equal(ok, OPS - wrong);
	assert_int_equal(scene_run(s), OPS);
	scene_check(s);
	scene_fini(s);
}

/* Nothing is in the device's hands: the packets are lost, the device is not. */
static void test_refuses(void **state)
{
	struct scene *s = &scene;
	uint64_t before;

	scene_init(s);
	fault_begin(REFUSES);
	assert_int_equal(scene_run(s), 0);
	fault_end();
	for (int i = 0; i < OPS; i++) {
		assert_int_equal(s->ops[i].status, EIO);
		assert_wiped(&s->ops[i]);
	}
	before = enqueued();
	assert_int_equal(scene_run(s), OPS);
	scene_check(s);
	assert_int_equal(enqueued() - before, OPS);
	scene_fini(s);
}

/* What it kept is lost; the rest of the burst and all later ones are the CPU's. */
static void test_never_back(void **state)
{
	struct scene *s = &scene;
	uint16_t ok, kept = 0;
	uint64_t before;

	scene_init(s);
	fault_begin(NEVER_BACK);
	ok = scene_run(s);
	fault_end();
	for (int i = 0; i < OPS; i++) {
		const struct srtp_op *op = &s->ops[i];

		if (op->status == EBUSY) {
			kept++;
			assert_int_equal(op->out_len, 0);
		} else {
			assert_int_equal(op->status, 0);
			assert_memory_equal(op->dst, s->want[i], op->out_len);
		}
	}
	assert_in_range(kept, 1, OPS - 1);
	assert_int_equal(ok, OPS - kept);

	before = enqueued();
	assert_int_equal(scene_run(s), OPS);
	scene_check(s);
	assert_int_equal(enqueued(), before);
	scene_fini(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_encrypts),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_profile_refused),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_odd_but_right),
		cmocka_unit_test(test_one_wrong),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_never_back),
	};

	return cmocka_run_group_tests(tests, backend_eal, backend_eal_end);
}
