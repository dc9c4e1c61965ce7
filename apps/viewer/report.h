/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all viewers together saw, as JSON or as a table. Main thread, after the
 * crowds have ended.
 */
#ifndef APPS_VIEWER_REPORT_H
#define APPS_VIEWER_REPORT_H

#include "apps/viewer/viewer.h"

struct report_totals {
	unsigned int requested;
	unsigned int connected;
	unsigned int receiving; /* connected, and at least one packet */
	unsigned int failed;
	uint64_t packets;
	uint64_t lost; /* and not repaired */
	uint64_t repaired;
	uint64_t nacks;
	uint64_t plis;
	uint64_t firs;
	uint64_t key_frames; /* of viewers that decrypt */
	uint64_t duplicated;
	uint64_t reordered;
	uint64_t too_late;
	uint64_t auth_failures;
	uint64_t malformed;
	uint64_t bytes;
	uint64_t socket_drops;
	uint64_t sender_reports;
	uint64_t receiver_reports;
};

/* `figures` in the order of the viewers' numbers. */
void report_sum(
	const struct viewer_figures *const *figures, size_t count, struct report_totals *totals);

/* All connected and received, nothing failed authentication. */
bool report_is_good(const struct report_totals *totals);

/* One line of JSON; `log` adds the sender reports. 0 or -EIO. */
int report_print_json(FILE *out, const struct viewer_figures *const *figures, size_t count,
	const struct report_totals *totals, bool log);

void report_print_table(FILE *out, const struct viewer_figures *const *figures, size_t count,
	const struct report_totals *totals);

/*
 * Time from `from` to `to` in ms of each viewer that has both, sorted; `*times`
 * is g_free()d by the caller. Returns how many.
 */
enum report_time {
	REPORT_HANDSHAKE,    /* pair checked to DTLS finished */
	REPORT_CONNECT,      /* POST to DTLS finished */
	REPORT_FIRST_PACKET, /* POST to first media packet */
};
size_t report_times(const struct viewer_figures *const *figures, size_t count,
	enum report_time what, double **times);

/* Of `count` sorted values; 0 when there are none. Nearest rank. */
double report_percentile(const double *sorted, size_t count, unsigned int percent);

/* The time of one viewer in ms, negative: it never came so far. */
double report_time(const struct viewer_figures *figures, enum report_time what);

#endif
