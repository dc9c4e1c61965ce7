/* SPDX-License-Identifier: BSD-3-Clause */
/* Table of SRTP profiles, see profile.h. Any thread. */
#include "apps/viewer/profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct profile profiles[PROFILE_COUNT] = {
	{"AES128_CM_HMAC_SHA1_80", "SRTP_AES128_CM_SHA1_80", 0x0001, srtp_profile_aes128_cm_sha1_80,
		16, 14},
	{"AEAD_AES_128_GCM", "SRTP_AEAD_AES_128_GCM", 0x0007, srtp_profile_aead_aes_128_gcm, 16,
		12},
	{"AEAD_AES_256_GCM", "SRTP_AEAD_AES_256_GCM", 0x0008, srtp_profile_aead_aes_256_gcm, 32,
		12},
};

const struct profile *profile_at(size_t index)
{
	return index < PROFILE_COUNT ? &profiles[index] : NULL;
}

const struct profile *profile_by_name(const char *name)
{
	for (size_t i = 0; i < PROFILE_COUNT; i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}

const struct profile *profile_by_id(unsigned long id)
{
	for (size_t i = 0; i < PROFILE_COUNT; i++)
		if (profiles[i].id == id)
			return &profiles[i];
	return NULL;
}

int profile_format_list(const struct profile *const *list_of, size_t count, char *list, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		int n = snprintf(
			list + used, size - used, "%s%s", i ? ":" : "", list_of[i]->openssl_name);

		if (n < 0 || (size_t)n >= size - used)
			return -ENOSPC;
		used += (size_t)n;
	}
	return 0;
}
