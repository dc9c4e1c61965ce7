/* SPDX-License-Identifier: BSD-3-Clause */
/* millrace viewers: what each viewer gets and reports. Main thread. */
#include "apps/millrace/commands.h"
#include "apps/millrace/table.h"

#include "controlplane/config/config.h"
#include "dataplane/api/command.h"

#include <math.h>
#include <string.h>

#define REPORTS_OLD_SECONDS 10

struct track_figures {
	const struct mr_stats_stream *stream; /* NULL: unknown */
	double packets;                       /* per second; NAN: no earlier sample */
	double bits;
	double jitter_ms;  /* reported; NAN: no report yet */
	double loss;       /* share since the report before; NAN: no report yet */
	double round_trip; /* [ms]; NAN: unknown */
};

static struct track_figures measure(const struct frame *f, uint32_t i, int k)
{
	const struct mr_stats_viewer *v = sample_entry(&f->now->viewers, i);
	const struct mr_stats_viewer *b =
		f->before != NULL ? sample_peer(&f->now->viewers, i, &f->before->viewers) : NULL;
	const struct mr_stats_track *t = &v->track[k];
	const struct mr_stats_track *bt = b != NULL ? &b->track[k] : NULL;
	const struct mr_stats_stream *s = sample_stream(f->now, t->stream_id);
	bool reported = t->reports > 0;

	return (struct track_figures){
		.stream = s,
		.packets = frame_rate(f, t->packets, bt != NULL ? &bt->packets : NULL),
		.bits = 8 * frame_rate(f, t->bytes, bt != NULL ? &bt->bytes : NULL),
		.jitter_ms = reported && s != NULL && s->clock_rate > 0
				     ? (double)t->jitter * 1000 / s->clock_rate
				     : NAN,
		.loss = reported ? (double)t->fraction_lost / 256 : NAN,
		.round_trip = t->round_trip_us > 0 ? (double)t->round_trip_us / 1000 : NAN,
	};
}

static bool track_used(const struct mr_stats_track *t)
{
	return t->stream_id != 0 || t->ssrc != 0;
}

static const char *profile_name(uint16_t id)
{
	const struct srtp_profile *p = srtp_profile_by_id(id);

	return p != NULL ? p->name : "unknown";
}

static const char *life_name(uint32_t state)
{
	return state == MR_LIFE_RUNNING   ? "running"
	       : state == MR_LIFE_WAITING ? "waiting"
					  : "unknown";
}

static const char *kind_name(const struct track_figures *g)
{
	return g->stream != NULL ? show_kind(g->stream->kind) : "-";
}

/* Fixed sessions are counted from 0, as in the session file. */
static const char *viewer_name(const struct mr_stats_viewer *v, char *buf)
{
	if (v->fixed)
		snprintf(buf, SHOW_SIZE, "session %u", v->id - MR_VIEWER_FIXED_BASE);
	else
		snprintf(buf, SHOW_SIZE, "%u", v->id);
	return buf;
}

static double age(const struct sample *now, const struct mr_stats_viewer *v)
{
	return now->clock_ns > v->since_ns ? (double)(now->clock_ns - v->since_ns) / 1e9 : 0;
}

/* Seconds since the last authenticated packet; NAN: none yet. */
static double silence(const struct sample *now, const struct mr_stats_viewer *v)
{
	uint64_t alive = v->alive_ns;

	if (alive == 0)
		return NAN;
	return now->at_ns > alive ? (double)(now->at_ns - alive) / 1e9 : 0;
}

/* A row per track; what is the viewer's stands in its first row only. */
static void print_track(struct table *t, const struct frame *f, uint32_t i, int k, bool first)
{
	const struct mr_stats_viewer *v = sample_entry(&f->now->viewers, i);
	const struct mr_stats_track *track = &v->track[k];
	struct track_figures g = measure(f, i, k);
	char b[SHOW_SIZE], text[MR_NAME_MAX];
	double quiet = silence(f->now, v);

	table_cell(t, first ? viewer_name(v, b) : "");
	table_cell(t, first ? show_path(f->now, v->path_id, text, sizeof(text)) : "");
	table_cell(t, first ? show_endpoint(b, &v->remote) : "");
	table_cell(t, first ? profile_name(v->srtp_profile) : "");
	table_cell_coloured(t, v->state == MR_LIFE_WAITING ? TABLE_YELLOW : TABLE_PLAIN,
		first ? life_name(v->state) : "");
	table_cell(t, first ? show_count(b, v->worker) : "");
	table_cell(t, first ? show_age(b, age(f->now, v)) : "");
	table_cell_coloured(t, quiet > REPORTS_OLD_SECONDS ? TABLE_YELLOW : TABLE_PLAIN,
		first ? show_age(b, quiet) : "");
	table_cell(t, kind_name(&g));
	table_cell(t, show_bits(b, g.bits));
	table_cell(t, show_rate(b, g.packets));
	table_cell(t, show_count(b, track->packets));
	table_cell_coloured(t, g.loss > 0 ? TABLE_YELLOW : TABLE_PLAIN, show_share(b, g.loss));
	snprintf(b, sizeof(b), "%d", track->cumulative_lost);
	table_cell(t, track->reports > 0 ? b : "-");
	table_cell(t, show_count(b, track->repaired));
	table_cell(t, show_fixed(b, g.jitter_ms, 1));
	table_cell(t, show_fixed(b, g.round_trip, 1));
}

