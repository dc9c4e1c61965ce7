/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chooses the back end by name and passes the calls on. The bulk calls run on
 * the worker that owns the device; srtp_tx_init() and srtp_tx_fini() anywhere.
 */
#include "crypto/crypto_device_ops.h"

#include "crypto/secret.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct crypto_device_ops *const backends[] = {
	&crypto_device_ipsec_mb,
	&crypto_device_cryptodev,
};

/* "ipsec-mb" is the whole name, "cryptodev:" the beginning of many. */
static bool backend_is(const struct crypto_device_ops *ops, const char *name)
{
	size_t len = strlen(ops->name);

	if (ops->name[len - 1] == ':')
		return strncmp(ops->name, name, len) == 0;
	return strcmp(ops->name, name) == 0;
}

struct crypto_device *crypto_device_open(
	const struct crypto_device_config *config, char *error, size_t error_len)
{
	const char *name = config->backend != NULL ? config->backend : "";

	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (backend_is(backends[i], name))
			return backends[i]->create(config, error, error_len);
	snprintf(error, error_len, "there is no '%s'", name);
	errno = ENOENT;
	return NULL;
}

struct crypto_device *crypto_device_create(const char *backend)
{
	const struct crypto_device_config config = {.backend = backend, .n_workers = 1};
	char error[256];

	return crypto_device_open(&config, error, sizeof(error));
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

static int key_init(const struct crypto_device *dev, struct srtp_tx *tx,
	const struct srtp_profile *profile, const struct srtp_session_keys *keys, bool message)
{
	struct srtp_tx_layout *layout = (struct srtp_tx_layout *)(void *)tx->opaque;
	int err;

	memset(tx, 0, sizeof(*tx));
	if (profile == NULL || srtp_profile_by_id(profile->id) != profile)
		return -EINVAL;
	layout->profile = profile;
	memcpy(layout->salt, keys->salt, profile->salt_len);
	err = (message ? dev->ops->expand_message : dev->ops->expand)(dev, tx, keys);
	if (err != 0)
		srtp_tx_fini(tx);
	return err;
}

int srtp_tx_init(const struct crypto_device *dev, struct srtp_tx *tx,
	const struct srtp_profile *profile, const struct srtp_session_keys *keys)
{
	return key_init(dev, tx, profile, keys, false);
}

int srtp_message_key_init(const struct crypto_device *dev, struct srtp_tx *tx,
	const struct srtp_profile *profile, const struct srtp_session_keys *keys)
{
	return key_init(dev, tx, profile, keys, true);
}

void srtp_tx_fini(struct srtp_tx *tx)
{
	struct srtp_tx_layout *layout = (struct srtp_tx_layout *)(void *)tx->opaque;

	if (layout->release != NULL)
		layout->release(layout);
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
