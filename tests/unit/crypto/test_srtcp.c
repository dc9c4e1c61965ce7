/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SRTCP both ways against libsrtp2, for each profile; what is tampered with,
 * replayed or cut is refused; an index is never used twice. One thread.
 */
#include "crypto/srtcp.h"
#include "tests/unit/crypto/backend.h"
#include "tests/unit/crypto/oracle.h"
#include "tests/unit/crypto/random.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 200
#define MAX_RTCP 1400 /* bytes */
#define ROOM (MAX_RTCP + ORACLE_TRAILER)
#define SSRC UINT32_C(0x4d617273)
#define E_FLAG 0x80

/* One direction, both ends ours; and libsrtp2 in both roles. */
struct link {
	struct crypto_device *dev;
	struct random random;
	const struct srtp_profile *profile;
	struct srtp_session_keys keys;
	struct srtcp_tx tx;
	struct srtcp_rx rx;
	struct oracle *sender, *receiver;
};

static void link_init(struct link *l, uint16_t profile, uint32_t first_index)
{
	const uint32_t ssrc = SSRC;
	struct srtp_master master;

	random_init(&l->random, 3550 + profile);
	l->dev = crypto_device_create(backend_name());
	assert_non_null(l->dev);
	l->profile = srtp_profile_by_id(profile);
	random_bytes(&l->random, &master, sizeof(master));
	assert_int_equal(srtp_keys_derive(l->profile, &master, NULL, &l->keys), 0);
	assert_int_equal(srtcp_tx_init(l->dev, &l->tx, l->profile, &l->keys, first_index), 0);
	assert_int_equal(srtcp_rx_init(l->dev, &l->rx, l->profile, &l->keys), 0);
	l->sender = oracle_create(profile, master.key, master.salt, &ssrc, 1);
	l->receiver = oracle_create(profile, master.key, master.salt, &ssrc, 1);
}

static void link_fini(struct link *l)
{
	srtcp_tx_fini(&l->tx);
	srtcp_rx_fini(&l->rx);
	oracle_destroy(l->sender);
	oracle_destroy(l->receiver);
	crypto_device_destroy(l->dev);
}

static int random_rtcp(struct random *r, uint8_t *buf)
{
	int len = 8 + 4 * (int)random_below(r, random_below(r, 2) ? 30 : (MAX_RTCP - 8) / 4 + 1);

	random_bytes(r, buf, (size_t)len);
	buf[0] = 0x80;
	buf[1] = 200;
	buf[4] = (uint8_t)(SSRC >> 24);
	buf[5] = (uint8_t)(SSRC >> 16 & 0xff);
	buf[6] = (uint8_t)(SSRC >> 8 & 0xff);
	buf[7] = (uint8_t)(SSRC & 0xff);
	return len;
}

static int trailer_len(const struct link *l)
{
	return l->profile->rtcp_tag_len + 4;
}

/* libsrtp2 gives its first packet the index 1: so do we, and the bytes agree. */
static void test_both_ways(void **state)
{
	for (int p = 0; p < BACKEND_PROFILES; p++) {
		struct link l;

		link_init(&l, profile_ids[p], 1);
		for (int i = 0; i < ROUNDS; i++) {
			alignas(4) uint8_t plain[ROOM], ours[ROOM], theirs[ROOM];
			int len = random_rtcp(&l.random, plain), wire_len;

			memcpy(ours, plain, (size_t)len);
			memset(ours + len, 0xee, sizeof(ours) - (size_t)len);
			memcpy(theirs, plain, (size_t)len);
			wire_len = srtcp_protect(l.dev, &l.tx, ours, (size_t)len, sizeof(ours));
			assert_int_equal(wire_len, len + trailer_len(&l));
			assert_int_equal(oracle_protect_rtcp(l.sender, theirs, len), wire_len);
			assert_memory_equal(ours, theirs, (size_t)wire_len);
			for (size_t k = (size_t)wire_len; k < sizeof(ours); k++)
				assert_int_equal(ours[k], 0xee);

			assert_int_equal(oracle_unprotect_rtcp(l.receiver, ours, wire_len), len);
			assert_memory_equal(ours, plain, (size_t)len);
			assert_int_equal(
				srtcp_unprotect(l.dev, &l.rx, theirs, (size_t)wire_len), len);
			assert_memory_equal(theirs, plain, (size_t)len);
		}
		link_fini(&l);
	}
}

