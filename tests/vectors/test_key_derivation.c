/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 3711 B.3 and RFC 6188 7.3: key derivation. One thread. */
#include "crypto/secret.h"
#include "crypto/srtp_keys.h"
#include "tests/vectors/hex.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define B3_KEY "E1F97A0D3E018BE0D64FA32C06DE4139"
#define B3_SALT "0EC675AD498AFEEBB6960B3AABE6"
#define R6188_KEY "f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6"
#define R6188_SALT "3b04803de51ee7c96423ab5b78d2"

static const struct {
	const char *why;
	const char *key, *salt;
	uint8_t label;
	const char *out;
} prf_cases[] = {
	{"RFC 3711 B.3 cipher key", B3_KEY, B3_SALT, 0, "C61E7A93744F39EE10734AFE3FF7A087"},
	{"RFC 3711 B.3 cipher salt", B3_KEY, B3_SALT, 2, "30CBBC08863D8C85D49DB34A9AE1"},
	{"RFC 3711 B.3 auth key, six blocks", B3_KEY, B3_SALT, 1,
		"CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE"
		"E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25"
		"6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2"},
	{"RFC 6188 7.3 cipher key", R6188_KEY, R6188_SALT, 0,
		"5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4"},
	{"RFC 6188 7.3 cipher salt", R6188_KEY, R6188_SALT, 2, "fa31791685ca444a9e07c6c64e93"},
	{"RFC 6188 7.3 auth key", R6188_KEY, R6188_SALT, 1,
		"fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"},
};

static void test_prf(void **state)
{
	for (size_t i = 0; i < sizeof(prf_cases) / sizeof(prf_cases[0]); i++) {
		uint8_t key[32], salt[14], want[SRTP_PRF_MAX_LEN], got[SRTP_PRF_MAX_LEN];
		size_t key_len = hex_parse(prf_cases[i].key, key, sizeof(key));
		size_t len = hex_parse(prf_cases[i].out, want, sizeof(want));

		print_message("%s\n", prf_cases[i].why);
		assert_int_equal(hex_parse(prf_cases[i].salt, salt, sizeof(salt)), sizeof(salt));
		assert_int_equal(srtp_prf(key, key_len, salt, prf_cases[i].label, got, len), 0);
		assert_memory_equal(got, want, len);
	}
}

/* The same vectors through the call that everyone uses. */
static void test_derive_sha1_80(void **state)
{
	const struct srtp_profile *p = srtp_profile_by_id(SRTP_PROFILE_AES128_CM_SHA1_80);
	struct srtp_session_keys rtp, rtcp, want = {0};
	struct srtp_master master = {0};

	hex_parse(B3_KEY, master.key, sizeof(master.key));
	hex_parse(B3_SALT, master.salt, sizeof(master.salt));
	hex_parse("C61E7A93744F39EE10734AFE3FF7A087", want.cipher, sizeof(want.cipher));
	hex_parse("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4", want.auth, sizeof(want.auth));
	hex_parse("30CBBC08863D8C85D49DB34A9AE1", want.salt, sizeof(want.salt));

	assert_int_equal(srtp_keys_derive(p, &master, &rtp, &rtcp), 0);
	assert_memory_equal(&rtp, &want, sizeof(want)); /* unused tails are zero */

	/* RTCP: labels 3, 4, 5 */
	memset(&want, 0, sizeof(want));
	assert_int_equal(srtp_prf(master.key, 16, master.salt, 3, want.cipher, 16), 0);
	assert_int_equal(srtp_prf(master.key, 16, master.salt, 4, want.auth, 20), 0);
	assert_int_equal(srtp_prf(master.key, 16, master.salt, 5, want.salt, 14), 0);
	assert_memory_equal(&rtcp, &want, sizeof(want));
}

/* RFC 7714 11: 96 bits of salt, zeros behind; whatever lies behind it is not read. */
static void test_derive_gcm_256(void **state)
{
	const struct srtp_profile *p = srtp_profile_by_id(SRTP_PROFILE_GCM_256);
	struct srtp_session_keys rtp, want = {0};
	struct srtp_master master = {0};
	uint8_t padded[14] = {0};

	hex_parse(R6188_KEY, master.key, sizeof(master.key));
	hex_parse(R6188_SALT, master.salt, sizeof(master.salt));
	memcpy(padded, master.salt, 12);
	assert_int_equal(srtp_prf(master.key, 32, padded, 0, want.cipher, 32), 0);
	assert_int_equal(srtp_prf(master.key, 32, padded, 2, want.salt, 12), 0);
	assert_int_equal(srtp_keys_derive(p, &master, &rtp, NULL), 0);
	assert_memory_equal(&rtp, &want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prf),
		cmocka_unit_test(test_derive_sha1_80),
		cmocka_unit_test(test_derive_gcm_256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
