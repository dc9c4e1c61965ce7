/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums and times of all viewers, and the table for people; see report.h. Main thread. */
#include "apps/viewer/report.h"

#include <inttypes.h>
#include <stdlib.h>

#define TABLE_MAX 40 /* viewers; of more only the failed ones are listed */

static void add_viewer(const struct viewer_figures *v, struct report_totals *totals)
{
	const struct media_counters *counters;

	totals->requested++;
	totals->failed += v->error[0] != '\0';
	totals->socket_drops += v->socket_drops;
	if (!v->connected)
		return;
	counters = media_counters(v->media);
	totals->connected++;
	totals->receiving += counters->packets > 0;
	totals->packets += counters->packets;
	totals->auth_failures += counters->auth_failures;
	totals->malformed += counters->malformed;
	totals->bytes += counters->bytes;
	totals->receiver_reports += counters->reports_sent;
	totals->nacks += counters->nacks_sent;
	totals->plis += counters->plis_sent;
	totals->firs += counters->firs_sent;
	for (size_t i = 0; i < media_track_count(v->media); i++) {
		const struct track *track = media_track(v->media, i);

		/* RTX that is lost is asked for again under another number. */
		if (track->kind != MEDIA_RTX)
			totals->lost += sequence_lost(&track->sequence);
		totals->repaired += track->repaired;
		totals->key_frames += track->key_frames;
		totals->duplicated += track->sequence.duplicates;
		totals->reordered += track->sequence.reordered;
		totals->too_late += track->sequence.too_late;
		totals->sender_reports += track->report_count;
	}
}

void report_sum(
	const struct viewer_figures *const *figures, size_t count, struct report_totals *totals)
{
	*totals = (struct report_totals){0};
	for (size_t i = 0; i < count; i++)
		add_viewer(figures[i], totals);
}

bool report_is_good(const struct report_totals *totals)
{
	return totals->receiving == totals->requested && totals->failed == 0 &&
	       totals->auth_failures == 0;
}

double report_time(const struct viewer_figures *v, enum report_time what)
{
	uint64_t from = what == REPORT_HANDSHAKE ? v->checked_us : v->joined_us;
	uint64_t to = what == REPORT_FIRST_PACKET ? v->first_packet_us : v->secured_us;

	return from && to >= from ? (double)(to - from) / 1000 : -1;
}

static int compare_times(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

size_t report_times(const struct viewer_figures *const *figures, size_t count,
	enum report_time what, double **times)
{
	size_t known = 0;

	*times = g_new(double, count + 1);
	for (size_t i = 0; i < count; i++) {
		double ms = report_time(figures[i], what);

		if (ms >= 0)
			(*times)[known++] = ms;
	}
	qsort(*times, known, sizeof(**times), compare_times);
	return known;
}

double report_percentile(const double *sorted, size_t count, unsigned int percent)
{
	size_t rank = (count * percent + 99) / 100;

	if (count == 0)
		return 0;
	return sorted[rank > 0 ? rank - 1 : 0];
}

/* ---- the table ---- */

static void print_time(FILE *out, double ms)
{
	if (ms < 0)
		fprintf(out, " %9s", "-");
	else
		fprintf(out, " %9.1f", ms);
}

static void print_viewer(FILE *out, const struct viewer_figures *v)
{
	static const struct media_counters nothing;
	const struct media_counters *counters = v->media ? media_counters(v->media) : &nothing;
	const struct viewer_figures *const one[] = {v};
	struct report_totals sums;

	report_sum(one, 1, &sums);
	fprintf(out,
		"%6u  %-9s  %-22s %9" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64,
		v->index, viewer_state_name(v->state), v->profile ? v->profile->name : "-",
		counters->packets, sums.lost, sums.duplicated, sums.reordered, sums.auth_failures);
	print_time(out, report_time(v, REPORT_HANDSHAKE));
	print_time(out, report_time(v, REPORT_FIRST_PACKET));
	fprintf(out, "%s%s\n", v->error[0] ? "  " : "", v->error);
}

static void print_times(FILE *out, const char *name, const struct viewer_figures *const *figures,
	size_t count, enum report_time what)
{
	double *times;
	size_t known = report_times(figures, count, what, &times);

	if (known > 0)
		fprintf(out, "%-22s p50 %.1f ms, p95 %.1f ms, max %.1f ms\n", name,
			report_percentile(times, known, 50), report_percentile(times, known, 95),
			report_percentile(times, known, 100));
	g_free(times);
}

void report_print_table(FILE *out, const struct viewer_figures *const *figures, size_t count,
	const struct report_totals *totals)
{
	size_t listed = 0;

	for (size_t i = 0; i < count; i++) {
		if (count > TABLE_MAX && figures[i]->error[0] == '\0')
			continue;
		if (listed++ == 0)
			fprintf(out, "%6s  %-9s  %-22s %9s %7s %7s %7s %7s %9s %9s\n", "VIEWER",
				"STATE", "PROFILE", "PACKETS", "LOST", "DUP", "REORD", "AUTH",
				"DTLS ms", "FIRST ms");
		print_viewer(out, figures[i]);
	}
	fprintf(out, "%sviewers %u of %u connected, %u receiving\n", listed ? "\n" : "",
		totals->connected, totals->requested, totals->receiving);
	fprintf(out,
		"packets %" PRIu64 ", lost %" PRIu64 ", duplicated %" PRIu64 ", reordered %" PRIu64
		", too late %" PRIu64 "\n",
		totals->packets, totals->lost, totals->duplicated, totals->reordered,
		totals->too_late);
	fprintf(out,
		"authentication failures %" PRIu64 ", malformed %" PRIu64
		", dropped by own sockets %" PRIu64 "\n",
		totals->auth_failures, totals->malformed, totals->socket_drops);
	if (totals->plis + totals->firs > 0)
		fprintf(out,
			"key frames %" PRIu64 ", asked for by %" PRIu64 " PLIs and %" PRIu64
			" FIRs\n",
			totals->key_frames, totals->plis, totals->firs);
	print_times(out, "DTLS handshake", figures, count, REPORT_HANDSHAKE);
	print_times(out, "POST to connected", figures, count, REPORT_CONNECT);
	print_times(out, "POST to first packet", figures, count, REPORT_FIRST_PACKET);
}
