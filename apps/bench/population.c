/* SPDX-License-Identifier: BSD-3-Clause */
/* See population.h. The main thread. */
#include "apps/bench/population.h"

#include "apps/bench/figures.h"
#include "crypto/srtp_keys.h"
#include "dataplane/api/endpoint.h"
#include "dataplane/pipeline/worker.h"

#include <stdio.h>
#include <string.h>

#define NEXTHOP 1
#define PUBLIC_PORT 8189

static int execute(struct rig *r, struct mr_command *m, enum mr_command_type type)
{
	m->type = type;
	return command_execute(&r->dp.control, m);
}

static uint32_t audio_of(const struct rig *r, uint32_t video_id)
{
	return r->options.streams + video_id;
}

static int stream_add(struct rig *r, uint32_t id, uint32_t path_id, uint8_t kind)
{
	struct mr_command m = {
		.stream_add = {
			.stream_id = id,
			.path_id = path_id,
			.clock_rate = kind == MR_KIND_VIDEO ? 90000 : 48000,
			.max_payload = RIG_PAYLOAD_MAX,
			.kind = kind,
			.codec = kind == MR_KIND_VIDEO ? MR_CODEC_H264 : MR_CODEC_OPUS,
		}};

	return execute(r, &m, MR_COMMAND_STREAM_ADD);
}

static int path_add(struct rig *r, uint32_t index)
{
	struct rig_stream *s = &r->streams[index];
	struct mr_command path = {.path_set = {.path_id = index + 1, .state = MR_PATH_READY}};
	struct mr_command bind = {.stream_bind = {
					  .stream_id = index + 1,
					  .input = MR_INPUT_WIRE,
					  .payload_type = 96,
				  }};
	const struct stream_entry *e;
	int rc;

	s->id = index + 1;
	s->port = (uint16_t)(RIG_RTP_PORT + 2 * index);
	snprintf(path.path_set.name, sizeof(path.path_set.name), "path%u", s->id);
	bind.stream_bind.local = mr_endpoint_ipv4(RIG_GATEWAY, s->port);
	rc = execute(r, &path, MR_COMMAND_PATH_SET);
	if (rc == 0)
		rc = stream_add(r, s->id, s->id, MR_KIND_VIDEO);
	if (rc == 0)
		rc = stream_add(r, audio_of(r, s->id), s->id, MR_KIND_AUDIO);
	if (rc == 0)
		rc = execute(r, &bind, MR_COMMAND_STREAM_BIND);
	if (rc != 0)
		return rc;
	e = table_find(r->dp.control.tables.streams, s->id);
	s->worker = e->stream->worker;
	return 0;
}

static int keys_make(struct rig *r, struct mr_viewer_add *add, uint64_t *state)
{
	struct srtp_master master[2] = {0};
	struct srtp_session_keys rtp, rtcp;
	int rc;

	for (int way = 0; way < 2; way++) {
		for (unsigned int i = 0; i < r->options.profile->key_len; i++)
			master[way].key[i] = (uint8_t)(rig_random(state) >> 24);
		for (unsigned int i = 0; i < r->options.profile->salt_len; i++)
			master[way].salt[i] = (uint8_t)(rig_random(state) >> 24);
	}
	rc = srtp_keys_derive(r->options.profile, &master[0], &rtp, &rtcp);
	if (rc != 0)
		return rc;
	memcpy(&add->tx_rtp, &rtp, sizeof(rtp));
	memcpy(&add->tx_rtcp, &rtcp, sizeof(rtcp));
	rc = srtp_keys_derive(r->options.profile, &master[1], NULL, &rtcp);
	memcpy(&add->rx_rtcp, &rtcp, sizeof(rtcp));
	return rc;
}

