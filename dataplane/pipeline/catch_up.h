/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a viewer's track joins its stream, and its way from the last key frame to
 * the live cursor. All of it runs on the worker's lcore: joining and leaving
 * between two turns (orders), the rest within one.
 *
 *   track_join() --+--> TRACK_LIVE       audio, fixed sessions, or as configured
 *                  |
 *                  +--> TRACK_CATCHING   a whole key frame is kept: from there on,
 *                  |      ^   |  |       paced (catch_up.c), until at the live cursor
 *                  |      |   |  +-----> TRACK_LIVE
 *                  |      |   v given up: PLI, heavy NACKs, fell out of the ring
 *                  +--> TRACK_WAITING    for the next key frame; after 30 s live
 *
 * Cached frames keep their spacing and are shifted back by CATCH_UP_SHIFT. The jump
 * at the first frame of the live mapping makes libwebrtc begin its estimate of the
 * sender's clock anew (more than 900,000 ticks); without that its jitter buffer
 * stays too short for good. That index is kept (live_index): whoever sends a packet
 * again makes the same bytes.
 */
#ifndef DATAPLANE_PIPELINE_CATCH_UP_H
#define DATAPLANE_PIPELINE_CATCH_UP_H

#include "dataplane/pipeline/pace.h"
#include "dataplane/pipeline/worker.h"

#define CATCH_UP_SHIFT 1000000u /* RTP ticks */

/* `t` has no stream. There is room in the audience's list for all who joined. */
void track_join(struct worker *w, struct audience *a, struct viewer_track *t);
/* From any state. */
void track_leave(struct worker *w, struct viewer_track *t);
/* Everybody who is in `a` in any state. */
void audience_disband(struct worker *w, struct audience *a);

/* The viewer says PLI, or asks for packets again: `pid`, and those behind it by `blp`
 * (RFC 4585 6.2.1). Tracks that do not catch up do not mind, nor does what was sent
 * before the epoch count. */
void catch_up_pli(struct worker *w, struct viewer_track *t);
void catch_up_nack(struct worker *w, struct viewer_track *t, uint16_t pid, uint16_t blp);

/* ---- between join.c and catch_up.c ---- */

/* Begins an epoch at `index` and puts the track among those who catch up, for which
 * there is room; nothing leaves before `start_ns`. The audience's window is open from
 * there on. */
void catch_up_begin(struct worker *w, struct viewer_track *t, uint64_t index, uint32_t shift,
	uint64_t start_ns);
/* Takes it out again; the epoch is over, the next may begin. */
void catch_up_end(struct worker *w, struct viewer_track *t);
/* Those who wait: starts whom a key frame has come for. */
void join_waiting(struct worker *w);
/* Lets it wait for a key frame at `after` or later. */
void join_wait(struct worker *w, struct viewer_track *t, uint64_t after);
/* ... newer than any that is known now. */
uint64_t join_newer(const struct audience *a);

/* ---- between join.c and refresh.c ---- */

/* The newest key frame, where a viewer may begin with it: it is kept and whole, and
 * the source is not away. The audience's window is open from there on then. */
bool join_keyframe(struct worker *w, struct audience *a, uint64_t *index);
/* A track that is live or waits begins again at that key frame; there is room. */
void join_again(struct worker *w, struct viewer_track *t, uint64_t index);

#endif
