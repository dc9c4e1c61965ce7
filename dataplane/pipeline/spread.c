/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams with viewers at several workers: after stream input the owner tells the
 * others which audiences have new packets, by reference over one ring per pair of
 * workers; they read the packets from the owner's plaintext ring. Runs on the
 * worker's lcore.
 */
#include "dataplane/pipeline/spread.h"

#include "dataplane/pipeline/worker.h"
#include "dataplane/stream/stream.h"

#include <rte_ring.h>

void spread_send(struct worker *w)
{
	struct stream *s = w->fresh;

	w->fresh = NULL;
	for (; s != NULL; s = s->next_fresh) {
		s->fresh = false;
		for (uint8_t i = 0; i < s->n_remote; i++) {
			struct audience *a = s->remote[i];
			/* Exchanged on both sides: who finds it told comes before the other
			 * takes it back, and that one then sees the newest packet. */
			if (!atomic_exchange_explicit(&a->told, true, memory_order_acq_rel)) {
				rte_ring_sp_enqueue(w->fresh_out[a->worker], a);
				worker_wakes(w, a->worker);
			}
		}
	}
}

/* All that `ring` holds, but for `except`. */
static void take(struct worker *w, struct rte_ring *ring, const struct audience *except)
{
	void *told;

	for (unsigned int n = rte_ring_get_capacity(ring); n > 0; n--) {
		if (rte_ring_sc_dequeue(ring, &told) != 0)
			return;
		struct audience *a = told;
		if (a == except)
			continue;
		atomic_exchange_explicit(&a->told, false, memory_order_acq_rel);
		worker_queue_audience(w, a);
	}
}

void spread_receive(struct worker *w)
{
	for (uint8_t from = 0; from < w->n_workers; from++)
		if (w->fresh_in[from] != NULL)
			take(w, w->fresh_in[from], NULL);
}

void spread_forget(struct worker *w, const struct audience *a)
{
	for (uint8_t from = 0; from < w->n_workers; from++)
		if (w->fresh_in[from] != NULL)
			take(w, w->fresh_in[from], a);
}
