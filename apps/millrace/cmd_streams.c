/* SPDX-License-Identifier: BSD-3-Clause */
/* millrace streams: what each source sends. Main thread. */
#include "apps/millrace/commands.h"
#include "apps/millrace/table.h"

#include "dataplane/api/event.h"

#include <math.h>
#include <string.h>

#define SILENT_SECONDS 3 /* as MR_STREAM_SILENT */

static const struct {
	uint32_t bit;
	const char *json;
	const char *text;
} findings[] = {
	{MR_FINDING_B_FRAMES, "bFrames", "B-frames: browsers show them late or not at all"},
	{MR_FINDING_INTERLEAVED, "interleaved", "interleaved H.264 packets: WebRTC has none"},
	{MR_FINDING_NOT_SPLITTABLE, "notSplittable", "packets that do not fit and cannot be split"},
	{MR_FINDING_PAYLOAD_TYPE, "payloadType", "packets of another payload type than the SDP's"},
};

struct stream_rates {
	double packets; /* per second; NAN: no earlier sample */
	double bits;
	double frames;
};

static struct stream_rates measure(const struct frame *f, uint32_t i)
{
	const struct mr_stats_stream *s = sample_entry(&f->now->streams, i);
	const struct mr_stats_stream *b =
		f->before != NULL ? sample_peer(&f->now->streams, i, &f->before->streams) : NULL;

	return (struct stream_rates){
		.packets = frame_rate(f, s->packets, b != NULL ? &b->packets : NULL),
		.bits = 8 * frame_rate(f, s->bytes, b != NULL ? &b->bytes : NULL),
		.frames = frame_rate(f, s->frames, b != NULL ? &b->frames : NULL),
	};
}

static const char *input_name(uint8_t input)
{
	switch (input) {
	case MR_INPUT_WIRE:
		return "udp";
	case MR_INPUT_RING:
		return "tcp";
	default:
		return "none";
	}
}

/* Seconds since the last packet; NAN: none yet. */
static double silence(const struct sample *now, const struct mr_stats_stream *s)
{
	uint64_t last = s->last_packet_ns;

	if (last == 0)
		return NAN;
	return now->at_ns > last ? (double)(now->at_ns - last) / 1e9 : 0;
}

static double jitter_ms(const struct mr_stats_stream *s)
{
	return s->clock_rate > 0 ? (double)s->jitter * 1000 / s->clock_rate : NAN;
}

static void print_stream(struct table *t, const struct frame *f, uint32_t i)
{
	const struct mr_stats_stream *s = sample_entry(&f->now->streams, i);
	struct stream_rates r = measure(f, i);
	double quiet = silence(f->now, s);
	char b[SHOW_SIZE], text[MR_NOTE_MAX];

	table_cell(t, show_path(f->now, s->path_id, text, sizeof(text)));
	table_cell(t, show_kind(s->kind));
	table_cell_coloured(t, s->codec == MR_CODEC_NONE ? TABLE_YELLOW : TABLE_PLAIN,
		show_clean(text, sizeof(text), s->codec_name, sizeof(s->codec_name)));
	table_cell(t, input_name(s->input));
	table_cell_coloured(
		t, quiet > SILENT_SECONDS ? TABLE_RED : TABLE_PLAIN, show_age(b, quiet));
	table_cell(t, show_bits(b, r.bits));
	table_cell(t, show_rate(b, r.packets));
	table_cell(t, s->kind == MR_KIND_VIDEO ? show_rate(b, r.frames) : "-");
	table_cell(t, show_count(b, s->packets));
	table_cell_coloured(t, s->lost > 0 ? TABLE_YELLOW : TABLE_PLAIN, show_count(b, s->lost));
	table_cell(t, show_count(b, s->reordered));
	table_cell(t, show_count(b, s->duplicated));
	table_cell(t, show_fixed(b, jitter_ms(s), 1));
	table_cell(t, s->kind == MR_KIND_VIDEO ? show_count(b, s->keyframes) : "-");
	table_cell(t, show_count(b, s->viewers));
}

