/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way from feedback to the repair stage: each viewer has a short list of
 * what it asked for, and the worker a list of viewers that wait, so that one
 * who floods waits behind itself alone. Viewers that may have their next repair much
 * later (pace.h: they catch up, slowly) wait in slots by their time: they hold up nobody,
 * and are looked at when it has come, once per PACE_NS at most and so late at most, however
 * many they are. The worker.
 */
#ifndef DATAPLANE_PIPELINE_REPAIR_QUEUE_H
#define DATAPLANE_PIPELINE_REPAIR_QUEUE_H

#include "dataplane/api/repairs.h"
#include "dataplane/pipeline/worker.h"

#define REPAIR_WAKES 128 /* viewers of later that one turn looks at */
/* The ordinary pauses between two repairs: those who make them stay in order. */
#define REPAIR_SOON_NS (2 * PACE_NS)

/* Remembers one entry of a NACK; what finds no room is counted. */
void repair_want(struct worker *w, struct viewer_track *t, uint16_t pid, uint16_t blp);
/* Remembers one number for its second copy. */
void repair_want_echo(struct worker *w, struct viewer_track *t, uint16_t seq);
/* The viewer that has waited longest, taken from the list; NULL: nobody waits. */
struct viewer *repair_next(struct worker *w);
/* Puts those of later whose time has come behind the others. Returns how many it looked
 * at; where REPAIR_WAKES of them were not all, the next turn looks at the others. */
unsigned int repair_wake(struct worker *w);
/* Puts a viewer that still wants something behind the others, once. */
void repair_queue(struct worker *w, struct viewer *v);
/* The viewer leaves: nothing of it stays in the list. Between two turns. */
void repair_forget(struct worker *w, struct viewer *v);

void repair_refuse(
	struct worker *w, struct viewer_track *t, enum mr_repair_refusal why, uint64_t n);

#endif
