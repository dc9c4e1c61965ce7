/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The contract of crypto_device.h beside the ciphers: names, refusals, the
 * bytes written, repeatability, and keys prepared on another thread.
 */
#include "crypto/crypto_device.h"
#include "crypto/srtp_index.h"
#include "tests/unit/crypto/backend.h"
#include "tests/unit/crypto/random.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 2048 /* bytes */

static struct srtp_session_keys random_keys(struct random *r)
{
	struct srtp_session_keys keys;

	random_bytes(r, &keys, sizeof(keys));
	return keys;
}

static struct srtp_op make_op(const struct srtp_tx *tx, const uint8_t *src, uint8_t *dst)
{
	memset(dst, 0xee, ROOM);
	memset(dst, 0, 12);
	dst[0] = 0x80;
	return (struct srtp_op){.tx = tx,
		.src = src,
		.dst = dst,
		.index = 1,
		.hdr_len = 12,
		.payload_len = 100,
		.out_len = 0xffff,
		.status = 0xffff,
		.ssrc = 7};
}

static void test_names(void **state)
{
	struct crypto_device *dev;

	errno = 0;
	assert_null(crypto_device_create("no-such-back-end"));
	assert_int_equal(errno, ENOENT);
	assert_null(crypto_device_create(NULL));
	crypto_device_destroy(NULL);

	dev = crypto_device_create("ipsec-mb");
	assert_non_null(dev);
	assert_non_null(strstr(crypto_device_describe(dev), "ipsec-mb"));
	crypto_device_destroy(dev);
}

static void test_refused(void **state)
{
	static uint8_t dst[70000], src[70000];
	const struct srtp_tx wiped = {0};
	struct crypto_device *dev = crypto_device_create(backend_name());
	struct random r;

	random_init(&r, 1);
	for (int p = 0; p < BACKEND_PROFILES && p < backend_profiles(); p++) {
		const struct srtp_profile *profile = srtp_profile_by_id(profile_ids[p]);
		struct srtp_session_keys keys = random_keys(&r);
		struct srtp_tx tx;
		const struct {
			const struct srtp_tx *tx;
			uint64_t index;
			uint16_t hdr_len, payload_len;
			bool ok;
			const char *why;
		} cases[] = {
			{&tx, 0, 12, 0, true, "the least"},
			{&tx, SRTP_INDEX_MAX, 76, 1400, true, "the greatest index and header"},
			{&tx, SRTP_INDEX_MAX + 1, 12, 100, false,
				"no such index: the key is spent"},
			{&tx, 1, 11, 100, false, "shorter than an RTP header"},
			{&tx, 1, 0, 100, false, "no header"},
			{&tx, 1, 77, 100, false, "longer than the contract's header"},
			{&tx, 1, 12, 65535, false, "longer than a datagram"},
			{&tx, 1, 12, (uint16_t)(65507 - 12 - profile->rtp_tag_len), true,
				"just as long as a datagram"},
			{&tx, 1, 12, (uint16_t)(65508 - 12 - profile->rtp_tag_len), false,
				"one byte more than that"},
			{&wiped, 1, 12, 100, false, "a key that was wiped"},
		};

		assert_int_equal(srtp_tx_init(dev, &tx, profile, &keys), 0);
		assert_int_equal(srtp_tx_tag_len(&tx), profile->rtp_tag_len);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct srtp_op op = make_op(cases[i].tx, src, dst);

			print_message("%s: %s\n", profile->name, cases[i].why);
			op.index = cases[i].index;
			op.hdr_len = cases[i].hdr_len;
			op.payload_len = cases[i].payload_len;
			assert_int_equal(srtp_protect_burst(dev, &op, 1), cases[i].ok);
			if (cases[i].ok) {
				assert_int_equal(op.status, 0);
				assert_int_equal(op.out_len,
					op.hdr_len + op.payload_len + profile->rtp_tag_len);
			} else {
				assert_int_not_equal(op.status, 0);
				assert_int_equal(op.out_len, 0);
				assert_int_equal(dst[12], 0xee); /* nothing written */
			}
		}
		srtp_tx_fini(&tx);
		assert_memory_equal(&tx, &wiped, sizeof(tx));
	}
	assert_int_equal(srtp_protect_burst(dev, NULL, 0), 0);
	crypto_device_destroy(dev);
}