/* Every single bit counts, and what is refused does not move the window. */
static void test_tampered(void **state)
{
	for (int p = 0; p < BACKEND_PROFILES; p++) {
		uint8_t wire[128], buf[128];
		int len, wire_len, e_flag_at;
		struct link l;

		link_init(&l, profile_ids[p], 77);
		len = 8 + 4 * 13;
		random_bytes(&l.random, wire, sizeof(wire));
		wire_len = srtcp_protect(l.dev, &l.tx, wire, (size_t)len, sizeof(wire));
		assert_int_equal(wire_len, len + trailer_len(&l));
		e_flag_at = l.profile->auth_key_len == 0 ? wire_len - 4 : len;

		for (int bit = 0; bit < wire_len * 8; bit++) {
			int want = bit / 8 == e_flag_at && bit % 8 == 7 ? -EINVAL : -EBADMSG;

			memcpy(buf, wire, sizeof(buf));
			buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(
				srtcp_unprotect(l.dev, &l.rx, buf, (size_t)wire_len), want);
		}
		for (int cut = 0; cut < wire_len; cut++) {
			memcpy(buf, wire, sizeof(buf));
			assert_true(srtcp_unprotect(l.dev, &l.rx, buf, (size_t)cut) < 0);
			if (cut < 8 + trailer_len(&l))
				assert_int_equal(
					srtcp_unprotect(l.dev, &l.rx, buf, (size_t)cut), -EINVAL);
		}
		assert_int_equal(srtcp_unprotect(l.dev, &l.rx, wire, (size_t)wire_len), len);
		link_fini(&l);
	}
}

/* AEAD decrypts before it knows: nothing of that may be left to the caller. */
static void test_no_unauthenticated_plaintext(void **state)
{
	static const uint8_t zeros[64];
	uint8_t wire[128];
	struct link l;
	int wire_len;

	link_init(&l, SRTP_PROFILE_GCM_128, 1);
	random_bytes(&l.random, wire, sizeof(wire));
	wire_len = srtcp_protect(l.dev, &l.tx, wire, 8 + 64, sizeof(wire));
	wire[wire_len - 5] ^= 1;
	assert_int_equal(srtcp_unprotect(l.dev, &l.rx, wire, (size_t)wire_len), -EBADMSG);
	assert_memory_equal(wire + 8, zeros, sizeof(zeros));
	link_fini(&l);
}

static void test_replayed(void **state)
{
	for (int p = 0; p < BACKEND_PROFILES; p++) {
		uint8_t wire[200][64], buf[64];
		struct link l;
		int len = 0;

		link_init(&l, profile_ids[p], 0);
		for (int i = 0; i < 200; i++) {
			random_bytes(&l.random, wire[i], sizeof(wire[i]));
			memset(wire[i] + 4, 0x77, 4); /* one sender */
			len = srtcp_protect(l.dev, &l.tx, wire[i], 28, sizeof(wire[i]));
			assert_true(len > 28);
		}
		static const struct {
			int packet, want;
			const char *why;
		} cases[] = {
			{100, 28, "first"},
			{100, -EALREADY, "the same again"},
			{99, 28, "a late one inside the window"},
			{99, -EALREADY, "and that again"},
			{0, 28, "index 0, 100 late"},
			{199, 28, "a jump ahead"},
			{72, 28, "oldest inside the window"},
			{71, -EALREADY, "just outside the window"},
			{100, -EALREADY, "remembered across the jump"},
			{101, 28, "never seen"},
		};
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			print_message("%s\n", cases[i].why);
			memcpy(buf, wire[cases[i].packet], sizeof(buf));
			assert_int_equal(
				srtcp_unprotect(l.dev, &l.rx, buf, (size_t)len), cases[i].want);
		}
		link_fini(&l);
	}
}

/* Browsers report from one SSRC per track, each with indices of its own. */
static void test_senders_count_apart(void **state)
{
	for (int p = 0; p < BACKEND_PROFILES; p++) {
		uint8_t buf[64];
		struct link l;

		link_init(&l, profile_ids[p], 0);
		for (uint8_t sender = 0; sender <= SRTCP_SENDERS_MAX; sender++) {
			bool room = sender < SRTCP_SENDERS_MAX;

			l.tx.next_index = 0;
			for (int i = 0; i < 3; i++) {
				uint8_t again[64];
				int len;

				random_bytes(&l.random, buf, sizeof(buf));
				memset(buf + 4, sender, 4);
				len = srtcp_protect(l.dev, &l.tx, buf, 28, sizeof(buf));
				memcpy(again, buf, sizeof(buf));
				assert_int_equal(srtcp_unprotect(l.dev, &l.rx, buf, (size_t)len),
					room ? 28 : -EALREADY);
				assert_int_equal(srtcp_unprotect(l.dev, &l.rx, again, (size_t)len),
					-EALREADY);
			}
		}
		assert_int_equal(l.rx.n_senders, SRTCP_SENDERS_MAX);
		link_fini(&l);
	}
}

