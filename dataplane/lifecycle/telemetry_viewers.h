/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Viewers for rte_telemetry, one at a time: an answer holds 256 entries, a data
 * plane has thousands of viewers. The telemetry thread calls; it only reads.
 */
#ifndef DATAPLANE_LIFECYCLE_TELEMETRY_VIEWERS_H
#define DATAPLANE_LIFECYCLE_TELEMETRY_VIEWERS_H

#include "dataplane/api/stats.h"

#include <rte_telemetry.h>

/* IDs in the region's order, from the entry `params` (NULL: 0) on, as many as an answer
 * holds. -EINVAL: no number. */
int telemetry_viewers(
	const struct mr_stats *stats, const char *params, struct rte_tel_data *answer);

/* What the viewer with the ID `params` is sent and what it reports. -EINVAL: no number;
 * -ENOENT: no such viewer. */
int telemetry_viewer(const struct mr_stats *stats, const char *params, struct rte_tel_data *answer);

#endif
