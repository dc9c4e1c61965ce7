/* SPDX-License-Identifier: BSD-3-Clause */
/* See viewer_check.h. */
#include "dataplane/control/viewer_check.h"

#include "crypto/srtp_profile.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* RFC 5761 4 */
static bool reads_as_rtcp(uint8_t payload_type)
{
	return payload_type >= 64 && payload_type <= 95;
}

static int track_check(const struct mr_viewer_track *t)
{
	if (t->stream_id == 0)
		return 0;
	if (t->ssrc == 0 || t->sequence_base >= 1u << 15 || t->payload_type > 127 ||
		t->rtx_payload_type > 127)
		return -EINVAL;
	if (reads_as_rtcp(t->payload_type))
		return -EINVAL;
	if (t->rtx_ssrc != 0 &&
		(reads_as_rtcp(t->rtx_payload_type) || t->rtx_payload_type == t->payload_type))
		return -EINVAL;
	return 0;
}

static bool all_zero(const uint8_t *bytes, size_t from, size_t to)
{
	while (from < to && bytes[from] == 0)
		from++;
	return from == to;
}

/* What the profile does not use is zero: two keys are one key only when they
 * are the same bytes. */
static bool keys_valid(const struct mr_srtp_keys *k, const struct srtp_profile *p)
{
	return all_zero(k->cipher, p->key_len, sizeof(k->cipher)) &&
	       all_zero(k->auth, p->auth_key_len, sizeof(k->auth)) &&
	       all_zero(k->salt, p->salt_len, sizeof(k->salt));
}

/* Under one key, one SSRC is one numbering: of a track, or of its RTX. */
static bool ssrcs_differ(const struct mr_viewer_add *m)
{
	uint32_t seen[2 * MR_VIEWER_TRACKS];
	unsigned int n = 0;

	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		if (m->track[i].stream_id == 0)
			continue;
		seen[n++] = m->track[i].ssrc;
		if (m->track[i].rtx_ssrc != 0)
			seen[n++] = m->track[i].rtx_ssrc;
	}
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int k = 0; k < i; k++)
			if (seen[i] == seen[k])
				return false;
	return true;
}

int viewer_add_check(const struct mr_viewer_add *m)
{
	const struct srtp_profile *profile = srtp_profile_by_id(m->srtp_profile);

	if (m->viewer_id == 0 || m->local.port == 0 || m->remote.port == 0)
		return -EINVAL;
	if (profile == NULL || !keys_valid(&m->tx_rtp, profile) ||
		!keys_valid(&m->tx_rtcp, profile) || !keys_valid(&m->rx_rtcp, profile))
		return -EINVAL;
	if (m->local_ufrag_len > sizeof(m->local_ufrag) ||
		m->local_pwd_len > sizeof(m->local_pwd) ||
		m->remote_ufrag_len > sizeof(m->remote_ufrag) ||
		strnlen(m->cname, sizeof(m->cname)) == sizeof(m->cname))
		return -EINVAL;
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		if (track_check(&m->track[i]) != 0)
			return -EINVAL;
	if (m->track[0].stream_id != 0 && m->track[0].stream_id == m->track[1].stream_id)
		return -EINVAL;
	return ssrcs_differ(m) ? 0 : -EINVAL;
}
