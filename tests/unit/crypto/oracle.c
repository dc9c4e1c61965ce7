/* SPDX-License-Identifier: BSD-3-Clause */
/* libsrtp2 behind plain arguments. One thread. */
#include "tests/unit/crypto/oracle.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <srtp2/srtp.h>

#define WINDOW 1024 /* indices */
#define MAX_SSRCS 4

struct oracle {
	srtp_t session;
};

void oracle_library_init(void)
{
	srtp_err_status_t status = srtp_init();

	if (status != srtp_err_status_ok) {
		fprintf(stderr, "srtp_init: %d\n", status);
		abort();
	}
}

static int set_policy(srtp_policy_t *policy, uint16_t profile)
{
	switch (profile) {
	case 0x0001:
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
		return 30;
	case 0x0007:
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
		return 28;
	case 0x0008:
		srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
		srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtcp);
		return 44;
	}
	abort();
}

struct oracle *oracle_create(
	uint16_t profile, const uint8_t *key, const uint8_t *salt, const uint32_t *ssrcs, int n)
{
	struct oracle *o = calloc(1, sizeof(*o));
	srtp_policy_t policies[MAX_SSRCS];
	uint8_t master[64];
	srtp_err_status_t status;

	assert(o != NULL && n >= 1 && n <= MAX_SSRCS);
	memset(policies, 0, sizeof(policies));
	for (int i = 0; i < n; i++) {
		int len = set_policy(&policies[i], profile);
		int key_len = profile == 0x0008 ? 32 : 16;

		memcpy(master, key, (size_t)key_len);
		memcpy(master + key_len, salt, (size_t)(len - key_len));
		policies[i].ssrc.type = ssrc_specific;
		policies[i].ssrc.value = ssrcs[i];
		policies[i].key = master;
		policies[i].window_size = WINDOW;
		policies[i].allow_repeat_tx = 1;
		policies[i].next = i + 1 < n ? &policies[i + 1] : NULL;
	}
	status = srtp_create(&o->session, policies);
	if (status != srtp_err_status_ok) {
		fprintf(stderr, "srtp_create: %d\n", status);
		abort();
	}
	return o;
}

void oracle_destroy(struct oracle *o)
{
	srtp_dealloc(o->session);
	free(o);
}

void oracle_set_roc(struct oracle *o, uint32_t ssrc, uint32_t roc)
{
	if (srtp_set_stream_roc(o->session, ssrc, roc) != srtp_err_status_ok)
		abort();
}

static int result(const char *what, srtp_err_status_t status, int len)
{
	if (status == srtp_err_status_ok)
		return len;
	printf("%s: libsrtp2 says %d\n", what, status);
	return -1;
}

int oracle_protect(struct oracle *o, uint8_t *buf, int len)
{
	srtp_err_status_t status = srtp_protect(o->session, buf, &len);

	return result("srtp_protect", status, len);
}

int oracle_unprotect(struct oracle *o, uint8_t *buf, int len)
{
	srtp_err_status_t status = srtp_unprotect(o->session, buf, &len);

	return result("srtp_unprotect", status, len);
}

int oracle_protect_rtcp(struct oracle *o, uint8_t *buf, int len)
{
	srtp_err_status_t status = srtp_protect_rtcp(o->session, buf, &len);

	return result("srtp_protect_rtcp", status, len);
}

int oracle_unprotect_rtcp(struct oracle *o, uint8_t *buf, int len)
{
	srtp_err_status_t status = srtp_unprotect_rtcp(o->session, buf, &len);

	return result("srtp_unprotect_rtcp", status, len);
}
