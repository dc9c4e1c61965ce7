/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the data plane's statistics region says about streams: the figures of
 * receiver reports, and whether packets arrive. The region is fetched by a
 * thread of its own (the socket may block), read on the main thread.
 */
#ifndef CONTROLPLANE_SOURCE_INPUT_STATS_H
#define CONTROLPLANE_SOURCE_INPUT_STATS_H

#include "dataplane/api/stats.h"

#include <stdbool.h>

struct input_stats;

/* `socket` is borrowed and outlives it. */
struct input_stats *input_stats_create(const char *socket);
void input_stats_destroy(struct input_stats *stats);

/* A data plane came: fetch its region, tried again each second until it is there or gone,
 * or of another version, which is logged. */
void input_stats_open(struct input_stats *stats);
void input_stats_close(struct input_stats *stats);

/* Copies the entry of a stream. 0; -ENOENT: no region, or no such stream in it. */
int input_stats_read(struct input_stats *stats, uint32_t stream_id, struct mr_stats_stream *out);

#endif
