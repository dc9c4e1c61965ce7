/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where viewers live, and the audiences that this needs: a stream's own worker has
 * one with the stream, every other gets one with the stream's first viewer there
 * and loses it with the last. Main thread.
 */
#include "dataplane/control/control.h"

#include "dataplane/pipeline/worker.h"

#include <errno.h>
#include <rte_malloc.h>

/*
 * A viewer lives at the worker with the fewest tracks, but at its stream's own as
 * long as that has few more: there a packet costs no other core a look at it. "Few"
 * is a fixed number, so that all workers end up equally full. Which queue the
 * viewer's own packets come in by does not count: it sends a few per second, which
 * go to its worker by reference (pipeline/handoff.c).
 */
uint8_t audiences_place(const struct control *c, const struct stream_entry *s)
{
	uint8_t least = 0;
	uint8_t own = s->stream->worker;

	for (uint8_t i = 1; i < c->config.workers.n; i++)
		if (c->tracks[i] < c->tracks[least])
			least = i;
	if (c->tracks[own] <= c->tracks[least] + c->spread_slack)
		return own;
	return least;
}

static struct worker *owner_of(const struct control *c, const struct stream_entry *s)
{
	return c->config.workers.worker[s->stream->worker];
}

static void audience_free(struct audience_entry *at)
{
	audience_fini(at->audience);
	rte_free(at->audience);
	at->audience = NULL;
}

struct audience_entry *audiences_open(struct control *c, struct stream_entry *s, uint8_t worker)
{
	struct audience_entry *at = &s->at[worker];
	struct order o = {.type = ORDER_AUDIENCE_ADD};
	int rc;

	if (at->audience != NULL)
		return at;
	at->audience = rte_zmalloc("audience", sizeof(*at->audience), 64);
	if (at->audience == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	rc = audience_init(at->audience, s->stream, worker);
	if (rc == 0) {
		o.audience[0] = at->audience;
		rc = tell_worker(owner_of(c, s), &o, 1);
	}
	if (rc != 0) {
		audience_free(at);
		errno = -rc;
		return NULL;
	}
	at->n_tracks = 0;
	at->capacity = at->audience->tracks_capacity;
	return at;
}

/* Its worker is the last to know of it: the owner tells it no more. */
static void forget(struct control *c, struct stream_entry *s, uint8_t worker)
{
	struct order o = {.type = ORDER_AUDIENCE_FORGET, .audience = {s->at[worker].audience}};

	tell_worker(c->config.workers.worker[worker], &o, 1);
	audience_free(&s->at[worker]);
}

void audiences_close(struct control *c, struct stream_entry *s, uint8_t worker)
{
	struct audience_entry *at = &s->at[worker];
	struct order o = {.type = ORDER_AUDIENCE_DEL, .audience = {at->audience}};

	if (at->audience == NULL || at->n_tracks > 0 || worker == s->stream->worker)
		return;
	tell_worker(owner_of(c, s), &o, 1);
	forget(c, s, worker);
}

void audiences_end(struct control *c, struct stream_entry *s)
{
	for (uint8_t i = 0; i < c->config.workers.n; i++) {
		c->tracks[i] -= s->at[i].n_tracks;
		s->at[i].n_tracks = 0;
		if (s->at[i].audience != NULL && i != s->stream->worker)
			forget(c, s, i);
	}
}

void audiences_free(struct stream_entry *s)
{
	for (uint8_t i = 0; i < MR_WORKERS_MAX; i++)
		if (s->at[i].audience != NULL && i != s->stream->worker)
			audience_free(&s->at[i]);
}
