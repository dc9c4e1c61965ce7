/* SPDX-License-Identifier: BSD-3-Clause */
/* What an authenticated packet of a viewer means, for consent and feedback. */
#ifndef DATAPLANE_PIPELINE_ALIVE_H
#define DATAPLANE_PIPELINE_ALIVE_H

#include "dataplane/api/event.h"
#include "dataplane/pipeline/worker.h"

/* The first one is told. */
static inline void viewer_is_alive(struct worker *w, struct viewer *v)
{
	v->alive_ns = w->now_ns;
	atomic_store_explicit(&v->stats->alive_ns, w->now_ns, memory_order_relaxed);
	if (v->alive_told)
		return;
	v->alive_told = true;
	worker_notify(w, MR_EVENT_VIEWER_STATE, v->id, MR_VIEWER_ALIVE, 0);
}

#endif
