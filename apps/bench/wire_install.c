/* SPDX-License-Identifier: BSD-3-Clause */
/* See wire_install.h. */
#include "apps/bench/wire_install.h"

#include "apps/bench/rig.h"
#include "crypto/secret.h"
#include "dataplane/api/client.h"
#include "dataplane/api/endpoint.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PATIENCE_MS 10000
#define STREAM 1
#define NEXTHOP 1

struct installer {
	struct mr_client client;
	struct wire_population *p;
	uint64_t cookie;
	uint64_t random;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the two rings ---- */

/* The next event, or -errno. */
static int event_await(struct installer *in, struct mr_event *e)
{
	int64_t until = now_ms() + PATIENCE_MS;

	while (now_ms() < until) {
		struct pollfd fd = {.fd = in->client.event_fd, .events = POLLIN};
		int rc;

		mr_client_clear_event(&in->client);
		rc = mr_ring_dequeue(&in->client.channel.events, e);
		if (rc != 0)
			return rc > 0 ? 0 : rc;
		poll(&fd, 1, 10);
	}
	return -ETIMEDOUT;
}

static int table_await(struct installer *in)
{
	struct mr_event e;
	int rc;

	do {
		rc = event_await(in, &e);
		if (rc == 0 && e.type == MR_EVENT_PORT && e.port.index == 0)
			memcpy(in->p->gateway, e.port.mac, sizeof(in->p->gateway));
	} while (rc == 0 && e.type != MR_EVENT_TABLE_END);
	return rc;
}

static int execute(struct installer *in, struct mr_command *m, enum mr_command_type type)
{
	struct mr_event e;
	int rc;

	m->type = type;
	m->cookie = ++in->cookie;
	rc = mr_ring_enqueue(&in->client.channel.commands, m, sizeof(*m));
	if (rc != 0)
		return rc;
	mr_client_ring_doorbell(&in->client);
	do
		rc = event_await(in, &e);
	while (rc == 0 && (e.type != MR_EVENT_REPLY || e.cookie != m->cookie));
	return rc != 0 ? rc : e.reply.status;
}

/* ---- what is installed ---- */

static int stream_install(struct installer *in)
{
	struct mr_command path = {.path_set = {.path_id = 1, .state = MR_PATH_READY}};
	struct mr_command add = {.stream_add = {
					 .stream_id = STREAM,
					 .path_id = 1,
					 .clock_rate = 90000,
					 .max_payload = RIG_PAYLOAD_MAX,
					 .kind = MR_KIND_VIDEO,
					 .codec = MR_CODEC_H264,
				 }};
	struct mr_command bind = {.stream_bind = {
					  .stream_id = STREAM,
					  .local = mr_endpoint_ipv4(RIG_GATEWAY, RIG_RTP_PORT),
					  .input = MR_INPUT_WIRE,
					  .payload_type = 96,
				  }};
	struct mr_command hop = {.nexthop_set = {.nexthop_id = NEXTHOP, .valid = 1}};
	int rc;

	snprintf(path.path_set.name, sizeof(path.path_set.name), "wire");
	memcpy(hop.nexthop_set.mac, in->p->ours, sizeof(hop.nexthop_set.mac));
	rc = execute(in, &path, MR_COMMAND_PATH_SET);
	if (rc == 0)
		rc = execute(in, &add, MR_COMMAND_STREAM_ADD);
	if (rc == 0)
		rc = execute(in, &bind, MR_COMMAND_STREAM_BIND);
	if (rc == 0)
		rc = execute(in, &hop, MR_COMMAND_NEXTHOP_SET);
	return rc;
}

static void master_make(struct installer *in, struct srtp_master *master)
{
	const struct srtp_profile *profile = in->p->profile;

	memset(master, 0, sizeof(*master));
	for (unsigned int i = 0; i < profile->key_len; i++)
		master->key[i] = (uint8_t)(rig_random(&in->random) >> 24);
	for (unsigned int i = 0; i < profile->salt_len; i++)
		master->salt[i] = (uint8_t)(rig_random(&in->random) >> 24);
}

static int keys_make(struct installer *in, struct mr_viewer_add *add, struct srtp_master *ours)
{
	struct srtp_session_keys rtp, rtcp;
	struct srtp_master theirs;
	int rc;

	master_make(in, ours);
	master_make(in, &theirs);
	rc = srtp_keys_derive(in->p->profile, ours, &rtp, &rtcp);
	if (rc != 0)
		return rc;
	memcpy(&add->tx_rtp, &rtp, sizeof(rtp));
	memcpy(&add->tx_rtcp, &rtcp, sizeof(rtcp));
	rc = srtp_keys_derive(in->p->profile, &theirs, NULL, &rtcp);
	memcpy(&add->rx_rtcp, &rtcp, sizeof(rtcp));
	secret_wipe(&rtp, sizeof(rtp));
	secret_wipe(&rtcp, sizeof(rtcp));
	return rc;
}

/* The first, the last, and others at the same distance. */
static bool is_sampled(const struct wire_population *p, uint32_t index)
{
	uint32_t step = p->viewers / (WIRE_SAMPLED - 1) + 1;

	return index == p->viewers - 1 || index % step == 0;
}

static int viewer_install(struct installer *in, uint32_t index)
{
	struct wire_population *p = in->p;
	struct srtp_master master;
	struct mr_command m = {0};
	struct mr_viewer_add *add = &m.viewer_add;
	int rc;

	*add = (struct mr_viewer_add){
		.viewer_id = index + 1,
		.nexthop_id = NEXTHOP,
		.local = mr_endpoint_ipv4(RIG_GATEWAY, WIRE_PUBLIC_PORT),
		.remote = mr_endpoint_ipv4(RIG_VIEWER + index, RIG_VIEWER_PORT),
		.srtp_profile = p->profile->id,
		.local_ufrag_len = sizeof(WIRE_UFRAG) - 1,
		.remote_ufrag_len = sizeof(WIRE_REMOTE_UFRAG) - 1,
		.local_pwd_len = sizeof(WIRE_PASSWORD) - 1,
		.local_ufrag = WIRE_UFRAG,
		.remote_ufrag = WIRE_REMOTE_UFRAG,
		.local_pwd = WIRE_PASSWORD,
		.cname = "millrace-bench",
		.track = {{.stream_id = STREAM,
			.ssrc = index + 1,
			.payload_type = 96,
			.sequence_base = (uint16_t)(rig_random(&in->random) & 0x7fff)}},
	};
	rc = keys_make(in, add, &master);
	if (rc == 0)
		rc = execute(in, &m, MR_COMMAND_VIEWER_ADD);
	if (rc == 0 && is_sampled(p, index) && p->n_sampled < WIRE_SAMPLED)
		p->sampled[p->n_sampled++] =
			(struct wire_sampled){.viewer = index, .master = master};
	secret_wipe(&m, sizeof(m));
	secret_wipe(&master, sizeof(master));
	return rc;
}

int wire_install(struct wire_population *p, const char *socket, char *error, size_t error_len)
{
	struct installer in = {.p = p};
	struct timespec t;
	int rc = mr_client_connect(&in.client, socket, PATIENCE_MS);

	if (rc != 0) {
		snprintf(error, error_len, "%s: %s", socket, strerror(-rc));
		return -1;
	}
	/* No key a second time on one data plane. */
	clock_gettime(CLOCK_REALTIME, &t);
	in.random = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	rc = table_await(&in);
	if (rc == 0)
		rc = stream_install(&in);
	for (uint32_t i = 0; rc == 0 && i < p->viewers; i++)
		rc = viewer_install(&in, i);
	if (rc != 0)
		snprintf(error, error_len, "the data plane refuses the stream or its viewers: %s",
			strerror(-rc));
	mr_client_close(&in.client);
	return rc == 0 ? 0 : -1;
}