static void test_init_refused(void **state)
{
	static uint8_t dst[ROOM], src[ROOM];
	const struct srtp_tx zero = {0};
	struct crypto_device *dev = crypto_device_create(backend_name());
	struct srtp_profile copy = *srtp_profile_by_id(SRTP_PROFILE_GCM_128);
	const struct srtp_profile *unknown[] = {NULL, &copy};
	struct srtp_session_keys keys = {0};

	for (int i = 0; i < 2; i++) {
		struct srtp_tx tx;
		struct srtp_op op = make_op(&tx, src, dst);

		memset(&tx, 0xaa, sizeof(tx));
		assert_int_equal(srtp_tx_init(dev, &tx, unknown[i], &keys), -EINVAL);
		assert_memory_equal(&tx, &zero, sizeof(tx));
		assert_int_equal(srtp_protect_burst(dev, &op, 1), 0);
	}
	crypto_device_destroy(dev);
}

/* One that fails does not spoil its neighbours, and is not counted. */
static void test_failure_in_burst(void **state)
{
	static uint8_t dst[9][ROOM], src[ROOM];
	struct crypto_device *dev = crypto_device_create(backend_name());
	struct srtp_op ops[9];
	struct srtp_tx tx[3];
	struct random r;

	random_init(&r, 2);
	for (int p = 0; p < BACKEND_PROFILES && p < backend_profiles(); p++) {
		struct srtp_session_keys keys = random_keys(&r);

		assert_int_equal(
			srtp_tx_init(dev, &tx[p], srtp_profile_by_id(profile_ids[p]), &keys), 0);
	}
	for (int i = 0; i < 9; i++) {
		ops[i] = make_op(&tx[i % backend_profiles()], src, dst[i]);
		if (i >= 3 && i < 6)
			ops[i].hdr_len = 4;
	}
	assert_int_equal(srtp_protect_burst(dev, ops, 9), 6);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(ops[i].status != 0, i >= 3 && i < 6);
		if (i >= 6)
			assert_memory_equal(dst[i], dst[i - 6], ops[i].out_len);
	}
	for (int p = 0; p < BACKEND_PROFILES && p < backend_profiles(); p++)
		srtp_tx_fini(&tx[p]);
	crypto_device_destroy(dev);
}

/*
 * A resend is the same bytes, wherever in a burst it stands; another index,
 * SSRC or key gives another keystream.
 */
static void test_nonces(void **state)
{
	static uint8_t dst[4][ROOM], src[ROOM];
	struct crypto_device *dev = crypto_device_create(backend_name());
	struct random r;

	random_init(&r, 3);
	random_bytes(&r, src, sizeof(src));
	for (int p = 0; p < BACKEND_PROFILES && p < backend_profiles(); p++) {
		const struct srtp_profile *profile = srtp_profile_by_id(profile_ids[p]);
		struct srtp_session_keys keys = random_keys(&r);
		struct srtp_tx tx, other;

		assert_int_equal(srtp_tx_init(dev, &tx, profile, &keys), 0);
		keys.cipher[0] ^= 1;
		assert_int_equal(srtp_tx_init(dev, &other, profile, &keys), 0);
		for (int i = 0; i < 200; i++) {
			struct srtp_op ops[4];
			uint64_t index = random_u64(&r) & SRTP_INDEX_MAX;
			uint32_t ssrc = (uint32_t)random_u64(&r);

			for (int k = 0; k < 4; k++) {
				ops[k] = make_op(k == 2 ? &other : &tx, src, dst[k]);
				ops[k].index = index;
				ops[k].ssrc = ssrc;
			}
			if (random_below(&r, 2))
				ops[3].index ^= UINT64_C(1) << random_below(&r, 48);
			else
				ops[3].ssrc ^= 1u << random_below(&r, 32);
			assert_int_equal(srtp_protect_burst(dev, ops, 4), 4);
			assert_memory_equal(dst[0], dst[1], ops[0].out_len);
			assert_memory_not_equal(dst[0] + 12, dst[2] + 12, 16);
			assert_memory_not_equal(dst[0] + 12, dst[3] + 12, 16);
		}
		srtp_tx_fini(&tx);
		srtp_tx_fini(&other);
	}
	crypto_device_destroy(dev);
}

/* The ROC is not on the wire, but the tag depends on it (RFC 3711 4.2). */
static void test_roc_authenticated(void **state)
{
	static uint8_t dst[2][ROOM];
	const struct srtp_profile *profile = srtp_profile_by_id(SRTP_PROFILE_AES128_CM_SHA1_80);
	struct crypto_device *dev;
	struct srtp_session_keys keys = {0};
	struct srtp_op ops[2];
	struct srtp_tx tx;

	if (backend_profiles() < BACKEND_PROFILES)
		skip();
	dev = crypto_device_create(backend_name());
	assert_int_equal(srtp_tx_init(dev, &tx, profile, &keys), 0);
	for (int i = 0; i < 2; i++) {
		ops[i] = make_op(&tx, NULL, dst[i]);
		ops[i].payload_len = 0; /* nothing encrypted: only the tag can differ */
		ops[i].index = (uint64_t)i << 16 | 1;
	}
	assert_int_equal(srtp_protect_burst(dev, ops, 2), 2);
	assert_memory_equal(dst[0], dst[1], 12);
	assert_memory_not_equal(dst[0] + 12, dst[1] + 12, profile->rtp_tag_len);
	srtp_tx_fini(&tx);
	crypto_device_destroy(dev);
}

