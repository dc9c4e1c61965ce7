/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the HTTP server refuses with 503: counted by reason, and what the log says of it,
 * which is bounded, because whoever asks decides how often. Main thread.
 */
#ifndef CONTROLPLANE_HTTP_REFUSALS_H
#define CONTROLPLANE_HTTP_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#define REFUSALS_LINES_MAX 10 /* of refused offers in the log within a minute */

/* Zero at first. */
struct http_refusals {
	uint64_t on_demand; /* too many requests wait for sources on demand */
	uint64_t authorise; /* too many wait for the authorisation hook */
	uint64_t unknown;   /* it is not known (yet) whether the session is there */
	uint64_t left_out;  /* refused offers that the log has no line of */
	uint64_t logged;
	unsigned int lines; /* within the minute */
	int64_t minute_us;  /* its end; monotonic */
	int64_t quiet_us;   /* until then; ditto */
};

/* True: a line of the log for one more refused offer; else it is counted as left out. */
bool http_refusals_line(struct http_refusals *refusals, int64_t now_us);
/* Logs the figures when there are more than the last time, and that was a minute ago.
 * Call it often. True: it has. */
bool http_refusals_log(struct http_refusals *refusals, int64_t now_us);

#endif
