/* SPDX-License-Identifier: BSD-3-Clause */
/* See wire_check.h. */
#include "apps/bench/wire_check.h"

#include "crypto/secret.h"

#include <arpa/inet.h>
#include <srtp2/srtp.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define NOTES_MAX 4096
#define PACKET_MAX 1536
#define RTP_HEADER 12
/* Of a viewer's packets, those whose numbers end so. */
#define SAMPLE_MASK 0x3f
/* When there are many notes: still near enough for libsrtp to see each turn of the
 * roll-over counter. */
#define SPARSE_MASK 0x1fff

#define FAR 0x4000 /* numbers between two samples, after which libsrtp is told where it is */

struct note {
	uint64_t number; /* of the packet, from the start */
	uint16_t len;    /* bytes */
	uint8_t sampled; /* index */
	alignas(4) uint8_t data[PACKET_MAX];
};

struct wire_check {
	uint32_t n;
	uint32_t viewer[WIRE_SAMPLED];
	uint16_t base[WIRE_SAMPLED];
	uint64_t opened_last[WIRE_SAMPLED]; /* number of the packet; 0: none */
	srtp_t session[WIRE_SAMPLED];
	const uint8_t *payload;
	uint16_t payload_len;
	uint64_t opened;
	uint64_t wrong;
	uint32_t n_notes;
	struct note notes[NOTES_MAX];
};

static int policy_fill(srtp_policy_t *policy, const struct srtp_profile *profile)
{
	memset(policy, 0, sizeof(*policy));
	policy->ssrc.type = ssrc_any_inbound;
	policy->window_size = 4096;
	switch (profile->id) {
	case SRTP_PROFILE_GCM_128:
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
		return 0;
	case SRTP_PROFILE_GCM_256:
		srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
		srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtcp);
		return 0;
	case SRTP_PROFILE_AES128_CM_SHA1_80:
		srtp_crypto_policy_set_rtp_default(&policy->rtp);
		srtp_crypto_policy_set_rtcp_default(&policy->rtcp);
		return 0;
	default:
		return -1;
	}
}

static int session_open(
	struct wire_check *c, const struct srtp_profile *profile, const struct wire_sampled *s)
{
	uint8_t key[SRTP_KEY_MAX_LEN + SRTP_SALT_MAX_LEN];
	srtp_policy_t policy;
	int rc;

	if (policy_fill(&policy, profile) != 0)
		return -1;
	memcpy(key, s->master.key, profile->key_len);
	memcpy(key + profile->key_len, s->master.salt, profile->salt_len);
	policy.key = key;
	c->viewer[c->n] = s->viewer;
	rc = srtp_create(&c->session[c->n], &policy) == srtp_err_status_ok ? 0 : -1;
	secret_wipe(key, sizeof(key));
	c->n += rc == 0;
	return rc;
}

struct wire_check *wire_check_create(
	const struct wire_population *p, const uint8_t *payload, uint16_t payload_len)
{
	struct wire_check *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->payload = payload;
	c->payload_len = payload_len;
	if (srtp_init() != srtp_err_status_ok)
		goto err;
	for (uint32_t i = 0; i < p->n_sampled; i++)
		if (session_open(c, p->profile, &p->sampled[i]) != 0)
			goto err;
	return c;
err:
	wire_check_destroy(c);
	return NULL;
}

void wire_check_destroy(struct wire_check *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < c->n; i++)
		srtp_dealloc(c->session[i]);
	free(c);
}

void wire_check_base(struct wire_check *c, uint32_t viewer, uint16_t base)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (c->viewer[i] == viewer)
			c->base[i] = base;
}

void wire_check_note(
	struct wire_check *c, uint32_t viewer, const uint8_t *srtp, uint16_t len, uint64_t sent)
{
	uint16_t sequence = (uint16_t)(srtp[2] << 8 | srtp[3]);
	uint16_t mask = c->n_notes < NOTES_MAX / 2 ? SAMPLE_MASK : SPARSE_MASK;

	if ((sequence & mask) != 0 || len > PACKET_MAX || c->n_notes == NOTES_MAX)
		return;
	for (uint32_t i = 0; i < c->n; i++) {
		struct note *note;

		if (c->viewer[i] != viewer)
			continue;
		note = &c->notes[c->n_notes++];
		/* the last one sent with that number on the wire */
		note->number =
			sent - (uint16_t)((uint16_t)sent - (uint16_t)(sequence - c->base[i]));
		note->len = len;
		note->sampled = (uint8_t)i;
		memcpy(note->data, srtp, len);
		return;
	}
}

static bool is_what_was_sent(const struct wire_check *c, const struct note *note, int len)
{
	const uint8_t *payload = note->data + RTP_HEADER;
	uint16_t fixed = c->payload_len - WIRE_NUMBER_LEN;
	uint16_t sequence = (uint16_t)(note->data[2] << 8 | note->data[3]);
	uint16_t number;

	/* But for the NAL's kind, which tells key frames. */
	if (len != RTP_HEADER + c->payload_len ||
		memcmp(payload + 1, c->payload + 1, fixed - 1u) != 0)
		return false;
	number = (uint16_t)(payload[c->payload_len - 2] << 8 | payload[c->payload_len - 1]);
	return (uint16_t)(sequence - c->base[note->sampled]) == number;
}

/* After a gap in which its numbers may have wrapped (trials lose, on purpose). */
static void tell_roc(struct wire_check *c, const struct note *note)
{
	uint64_t index = c->base[note->sampled] + note->number;
	uint64_t *last = &c->opened_last[note->sampled];
	uint32_t ssrc;

	memcpy(&ssrc, &note->data[8], sizeof(ssrc));
	if (*last != 0 && note->number > *last + FAR)
		srtp_set_stream_roc(
			c->session[note->sampled], ntohl(ssrc), (uint32_t)(index >> 16));
	*last = note->number;
}

void wire_check_open(struct wire_check *c)
{
	for (uint32_t i = 0; i < c->n_notes; i++) {
		struct note *note = &c->notes[i];
		int len = note->len;

		c->opened++;
		tell_roc(c, note);
		if (srtp_unprotect(c->session[note->sampled], note->data, &len) !=
				srtp_err_status_ok ||
			!is_what_was_sent(c, note, len))
			c->wrong++;
	}
	c->n_notes = 0;
}

uint64_t wire_check_opened(const struct wire_check *c)
{
	return c->opened;
}

uint64_t wire_check_wrong(const struct wire_check *c)
{
	return c->wrong;
}
