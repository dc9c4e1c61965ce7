/* SPDX-License-Identifier: BSD-3-Clause */
/* millrace status: the data plane, its workers and paths at a glance. Main thread. */
#include "apps/millrace/commands.h"
#include "apps/millrace/table.h"

#include "dataplane/api/command.h"

#include <math.h>

/* What one worker did between two samples, or since the start. */
struct work {
	double busy; /* share of the time */
	double idle;
	double sleep;
	double cycles_per_packet; /* busy cycles by packets received and sent; NAN: none */
	double rx_rate;           /* packets per second */
	double tx_rate;
	double media_rate;
	double bit_rate; /* sent */
};

/* Without an earlier sample: shares and cycles since the start, no rates. */
static struct work measure(const struct frame *f, uint32_t i)
{
	static const struct mr_stats_worker zero;
	const struct mr_stats_worker *w = sample_entry(&f->now->workers, i);
	const struct mr_stats_worker *b =
		f->before != NULL ? sample_peer(&f->now->workers, i, &f->before->workers) : NULL;
	const struct mr_stats_worker *from = b != NULL ? b : &zero;
	double busy = (double)(w->busy_tsc - from->busy_tsc);
	double idle = (double)(w->idle_tsc - from->idle_tsc);
	double asleep = (double)(w->sleep_tsc - from->sleep_tsc);
	double all = busy + idle + asleep;
	double packets = (double)(w->rx_packets - from->rx_packets) +
			 (double)(w->tx_packets - from->tx_packets);

	return (struct work){
		.busy = all > 0 ? busy / all : NAN,
		.idle = all > 0 ? idle / all : NAN,
		.sleep = all > 0 ? asleep / all : NAN,
		.cycles_per_packet = packets > 0 ? busy / packets : NAN,
		.rx_rate = frame_rate(f, w->rx_packets, b != NULL ? &b->rx_packets : NULL),
		.tx_rate = frame_rate(f, w->tx_packets, b != NULL ? &b->tx_packets : NULL),
		.media_rate = frame_rate(f, w->media_packets, b != NULL ? &b->media_packets : NULL),
		.bit_rate = 8 * frame_rate(f, w->tx_bytes, b != NULL ? &b->tx_bytes : NULL),
	};
}

struct totals {
	uint64_t rx_packets;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t media_packets;
	uint64_t punted;
	uint64_t stun_answered;
	uint64_t srtcp_in;
	uint64_t srtcp_out;
	double rx_rate; /* packets per second; NAN: no earlier sample */
	double tx_rate;
	double media_rate;
	double bit_rate;
};

static struct totals add_up(const struct frame *f)
{
	struct totals t = {0};

	for (uint32_t i = 0; i < f->now->workers.count; i++) {
		const struct mr_stats_worker *w = sample_entry(&f->now->workers, i);
		struct work work = measure(f, i);

		t.rx_packets += w->rx_packets;
		t.tx_packets += w->tx_packets;
		t.tx_bytes += w->tx_bytes;
		t.media_packets += w->media_packets;
		t.punted += w->punted;
		t.stun_answered += w->stun_answered;
		t.srtcp_in += w->srtcp_in;
		t.srtcp_out += w->srtcp_out;
		t.rx_rate += work.rx_rate;
		t.tx_rate += work.tx_rate;
		t.media_rate += work.media_rate;
		t.bit_rate += work.bit_rate;
	}
	return t;
}

static uint32_t count_of_path(const struct sample *s, uint32_t path_id, bool viewers)
{
	const struct sample_table *t = viewers ? &s->viewers : &s->streams;
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->count; i++) {
		const void *e = sample_entry(t, i);

		n += (viewers ? ((const struct mr_stats_viewer *)e)->path_id
			      : ((const struct mr_stats_stream *)e)->path_id) == path_id;
	}
	return n;
}

static double uptime(const struct sample *s)
{
	return s->clock_ns > s->head.started_ns ? (double)(s->clock_ns - s->head.started_ns) / 1e9
						: 0;
}

