/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace-bench fanout, in three files: fanout.c measures, fanout_options.c reads
 * the command line, fanout_report.c says what came of it. Main thread, but for what
 * fanout.c runs on the workers' lcores.
 */
#ifndef APPS_BENCH_FANOUT_H
#define APPS_BENCH_FANOUT_H

#include "apps/bench/bound.h"
#include "apps/bench/feed.h"
#include "apps/bench/figures.h"
#include "apps/bench/rig.h"

#include <stdbool.h>
#include <stdint.h>

#define FANOUT_WARM_UP 2 /* rounds that do not count */

struct fanout_options {
	struct rig_options rig;
	uint32_t rounds;
	uint32_t packets; /* of each worker in a round, at least */
	bool bound;
	bool virtual_time;
	bool json;
};

/* One worker's part: what it is to do next, and what came of it. */
struct lane {
	const struct fanout_options *o;
	struct worker *worker;
	struct feed feed;
	struct bound *bound; /* owned; NULL: not measured */
	uint32_t packets;    /* of a round */
	unsigned int method; /* of the bound */
	double cycles;       /* per packet, of the round just done */
	double frame_cycles; /* that feeding one frame takes */
	uint64_t away_ns;    /* between its rounds: no time for its worker */
	uint64_t left_ns;    /* CLOCK_MONOTONIC: when the last one ended; 0: none did */
	uint64_t turns;      /* of all rounds that count */
	uint64_t sent;       /* viewers' packets, ditto */
	uint64_t sent_ever;  /* warm-up included */
	uint64_t stage_tsc[STAGE_COUNT];
	struct shared *shared; /* borrowed; NULL: each worker has streams of its own */
	uint64_t elsewhere;    /* shared: copies ever fed to it when the round began */
	uint64_t sent_before;  /* ... and sent */
};

/* One stream for all workers: the first lane feeds the others, too. */
struct shared {
	struct lane *lane[MR_WORKERS_MAX]; /* that run */
	unsigned int n;
	_Atomic unsigned int unfinished; /* of them, have packets of the round left */
};

struct fanout {
	struct fanout_options o;
	struct rig rig;
	struct lane lane[MR_WORKERS_MAX];
	struct figures cycles; /* per packet, mean over the workers; a sample per round */
	struct figures bound[BOUND_METHODS_MAX];
	struct figures fastest; /* bound of each round */
	struct figures ratio;   /* to it */
	struct figures solo;    /* several workers: the first one alone */
	struct figures solo_fastest;
	uint64_t dropped;
	struct shared shared;
};

/* -1: go on; else the program's exit status. */
int fanout_options_parse(struct fanout_options *o, int argc, char **argv);
/* The table and, where it is wanted, the JSON object. */
void fanout_report(struct fanout *f);

#endif