/* Same plain packet 50 times over two SSRCs: every index once, no wire twice. */
static void test_index_never_reused(void **state)
{
	for (int p = 0; p < BACKEND_PROFILES; p++) {
		uint8_t wire[50][64];
		struct link l;

		link_init(&l, profile_ids[p], 5);
		for (uint32_t i = 0; i < 50; i++) {
			int at = l.profile->auth_key_len == 0 ? 28 + 16 : 28;

			memset(wire[i], 0x80, sizeof(wire[i]));
			wire[i][7] = (uint8_t)(i & 1);
			assert_int_equal(
				srtcp_protect(l.dev, &l.tx, wire[i], 28, 64), 28 + trailer_len(&l));
			assert_int_equal(wire[i][at], E_FLAG);
			assert_int_equal(wire[i][at + 3], 5 + i);
			for (uint32_t k = 0; k < i; k++)
				assert_memory_not_equal(wire[i] + 8, wire[k] + 8, 20);
		}
		assert_int_equal(l.tx.next_index, 55);
		link_fini(&l);
	}
}

static void test_key_spent(void **state)
{
	for (int p = 0; p < BACKEND_PROFILES; p++) {
		uint8_t buf[64], kept[64], plain[64];
		struct link l;
		int len;

		link_init(&l, profile_ids[p], UINT32_C(0x7fffffff));
		memset(plain, 0x81, sizeof(plain));
		memcpy(buf, plain, sizeof(buf));
		len = srtcp_protect(l.dev, &l.tx, buf, 28, sizeof(buf));
		assert_int_equal(len, 28 + trailer_len(&l)); /* the last index */
		assert_int_equal(srtcp_unprotect(l.dev, &l.rx, buf, (size_t)len), 28);
		assert_memory_equal(buf, plain, 28);
		for (int i = 0; i < 3; i++) {
			memcpy(kept, buf, sizeof(kept));
			assert_int_equal(
				srtcp_protect(l.dev, &l.tx, buf, 28, sizeof(buf)), -EOVERFLOW);
			assert_memory_equal(buf, kept, sizeof(buf)); /* untouched */
		}
		srtcp_tx_fini(&l.tx);
		assert_int_equal(srtcp_tx_init(l.dev, &l.tx, l.profile, &l.keys, 1u << 31), 0);
		assert_int_equal(srtcp_protect(l.dev, &l.tx, buf, 28, sizeof(buf)), -EOVERFLOW);
		assert_int_equal(
			srtcp_tx_init(l.dev, &l.tx, l.profile, &l.keys, (1u << 31) + 1), -EINVAL);
		link_fini(&l);
	}
}

static void test_lengths(void **state)
{
	for (int p = 0; p < BACKEND_PROFILES; p++) {
		uint8_t buf[64] = {0x80};
		struct link l;
		size_t need;

		link_init(&l, profile_ids[p], 9);
		need = 28 + (size_t)trailer_len(&l);
		assert_int_equal(srtcp_protect(l.dev, &l.tx, buf, 7, sizeof(buf)), -EINVAL);
		assert_int_equal(srtcp_protect(l.dev, &l.tx, buf, 28, need - 1), -ENOSPC);
		assert_int_equal(srtcp_protect(l.dev, &l.tx, buf, 28, 27), -ENOSPC);
		assert_int_equal(l.tx.next_index, 9); /* nothing was spent */
		assert_int_equal(srtcp_protect(l.dev, &l.tx, buf, 28, need), need);
		assert_int_equal(l.tx.next_index, 10);
		/* a header alone: nothing to encrypt, all to authenticate */
		assert_int_equal(
			srtcp_protect(l.dev, &l.tx, buf, 8, sizeof(buf)), 8 + trailer_len(&l));
		assert_int_equal(
			srtcp_unprotect(l.dev, &l.rx, buf, 8 + (size_t)trailer_len(&l)), 8);

		srtcp_tx_fini(&l.tx);
		srtcp_rx_fini(&l.rx);
		assert_int_equal(srtcp_protect(l.dev, &l.tx, buf, 28, sizeof(buf)), -EINVAL);
		assert_int_equal(srtcp_unprotect(l.dev, &l.rx, buf, sizeof(buf)), -EINVAL);
		link_fini(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_no_unauthenticated_plaintext),
		cmocka_unit_test(test_replayed),
		cmocka_unit_test(test_senders_count_apart),
		cmocka_unit_test(test_index_never_reused),
		cmocka_unit_test(test_key_spent),
		cmocka_unit_test(test_lengths),
	};

	oracle_library_init();
	return cmocka_run_group_tests(tests, backend_eal, backend_eal_end);
}
