/* SPDX-License-Identifier: BSD-3-Clause */
/* See audience.h. Making and unmaking: main thread; the rest: its worker. */
#include "dataplane/stream/audience.h"

#include "dataplane/stream/stream.h"
#include "dataplane/viewer/viewer.h"

#include <errno.h>
#include <rte_malloc.h>
#include <string.h>

#define TRACKS_AT_FIRST 16

int audience_init(struct audience *a, struct stream *s)
{
	memset(a, 0, sizeof(*a));
	a->stream = s;
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

void audience_join(struct audience *a, struct viewer_track *t)
{
	if (a->n_tracks == a->tracks_capacity)
		return;
	t->audience = a;
	t->kind = a->stream->kind;
	t->state = TRACK_LIVE;
	/* Last in the list, so a packet that is on its way to the others reaches it too. */
	t->join_index = a->live_next;
	t->live_index = t->join_index;
	t->shift = 0;
	a->tracks[a->n_tracks++] = t;
	atomic_store_explicit(&a->stream->stats->viewers, a->n_tracks, memory_order_relaxed);
}

void audience_leave(struct viewer_track *t)
{
	struct audience *a = t->audience;
	uint32_t at = 0;

	if (a == NULL)
		return;
	while (at < a->n_tracks && a->tracks[at] != t)
		at++;
	if (at == a->n_tracks)
		return;
	/* Those behind move up by one and keep their order; so does the running job. */
	memmove(&a->tracks[at], &a->tracks[at + 1], (a->n_tracks - at - 1) * sizeof(a->tracks[0]));
	a->n_tracks--;
	if (at < a->live_position)
		a->live_position--;
	/* Should it ever join again: no index twice, whatever was sent last. */
	t->wire_base += a->live_next - t->join_index + 1;
	t->audience = NULL;
	t->state = TRACK_AWAY;
	atomic_store_explicit(&a->stream->stats->viewers, a->n_tracks, memory_order_relaxed);
}
