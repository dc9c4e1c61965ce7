/* SPDX-License-Identifier: BSD-3-Clause */
/* See audience.h. Making and unmaking: main thread; the rest: its worker. */
#include "dataplane/stream/audience.h"

#include "dataplane/stream/stream.h"
#include "dataplane/viewer/viewer.h"

#include <errno.h>
#include <rte_malloc.h>
#include <string.h>

#define TRACKS_AT_FIRST 16

int audience_init(struct audience *a, struct stream *s, uint8_t worker)
{
	memset(a, 0, sizeof(*a));
	a->stream = s;
	a->ring = &s->ring;
	a->worker = worker;
	a->remote = worker != s->worker;
	a->held = AUDIENCE_HOLDS_NOTHING;
	atomic_store_explicit(&a->holding, AUDIENCE_HOLDS_NOTHING, memory_order_relaxed);
	a->tracks = rte_zmalloc("tracks", TRACKS_AT_FIRST * sizeof(a->tracks[0]), 64);
	if (a->tracks == NULL)
		return -ENOMEM;
	a->tracks_capacity = TRACKS_AT_FIRST;
	return 0;
}

void audience_fini(struct audience *a)
{
	rte_free(a->tracks);
	a->tracks = NULL;
}

void audience_enter(struct audience *a, struct viewer_track *t)
{
	if (a->n_tracks == a->tracks_capacity)
		return;
	t->audience = a;
	t->kind = a->stream->kind;
	t->state = TRACK_LIVE;
	/* Last in the list, so a packet that is on its way to the others reaches it too. */
	a->tracks[a->n_tracks++] = t;
}

void audience_join(struct audience *a, struct viewer_track *t)
{
	t->join_index = a->live_next;
	t->live_index = t->join_index;
	t->shift = 0;
	audience_enter(a, t);
}

void audience_leave(struct viewer_track *t)
{
	struct audience *a = t->audience;
	uint32_t at = 0;
	bool sent; /* the packet of the running job */

	if (a == NULL)
		return;
	while (at < a->n_tracks && a->tracks[at] != t)
		at++;
	if (at == a->n_tracks)
		return;
	/* Those behind move up by one and keep their order; so does the running job. */
	memmove(&a->tracks[at], &a->tracks[at + 1], (a->n_tracks - at - 1) * sizeof(a->tracks[0]));
	a->n_tracks--;
	sent = at < a->live_position;
	if (sent)
		a->live_position--;
	/* Should it ever join again: no index twice, and none left out. */
	t->wire_base += a->live_next - t->join_index + sent;
	t->audience = NULL;
	t->state = TRACK_AWAY;
}

void audience_read_begin(struct audience *a, uint64_t from)
{
	if (!a->remote) {
		/* Its worker writes the ring, too: not while it reads. */
		a->oldest = atomic_load_explicit(&a->ring->oldest, memory_order_relaxed);
		a->next = atomic_load_explicit(&a->ring->next, memory_order_relaxed);
		return;
	}
	if (from < a->held) {
		uint64_t oldest;

		/* R1 and R2 of plain_ring.c, reclaim(): the order is what counts. */
		atomic_store_explicit(&a->holding, from, memory_order_seq_cst);
		oldest = atomic_load_explicit(&a->ring->oldest, memory_order_seq_cst);
		a->held = from;
		a->oldest = from > oldest ? from : oldest;
	}
	a->next = atomic_load_explicit(&a->ring->next, memory_order_acquire);
}

void audience_read_end(struct audience *a)
{
	a->held = AUDIENCE_HOLDS_NOTHING;
	atomic_store_explicit(&a->holding, AUDIENCE_HOLDS_NOTHING, memory_order_release);
}
