/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a viewer has asked for again: bounded, part of the viewer's record. What it
 * was given lately, its worker remembers (worker.h). Private to the viewer's worker;
 * feedback writes what is asked for, the repair stage serves it.
 */
#ifndef DATAPLANE_VIEWER_REPAIR_STATE_H
#define DATAPLANE_VIEWER_REPAIR_STATE_H

#include "dataplane/api/abi.h"

#include <stdbool.h>
#include <stdint.h>

#define REPAIR_WANTED 16 /* entries of NACKs that wait, per viewer */

struct viewer;

/* One entry of a NACK: bit b stands for number pid + b. */
struct repair_wanted {
	uint32_t mask;
	uint16_t pid;
	uint8_t track;
	bool echo; /* second copies of what was asked for: there is no third */
};

struct viewer_repair {
	struct repair_wanted wanted[REPAIR_WANTED]; /* first in first out, from `first` on */
	uint8_t first;
	uint8_t n_wanted;
	bool queued;     /* in the worker's list of viewers that wait */
	uint32_t tokens; /* [bytes] that may still be sent again, refilled with time */
	struct viewer *next_queued;
	uint64_t refilled_ns; /* CLOCK_MONOTONIC */
	uint64_t next_ns;     /* CLOCK_MONOTONIC: no repair before (pace.h) */
};

/* Has the viewer's next repair wait until then, or longer where it does already. */
static inline void repair_not_before(struct viewer_repair *r, uint64_t ns)
{
	if (r->next_ns < ns)
		r->next_ns = ns;
}

#endif
