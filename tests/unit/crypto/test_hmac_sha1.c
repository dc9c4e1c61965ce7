/* SPDX-License-Identifier: BSD-3-Clause */
/* HMAC-SHA1: the vectors of RFC 2202 3, and OpenSSL over random keys and lengths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "crypto/hmac_sha1.h"
#include "crypto/secret.h"
#include "tests/unit/crypto/random.h"

static void compare(struct crypto_device *dev, const char *why, const void *secret,
	size_t secret_len, const uint8_t *data, size_t len, const uint8_t *expected)
{
	struct hmac_sha1_key key;
	uint8_t digest[HMAC_SHA1_LEN];

	assert_int_equal(hmac_sha1_init(dev, &key, secret, secret_len), 0);
	assert_int_equal(hmac_sha1(dev, &key, data, len, digest), 0);
	if (!secret_equal(digest, expected, sizeof(digest)))
		fail_msg("%s", why);
	hmac_sha1_fini(&key);
}

static void test_rfc2202(void **state)
{
	static const struct {
		const char *why;
		uint8_t key_byte; /* repeated; 0: `key` */
		const char *key;
		size_t key_len;
		uint8_t data_byte; /* repeated; 0: `data` */
		const char *data;
		size_t len;
		const char *digest;
	} cases[] = {
		{"case 1: a key shorter than a block", 0x0b, NULL, 20, 0, "Hi There", 8,
			"\xb6\x17\x31\x86\x55\x05\x72\x64\xe2\x8b\xc0\xb6\xfb\x37\x8c\x8e\xf1\x46"
			"\xbe\x00"},
		{"case 2: a text as the key", 0, "Jefe", 4, 0, "what do ya want for nothing?", 28,
			"\xef\xfc\xdf\x6a\xe5\xeb\x2f\xa2\xd2\x74\x16\xd5\xf1\x84\xdf\x9c\x25\x9a"
			"\x7c\x79"},
		{"case 3: data of 50 bytes", 0xaa, NULL, 20, 0xdd, NULL, 50,
			"\x12\x5d\x73\x42\xb9\xac\x11\xcd\x91\xa3\x9a\xf4\x8a\xa1\x7b\x4f\x63\xf1"
			"\x75\xd3"},
	};
	struct crypto_device *dev = *state;
	uint8_t key[64], data[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(key, cases[i].key_byte, sizeof(key));
		memset(data, cases[i].data_byte, sizeof(data));
		compare(dev, cases[i].why, cases[i].key != NULL ? (const void *)cases[i].key : key,
			cases[i].key_len,
			cases[i].data != NULL ? (const uint8_t *)cases[i].data : data, cases[i].len,
			(const uint8_t *)cases[i].digest);
	}
}

static void test_against_openssl(void **state)
{
	struct random r;
	uint8_t secret[HMAC_SHA1_KEY_MAX], data[1500], expected[EVP_MAX_MD_SIZE];

	random_init(&r, 2104);
	for (int i = 0; i < 2000; i++) {
		size_t secret_len = random_below(&r, sizeof(secret)) + 1;
		size_t len = random_below(&r, sizeof(data)) + 1;

		random_bytes(&r, secret, secret_len);
		random_bytes(&r, data, len);
		assert_non_null(
			HMAC(EVP_sha1(), secret, (int)secret_len, data, len, expected, NULL));
		compare(*state, "random", secret, secret_len, data, len, expected);
	}
}

static void test_lengths(void **state)
{
	static const uint8_t zero[sizeof(struct hmac_sha1_key)];
	struct hmac_sha1_key key;
	uint8_t secret[65] = {1}, digest[HMAC_SHA1_LEN];

	memset(&key, 1, sizeof(key));
	assert_int_equal(hmac_sha1_init(*state, &key, secret, 65), -EINVAL);
	assert_memory_equal(&key, zero, sizeof(zero));
	assert_int_equal(hmac_sha1_init(*state, &key, secret, 64), 0);
	assert_int_equal(hmac_sha1(*state, &key, secret, 0, digest), -EIO);
	hmac_sha1_fini(&key);
	assert_memory_equal(&key, zero, sizeof(zero));
}

static int setup(void **state)
{
	*state = crypto_device_create("ipsec-mb");
	return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	crypto_device_destroy(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc2202),
		cmocka_unit_test(test_against_openssl),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
