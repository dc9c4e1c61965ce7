/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of SRTP protection profiles. Any thread; constant. */
#include "crypto/srtp_profile.h"

#include <stddef.h>
#include <string.h>

static const struct srtp_profile profiles[] = {
	{
		/* RFC 7714 12 and 14.2 */
		.id = SRTP_PROFILE_GCM_128,
		.name = "AEAD_AES_128_GCM",
		.openssl_name = "SRTP_AEAD_AES_128_GCM",
		.key_len = 16,
		.salt_len = 12,
		.auth_key_len = 0,
		.rtp_tag_len = 16,
		.rtcp_tag_len = 16,
	},
	{
		.id = SRTP_PROFILE_GCM_256,
		.name = "AEAD_AES_256_GCM",
		.openssl_name = "SRTP_AEAD_AES_256_GCM",
		.key_len = 32,
		.salt_len = 12,
		.auth_key_len = 0,
		.rtp_tag_len = 16,
		.rtcp_tag_len = 16,
	},
	{
		/* RFC 5764 4.1.2 */
		.id = SRTP_PROFILE_AES128_CM_SHA1_80,
		.name = "AES128_CM_HMAC_SHA1_80",
		.openssl_name = "SRTP_AES128_CM_SHA1_80",
		.key_len = 16,
		.salt_len = 14,
		.auth_key_len = 20,
		.rtp_tag_len = 10,
		.rtcp_tag_len = 10,
	},
};

#define N_PROFILES (sizeof(profiles) / sizeof(profiles[0]))

const struct srtp_profile *srtp_profile_by_id(uint16_t id)
{
	for (size_t i = 0; i < N_PROFILES; i++)
		if (profiles[i].id == id)
			return &profiles[i];
	return NULL;
}

const struct srtp_profile *srtp_profile_by_name(const char *name)
{
	if (name == NULL)
		return NULL;
	for (size_t i = 0; i < N_PROFILES; i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}
