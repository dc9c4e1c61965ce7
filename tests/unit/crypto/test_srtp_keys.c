/* SPDX-License-Identifier: BSD-3-Clause */
/* The profile table, the exporter's split, and what derivation refuses. One thread. */
#include "crypto/srtp_keys.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	uint16_t id;
	const char *name;
	uint8_t key_len, salt_len, rtp_tag_len, rtcp_tag_len;
	size_t exporter_len;
} profiles[] = {
	{SRTP_PROFILE_GCM_128, "AEAD_AES_128_GCM", 16, 12, 16, 16, 56},
	{SRTP_PROFILE_GCM_256, "AEAD_AES_256_GCM", 32, 12, 16, 16, 88},
	{SRTP_PROFILE_AES128_CM_SHA1_80, "AES128_CM_HMAC_SHA1_80", 16, 14, 10, 10, 60},
};

#define N_PROFILES (sizeof(profiles) / sizeof(profiles[0]))

static void test_profiles(void **state)
{
	for (size_t i = 0; i < N_PROFILES; i++) {
		const struct srtp_profile *p = srtp_profile_by_id(profiles[i].id);

		assert_non_null(p);
		assert_ptr_equal(p, srtp_profile_by_name(profiles[i].name));
		assert_string_equal(p->name, profiles[i].name);
		assert_int_equal(p->key_len, profiles[i].key_len);
		assert_int_equal(p->salt_len, profiles[i].salt_len);
		assert_int_equal(p->rtp_tag_len, profiles[i].rtp_tag_len);
		assert_int_equal(p->rtcp_tag_len, profiles[i].rtcp_tag_len);
		assert_int_equal(srtp_exporter_len(p), profiles[i].exporter_len);
		assert_true(p->key_len <= SRTP_KEY_MAX_LEN && p->salt_len <= SRTP_SALT_MAX_LEN);
		assert_true(p->auth_key_len <= SRTP_AUTH_MAX_LEN);
		assert_true(p->rtp_tag_len <= SRTP_MAX_TRAILER);
		assert_true(p->rtcp_tag_len + 4 <= SRTCP_MAX_TRAILER);
	}
	assert_null(srtp_profile_by_id(0));
	assert_null(srtp_profile_by_id(2)); /* AES128_CM_SHA1_32 */
	assert_null(srtp_profile_by_name("aead_aes_128_gcm"));
	assert_null(srtp_profile_by_name(""));
	assert_null(srtp_profile_by_name(NULL));
}

/* OpenSSL knows every name, and means the same code point by it. */
static void test_openssl_names(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_method());

	assert_non_null(ctx);
	for (size_t i = 0; i < N_PROFILES; i++) {
		const struct srtp_profile *p = srtp_profile_by_id(profiles[i].id);
		STACK_OF(SRTP_PROTECTION_PROFILE) * list;
		SSL *ssl;

		assert_int_equal(SSL_CTX_set_tlsext_use_srtp(ctx, p->openssl_name), 0);
		ssl = SSL_new(ctx);
		list = SSL_get_srtp_profiles(ssl);
		assert_int_equal(sk_SRTP_PROTECTION_PROFILE_num(list), 1);
		assert_int_equal(sk_SRTP_PROTECTION_PROFILE_value(list, 0)->id, p->id);
		SSL_free(ssl);
	}
	SSL_CTX_free(ctx);
}

static void test_exporter_split(void **state)
{
	for (size_t i = 0; i < N_PROFILES; i++) {
		const struct srtp_profile *p = srtp_profile_by_id(profiles[i].id);
		struct srtp_master client, server, want_client = {0}, want_server = {0};
		size_t len = profiles[i].exporter_len, at = 0;
		uint8_t material[96];

		for (size_t k = 0; k < sizeof(material); k++)
			material[k] = (uint8_t)(k + 1);
		memcpy(want_client.key, material + at, p->key_len);
		memcpy(want_server.key, material + (at += p->key_len), p->key_len);
		memcpy(want_client.salt, material + (at += p->key_len), p->salt_len);
		memcpy(want_server.salt, material + at + p->salt_len, p->salt_len);

		memset(&client, 0xaa, sizeof(client));
		memset(&server, 0xaa, sizeof(server));
		assert_int_equal(srtp_exporter_split(p, material, len, &client, &server), 0);
		assert_memory_equal(&client, &want_client, sizeof(client));
		assert_memory_equal(&server, &want_server, sizeof(server));
		assert_int_equal(
			srtp_exporter_split(p, material, len - 1, &client, &server), -EINVAL);
		assert_int_equal(
			srtp_exporter_split(p, material, len + 1, &client, &server), -EINVAL);
	}
	assert_int_equal(srtp_exporter_split(NULL, NULL, 0, NULL, NULL), -EINVAL);
}

static void test_derive(void **state)
{
	const struct srtp_profile *p = srtp_profile_by_id(SRTP_PROFILE_AES128_CM_SHA1_80);
	struct srtp_profile other = *p;
	struct srtp_session_keys rtp, rtcp, again;
	struct srtp_master master;
	uint8_t out[SRTP_PRF_MAX_LEN + 1];

	memset(&master, 0x42, sizeof(master));
	assert_int_equal(srtp_keys_derive(NULL, &master, &rtp, &rtcp), -EINVAL);
	other.key_len = 200; /* lengths from elsewhere than the table are not trusted */
	assert_int_equal(srtp_keys_derive(&other, &master, &rtp, &rtcp), -EINVAL);

	assert_int_equal(srtp_keys_derive(p, &master, &rtp, &rtcp), 0);
	assert_memory_not_equal(rtp.cipher, rtcp.cipher, 16);
	assert_memory_not_equal(rtp.auth, rtcp.auth, 20);
	assert_memory_not_equal(rtp.salt, rtcp.salt, 14);
	assert_int_equal(srtp_keys_derive(p, &master, NULL, &again), 0);
	assert_memory_equal(&again, &rtcp, sizeof(again));
	assert_int_equal(srtp_keys_derive(p, &master, &again, NULL), 0);
	assert_memory_equal(&again, &rtp, sizeof(again));

	assert_int_equal(srtp_prf(master.key, 24, master.salt, 0, out, 16), -EINVAL);
	assert_int_equal(srtp_prf(master.key, 16, master.salt, 0, out, 0), -EINVAL);
	assert_int_equal(srtp_prf(master.key, 16, master.salt, 0, out, sizeof(out)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_openssl_names),
		cmocka_unit_test(test_exporter_split),
		cmocka_unit_test(test_derive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
