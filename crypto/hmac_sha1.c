/* SPDX-License-Identifier: BSD-3-Clause */
/* See hmac_sha1.h: checks lengths and passes the calls on to the back end. */
#include "crypto/hmac_sha1.h"

#include "crypto/crypto_device_ops.h"
#include "crypto/secret.h"

#include <errno.h>
#include <string.h>

int hmac_sha1_init(
	const struct crypto_device *dev, struct hmac_sha1_key *key, const void *secret, size_t len)
{
	memset(key, 0, sizeof(*key));
	if (len > HMAC_SHA1_KEY_MAX)
		return -EINVAL;
	dev->ops->hmac_expand(dev, key, secret, len);
	return 0;
}

void hmac_sha1_fini(struct hmac_sha1_key *key)
{
	secret_wipe(key, sizeof(*key));
}

int hmac_sha1(struct crypto_device *dev, const struct hmac_sha1_key *key, const void *data,
	size_t len, uint8_t digest[HMAC_SHA1_LEN])
{
	if (len == 0 || len > CRYPTO_MESSAGE_MAX)
		return -EIO;
	return dev->ops->hmac(dev, key, data, len, digest);
}
