/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An audience: the viewers' tracks of one stream that live at one worker, with
 * the cursor into the stream's plaintext ring that they share. Made and unmade by
 * the main thread; between link and unlink private to its worker.
 */
#ifndef DATAPLANE_STREAM_AUDIENCE_H
#define DATAPLANE_STREAM_AUDIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct stream;
struct viewer_track;

struct audience {
	struct stream *stream; /* borrowed */

	/* fan-out: the job in work (packet `live_next`, viewer `live_position`) */
	uint64_t live_next;           /* index of the next packet that live viewers get */
	uint32_t live_position;       /* position in `tracks` of the next viewer for it */
	struct viewer_track **tracks; /* owned; live viewers, in the order of joining */
	uint32_t n_tracks;
	uint32_t tracks_capacity;
	bool queued; /* in the worker's list of audiences with work */
	struct audience *next_queued;
};

/* Main thread. 0 or -ENOMEM. */
int audience_init(struct audience *a, struct stream *s);
void audience_fini(struct audience *a);

/* Worker: the track becomes live; the next packet is its first. There is room: the
 * main thread sends a larger array with the order when it needs one. */
void audience_join(struct audience *a, struct viewer_track *t);
/* Leaves without moving another viewer behind the running job. */
void audience_leave(struct viewer_track *t);

#endif
