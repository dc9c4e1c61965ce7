/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * No viewer gets more than `maxBurstPackets` within 1 ms, whatever they are: live
 * packets, repairs, second copies of repairs, or what it catches up with. Time is cut
 * into slots of PACE_NS, for each audience's live cursor (and for each track that
 * catches up, catch_up.c) its own; any 1 ms can touch five. In a slot leave at most
 * quantum_of() packets, and repairs are among them: the first one in an audience's
 * slot takes one packet of the live cursor's, so that every viewer there may have one
 * repair. A slot that nobody needs a repair in is the live cursor's alone. Without a
 * limit there are no slots, and the rate (catch_rate.h) alone paces repairs of who
 * catches up, or has just done so.
 *
 * Runs on the worker's lcore, all of it behind stream input.
 */
#ifndef DATAPLANE_PIPELINE_PACE_H
#define DATAPLANE_PIPELINE_PACE_H

#include "dataplane/pipeline/worker.h"

#define PACE_NS 250000ull /* between two quanta of one viewer */
#define PACE_FAR 512u     /* packets: more behind than the largest key frame's */

/* Packets of one viewer in one quantum, so that any 1 ms, which five quanta can
 * touch, has at most `max_burst`, and one of another track. 0: no limit. */
static inline uint16_t quantum_of(uint32_t max_burst)
{
	return (uint16_t)(max_burst > 5 ? (max_burst - 1) / 5 : max_burst > 0);
}

/* Whether the live cursor's next packet may leave now, and takes it then. False: the
 * worker wakes when it may. The audience's window is open from the cursor on. */
bool pace_live(struct worker *w, struct audience *a);

/* Whether one repair of the viewer may leave now. False: `repair.next_ns` is when to
 * ask again. */
bool pace_may_repair(struct worker *w, struct viewer *v);
/* It leaves, with so many bytes; whatever of the viewer's catches up waits for it. */
void pace_repaired(struct worker *w, struct viewer *v, uint32_t bytes);

/* What is left of a quantum for a track that catches up: all, or what a repair in
 * this turn has left. 0: nothing before `paced_ns`. */
uint16_t pace_catch_up(const struct worker *w, const struct catch_up *c, uint16_t quantum);

#endif
