/* SPDX-License-Identifier: BSD-3-Clause */
/* A viewer as the data plane sees it: see viewer_install.h. Main thread. */
#include "controlplane/viewer/viewer_install.h"

#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static_assert(sizeof(struct mr_srtp_keys) == sizeof(struct srtp_session_keys), "one layout");
static_assert(
	offsetof(struct mr_srtp_keys, auth) == offsetof(struct srtp_session_keys, auth) &&
		offsetof(struct mr_srtp_keys, salt) == offsetof(struct srtp_session_keys, salt),
	"one layout");

int viewer_random_hex(char *out, size_t characters)
{
	uint8_t bytes[32];

	if (getrandom(bytes, characters / 2, 0) != (ssize_t)(characters / 2))
		return -EIO;
	for (size_t i = 0; i < characters / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

int viewer_install_tracks(struct viewer *v, const struct sdp_choices *choices, bool repairs)
{
	for (unsigned int i = 0; i < choices->n; i++) {
		const struct sdp_choice *c = &choices->choices[i];
		struct mr_viewer_track *t = &v->tracks[i];
		struct {
			uint32_t ssrc, rtx_ssrc, timestamp;
			uint16_t sequence;
		} r;

		if (getrandom(&r, sizeof(r), 0) != sizeof(r))
			return -EIO;
		t->stream_id = c->track->stream_id;
		t->ssrc = r.ssrc | 1; /* never 0; tracks differ in the next bit */
		t->ssrc = (t->ssrc & ~2u) | i << 1;
		t->timestamp_base = r.timestamp;
		t->sequence_base = r.sequence & 0x7fff; /* RFC 3711 3.3.1: no early wrap */
		t->payload_type = c->format.payload_type;
		if (repairs && c->format.nack && c->format.rtx) {
			t->rtx_ssrc = (r.rtx_ssrc & ~3u) | i << 1; /* even: no track's own */
			if (t->rtx_ssrc == 0)
				t->rtx_ssrc = 4;
			t->rtx_payload_type = c->format.rtx_payload_type;
		}
	}
	return 0;
}

static int fill_keys(const struct viewer *v, struct mr_viewer_add *add, const char **profile_name)
{
	struct srtp_session_keys tx_rtp, tx_rtcp, rx_rtcp;
	struct srtp_master client, server;
	const struct srtp_profile *profile;
	int rc = dtls_export(v->dtls, &profile, &client, &server);

	if (rc < 0)
		return rc;
	/* RFC 5764 4.2: we are the server, we write with the server's keys. */
	rc = srtp_keys_derive(profile, &server, &tx_rtp, &tx_rtcp);
	if (rc == 0)
		rc = srtp_keys_derive(profile, &client, NULL, &rx_rtcp);
	if (rc == 0) {
		add->srtp_profile = profile->id;
		memcpy(&add->tx_rtp, &tx_rtp, sizeof(tx_rtp));
		memcpy(&add->tx_rtcp, &tx_rtcp, sizeof(tx_rtcp));
		memcpy(&add->rx_rtcp, &rx_rtcp, sizeof(rx_rtcp));
		*profile_name = profile->name;
	}
	secret_wipe(&client, sizeof(client));
	secret_wipe(&server, sizeof(server));
	secret_wipe(&tx_rtp, sizeof(tx_rtp));
	secret_wipe(&tx_rtcp, sizeof(tx_rtcp));
	secret_wipe(&rx_rtcp, sizeof(rx_rtcp));
	return rc;
}

static void fill_identity(
	const struct viewer *v, const struct pair *pair, struct mr_viewer_add *add)
{
	add->viewer_id = v->id;
	add->nexthop_id = pair->route_info.nexthop_id;
	add->local = pair->flow.local;
	add->remote = pair->flow.remote;
	add->local_ufrag_len = strlen(v->ufrag);
	add->local_pwd_len = strlen(v->pwd);
	add->remote_ufrag_len = strlen(v->remote_ufrag);
	memcpy(add->local_ufrag, v->ufrag, add->local_ufrag_len);
	memcpy(add->local_pwd, v->pwd, add->local_pwd_len);
	memcpy(add->remote_ufrag, v->remote_ufrag, add->remote_ufrag_len);
	memcpy(add->cname, v->cname, sizeof(v->cname));
	memcpy(add->track, v->tracks, sizeof(v->tracks));
}

int viewer_install_fill(const struct viewer *v, const struct pair *pair, struct mr_viewer_add *add,
	const char **profile_name)
{
	fill_identity(v, pair, add);
	return fill_keys(v, add, profile_name);
}

void viewer_install_record(const struct viewer *v)
{
	struct viewer_record r = {.local = v->installed_local, .remote = v->installed_remote};
	uint8_t bytes[MR_RECORD_MAX];
	int len;

	g_strlcpy(r.path, v->path->name, sizeof(r.path));
	g_strlcpy(r.resource, v->resource, sizeof(r.resource));
	g_strlcpy(r.etag, v->etag, sizeof(r.etag));
	g_strlcpy(r.cname, v->cname, sizeof(r.cname));
	g_strlcpy(r.ufrag, v->ufrag, sizeof(r.ufrag));
	g_strlcpy(r.pwd, v->pwd, sizeof(r.pwd));
	g_strlcpy(r.remote_ufrag, v->remote_ufrag, sizeof(r.remote_ufrag));
	if (v->next.ufrag[0]) {
		g_strlcpy(r.next_ufrag, v->next.ufrag, sizeof(r.next_ufrag));
		g_strlcpy(r.next_pwd, v->next.pwd, sizeof(r.next_pwd));
		g_strlcpy(r.next_remote_ufrag, v->next.remote_ufrag, sizeof(r.next_remote_ufrag));
	}
	memcpy(r.track, v->tracks, sizeof(r.track));
	len = viewer_record_format(&r, bytes);
	if (len > 0)
		install_put_record(v->env->install, MR_RECORD_VIEWER, v->id, bytes, (size_t)len);
	secret_wipe(bytes, sizeof(bytes));
	secret_wipe(&r, sizeof(r));
}