static int viewer_add(struct rig *r, uint32_t index, uint64_t *state)
{
	uint32_t others = RTE_MAX(r->options.streams - r->options.lone, 1u);
	struct rig_stream *s = &r->streams[r->options.lone && index == 0 ? others : index % others];
	struct mr_command m = {0};
	struct mr_viewer_add *add = &m.viewer_add;
	const struct viewer_entry *e;
	int rc;

	*add = (struct mr_viewer_add){
		.viewer_id = index + 1,
		.nexthop_id = NEXTHOP,
		.local = mr_endpoint_ipv4(
			r->options.gateway != 0 ? r->options.gateway : RIG_GATEWAY, PUBLIC_PORT),
		.remote = mr_endpoint_ipv4(RIG_VIEWER + index, RIG_VIEWER_PORT),
		.srtp_profile = r->options.profile->id,
		.local_ufrag_len = 8,
		.remote_ufrag_len = 8,
		.local_pwd_len = 24,
		.local_ufrag = "gateway0",
		.remote_ufrag = "viewer00",
		.local_pwd = "ABCDEFGHIJKLMNOPQRSTUVWX",
		.cname = "millrace-bench",
		.track = {{.stream_id = s->id, .payload_type = 96},
			{.stream_id = audio_of(r, s->id), .payload_type = 111}},
	};
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		add->track[i].ssrc = 2 * (index + 1) + i;
		add->track[i].sequence_base = (uint16_t)(rig_random(state) & 0x7fff);
		add->track[i].timestamp_base = (uint32_t)rig_random(state);
	}
	rc = keys_make(r, add, state);
	if (rc == 0)
		rc = execute(r, &m, MR_COMMAND_VIEWER_ADD);
	if (rc != 0)
		return rc;
	s->viewers++;
	e = table_find(r->dp.control.tables.viewers, index + 1);
	s->viewers_at[e->viewer->worker]++;
	return 0;
}

int population_add(struct rig *r, char *error, size_t len)
{
	struct mr_command hop = {.nexthop_set = {.nexthop_id = NEXTHOP,
					 .port = PORT_OUT,
					 .mac = {2, 0, 0, 0, 0, 2},
					 .valid = 1}};
	const char *device = r->options.device;
	uint64_t state = r->options.seed;
	int rc;

	if (device != NULL)
		memcpy(hop.nexthop_set.mac, r->options.nexthop, sizeof(hop.nexthop_set.mac));
	rc = execute(r, &hop, MR_COMMAND_NEXTHOP_SET);
	for (uint32_t i = 0; rc == 0 && i < r->options.streams; i++)
		rc = path_add(r, i);
	r->resident_idle = memory_resident();
	for (uint32_t i = 0; rc == 0 && i < r->options.viewers; i++) {
		rc = viewer_add(r, i, &state);
		if (i > 0)
			continue;
		r->resident_one = memory_resident();
		r->heap_one = memory_heap();
	}
	r->resident_all = memory_resident();
	r->heap_all = memory_heap();
	if (rc != 0)
		snprintf(
			error, len, "the data plane refused streams or viewers: %s", strerror(-rc));
	return rc;
}

/* Their records came one behind the other: now in memory they lie anywhere. The workers
 * stand still. */
static void audience_shuffle(struct audience *a, uint64_t *state)
{
	for (uint32_t k = a->n_tracks; k > 1; k--) {
		uint32_t with = (uint32_t)(rig_random(state) % k);
		struct viewer_track *t = a->tracks[k - 1];

		a->tracks[k - 1] = a->tracks[with];
		a->tracks[with] = t;
	}
}

void population_shuffle(struct rig *r)
{
	uint64_t state = ~r->options.seed;

	for (uint32_t i = 0; i < 2 * r->options.streams; i++) {
		const struct stream_entry *e = table_find(r->dp.control.tables.streams, i + 1);

		for (uint32_t w = 0; w < r->options.workers; w++)
			if (e->at[w].audience != NULL)
				audience_shuffle(e->at[w].audience, &state);
	}
}

void population_age(struct rig *r)
{
	for (uint32_t i = 0; i < r->options.streams; i++) {
		const struct stream_entry *e = table_find(r->dp.control.tables.streams, i + 1);
		struct plain_ring *ring = &e->stream->ring;

		memset(ring->bytes, 0, ring->byte_capacity);
		memset(ring->packets, 0, ring->capacity * sizeof(ring->packets[0]));
	}
}

void rig_skip(struct rig *r)
{
	for (uint32_t i = 0; i < 2 * r->options.streams; i++) {
		const struct stream_entry *e = table_find(r->dp.control.tables.streams, i + 1);

		for (uint32_t w = 0; w < r->options.workers; w++) {
			struct audience *a = e->at[w].audience;

			if (a == NULL || !a->remote)
				continue;
			a->live_next = e->stream->ring.next;
			a->live_position = 0;
		}
	}
}