static void print_head(const struct frame *f, const struct options *o, FILE *out)
{
	const struct sample *s = f->now;
	struct totals t = add_up(f);
	uint64_t drops = drops_total(s);
	char a[SHOW_SIZE], b[SHOW_SIZE], c[SHOW_SIZE], d[SHOW_SIZE], crypto[128];
	bool attached = s->head.control_attached != 0;

	fprintf(out, "%smillrace-dataplane %s%s, pid %u, up %s, crypto %s\n",
		table_escape(o->colour, TABLE_BOLD), s->head.release,
		table_escape(o->colour, TABLE_PLAIN), s->head.pid, show_age(a, uptime(s)),
		show_clean(crypto, sizeof(crypto), s->head.crypto, sizeof(s->head.crypto)));
	fprintf(out, "control plane %s%s%s, %u stream%s, %u viewer%s\n",
		attached ? "" : table_escape(o->colour, TABLE_YELLOW),
		attached ? "attached" : "not attached",
		attached ? "" : table_escape(o->colour, TABLE_PLAIN), s->streams.count,
		s->streams.count == 1 ? "" : "s", s->viewers.count,
		s->viewers.count == 1 ? "" : "s");
	fprintf(out, "out %s, %s packets/s (%s media/s), in %s packets/s\n",
		show_bits(a, t.bit_rate), show_rate(b, t.tx_rate), show_rate(c, t.media_rate),
		show_rate(d, t.rx_rate));
	fprintf(out, "since the start: %s packets in, %s out, %s%s dropped%s\n",
		show_count(a, t.rx_packets), show_count(b, t.tx_packets),
		drops > 0 ? table_escape(o->colour, TABLE_YELLOW) : "", show_count(c, drops),
		drops > 0 ? table_escape(o->colour, TABLE_PLAIN) : "");
}

/* Viewers that live at worker `i`. */
static uint32_t viewers_of(const struct frame *f, uint32_t i)
{
	const struct mr_stats_worker *w = sample_entry(&f->now->workers, i);
	uint32_t n = 0;

	for (uint32_t k = 0; k < f->now->viewers.count; k++) {
		const struct mr_stats_viewer *v = sample_entry(&f->now->viewers, k);
		n += v->state == MR_LIFE_RUNNING && v->worker == w->id - 1;
	}
	return n;
}

static void print_workers(const struct frame *f, const struct options *o, FILE *out)
{
	static const char *const titles[] = {"WORKER", "LCORE", "VIEWERS", "BUSY", "IDLE", "SLEEP",
		"CYCLES/PACKET", "IN/S", "OUT/S", "MEDIA/S", "OUT", NULL};
	struct table *t = table_create(titles);

	if (t == NULL)
		return;
	for (uint32_t i = 0; i < f->now->workers.count; i++) {
		const struct mr_stats_worker *w = sample_entry(&f->now->workers, i);
		struct work k = measure(f, i);
		char b[SHOW_SIZE];

		table_cell(t, show_count(b, w->id - 1));
		table_cell(t, show_count(b, w->lcore));
		table_cell(t, show_count(b, viewers_of(f, i)));
		table_cell(t, show_share(b, k.busy));
		table_cell(t, show_share(b, k.idle));
		table_cell(t, show_share(b, k.sleep));
		table_cell(t, show_fixed(b, k.cycles_per_packet, 0));
		table_cell(t, show_rate(b, k.rx_rate));
		table_cell(t, show_rate(b, k.tx_rate));
		table_cell(t, show_rate(b, k.media_rate));
		table_cell(t, show_bits(b, k.bit_rate));
	}
	fputc('\n', out);
	table_print(t, out, o->colour);
	table_destroy(t);
}

static void print_paths(const struct frame *f, const struct options *o, FILE *out)
{
	static const char *const titles[] = {
		"<PATH", "<STATE", "STREAMS", "VIEWERS", "<NOTE", NULL};
	struct table *t = table_create(titles);

	if (t == NULL)
		return;
	for (uint32_t i = 0; i < f->now->paths.count; i++) {
		const struct mr_stats_path *p = sample_entry(&f->now->paths, i);
		char b[SHOW_SIZE], text[MR_NOTE_MAX + 1];

		table_cell(t, show_clean(text, sizeof(text), p->name, sizeof(p->name)));
		table_cell_coloured(t, p->state == MR_PATH_WAITING ? TABLE_YELLOW : TABLE_PLAIN,
			mr_path_state_name(p->state));
		table_cell(t, show_count(b, count_of_path(f->now, p->id, false)));
		table_cell(t, show_count(b, count_of_path(f->now, p->id, true)));
		table_cell(t, show_clean(text, sizeof(text), p->note, sizeof(p->note)));
	}
	if (f->now->paths.count > 0)
		fputc('\n', out);
	table_print(t, out, o->colour);
	table_destroy(t);
}

