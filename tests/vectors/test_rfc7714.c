/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RFC 7714 16 (SRTP) and 17 (SRTCP): session keys are given, so the key
 * derivation is not part of it. One thread.
 */
#include "crypto/crypto_device.h"
#include "crypto/srtcp.h"
#include "tests/unit/crypto/backend.h"
#include "tests/vectors/hex.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KEY "000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f"
#define SALT "517569642070726f2071756f"
#define RTP_HDR "8040f17b 8041f8d3 5501a0b2"
#define RTP_PAYLOAD                                                                                \
	"47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573"
#define RTCP                                                                                       \
	"81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61"                  \
	"deadbeef deadbeef deadbeef deadbeef deadbeef"
#define RTCP_INDEX 0x5d4

static const struct {
	const char *why;
	uint16_t profile;
	const char *hdr, *payload, *wire;
} srtp_cases[] = {
	{"16.1.1 AEAD_AES_128_GCM encryption", SRTP_PROFILE_GCM_128, RTP_HDR, RTP_PAYLOAD,
		RTP_HDR "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b"
			"36de3adf 8833 899d7f27 beb16a91 52cf765e e4390cce"},
	{"16.1.3 AEAD_AES_128_GCM, all associated data, no payload", SRTP_PROFILE_GCM_128,
		RTP_HDR RTP_PAYLOAD, "", RTP_HDR RTP_PAYLOAD "22493f82 d2bce397 e9d79e3b 19aa4216"},
	{"16.2.1 AEAD_AES_256_GCM encryption", SRTP_PROFILE_GCM_256, RTP_HDR, RTP_PAYLOAD,
		RTP_HDR "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f"
			"1ba63799 b87b 7aa3db36 dfffd6b0 f9bb7878 d7a76c13"},
	{"16.2.3 AEAD_AES_256_GCM, all associated data, no payload", SRTP_PROFILE_GCM_256,
		RTP_HDR RTP_PAYLOAD, "", RTP_HDR RTP_PAYLOAD "a866d591 0f887463 067ceefe c45215d4"},
};

static const struct {
	const char *why;
	uint16_t profile;
	const char *wire;
	int unprotect; /* expected: length of the plain packet, or -errno */
} srtcp_cases[] = {
	{"17.1 AEAD_AES_128_GCM encryption", SRTP_PROFILE_GCM_128,
		"81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1"
		"730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
		52},
	{"17.2 AEAD_AES_256_GCM decryption", SRTP_PROFILE_GCM_256,
		"81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1"
		"110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
		52},
	{"17.3 AEAD_AES_128_GCM tag without encryption: refused", SRTP_PROFILE_GCM_128,
		RTCP "841dd968 3dd78ec9 2ae58790 125f62b3 000005d4", -EINVAL},
	{"17.4 AEAD_AES_256_GCM tag without encryption: refused", SRTP_PROFILE_GCM_256,
		RTCP "91db4afb feee5a97 8fab4393 ed2615fe 000005d4", -EINVAL},
};

static struct srtp_session_keys session_keys(const struct srtp_profile *p)
{
	struct srtp_session_keys keys = {0};

	hex_parse(KEY, keys.cipher, sizeof(keys.cipher));
	memset(keys.cipher + p->key_len, 0, sizeof(keys.cipher) - p->key_len);
	hex_parse(SALT, keys.salt, sizeof(keys.salt));
	return keys;
}

static void test_srtp(void **state)
{
	struct crypto_device *dev = *state;

	for (size_t i = 0; i < sizeof(srtp_cases) / sizeof(srtp_cases[0]); i++) {
		const struct srtp_profile *p = srtp_profile_by_id(srtp_cases[i].profile);
		struct srtp_session_keys keys = session_keys(p);
		uint8_t payload[64], wire[128], want[128];
		struct srtp_tx tx;
		struct srtp_op op = {.tx = &tx,
			.src = payload,
			.dst = wire,
			.index = 0xf17b,
			.ssrc = 0x5501a0b2};
		size_t want_len = hex_parse(srtp_cases[i].wire, want, sizeof(want));

		print_message("%s\n", srtp_cases[i].why);
		op.hdr_len = (uint16_t)hex_parse(srtp_cases[i].hdr, wire, sizeof(wire));
		op.payload_len =
			(uint16_t)hex_parse(srtp_cases[i].payload, payload, sizeof(payload));
		assert_int_equal(srtp_tx_init(dev, &tx, p, &keys), 0);
		assert_int_equal(srtp_protect_burst(dev, &op, 1), 1);
		assert_int_equal(op.status, 0);
		assert_int_equal(op.out_len, want_len);
		assert_memory_equal(wire, want, want_len);
		srtp_tx_fini(&tx);
	}
}

static void test_srtcp(void **state)
{
	struct crypto_device *dev = *state;

	for (size_t i = 0; i < sizeof(srtcp_cases) / sizeof(srtcp_cases[0]); i++) {
		const struct srtp_profile *p = srtp_profile_by_id(srtcp_cases[i].profile);
		struct srtp_session_keys keys = session_keys(p);
		uint8_t plain[64], buf[128], wire[128];
		size_t len = hex_parse(RTCP, plain, sizeof(plain));
		size_t wire_len = hex_parse(srtcp_cases[i].wire, wire, sizeof(wire));
		struct srtcp_tx tx;
		struct srtcp_rx rx;

		print_message("%s\n", srtcp_cases[i].why);
		assert_int_equal(srtcp_tx_init(dev, &tx, p, &keys, RTCP_INDEX), 0);
		assert_int_equal(srtcp_rx_init(dev, &rx, p, &keys), 0);

		memcpy(buf, wire, wire_len);
		assert_int_equal(
			srtcp_unprotect(dev, &rx, buf, wire_len), srtcp_cases[i].unprotect);
		if (srtcp_cases[i].unprotect > 0) {
			assert_int_equal(srtcp_cases[i].unprotect, len);
			assert_memory_equal(buf, plain, len);
			memcpy(buf, plain, len);
			assert_int_equal(srtcp_protect(dev, &tx, buf, len, sizeof(buf)), wire_len);
			assert_memory_equal(buf, wire, wire_len);
		}
		srtcp_tx_fini(&tx);
		srtcp_rx_fini(&rx);
	}
}

static int setup(void **state)
{
	if (backend_eal(NULL) != 0)
		return -1;
	*state = crypto_device_create(backend_name());
	if (*state == NULL)
		return -1;
	print_message("%s\n", crypto_device_describe(*state));
	return 0;
}

static int teardown(void **state)
{
	crypto_device_destroy(*state);
	return backend_eal_end(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_srtp),
		cmocka_unit_test(test_srtcp),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
