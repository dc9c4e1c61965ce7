/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A live viewer has lost the picture and says so, by PLI (RFC 4585 6.3.1) or FIR (RFC
 * 5104 4.3.1). The camera is asked (feedback.c). Where it does not answer, the viewer
 * is started again from the key frame that the stream's ring keeps, as one who joins
 * (catch_up.h): a new epoch at its next wire number, paced, and given up by the same
 * rules. All of it runs on the worker's lcore.
 *
 * Whether a camera answers is learnt from what it does: if no key frame comes within
 * REFRESH_ANSWER_NS of the wish, the stream's viewers are not let wait for one again
 * (keyframe_unanswered), until one comes soon after a wish. Nor does one wait whose wish
 * follows one that was answered, since the camera is asked once a second: the answer is
 * in the ring.
 *
 * It ends: a viewer is started again after REFRESH_LEAST_NS at the soonest, and after
 * twice the time each time, up to REFRESH_MOST_NS; who has been quiet for that long
 * begins anew. What it says meanwhile is counted, and asked of the camera. Who has been
 * given up while it caught up, and says that it has no picture, is started again then.
 */
#ifndef DATAPLANE_PIPELINE_REFRESH_H
#define DATAPLANE_PIPELINE_REFRESH_H

#include "dataplane/pipeline/worker.h"

#define REFRESH_ANSWER_NS 500000000ull          /* from a wish to the camera's key frame */
#define REFRESH_LEAST_NS 2000000000ull          /* between two starts of one viewer, at first */
#define REFRESH_MOST_NS 64000000000ull          /* ditto, in the end */
#define REFRESH_CATCHING_MAX (CATCHING_MAX / 2) /* who joins finds room beside them */

/* Feedback: the viewer wants a key frame, before the camera is asked for one. Tracks
 * that catch up do not mind. */
void refresh_want(struct worker *w, struct viewer_track *t);
/* Catching up, in each turn: starts those again who need not or should not wait. */
void refresh_turn(struct worker *w);
/* The track's start at a key frame is given up: the next one takes its time. */
void refresh_hold(struct worker *w, struct viewer_track *t);
/* The track leaves its stream. */
void refresh_leave(struct worker *w, struct viewer_track *t);

#endif
