/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many viewers there may be: what is beyond is refused with 503 and Retry-After,
 * and counted by reason. Pure; main thread.
 */
#ifndef CONTROLPLANE_VIEWER_VIEWER_LIMITS_H
#define CONTROLPLANE_VIEWER_VIEWER_LIMITS_H

#include "controlplane/config/config.h"
#include "controlplane/viewer/ice_lite.h"

#include <stdint.h>

#define VIEWER_PENDING_MAX 1000 /* viewers not yet established; 47 KiB each with DTLS */

/* How many there are now. */
struct viewer_load {
	unsigned int all;     /* of the gateway, without fixed sessions */
	unsigned int pending; /* of those, not yet established */
	unsigned int readers; /* of those, of the path */
};

/* Refusals so far, by reason. */
struct viewer_limits {
	uint64_t full;    /* dataplane.maxViewers */
	uint64_t pending; /* VIEWER_PENDING_MAX */
	uint64_t readers; /* maxReaders of the path */
	uint64_t refused; /* the data plane does not take the path's stream */
	uint64_t logged_offers, logged_datagrams;
	int64_t offers_quiet_us, datagrams_quiet_us; /* until then; monotonic */
};

/* NULL: one more may come; else a sentence for the client, static, and it is counted. */
const char *viewer_limits_check(struct viewer_limits *limits, const struct mr_config *config,
	const char *path, const struct viewer_load *load);

/* Logs what was refused since the start: when it is more than the last time, and that
 * was a minute ago. Call it often; `now_us` is monotonic. */
void viewer_limits_log(struct viewer_limits *limits, const struct ice_lite *ice,
	uint64_t unknown_flow, int64_t now_us);

#endif
