/* SPDX-License-Identifier: BSD-3-Clause */
/* See telemetry_viewers.h. The telemetry thread. */
#include "dataplane/lifecycle/telemetry_viewers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static int parse_number(const char *text, uint32_t *number)
{
	char *end;
	unsigned long n;

	if (text == NULL || *text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || n > UINT32_MAX)
		return -EINVAL;
	*number = (uint32_t)n;
	return 0;
}

/* A whole copy of the i-th viewer. False: the entry is free. */
static bool viewer_at(const struct mr_stats *stats, uint32_t i, struct mr_stats_viewer *copy)
{
	struct mr_stats_view view = {.stats = stats, .size = stats->size};

	return mr_stats_read(&view, &stats->viewers, i, copy, sizeof(*copy)) == 0 && copy->id != 0;
}

static bool stream_of(const struct mr_stats *stats, uint32_t id, struct mr_stats_stream *copy)
{
	struct mr_stats_view view = {.stats = stats, .size = stats->size};

	for (uint32_t i = 0; id != 0 && i < stats->streams.count; i++)
		if (mr_stats_read(&view, &stats->streams, i, copy, sizeof(*copy)) == 0 &&
			copy->id == id)
			return true;
	return false;
}

int telemetry_viewers(const struct mr_stats *stats, const char *params, struct rte_tel_data *answer)
{
	struct mr_stats_viewer v;
	uint32_t first = 0;

	if (params != NULL && parse_number(params, &first) != 0)
		return -EINVAL;
	rte_tel_data_start_array(answer, RTE_TEL_U64_VAL);
	for (uint32_t i = first; i < stats->viewers.count; i++)
		if (viewer_at(stats, i, &v) && rte_tel_data_add_array_u64(answer, v.id) != 0)
			break; /* full */
	return 0;
}

static void add(struct rte_tel_data *answer, const char *track, const char *name, uint64_t value)
{
	char key[RTE_TEL_MAX_STRING_LEN];

	snprintf(key, sizeof(key), "%s_%s", track, name);
	rte_tel_data_add_dict_u64(answer, key, value);
}

/* By what its stream is; of a stream that has gone it is not known. */
static void add_track(
	struct rte_tel_data *answer, const struct mr_stats *stats, const struct mr_stats_track *t)
{
	struct mr_stats_stream s;
	const char *name;
	char key[RTE_TEL_MAX_STRING_LEN];

	if (!stream_of(stats, t->stream_id, &s))
		return;
	name = s.kind == MR_KIND_VIDEO ? "video" : "audio";
	add(answer, name, "packets", t->packets);
	add(answer, name, "bytes", t->bytes);
	add(answer, name, "reports", t->reports);
	if (t->reports > 0) {
		snprintf(key, sizeof(key), "%s_lost", name);
		rte_tel_data_add_dict_int(answer, key, t->cumulative_lost);
		add(answer, name, "loss_permille", t->fraction_lost * 1000u / 256);
		if (s.clock_rate > 0)
			add(answer, name, "jitter_us", t->jitter * 1000000ull / s.clock_rate);
	}
	if (t->round_trip_us > 0)
		add(answer, name, "round_trip_us", t->round_trip_us);
	add(answer, name, "nacks", t->nacks);
	add(answer, name, "plis", t->plis);
	add(answer, name, "repaired", t->repaired);
	add(answer, name, "bursts_given_up", t->bursts_given_up);
	add(answer, name, "refreshes", t->refreshes);
}

static bool viewer_find(const struct mr_stats *stats, uint32_t id, struct mr_stats_viewer *v)
{
	for (uint32_t i = 0; i < stats->viewers.count; i++)
		if (viewer_at(stats, i, v) && v->id == id)
			return true;
	return false;
}

int telemetry_viewer(const struct mr_stats *stats, const char *params, struct rte_tel_data *answer)
{
	struct mr_stats_viewer v;
	uint32_t id;

	if (parse_number(params, &id) != 0)
		return -EINVAL;
	if (id == 0 || !viewer_find(stats, id, &v))
		return -ENOENT;
	rte_tel_data_start_dict(answer);
	rte_tel_data_add_dict_u64(answer, "id", v.id);
	rte_tel_data_add_dict_u64(answer, "worker", v.worker);
	rte_tel_data_add_dict_u64(answer, "stun_answered", v.stun_answered);
	rte_tel_data_add_dict_u64(answer, "srtcp_in", v.srtcp_in);
	rte_tel_data_add_dict_u64(answer, "srtcp_out", v.srtcp_out);
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		add_track(answer, stats, &v.track[i]);
	return 0;
}
