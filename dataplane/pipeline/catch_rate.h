/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How fast a track catches up (catch_up.h). It begins with a few times the stream's
 * rate, which rises, until the viewer asks for packets again. How many of those since
 * the first lost one were lost says what the wire carries, and the rate goes on just
 * below that. Repairs count, too. Runs on the worker's lcore.
 *
 *   rises --- NACK ---> pause, then half: what was on its way is reported meanwhile
 *     ^                   |
 *     +------ judged -----+    by the share that was lost; rises slowly then, where it
 *                              was more than chance loses
 *
 * Only NACKs for what was sent since begin that again.
 */
#ifndef DATAPLANE_PIPELINE_CATCH_RATE_H
#define DATAPLANE_PIPELINE_CATCH_RATE_H

#include "dataplane/viewer/viewer.h"

/* A track begins to catch up at `now_ns`: of a stream of so many bytes/s, with a key
 * frame of `key_bytes`, and never faster than `top`. The rest of `c` is zero. */
void catch_rate_begin(struct catch_up *c, uint64_t stream_rate, uint64_t key_bytes, uint64_t top,
	uint64_t now_ns);

/* Before anything is sent: follows the time. False: the wire does not carry even what
 * it takes to catch up at all. */
bool catch_rate_turn(struct viewer_track *t, uint64_t now_ns);

/* A packet of so many bytes was sent for the first time. */
void catch_rate_sent(struct catch_up *c, uint16_t bytes);
/* The viewer asks for the packet at stream index `index` of the epoch. */
void catch_rate_lost(struct viewer_track *t, uint64_t index, uint64_t now_ns);

/* The epoch ends, and the next one begins so many packets behind what was sent last. They
 * do not count, and neither do losses of before which are not known yet. */
void catch_rate_left_out(struct catch_up *c, uint64_t packets);

/* [ns] that so many bytes take at the present rate */
uint64_t catch_rate_ns(const struct catch_up *c, uint64_t bytes);
/* It catches up, or has done so a moment ago: its wire may be busy with repairs still. */
bool catch_rate_after(const struct catch_up *c, uint64_t now_ns);
/* [ns] that a repair of so many bytes takes from one who has caught up: soon after, what
 * it asks for is of the burst, and may be much. 0: as long as any. */
uint64_t catch_rate_after_ns(const struct catch_up *c, uint64_t bytes, uint64_t now_ns);

#endif