void cmd_status_print(const struct frame *f, const struct options *o, FILE *out)
{
	print_head(f, o, out);
	print_workers(f, o, out);
	print_paths(f, o, out);
}

static json_t *workers_json(const struct frame *f)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < f->now->workers.count; i++) {
		const struct mr_stats_worker *w = sample_entry(&f->now->workers, i);
		struct work k = measure(f, i);

		json_array_append_new(list,
			json_pack("{s:I s:I s:I s:o s:o s:o s:o s:o s:o s:o s:o s:I s:I s:I s:I "
				  "s:I s:I}",
				"worker", (json_int_t)w->id - 1, "lcore", (json_int_t)w->lcore,
				"viewers", (json_int_t)viewers_of(f, i), "busyShare",
				json_number(k.busy), "idleShare", json_number(k.idle), "sleepShare",
				json_number(k.sleep), "cyclesPerPacket",
				json_number(k.cycles_per_packet), "rxPacketsPerSecond",
				json_number(k.rx_rate), "txPacketsPerSecond",
				json_number(k.tx_rate), "mediaPacketsPerSecond",
				json_number(k.media_rate), "txBitsPerSecond",
				json_number(k.bit_rate), "turns", (json_int_t)w->turns, "rxPackets",
				(json_int_t)w->rx_packets, "txPackets", (json_int_t)w->tx_packets,
				"mediaPackets", (json_int_t)w->media_packets, "repairs",
				(json_int_t)w->repairs, "repairTurnsFull",
				(json_int_t)w->repair_turns_full));
	}
	return list;
}

static json_t *paths_json(const struct frame *f)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < f->now->paths.count; i++) {
		const struct mr_stats_path *p = sample_entry(&f->now->paths, i);

		json_array_append_new(
			list, json_pack("{s:I s:o s:s s:o s:I s:I}", "id", (json_int_t)p->id,
				      "name", json_text(p->name, sizeof(p->name)), "state",
				      mr_path_state_name(p->state), "note",
				      json_text(p->note, sizeof(p->note)), "streams",
				      (json_int_t)count_of_path(f->now, p->id, false), "viewers",
				      (json_int_t)count_of_path(f->now, p->id, true)));
	}
	return list;
}

static json_t *dataplane_json(const struct sample *s)
{
	return json_pack("{s:I s:f s:o s:o s:b s:I s:b s:f s:I s:I s:I s:I}", "pid",
		(json_int_t)s->head.pid, "uptimeSeconds", uptime(s), "release",
		json_text(s->head.release, sizeof(s->head.release)), "crypto",
		json_text(s->head.crypto, sizeof(s->head.crypto)), "controlAttached",
		s->head.control_attached != 0, "controlAttaches",
		(json_int_t)s->head.control_attaches, "stale", sample_stale(s), "silentSeconds",
		(double)sample_silence_ns(s) / 1e9, "commands", (json_int_t)s->head.commands,
		"commandsRefused", (json_int_t)s->head.commands_refused, "eventsLost",
		(json_int_t)s->head.events_lost, "tscHz", (json_int_t)s->head.tsc_hz);
}

json_t *cmd_status_json(const struct frame *f, const struct options *o)
{
	struct totals t = add_up(f);
	json_t *totals = json_pack("{s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:o s:o s:o s:o}",
		"rxPackets", (json_int_t)t.rx_packets, "txPackets", (json_int_t)t.tx_packets,
		"txBytes", (json_int_t)t.tx_bytes, "mediaPackets", (json_int_t)t.media_packets,
		"drops", (json_int_t)drops_total(f->now), "punted", (json_int_t)t.punted,
		"stunAnswered", (json_int_t)t.stun_answered, "srtcpIn", (json_int_t)t.srtcp_in,
		"srtcpOut", (json_int_t)t.srtcp_out, "streams", (json_int_t)f->now->streams.count,
		"viewers", (json_int_t)f->now->viewers.count, "rxPacketsPerSecond",
		json_number(t.rx_rate), "txPacketsPerSecond", json_number(t.tx_rate),
		"mediaPacketsPerSecond", json_number(t.media_rate), "txBitsPerSecond",
		json_number(t.bit_rate));

	return json_pack("{s:o s:o s:o s:o}", "dataplane", dataplane_json(f->now), "totals", totals,
		"workers", workers_json(f), "paths", paths_json(f));
}
