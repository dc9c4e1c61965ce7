/* SPDX-License-Identifier: BSD-3-Clause */
/* Figures of one received SSRC, see track.h. Owned by the thread of its viewer. */
#include "apps/viewer/track.h"

#include "apps/viewer/key_frame.h"

#include <string.h>

#define DEFAULT_CLOCK_RATE 90000 /* Hz, for payload types the answer does not name */
#define MICROSECONDS 1000000u

void track_init(struct track *track, uint32_t ssrc, const struct sdp_payload *payload)
{
	memset(track, 0, sizeof(*track));
	track->ssrc = ssrc;
	track->clock_rate = DEFAULT_CLOCK_RATE;
	if (payload == NULL)
		return;
	track->clock_rate = payload->clock_rate;
	track->kind = payload->kind;
	memcpy(track->codec, payload->codec, sizeof(track->codec));
}

/* RFC 3550 A.8, with its integer arithmetic. */
static void update_jitter(struct track *track, uint32_t timestamp, uint64_t now_us)
{
	uint32_t arrival = (uint32_t)(now_us * track->clock_rate / MICROSECONDS);
	uint32_t transit = arrival - timestamp;
	int32_t distance = (int32_t)(transit - track->transit);
	uint32_t magnitude = distance < 0 ? 0u - (uint32_t)distance : (uint32_t)distance;

	if (track->packets > 0)
		track->jitter += magnitude - ((track->jitter + 8) >> 4);
	track->transit = transit;
}

enum sequence_verdict track_receive(
	struct track *track, uint64_t index, uint32_t timestamp, size_t payload, uint64_t now_us)
{
	enum sequence_verdict verdict = sequence_add(&track->sequence, index);

	if (track->last_us != 0 && now_us - track->last_us > track->longest_gap_us)
		track->longest_gap_us = now_us - track->last_us;
	track->last_us = now_us;
	if (verdict == SEQUENCE_DUPLICATE || verdict == SEQUENCE_TOO_LATE)
		return verdict;
	if (verdict == SEQUENCE_NEW) {
		update_jitter(track, timestamp, now_us);
		if (track->packets == 0 || timestamp != track->last_timestamp)
			track->frames++;
		track->last_timestamp = timestamp;
	}
	if (track->packets == 0) {
		track->first_us = now_us;
		track->first_timestamp = timestamp;
	}
	track->packets++;
	track->bytes += payload;
	return verdict;
}

void track_look_for_key(struct track *track, uint64_t index, uint32_t timestamp,
	const uint8_t *payload, size_t length)
{
	bool any = track->key_frames > 0;

	if (track->kind != MEDIA_VIDEO || (any && index < track->key_index))
		return;
	if (any && timestamp != track->key_timestamp && index < track->key_end)
		track->key_end = index;
	if (!key_frame_begins(track->codec, payload, length))
		return;
	/* Each slice of a key frame looks like the beginning of one, and may be repaired late. */
	if (any && timestamp == track->key_timestamp && index < track->key_end)
		return;
	track->key_frames++;
	track->key_index = index;
	track->key_end = UINT64_MAX;
	track->key_timestamp = timestamp;
}

void track_receive_report(struct track *track, const struct rtcp_packet *report, uint64_t now_us)
{
	struct track_report *slot = &track->reports[track->report_count++ % TRACK_REPORTS_MAX];

	slot->at_us = now_us;
	slot->ntp = report->ntp;
	slot->rtp_timestamp = report->rtp_timestamp;
}

const struct track_report *track_last_report(const struct track *track)
{
	if (track->report_count == 0)
		return NULL;
	return &track->reports[(track->report_count - 1) % TRACK_REPORTS_MAX];
}

uint32_t track_jitter(const struct track *track)
{
	return track->jitter >> 4;
}

void track_report_block(struct track *track, uint64_t now_us, struct rtcp_block *block)
{
	const struct sequence *s = &track->sequence;
	const struct track_report *report = track_last_report(track);
	/* RFC 3550 A.3 counts duplicates and late packets as received. */
	uint64_t received = s->unique + s->duplicates + s->too_late - track->rtx_packets -
			    track->repairs_unneeded;
	uint64_t expected = s->started ? s->highest - s->base + 1 : 0;
	int64_t expected_interval = (int64_t)(expected - track->expected_prior);
	int64_t lost_interval = expected_interval - (int64_t)(received - track->received_prior);
	int64_t lost = (int64_t)expected - (int64_t)received;

	memset(block, 0, sizeof(*block));
	block->ssrc = track->ssrc;
	if (expected_interval > 0 && lost_interval > 0)
		block->fraction_lost =
			lost_interval >= expected_interval
				? 255
				: (uint8_t)((lost_interval << 8) / expected_interval);
	block->cumulative_lost = lost > INT32_MAX   ? INT32_MAX
				 : lost < INT32_MIN ? INT32_MIN
						    : (int32_t)lost;
	block->highest = (uint32_t)s->highest;
	block->jitter = track_jitter(track);
	if (report) {
		block->last_sr = (uint32_t)(report->ntp >> 16);
		block->delay_since_sr = (uint32_t)(((now_us - report->at_us) << 16) / MICROSECONDS);
	}
	track->expected_prior = expected;
	track->received_prior = received;
}
