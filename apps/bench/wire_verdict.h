/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a trial of millrace-bench wire bears its rate, and if not, why not. Pure; one
 * thread.
 */
#ifndef APPS_BENCH_WIRE_VERDICT_H
#define APPS_BENCH_WIRE_VERDICT_H

#include "apps/bench/wire_link.h"
#include "dataplane/api/drops.h"

#include <jansson.h>
#include <stdio.h>

/* What speaks against a rate: bits. */
enum wire_cause {
	WIRE_LOST = 1,       /* more than one packet in a million */
	WIRE_RING_FULL = 2,  /* to the data plane */
	WIRE_OTHER_RATE = 4, /* the generator fell behind what was asked for */
	WIRE_BACKLOG = 8,    /* it would not have gone on: full queues are no throughput */
};

struct wire_verdict {
	double rate; /* asked for: viewers' packets per second; 0: no trial */
	struct wire_trial trial;
	uint64_t dropped[MR_DROP_COUNT]; /* in it, by the data plane */
};

/* Viewers' packets that never came. */
uint64_t wire_trial_lost(const struct wire_trial *t);

/* Of so many viewers. 0: it bears the rate. */
unsigned int wire_verdict_causes(const struct wire_verdict *v, uint32_t viewers);

/* Writes all causes as a part of a sentence. */
void wire_verdict_tell(const struct wire_verdict *v, uint32_t viewers, FILE *out);

/* The same, and the figures; "why" is null where nothing speaks against it. */
json_t *wire_verdict_json(const struct wire_verdict *v, uint32_t viewers);

#endif
