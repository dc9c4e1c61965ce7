/* SPDX-License-Identifier: BSD-3-Clause */
/* Making and unmaking of viewers. Main thread. */
#include "dataplane/viewer/viewer.h"

#include "crypto/secret.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>

/* The contract's keys and crypto's are the same bytes. */
static_assert(sizeof(struct mr_srtp_keys) == sizeof(struct srtp_session_keys), "keys");
static_assert(
	offsetof(struct mr_srtp_keys, auth) == offsetof(struct srtp_session_keys, auth), "auth");
static_assert(
	offsetof(struct mr_srtp_keys, salt) == offsetof(struct srtp_session_keys, salt), "salt");

static int viewer_expand_keys(struct viewer *v, const struct crypto_device *crypto,
	const struct mr_viewer_add *add, const struct srtp_profile *profile)
{
	struct srtp_session_keys keys;
	int rc;

	memcpy(&keys, &add->tx_rtp, sizeof(keys));
	rc = srtp_tx_init(crypto, &v->rtp_key, profile, &keys);
	if (rc == 0) {
		memcpy(&keys, &add->tx_rtcp, sizeof(keys));
		rc = srtcp_tx_init(crypto, &v->rtcp_tx, profile, &keys, 0);
	}
	if (rc == 0) {
		memcpy(&keys, &add->rx_rtcp, sizeof(keys));
		rc = srtcp_rx_init(crypto, &v->rtcp_rx, profile, &keys);
	}
	if (rc == 0)
		rc = hmac_sha1_init(crypto, &v->integrity, add->local_pwd, add->local_pwd_len);
	secret_wipe(&keys, sizeof(keys));
	return rc;
}

static void viewer_set_track(struct viewer *v, unsigned int i, const struct mr_viewer_track *from)
{
	struct viewer_track *t = &v->track[i];

	t->viewer = v;
	t->ssrc = from->ssrc;
	t->timestamp_base = from->timestamp_base;
	t->wire_base = from->sequence_base;
	t->payload_type = from->payload_type;
	t->tag_len = srtp_tx_tag_len(&v->rtp_key);
	t->rtx_payload_type = from->rtx_payload_type;
	t->rtx_ssrc = from->rtx_ssrc;
	t->rtx_next = from->sequence_base; /* under another SSRC */
	t->stats = &v->stats->track[i];
}

struct viewer *viewer_create(const struct crypto_device *crypto, const struct mr_viewer_add *add,
	struct mr_stats_viewer *stats)
{
	const struct srtp_profile *profile = srtp_profile_by_id(add->srtp_profile);
	struct viewer *v;
	int rc;

	if (profile == NULL) {
		errno = EINVAL;
		return NULL;
	}
	v = rte_zmalloc("viewer", sizeof(*v), 64);
	if (v == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	v->remote_ufrag = malloc(add->remote_ufrag_len + 1u);
	if (v->remote_ufrag == NULL) {
		viewer_destroy(v);
		errno = ENOMEM;
		return NULL;
	}
	v->stats = stats;
	rc = viewer_expand_keys(v, crypto, add, profile);
	if (rc != 0) {
		viewer_destroy(v);
		errno = -rc;
		return NULL;
	}
	v->id = add->viewer_id;
	v->profile = add->srtp_profile;
	v->nexthop_id = add->nexthop_id;
	v->local = add->local;
	v->remote = add->remote;
	v->rtcp = true;
	memcpy(v->cname, add->cname, sizeof(v->cname));
	v->cname[sizeof(v->cname) - 1] = 0;
	v->local_ufrag_len = add->local_ufrag_len;
	v->remote_ufrag_len = add->remote_ufrag_len;
	v->local_pwd_len = add->local_pwd_len;
	memcpy(v->local_ufrag, add->local_ufrag, sizeof(v->local_ufrag));
	memcpy(v->remote_ufrag, add->remote_ufrag, add->remote_ufrag_len);
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		viewer_set_track(v, i, &add->track[i]);
	return v;
}

void viewer_destroy(struct viewer *v)
{
	if (v == NULL)
		return;
	srtp_tx_fini(&v->rtp_key);
	srtcp_tx_fini(&v->rtcp_tx);
	srtcp_rx_fini(&v->rtcp_rx);
	free(v->remote_ufrag);
	secret_wipe(v, sizeof(*v));
	rte_free(v);
}
