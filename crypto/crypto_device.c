/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chooses the back end by name and passes the calls on. The bulk calls run on
 * the worker that owns the device; srtp_tx_init() and srtp_tx_fini() anywhere.
 */
#include "crypto/crypto_device_ops.h"

#include "crypto/secret.h"

#include <errno.h>
#include <string.h>

static const struct crypto_device_ops *const backends[] = {
	&crypto_device_ipsec_mb,
};

struct crypto_device *crypto_device_create(const char *backend)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (backend != NULL && strcmp(backends[i]->name, backend) == 0)
			return backends[i]->create();
	errno = ENOENT;
	return NULL;
}

void crypto_device_destroy(struct crypto_device *dev)
{
	if (dev != NULL)
		dev->ops->destroy(dev);
}

const char *crypto_device_describe(const struct crypto_device *dev)
{
	return dev->describe;
}

int srtp_tx_init(const struct crypto_device *dev, struct srtp_tx *tx,
	const struct srtp_profile *profile, const struct srtp_session_keys *keys)
{
	struct srtp_tx_layout *layout = (struct srtp_tx_layout *)(void *)tx->opaque;
	int err;

	memset(tx, 0, sizeof(*tx));
	if (profile == NULL || srtp_profile_by_id(profile->id) != profile)
		return -EINVAL;
	layout->profile = profile;
	memcpy(layout->salt, keys->salt, profile->salt_len);
	err = dev->ops->expand(dev, tx, keys);
	if (err != 0)
		srtp_tx_fini(tx);
	return err;
}

void srtp_tx_fini(struct srtp_tx *tx)
{
	secret_wipe(tx, sizeof(*tx));
}

uint8_t srtp_tx_tag_len(const struct srtp_tx *tx)
{
	return srtp_tx_layout(tx)->profile->rtp_tag_len;
}

uint16_t srtp_protect_burst(struct crypto_device *dev, struct srtp_op *ops, uint16_t n)
{
	return dev->ops->protect_burst(dev, ops, n);
}
