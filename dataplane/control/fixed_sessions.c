/* SPDX-License-Identifier: BSD-3-Clause */
/* See fixed_sessions.h. Main thread. */
#include "dataplane/control/fixed_sessions.h"

#include "crypto/secret.h"
#include "crypto/srtp_keys.h"
#include "dataplane/control/ssrc_store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static int session_keys(const struct mr_config_session *s, struct mr_viewer_add *add)
{
	struct srtp_session_keys rtp;
	struct srtp_session_keys rtcp;
	int rc = srtp_keys_derive(s->profile, &s->master, &rtp, &rtcp);

	if (rc == 0) {
		memcpy(&add->tx_rtp, &rtp, sizeof(add->tx_rtp));
		memcpy(&add->tx_rtcp, &rtcp, sizeof(add->tx_rtcp));
		/* Both directions share the one key that the file gives. */
		memcpy(&add->rx_rtcp, &rtcp, sizeof(add->rx_rtcp));
	}
	secret_wipe(&rtp, sizeof(rtp));
	secret_wipe(&rtcp, sizeof(rtcp));
	return rc;
}

static int session_fill(
	struct mr_viewer_add *add, const struct mr_config_session *s, uint32_t index, uint32_t ssrc)
{
	uint32_t random[4];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	memset(add, 0, sizeof(*add));
	add->viewer_id = MR_VIEWER_FIXED_BASE + index;
	add->remote = s->to;
	add->srtp_profile = s->profile->id;
	snprintf(add->cname, sizeof(add->cname), "%08x%08x", random[0], random[1]);
	add->track[0].ssrc = ssrc;
	add->track[0].payload_type = s->payload_type;
	add->track[0].timestamp_base = random[2];
	add->track[0].sequence_base = (uint16_t)(random[3] & 0x7fff);
	return session_keys(s, add);
}

static int session_add(
	struct control *c, const struct mr_config *config, uint32_t index, struct ssrc_store *store)
{
	const struct mr_config_session *s = &config->sessions[index];
	struct mr_viewer_add add;
	uint32_t ssrc;
	int rc = ssrc_store_reserve(
		store, s->master.key, s->profile->key_len, s->has_ssrc ? s->ssrc : 0, &ssrc);

	if (rc == -EEXIST) {
		fprintf(stderr,
			"error: sessions[%u].ssrc: 0x%08x was used with this key before; give the "
			"session a new key, or leave ssrc out to get a new one at every start\n",
			index, s->ssrc);
		return -EKEYREJECTED;
	}
	if (rc == 0)
		rc = session_fill(&add, s, index, ssrc);
	if (rc == 0)
		rc = viewer_add_fixed(c, &add, config->paths[s->path].name, (uint8_t)s->track,
			"waits for the path's stream");
	secret_wipe(&add, sizeof(add));
	if (rc != 0)
		fprintf(stderr, "error: sessions[%u]: does not start: %s\n", index,
			rc == -ENOSPC ? "dataplane.maxViewers is reached, or the disk is full"
				      : strerror(-rc));
	return rc;
}

unsigned int fixed_sessions_add(struct control *c, const struct mr_config *config)
{
	char error[512];
	struct ssrc_store *store;
	unsigned int failed = 0;

	static_assert(FIXED_SESSIONS_MAX >= MR_CONFIG_SESSIONS_MAX, "an entry for each");
	if (config->n_sessions == 0)
		return 0;
	store = ssrc_store_open(config->state_directory, error, sizeof(error));
	if (store == NULL) {
		fprintf(stderr,
			"error: stateDirectory: %s; no fixed session starts without it, because an "
			"SSRC could be used twice with its key\n",
			error);
		for (uint32_t i = 0; i < config->n_sessions; i++)
			c->fixed_error[i] = -EIO;
		return config->n_sessions;
	}
	for (uint32_t i = 0; i < config->n_sessions; i++) {
		c->fixed_error[i] = (int16_t)session_add(c, config, i, store);
		failed += c->fixed_error[i] != 0;
	}
	ssrc_store_close(store);
	return failed;
}
