/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RFC 3711 B.2: the AES-CM keystream, 1,044,512 bytes of it. The end lies beyond
 * what one packet can hold, so libcrypto makes the whole of it, is held against
 * the RFC, and holds our packets. One thread.
 */
#include "crypto/crypto_device.h"
#include "tests/unit/crypto/backend.h"
#include "tests/vectors/hex.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define B2_KEY "2B7E151628AED2A6ABF7158809CF4F3C"
#define B2_SALT "F0F1F2F3F4F5F6F7F8F9FAFBFCFD"
#define B2_LEN 1044512 /* bytes */
#define MAX_PAYLOAD 65000

static const struct {
	uint32_t block;
	const char *out;
} b2[] = {
	{0x0000, "E03EAD0935C95E80E166B16DD92B4EB4"},
	{0x0001, "D23513162B02D0F72A43A2FE4A5F97AB"},
	{0x0002, "41E95B3BB0A2E8DD477901E4FCA894C0"},
	{0xfeff, "EC8CDF7398607CB0F2D21675EA9EA1E4"},
	{0xff00, "362B7C3C6773516318A077D7FC5073AE"},
	{0xff01, "6A2CC3787889374FBEB4C81B17BA6C44"},
};

static void reference(uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t key[16], iv[16] = {0};
	int n = 0;

	hex_parse(B2_KEY, key, sizeof(key));
	hex_parse(B2_SALT, iv, sizeof(iv));
	memset(out, 0, B2_LEN);
	assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, key, iv), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, out, &n, out, B2_LEN), 1);
	assert_int_equal(n, B2_LEN);
	EVP_CIPHER_CTX_free(ctx);
}

static void test_keystream(void **state)
{
	static const uint16_t lengths[] = {1, 15, 16, 17, 48, 127, 1200, 1460, MAX_PAYLOAD};
	const struct srtp_profile *p = srtp_profile_by_id(SRTP_PROFILE_AES128_CM_SHA1_80);
	struct crypto_device *dev = crypto_device_create(backend_name());
	uint8_t *stream = malloc(B2_LEN);
	uint8_t *zeros = calloc(1, MAX_PAYLOAD);
	uint8_t *wire = malloc(12 + MAX_PAYLOAD + SRTP_MAX_TRAILER);
	struct srtp_session_keys keys = {0};
	struct srtp_tx tx;

	assert_non_null(dev);
	reference(stream);
	for (size_t i = 0; i < sizeof(b2) / sizeof(b2[0]); i++) {
		uint8_t want[16];

		hex_parse(b2[i].out, want, sizeof(want));
		assert_memory_equal(stream + (size_t)b2[i].block * 16, want, 16);
	}

	/* SSRC 0 and index 0: the IV is the salt. */
	hex_parse(B2_KEY, keys.cipher, sizeof(keys.cipher));
	hex_parse(B2_SALT, keys.salt, sizeof(keys.salt));
	assert_int_equal(srtp_tx_init(dev, &tx, p, &keys), 0);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct srtp_op op = {.tx = &tx,
			.src = zeros,
			.dst = wire,
			.hdr_len = 12,
			.payload_len = lengths[i]};

		memset(wire, 0, 12);
		wire[0] = 0x80;
		assert_int_equal(srtp_protect_burst(dev, &op, 1), 1);
		assert_int_equal(op.out_len, 12 + lengths[i] + p->rtp_tag_len);
		assert_memory_equal(wire + 12, stream, lengths[i]);
	}
	srtp_tx_fini(&tx);
	crypto_device_destroy(dev);
	free(wire);
	free(zeros);
	free(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keystream),
	};

	return cmocka_run_group_tests(tests, backend_eal, backend_eal_end);
}
