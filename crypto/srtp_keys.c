/* SPDX-License-Identifier: BSD-3-Clause */
/* Key derivation and the split of exported keying material. Any thread; no state. */
#include "crypto/srtp_keys.h"

#include "crypto/secret.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#define AES_BLOCK 16
#define MAX_BLOCKS (SRTP_PRF_MAX_LEN / AES_BLOCK)
#define LABEL_AT 7 /* bytes into x: label || 48 bits of r, right-aligned in 112 bits */

/* RFC 3711 4.3.2: the first of three labels; authentication and salt follow. */
enum label {
	LABEL_RTP_CIPHER = 0,
	LABEL_RTCP_CIPHER = 3,
};

/* Only the entries of our own table: their lengths bound every copy below. */
static bool known(const struct srtp_profile *profile)
{
	return profile != NULL && srtp_profile_by_id(profile->id) == profile;
}

static int aes_ecb(const uint8_t *key, size_t key_len, const uint8_t *in, uint8_t *out, size_t len)
{
	const EVP_CIPHER *cipher = key_len == 32 ? EVP_aes_256_ecb() : EVP_aes_128_ecb();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, err = -EIO;

	if (ctx != NULL && EVP_EncryptInit_ex(ctx, cipher, NULL, key, NULL) == 1 &&
		EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
		EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1 && n == (int)len)
		err = 0;
	EVP_CIPHER_CTX_free(ctx); /* wipes its key schedule */
	return err;
}

int srtp_prf(const uint8_t *key, size_t key_len, const uint8_t salt[SRTP_SALT_MAX_LEN],
	uint8_t label, uint8_t *out, size_t len)
{
	uint8_t counter[MAX_BLOCKS * AES_BLOCK] = {0};
	uint8_t stream[MAX_BLOCKS * AES_BLOCK];
	size_t blocks = (len + AES_BLOCK - 1) / AES_BLOCK;
	int err;

	if ((key_len != 16 && key_len != 32) || len == 0 || len > SRTP_PRF_MAX_LEN)
		return -EINVAL;
	for (size_t i = 0; i < blocks; i++) {
		uint8_t *iv = counter + i * AES_BLOCK;

		memcpy(iv, salt, SRTP_SALT_MAX_LEN);
		iv[LABEL_AT] ^= label;
		iv[AES_BLOCK - 1] = (uint8_t)i;
	}
	err = aes_ecb(key, key_len, counter, stream, blocks * AES_BLOCK);
	if (err == 0)
		memcpy(out, stream, len);
	secret_wipe(stream, sizeof(stream));
	secret_wipe(counter, sizeof(counter));
	return err;
}

static int derive(const struct srtp_profile *profile, const struct srtp_master *master,
	enum label first, struct srtp_session_keys *keys)
{
	uint8_t salt[SRTP_SALT_MAX_LEN] = {0};
	int err;

	memset(keys, 0, sizeof(*keys));
	/* 96 bits are padded with zeros on the right: RFC 7714 11 */
	memcpy(salt, master->salt, profile->salt_len);
	err = srtp_prf(master->key, profile->key_len, salt, first, keys->cipher, profile->key_len);
	if (err == 0 && profile->auth_key_len != 0)
		err = srtp_prf(master->key, profile->key_len, salt, first + 1, keys->auth,
			profile->auth_key_len);
	if (err == 0)
		err = srtp_prf(master->key, profile->key_len, salt, first + 2, keys->salt,
			profile->salt_len);
	if (err != 0)
		secret_wipe(keys, sizeof(*keys));
	secret_wipe(salt, sizeof(salt));
	return err;
}

int srtp_keys_derive(const struct srtp_profile *profile, const struct srtp_master *master,
	struct srtp_session_keys *rtp, struct srtp_session_keys *rtcp)
{
	int err = 0;

	if (!known(profile))
		return -EINVAL;
	if (rtp != NULL)
		err = derive(profile, master, LABEL_RTP_CIPHER, rtp);
	if (err == 0 && rtcp != NULL) {
		err = derive(profile, master, LABEL_RTCP_CIPHER, rtcp);
		if (err != 0 && rtp != NULL)
			secret_wipe(rtp, sizeof(*rtp));
	}
	return err;
}

size_t srtp_exporter_len(const struct srtp_profile *profile)
{
	return 2 * ((size_t)profile->key_len + profile->salt_len);
}

int srtp_exporter_split(const struct srtp_profile *profile, const uint8_t *material, size_t len,
	struct srtp_master *client, struct srtp_master *server)
{
	const uint8_t *p = material;

	if (!known(profile) || len != srtp_exporter_len(profile))
		return -EINVAL;
	memset(client, 0, sizeof(*client));
	memset(server, 0, sizeof(*server));
	memcpy(client->key, p, profile->key_len);
	p += profile->key_len;
	memcpy(server->key, p, profile->key_len);
	p += profile->key_len;
	memcpy(client->salt, p, profile->salt_len);
	p += profile->salt_len;
	memcpy(server->salt, p, profile->salt_len);
	return 0;
}