/* FACTS: unchecked HMAC-SHA1 writes 20 bytes. On the wire stand 10, behind them nothing new. */
static void test_nothing_behind_the_tag(void **state)
{
	static uint8_t dst[ROOM], src[ROOM];
	struct crypto_device *dev = crypto_device_create(backend_name());
	struct srtp_session_keys keys = {0};

	for (int p = 0; p < BACKEND_PROFILES && p < backend_profiles(); p++) {
		struct srtp_tx tx;

		assert_int_equal(
			srtp_tx_init(dev, &tx, srtp_profile_by_id(profile_ids[p]), &keys), 0);
		for (uint16_t len = 0; len <= 1460; len++) {
			struct srtp_op op = make_op(&tx, src, dst);

			op.payload_len = len;
			assert_int_equal(srtp_protect_burst(dev, &op, 1), 1);
			for (int i = op.out_len; i < op.out_len + 64; i++)
				assert_int_equal(dst[i], 0xee);
		}
		srtp_tx_fini(&tx);
	}
	crypto_device_destroy(dev);
}

struct preparer {
	const struct crypto_device *dev;
	struct srtp_session_keys keys[3];
	struct srtp_tx expected[3];
	atomic_bool stop;
	atomic_uint rounds, wrong;
};

static void *prepare_keys(void *arg)
{
	struct preparer *p = arg;

	while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
		for (int i = 0; i < BACKEND_PROFILES && i < backend_profiles(); i++) {
			struct srtp_tx tx;

			if (srtp_tx_init(p->dev, &tx, srtp_profile_by_id(profile_ids[i]),
				    &p->keys[i]) != 0 ||
				(!backend_is_cryptodev() && /* else each has its own session */
					memcmp(&tx, &p->expected[i], sizeof(tx)) != 0))
				atomic_fetch_add(&p->wrong, 1);
			srtp_tx_fini(&tx);
		}
		atomic_fetch_add(&p->rounds, 1);
	}
	return NULL;
}

/* The control thread prepares keys while the worker encrypts: neither notices. */
static void test_prepare_on_other_thread(void **state)
{
	static uint8_t dst[3][ROOM], want[3][ROOM], src[ROOM];
	static struct preparer p;
	struct crypto_device *dev = crypto_device_create(backend_name());
	uint16_t n = (uint16_t)backend_profiles();
	struct srtp_op ops[3];
	struct random r;
	pthread_t thread;

	random_init(&r, 4);
	p.dev = dev;
	for (int i = 0; i < BACKEND_PROFILES && i < backend_profiles(); i++) {
		p.keys[i] = random_keys(&r);
		assert_int_equal(srtp_tx_init(dev, &p.expected[i],
					 srtp_profile_by_id(profile_ids[i]), &p.keys[i]),
			0);
		ops[i] = make_op(&p.expected[i], src, want[i]);
	}
	assert_int_equal(srtp_protect_burst(dev, ops, n), n);

	assert_int_equal(pthread_create(&thread, NULL, prepare_keys, &p), 0);
	for (int turn = 0; turn < 5000 || (atomic_load(&p.rounds) < 100 && turn < 5000000);
		turn++) {
		for (int i = 0; i < BACKEND_PROFILES && i < backend_profiles(); i++)
			ops[i] = make_op(&p.expected[i], src, dst[i]);
		if (srtp_protect_burst(dev, ops, n) != n)
			break;
		for (int i = 0; i < BACKEND_PROFILES && i < backend_profiles(); i++)
			if (memcmp(dst[i], want[i], ops[i].out_len) != 0)
				atomic_fetch_add(&p.wrong, 1);
	}
	atomic_store(&p.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(atomic_load(&p.wrong), 0);
	assert_true(atomic_load(&p.rounds) >= 100);
	for (int i = 0; i < BACKEND_PROFILES && i < backend_profiles(); i++)
		srtp_tx_fini(&p.expected[i]);
	crypto_device_destroy(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_init_refused),
		cmocka_unit_test(test_failure_in_burst),
		cmocka_unit_test(test_nonces),
		cmocka_unit_test(test_roc_authenticated),
		cmocka_unit_test(test_nothing_behind_the_tag),
		cmocka_unit_test(test_prepare_on_other_thread),
	};

	return cmocka_run_group_tests(tests, backend_eal, backend_eal_end);
}