/* What stands beside the numbers: one line each, under the table. */
static void print_notes(const struct frame *f, const struct options *o, FILE *out)
{
	char path[MR_NAME_MAX], note[MR_NOTE_MAX];

	for (uint32_t i = 0; i < f->now->streams.count; i++) {
		const struct mr_stats_stream *s = sample_entry(&f->now->streams, i);

		show_path(f->now, s->path_id, path, sizeof(path));
		for (size_t k = 0; k < sizeof(findings) / sizeof(findings[0]); k++)
			if (s->findings & findings[k].bit)
				fprintf(out, "%s%s %s: %s%s\n",
					table_escape(o->colour, TABLE_YELLOW), path,
					show_kind(s->kind), findings[k].text,
					table_escape(o->colour, TABLE_PLAIN));
		if (s->gaps > 0)
			fprintf(out, "%s %s: came again %u time%s, last after %.3f s\n", path,
				show_kind(s->kind), s->gaps, s->gaps == 1 ? "" : "s",
				s->last_gap_ms / 1000.0);
		if (show_clean(note, sizeof(note), s->note, sizeof(s->note))[0] != 0)
			fprintf(out, "%s%s %s: %s%s\n", table_escape(o->colour, TABLE_YELLOW), path,
				show_kind(s->kind), note, table_escape(o->colour, TABLE_PLAIN));
	}
	for (uint32_t i = 0; i < f->now->paths.count; i++) {
		const struct mr_stats_path *p = sample_entry(&f->now->paths, i);

		if (show_clean(note, sizeof(note), p->note, sizeof(p->note))[0] != 0)
			fprintf(out, "%s: %s\n",
				show_clean(path, sizeof(path), p->name, sizeof(p->name)), note);
	}
}

void cmd_streams_print(const struct frame *f, const struct options *o, FILE *out)
{
	static const char *const titles[] = {"<PATH", "<KIND", "<CODEC", "<INPUT", "LAST",
		"BITRATE", "PACKETS/S", "FRAMES/S", "PACKETS", "LOST", "REORDERED", "DUPLICATED",
		"JITTER MS", "KEY FRAMES", "VIEWERS", NULL};
	struct table *t = table_create(titles);

	if (t == NULL)
		return;
	for (uint32_t i = 0; i < f->now->streams.count; i++)
		print_stream(t, f, i);
	table_print(t, out, o->colour);
	if (f->now->streams.count == 0)
		fputs("no streams\n", out);
	print_notes(f, o, out);
	table_destroy(t);
}

static json_t *findings_json(uint32_t bits)
{
	json_t *list = json_array();

	for (size_t k = 0; k < sizeof(findings) / sizeof(findings[0]); k++)
		if (bits & findings[k].bit)
			json_array_append_new(list, json_string(findings[k].json));
	return list;
}

static json_t *stream_json(const struct frame *f, uint32_t i)
{
	const struct mr_stats_stream *s = sample_entry(&f->now->streams, i);
	struct stream_rates r = measure(f, i);
	double quiet = silence(f->now, s);
	json_t *stream = json_pack("{s:I s:o s:s s:o s:b s:s s:o s:I s:I s:I s:I s:o s:b}", "id",
		(json_int_t)s->id, "path", json_path(f->now, s->path_id), "kind",
		show_kind(s->kind), "codec", json_text(s->codec_name, sizeof(s->codec_name)),
		"carried", s->codec != MR_CODEC_NONE, "input", input_name(s->input), "local",
		json_endpoint(&s->local), "worker", (json_int_t)s->worker, "payloadType",
		(json_int_t)s->payload_type, "clockRate", (json_int_t)s->clock_rate, "ssrc",
		(json_int_t)s->ssrc, "lastPacketSecondsAgo", json_number(quiet), "receiving",
		quiet <= SILENT_SECONDS);

	json_object_update_new(
		stream, json_pack("{s:I s:I s:o s:o s:o s:I s:I s:I s:I s:I s:o s:I}", "packets",
				(json_int_t)s->packets, "bytes", (json_int_t)s->bytes,
				"packetsPerSecond", json_number(r.packets), "bitsPerSecond",
				json_number(r.bits), "framesPerSecond", json_number(r.frames),
				"expected", (json_int_t)s->expected, "lost", (json_int_t)s->lost,
				"reordered", (json_int_t)s->reordered, "duplicated",
				(json_int_t)s->duplicated, "late", (json_int_t)s->late, "jitterMs",
				json_number(jitter_ms(s)), "restarts", (json_int_t)s->restarts));
	json_object_update_new(stream,
		json_pack("{s:I s:I s:I s:I s:I s:I s:I s:b s:o s:o}", "outPackets",
			(json_int_t)s->out_packets, "outBytes", (json_int_t)s->out_bytes, "resplit",
			(json_int_t)s->resplit, "injected", (json_int_t)s->injected, "keyFrames",
			(json_int_t)s->keyframes, "frames", (json_int_t)s->frames, "viewers",
			(json_int_t)s->viewers, "synchronized", s->synchronized != 0, "findings",
			findings_json(s->findings), "note", json_text(s->note, sizeof(s->note))));
	json_object_update_new(
		stream, json_pack("{s:I s:o}", "gaps", (json_int_t)s->gaps, "lastGapMs",
				s->gaps > 0 ? json_integer(s->last_gap_ms) : json_null()));
	return stream;
}

json_t *cmd_streams_json(const struct frame *f, const struct options *o)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < f->now->streams.count; i++)
		json_array_append_new(list, stream_json(f, i));
	return json_pack("{s:o}", "streams", list);
}
