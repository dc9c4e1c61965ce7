/* SPDX-License-Identifier: BSD-3-Clause */
/* The report as one line of JSON, see report.h. Main thread. */
#include "apps/viewer/report.h"

#include <errno.h>
#include <jansson.h>
#include <sys/resource.h>

#define NTP_FRACTION 4294967296.0 /* 2^32 */

static void set_number(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

/* Negative times are null: it never happened. */
static void set_ms(json_t *object, const char *name, double ms)
{
	json_object_set_new(object, name, ms < 0 ? json_null() : json_real(ms));
}

static void set_ms_since(json_t *object, const char *name, uint64_t from, uint64_t to)
{
	set_ms(object, name, from && to >= from ? (double)(to - from) / 1000 : -1);
}

/* null for an empty one */
static void set_string(json_t *object, const char *name, const char *value)
{
	json_object_set_new(object, name, value && *value ? json_string(value) : json_null());
}

static void count_name(json_t *counts, const char *name)
{
	json_t *known = json_object_get(counts, name);

	set_number(counts, name, known ? (uint64_t)json_integer_value(known) + 1 : 1);
}

static double ntp_seconds(uint64_t ntp)
{
	return (double)ntp / NTP_FRACTION;
}

/* ---- tracks ---- */

static json_t *format_report_log(const struct track *track, uint64_t joined_us)
{
	json_t *log = json_array();
	uint64_t first = track->report_count > TRACK_REPORTS_MAX
				 ? track->report_count - TRACK_REPORTS_MAX
				 : 0;

	for (uint64_t i = first; i < track->report_count; i++) {
		const struct track_report *report = &track->reports[i % TRACK_REPORTS_MAX];
		json_t *entry = json_object();

		set_ms_since(entry, "atMs", joined_us, report->at_us);
		json_object_set_new(entry, "ntpSeconds", json_real(ntp_seconds(report->ntp)));
		set_number(entry, "rtpTimestamp", report->rtp_timestamp);
		json_array_append_new(log, entry);
	}
	return log;
}

/* A track that has ended before its viewer has its longest gap there. */
static uint64_t longest_gap_us(const struct track *track, const struct viewer_figures *v)
{
	uint64_t until = v->silent_us ? v->silent_us : v->left_us;
	uint64_t end = track->last_us && until > track->last_us ? until - track->last_us : 0;

	return end > track->longest_gap_us ? end : track->longest_gap_us;
}

static json_t *format_track(const struct track *track, const struct viewer_figures *v, bool log)
{
	const uint64_t joined_us = v->joined_us;
	const struct track_report *report = track_last_report(track);
	json_t *object = json_object();

	set_string(object, "kind", media_kind_name(track->kind));
	set_string(object, "codec", track->codec);
	set_number(object, "ssrc", track->ssrc);
	set_number(object, "payloadType", track->payload_type);
	set_number(object, "clockRate", track->clock_rate);
	set_number(object, "packetsReceived", track->packets);
	set_number(object, "packetsLost", sequence_lost(&track->sequence));
	set_number(object, "packetsDuplicated", track->sequence.duplicates);
	set_number(object, "packetsReordered", track->sequence.reordered);
	set_number(object, "packetsTooLate", track->sequence.too_late);
	set_number(object, "packetsRepaired", track->repaired);
	set_number(object, "repairsUnneeded", track->repairs_unneeded);
	set_number(object, "authFailures", track->auth_failures);
	set_number(object, "payloadBytes", track->bytes);
	set_number(object, "frames", track->frames);
	set_number(object, "keyFrames", track->key_frames);
	set_number(object, "firstIndex", track->sequence.base);
	set_number(object, "lastIndex", track->sequence.highest);
	json_object_set_new(object, "jitterMs",
		json_real((double)track_jitter(track) * 1000 / track->clock_rate));
	set_ms_since(object, "firstPacketMs", joined_us, track->first_us);
	set_ms_since(object, "lastPacketMs", joined_us, track->last_us);
	set_number(object, "longestGapMs", longest_gap_us(track, v) / 1000);
	set_number(object, "firstRtpTimestamp", track->first_timestamp);
	set_number(object, "lastRtpTimestamp", track->last_timestamp);
	set_number(object, "senderReports", track->report_count);
	json_object_set_new(
		object, "ntpSeconds", report ? json_real(ntp_seconds(report->ntp)) : json_null());
	json_object_set_new(
		object, "rtpTimestamp", report ? json_integer(report->rtp_timestamp) : json_null());
	set_ms_since(object, "senderReportMs", joined_us, report ? report->at_us : 0);
	json_object_set_new(object, "byeReceived", json_boolean(track->bye));
	if (log)
		json_object_set_new(object, "senderReportLog", format_report_log(track, joined_us));
	return object;
}

/* ---- viewers ---- */

static void set_media(json_t *object, const struct viewer_figures *v, bool log)
{
	static const struct media_counters nothing;
	const struct media_counters *counters = v->media ? media_counters(v->media) : &nothing;
	size_t count = v->media ? media_track_count(v->media) : 0;
	json_t *tracks = json_array();

	set_number(object, "malformed", counters->malformed);
	set_number(object, "ssrcsIgnored", counters->ignored);
	set_number(object, "bytesReceived", counters->bytes);
	set_number(object, "rtcpPacketsReceived", counters->rtcp_received);
	set_number(object, "receiverReportsSent", counters->reports_sent);
	set_number(object, "nacksSent", counters->nacks_sent);
	set_number(object, "plisSent", counters->plis_sent);
	set_number(object, "firsSent", counters->firs_sent);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(tracks, format_track(media_track(v->media, i), v, log));
	json_object_set_new(object, "tracks", tracks);
}

static json_t *format_viewer(const struct viewer_figures *v, bool log)
{
	const struct viewer_figures *const one[] = {v};
	struct report_totals sums;
	json_t *object = json_object();

	report_sum(one, 1, &sums);
	set_number(object, "viewer", v->index);
	set_string(object, "url", v->url);
	set_string(object, "state", viewer_state_name(v->state));
	json_object_set_new(object, "connected", json_boolean(v->connected));
	set_string(object, "error", v->error);
	set_number(object, "whepStatus", v->post_status);
	set_number(object, "deleteStatus", v->delete_status);
	set_string(object, "srtpProfile", v->profile ? v->profile->name : NULL);
	set_string(object, "localCandidate", v->local);
	set_string(object, "remoteCandidate", v->remote);
	set_ms_since(object, "whepMs", v->joined_us, v->answered_us);
	set_ms_since(object, "iceMs", v->answered_us, v->checked_us);
	set_ms(object, "handshakeMs", report_time(v, REPORT_HANDSHAKE));
	set_ms(object, "connectMs", report_time(v, REPORT_CONNECT));
	set_ms(object, "timeToFirstPacketMs", report_time(v, REPORT_FIRST_PACKET));
	set_ms_since(object, "silentMs", v->joined_us, v->silent_us);
	set_ms_since(object, "dtlsClosedMs", v->joined_us, v->dtls_closed_us);
	set_number(object, "packetsReceived", sums.packets);
	set_number(object, "packetsLost", sums.lost);
	set_number(object, "packetsDuplicated", sums.duplicated);
	set_number(object, "packetsReordered", sums.reordered);
	set_number(object, "packetsTooLate", sums.too_late);
	set_number(object, "keyFrames", sums.key_frames);
	set_number(object, "authFailures", sums.auth_failures);
	set_number(object, "socketDrops", v->socket_drops);
	set_media(object, v, log);
	return object;
}

/* ---- totals ---- */

static void set_times(json_t *totals, const char *name, const struct viewer_figures *const *figures,
	size_t count, enum report_time what)
{
	double *times;
	size_t known = report_times(figures, count, what, &times);
	json_t *object = json_object();

	set_ms(object, "p50", known ? report_percentile(times, known, 50) : -1);
	set_ms(object, "p95", known ? report_percentile(times, known, 95) : -1);
	set_ms(object, "max", known ? report_percentile(times, known, 100) : -1);
	json_object_set_new(totals, name, object);
	g_free(times);
}

static void set_counts(json_t *totals, const struct viewer_figures *const *figures, size_t count)
{
	json_t *profiles = json_object(), *statuses = json_object(), *errors = json_object();

	for (size_t i = 0; i < count; i++) {
		const struct viewer_figures *v = figures[i];

		if (v->profile)
			count_name(profiles, v->profile->name);
		if (v->post_status) {
			char status[16];

			snprintf(status, sizeof(status), "%u", v->post_status);
			count_name(statuses, status);
		}
		if (v->error[0])
			count_name(errors, v->error);
	}
	json_object_set_new(totals, "srtpProfiles", profiles);
	json_object_set_new(totals, "whepStatus", statuses);
	json_object_set_new(totals, "errors", errors);
}

/* What this process itself cost: the rest of the machine is the gateway's. */
static void set_usage(json_t *totals)
{
	struct rusage usage;
	double cpu;

	if (getrusage(RUSAGE_SELF, &usage) < 0)
		return;
	cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	json_object_set_new(totals, "cpuSeconds", json_real(cpu));
	set_number(totals, "maxRssKiB", (uint64_t)usage.ru_maxrss);
}

static json_t *format_totals(
	const struct viewer_figures *const *figures, size_t count, const struct report_totals *sums)
{
	json_t *totals = json_object();

	set_number(totals, "viewersRequested", sums->requested);
	set_number(totals, "viewersConnected", sums->connected);
	set_number(totals, "viewersReceiving", sums->receiving);
	set_number(totals, "viewersFailed", sums->failed);
	set_number(totals, "packetsReceived", sums->packets);
	set_number(totals, "packetsLost", sums->lost);
	set_number(totals, "packetsDuplicated", sums->duplicated);
	set_number(totals, "packetsReordered", sums->reordered);
	set_number(totals, "packetsTooLate", sums->too_late);
	set_number(totals, "packetsRepaired", sums->repaired);
	set_number(totals, "nacksSent", sums->nacks);
	set_number(totals, "plisSent", sums->plis);
	set_number(totals, "firsSent", sums->firs);
	set_number(totals, "keyFrames", sums->key_frames);
	set_number(totals, "authFailures", sums->auth_failures);
	set_number(totals, "malformed", sums->malformed);
	set_number(totals, "bytesReceived", sums->bytes);
	set_number(totals, "socketDrops", sums->socket_drops);
	set_number(totals, "senderReports", sums->sender_reports);
	set_number(totals, "receiverReportsSent", sums->receiver_reports);
	set_counts(totals, figures, count);
	set_times(totals, "handshakeMs", figures, count, REPORT_HANDSHAKE);
	set_times(totals, "connectMs", figures, count, REPORT_CONNECT);
	set_times(totals, "timeToFirstPacketMs", figures, count, REPORT_FIRST_PACKET);
	set_usage(totals);
	return totals;
}

int report_print_json(FILE *out, const struct viewer_figures *const *figures, size_t count,
	const struct report_totals *totals, bool log)
{
	json_t *report = json_object(), *viewers = json_array();
	int rc = 0;

	for (size_t i = 0; i < count; i++)
		json_array_append_new(viewers, format_viewer(figures[i], log));
	json_object_set_new(report, "totals", format_totals(figures, count, totals));
	json_object_set_new(report, "viewers", viewers);
	if (json_dumpf(report, out, JSON_COMPACT | JSON_REAL_PRECISION(16)) < 0 ||
		fputc('\n', out) == EOF || fflush(out) == EOF)
		rc = -EIO;
	json_decref(report);
	return rc;
}