static void print_viewer(struct table *t, const struct frame *f, uint32_t i)
{
	const struct mr_stats_viewer *v = sample_entry(&f->now->viewers, i);
	bool first = true;

	for (int k = 0; k < MR_VIEWER_TRACKS; k++) {
		if (!track_used(&v->track[k]))
			continue;
		print_track(t, f, i, k, first);
		first = false;
	}
	if (first)
		print_track(t, f, i, 0, true);
}

void cmd_viewers_print(const struct frame *f, const struct options *o, FILE *out)
{
	static const char *const titles[] = {"<VIEWER", "<PATH", "<REMOTE", "<PROFILE", "<STATE",
		"WORKER", "AGE", "ALIVE", "<TRACK", "BITRATE", "PACKETS/S", "PACKETS", "LOSS",
		"LOST", "REPAIRED", "JITTER MS", "ROUND TRIP MS", NULL};
	struct table *t = table_create(titles);
	char b[SHOW_SIZE], note[MR_NOTE_MAX];

	if (t == NULL)
		return;
	for (uint32_t i = 0; i < f->now->viewers.count; i++)
		print_viewer(t, f, i);
	table_print(t, out, o->colour);
	if (f->now->viewers.count == 0)
		fputs("no viewers\n", out);
	for (uint32_t i = 0; i < f->now->viewers.count; i++) {
		const struct mr_stats_viewer *v = sample_entry(&f->now->viewers, i);

		if (show_clean(note, sizeof(note), v->note, sizeof(v->note))[0] != 0)
			fprintf(out, "%s: %s\n", viewer_name(v, b), note);
	}
	table_destroy(t);
}

/* What the track was sent again, and what was refused by reason. */
static json_t *repairs_json(const struct mr_stats_track *t)
{
	json_t *refused = json_object();

	for (unsigned int i = 0; i < MR_REPAIR_REFUSAL_COUNT; i++)
		json_object_set_new(refused, mr_repair_refusal_name(i),
			json_integer((json_int_t)t->repairs_refused[i]));
	return json_pack("{s:I s:I s:o}", "packets", (json_int_t)t->repaired, "bytes",
		(json_int_t)t->repaired_bytes, "refused", refused);
}

static const char *join_name(uint32_t join)
{
	return join == MR_JOIN_LIVE     ? "live"
	       : join == MR_JOIN_CACHE  ? "cache"
	       : join == MR_JOIN_WAITED ? "waited"
					: "none";
}

static json_t *track_json(const struct frame *f, uint32_t i, int k)
{
	const struct mr_stats_viewer *v = sample_entry(&f->now->viewers, i);
	const struct mr_stats_track *t = &v->track[k];
	struct track_figures g = measure(f, i, k);
	json_t *track = json_pack("{s:s s:I s:I s:I s:I s:o s:o s:I}", "kind",
		g.stream != NULL ? show_kind(g.stream->kind) : "unknown", "streamId",
		(json_int_t)t->stream_id, "ssrc", (json_int_t)t->ssrc, "packets",
		(json_int_t)t->packets, "bytes", (json_int_t)t->bytes, "packetsPerSecond",
		json_number(g.packets), "bitsPerSecond", json_number(g.bits), "reports",
		(json_int_t)t->reports);

	json_object_update_new(track,
		json_pack("{s:o s:o s:o s:o s:I s:I}", "lossFraction", json_number(g.loss),
			"cumulativeLost",
			t->reports > 0 ? json_integer(t->cumulative_lost) : json_null(), "jitterMs",
			json_number(g.jitter_ms), "roundTripMs", json_number(g.round_trip), "nacks",
			(json_int_t)t->nacks, "plis", (json_int_t)t->plis));
	json_object_set_new(track, "repairs", repairs_json(t));
	json_object_update_new(track,
		json_pack("{s:s s:o s:I s:I s:I s:I}", "join", join_name(t->join), "burstMs",
			t->burst_ms > 0 ? json_integer(t->burst_ms) : json_null(), "burstBytes",
			(json_int_t)t->burst_bytes, "burstsGivenUp", (json_int_t)t->bursts_given_up,
			"refreshes", (json_int_t)t->refreshes, "refreshesRefused",
			(json_int_t)t->refreshes_refused));
	return track;
}

static json_t *viewer_json(const struct frame *f, uint32_t i)
{
	const struct mr_stats_viewer *v = sample_entry(&f->now->viewers, i);
	json_t *tracks = json_array();

	for (int k = 0; k < MR_VIEWER_TRACKS; k++)
		if (track_used(&v->track[k]))
			json_array_append_new(tracks, track_json(f, i, k));
	return json_pack("{s:I s:b s:o s:o s:o s:s s:s s:o s:I s:f s:o s:I s:I s:I s:o}", "id",
		(json_int_t)v->id, "fixed", v->fixed != 0, "path", json_path(f->now, v->path_id),
		"remote", json_endpoint(&v->remote), "local", json_endpoint(&v->local), "profile",
		profile_name(v->srtp_profile), "state", life_name(v->state), "note",
		json_text(v->note, sizeof(v->note)), "worker", (json_int_t)v->worker, "ageSeconds",
		age(f->now, v), "aliveSecondsAgo", json_number(silence(f->now, v)), "stunAnswered",
		(json_int_t)v->stun_answered, "srtcpIn", (json_int_t)v->srtcp_in, "srtcpOut",
		(json_int_t)v->srtcp_out, "tracks", tracks);
}

json_t *cmd_viewers_json(const struct frame *f, const struct options *o)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < f->now->viewers.count; i++)
		json_array_append_new(list, viewer_json(f, i));
	return json_pack("{s:o}", "viewers", list);
}
