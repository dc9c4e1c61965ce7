/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An audience: the viewers' tracks of one stream that live at one worker, with
 * the cursor into the stream's plaintext ring that they share. The stream's own
 * worker has the one that lies in struct stream; for each other worker with
 * viewers of the stream the main thread makes one with the first of them and
 * unmakes it with the last. Between link and unlink private to its worker, but
 * for the two words at the end.
 *
 * Whoever reads the ring for viewers, in whatever stage, reads it so:
 *
 *     worker_read_begin(w, a, from);         after stream input; `from`: the lowest
 *                                            index that is wanted
 *     p = audience_packet(a, index);         NULL: not kept (any more, or yet)
 *     audience_payload(a, p);
 *
 * What it got stays as it is until protect has encrypted it; there the reading of
 * a turn ends for all stages at once (worker_read_end()). Nothing of it may be kept
 * for the next turn but indices. A stage that begins again in the same turn pays
 * only where it goes below what is held already.
 */
#ifndef DATAPLANE_STREAM_AUDIENCE_H
#define DATAPLANE_STREAM_AUDIENCE_H

#include "dataplane/stream/plain_ring.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct stream;
struct viewer_track;

#define AUDIENCE_HOLDS_NOTHING UINT64_MAX

struct audience {
	/* main thread writes before link; constant afterwards */
	struct stream *stream;         /* borrowed */
	const struct plain_ring *ring; /* borrowed: the stream's */
	uint8_t worker;                /* index of the worker it lives at */
	bool remote;                   /* another worker owns the stream */

	/* fan-out: the job in work (packet `live_next`, viewer `live_position`) */
	uint64_t live_next;           /* index of the next packet that live viewers get */
	uint32_t live_position;       /* position in `tracks` of the next viewer for it */
	struct viewer_track **tracks; /* owned; live viewers, in the order of joining */
	uint32_t n_tracks;
	uint32_t tracks_capacity;
	uint32_t n_behind;     /* tracks that are not live: they wait or catch up (catch_up.h) */
	uint64_t quantum_ns;   /* CLOCK_MONOTONIC: when the packets began that may leave at once */
	uint16_t quantum_left; /* of them, still to leave */
	bool paced;            /* a packet waits for the next quantum */
	bool shared;           /* one of these packets is a repair for whoever needs one */
	struct viewer_track *waiting;  /* for a key frame; a list */
	uint64_t waiting_after;        /* stream index: no key frame before it starts any of them */
	struct audience *next_waiting; /* in the worker's list, while somebody waits */
	bool queued;                   /* in the worker's list of audiences with work */
	struct audience *next_queued;

	/* the window of this turn: what may be read is [oldest, next) */
	uint64_t oldest;
	uint64_t next;
	uint64_t held; /* `holding`, as its worker knows it */
	bool reading;  /* in the worker's list of audiences that hold something */
	struct audience *next_reading;

	/* remote ones: its worker writes, the stream's owner reads */
	alignas(64) _Atomic uint64_t holding; /* oldest index that may be read in this turn */
	/* both write: it lies in the ring between them, for the stream has new packets */
	_Atomic bool told;
};

/* Main thread. 0 or -ENOMEM. */
int audience_init(struct audience *a, struct stream *s, uint8_t worker);
void audience_fini(struct audience *a);

/* Worker: the track becomes live; the next packet is its first. There is room: the
 * main thread sends a larger array with the order when it needs one. */
void audience_join(struct audience *a, struct viewer_track *t);
/* Worker: the same, in the middle of the track's epoch; the live cursor is where the
 * track's own one is. */
void audience_enter(struct audience *a, struct viewer_track *t);
/* Leaves without moving another viewer behind the running job. */
void audience_leave(struct viewer_track *t);

/* Worker, by worker_read_begin() and worker_read_end(): opens the window from `from`
 * on (as far as that is kept) to the newest packet; closes it. */
void audience_read_begin(struct audience *a, uint64_t from);
void audience_read_end(struct audience *a);

/* NULL when it is not in the window. */
static inline const struct plain_packet *audience_packet(const struct audience *a, uint64_t index)
{
	if (index < a->oldest || index >= a->next)
		return NULL;
	return &a->ring->packets[index & (a->ring->capacity - 1)];
}

static inline const uint8_t *audience_payload(
	const struct audience *a, const struct plain_packet *p)
{
	return plain_ring_payload(a->ring, p);
}

/* Where a decoder can start: the newest key frame's first packet. It may have fallen
 * out by the time that it is read: audience_packet() tells. False: there is none. */
static inline bool audience_keyframe(const struct audience *a, uint64_t *index)
{
	if (!atomic_load_explicit(&a->ring->has_keyframe, memory_order_acquire))
		return false;
	*index = atomic_load_explicit(&a->ring->keyframe, memory_order_relaxed);
	return true;
}

#endif
