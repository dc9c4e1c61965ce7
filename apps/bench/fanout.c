/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace-bench fanout: what the data plane takes per viewer's packet beside what
 * the encryption alone takes. The production worker with all its stages and
 * ipsec-mb alone run in turn on the same core, round after round, so that
 * whatever else the machine does hits both.
 */
#include "apps/bench/fanout.h"

#include "apps/bench/bench.h"

#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS_PER_VIEWER 8 /* of a round, at least */
#define VIRTUAL_TURN_NS 100000
#define LAG_MAX 65536           /* copies that a lane may be behind */
#define WAIT_TSC_MAX 20000      /* of a turn without a packet: more, and another had the CPU */
#define BARREN_TURNS 1000       /* without a packet: something is wrong */
#define BARREN_SHARED 100000000 /* ditto, where one waits for another */

/* ---- on the worker's lcore ---- */

static uint64_t counter(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static void clocks_read(struct lane *l)
{
	struct worker *w = l->worker;

	if (!l->o->virtual_time) {
		worker_read_clocks(w);
		w->now_ns -= l->away_ns;
		w->wall_ns = w->wall_offset_ns + (int64_t)w->now_ns;
		return;
	}
	w->now_ns += VIRTUAL_TURN_NS;
	w->wall_ns = w->wall_offset_ns + (int64_t)w->now_ns;
}

/* Others run in between: a worker that stood still has not missed a second's reports for
 * it. */
static void lane_comes_back(struct lane *l)
{
	worker_read_clocks(l->worker);
	if (l->left_ns != 0)
		l->away_ns += l->worker->now_ns - l->left_ns;
}

static void lane_leaves(struct lane *l)
{
	worker_read_clocks(l->worker);
	l->left_ns = l->worker->now_ns;
}

/* Never inlined: tests/perf counts the instructions below this function. */
__attribute__((noinline)) static void lane_turn(struct lane *l)
{
	clocks_read(l);
	worker_turn(l->worker);
}

/* What the lane with the least work has left of it; true: another one has so much that
 * the stream's ring would come round. */
static bool others_wait(const struct lane *l, uint64_t *least)
{
	bool full = *least > LAG_MAX;

	for (unsigned int i = 0; i < l->shared->n; i++) {
		const struct lane *o = l->shared->lane[i];
		uint64_t fed = l->feed.elsewhere[i] - o->elsewhere;
		uint64_t sent = counter(&o->worker->stats->media_packets) - o->sent_before;
		uint64_t waiting = fed > sent ? fed - sent : 0;

		if (o == l)
			continue;
		full |= waiting > LAG_MAX;
		*least = RTE_MIN(*least, waiting);
	}
	return full;
}

/* Enough for a whole turn, whatever the worker has left over. */
static void lane_feed(struct lane *l, uint64_t sent)
{
	uint64_t waiting = l->feed.copies > sent ? l->feed.copies - sent : 0;

	if (l->shared != NULL && (l != l->shared->lane[0] || others_wait(l, &waiting)))
		return;
	if (waiting < FANOUT_BUDGET)
		feed_put(&l->feed, (uint32_t)(FANOUT_BUDGET - waiting));
}

static void copies_done(struct lane *l, uint64_t sent)
{
	l->feed.copies -= RTE_MIN(sent, l->feed.copies);
}

/* Goes on until the others are done, too: they are fed, and share the machine. */
static void others_finish(struct lane *l)
{
	const struct mr_stats_worker *s = l->worker->stats;
	uint64_t first = counter(&s->media_packets);

	atomic_fetch_sub(&l->shared->unfinished, 1);
	while (atomic_load(&l->shared->unfinished) > 0) {
		lane_feed(l, counter(&s->media_packets) - first);
		lane_turn(l);
	}
	copies_done(l, counter(&s->media_packets) - first);
}

/*
 * Turns until the round's packets are out. What feeding takes is taken off: as much
 * for each frame as it took in the best round, so that a moment in which another
 * process had the CPU is not taken off, too.
 */
static int lane_turns(void *lane)
{
	struct lane *l = lane;
	const struct mr_stats_worker *s = l->worker->stats;
	uint64_t first = counter(&s->media_packets), now = first, turns = 0, barren = 0;
	uint64_t before[STAGE_COUNT], frames = l->feed.frames, feeding = 0;
	uint64_t most_barren = l->shared != NULL ? BARREN_SHARED : BARREN_TURNS, waited = 0;
	double start, cycles;

	if (!l->o->virtual_time)
		lane_comes_back(l);
	start = thread_cycles();
	for (unsigned int i = 0; i < STAGE_COUNT; i++)
		before[i] = counter(&s->stage_tsc[i]);
	while (now < first + l->packets && barren < most_barren) {
		uint64_t tsc = rte_rdtsc(), sent = now, fed;

		lane_feed(l, now - first);
		fed = rte_rdtsc();
		feeding += fed - tsc;
		lane_turn(l);
		turns++;
		now = counter(&s->media_packets);
		barren = now == sent ? barren + 1 : 0;
		/* Waiting for a lane that feeds this one is no work. */
		if (barren > 0 && l->shared != NULL)
			waited += RTE_MIN(rte_rdtsc() - fed, (uint64_t)WAIT_TSC_MAX);
	}
	cycles = thread_cycles() - start - (double)waited;
	frames = l->feed.frames - frames;
	if (frames > 0 &&
		(l->frame_cycles == 0 || (double)feeding / (double)frames < l->frame_cycles))
		l->frame_cycles = (double)feeding / (double)frames;
	cycles -= l->frame_cycles * (double)frames;
	copies_done(l, now - first);
	l->sent += now - first;
	l->sent_ever += now - first;
	l->turns += turns;
	for (unsigned int i = 0; i < STAGE_COUNT; i++)
		l->stage_tsc[i] += counter(&s->stage_tsc[i]) - before[i];
	l->cycles = now > first ? cycles / (double)(now - first) : 0;
	if (l->shared != NULL)
		others_finish(l);
	if (!l->o->virtual_time)
		lane_leaves(l);
	return barren < most_barren ? 0 : -1;
}

static int lane_bound(void *lane)
{
	struct lane *l = lane;

	l->cycles = bound_run(l->bound, l->method, l->packets);
	return 0;
}

/* ---- rounds ---- */

static void shared_begin(struct fanout *f, unsigned int n)
{
	rig_skip(&f->rig);
	f->shared.n = n;
	atomic_store(&f->shared.unfinished, n);
	for (unsigned int i = 0; i < n; i++) {
		struct lane *l = &f->lane[i];

		f->shared.lane[i] = l;
		l->shared = &f->shared;
		/* One lane feeds: that of the first worker. */
		l->elsewhere = f->lane[0].feed.elsewhere[i];
		l->sent_before = counter(&l->worker->stats->media_packets);
	}
}

/* The first `n` workers at once; the mean of their cycles per packet, 0: it failed. */
static double workers_run(struct fanout *f, unsigned int n, int (*what)(void *))
{
	void *args[MR_WORKERS_MAX] = {0};
	double sum = 0;

	for (unsigned int i = 0; i < n; i++)
		args[i] = &f->lane[i];
	if (f->o.rig.streams < f->o.rig.workers)
		shared_begin(f, n);
	if (rig_run(&f->rig, n, what, args) != 0)
		return 0;
	for (unsigned int i = 0; i < n; i++)
		sum += f->lane[i].cycles;
	return sum / n;
}

/* The fastest way; `all` gets a sample of each, or is NULL. */
static double bounds_run(struct fanout *f, unsigned int n, struct figures *all)
{
	double best = 0;

	for (unsigned int m = 0; m < bound_methods(f->lane[0].bound); m++) {
		double cycles;

		for (unsigned int i = 0; i < n; i++)
			f->lane[i].method = m;
		cycles = workers_run(f, n, lane_bound);
		if (all != NULL)
			figures_add(&all[m], cycles);
		if (best == 0 || cycles < best)
			best = cycles;
	}
	return best;
}

static int round_run(struct fanout *f)
{
	unsigned int n = f->o.rig.workers;
	double cycles = workers_run(f, n, lane_turns), bound;

	if (cycles == 0)
		return -1;
	figures_add(&f->cycles, cycles);
	if (!f->o.bound)
		return 0;
	bound = bounds_run(f, n, f->bound);
	figures_add(&f->fastest, bound);
	figures_add(&f->ratio, cycles / bound);
	if (n == 1)
		return 0;
	cycles = workers_run(f, 1, lane_turns);
	if (cycles == 0)
		return -1;
	figures_add(&f->solo, cycles);
	figures_add(&f->solo_fastest, bounds_run(f, 1, NULL));
	return 0;
}

static void figures_forget(struct fanout *f)
{
	f->cycles.n = f->fastest.n = f->ratio.n = f->solo.n = f->solo_fastest.n = 0;
	for (unsigned int m = 0; m < BOUND_METHODS_MAX; m++)
		f->bound[m].n = 0;
	for (unsigned int i = 0; i < f->o.rig.workers; i++) {
		f->lane[i].sent = f->lane[i].turns = 0;
		memset(f->lane[i].stage_tsc, 0, sizeof(f->lane[i].stage_tsc));
	}
}

static uint64_t drops_count(const struct fanout *f)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < f->o.rig.workers; i++)
		for (unsigned int d = 0; d < MR_DROP_COUNT; d++)
			n += counter(&f->lane[i].worker->stats->drops[d]);
	return n;
}

static int rounds_run(struct fanout *f)
{
	uint64_t dropped = 0;

	for (uint32_t i = 0; i < FANOUT_WARM_UP + f->o.rounds; i++) {
		if (i == FANOUT_WARM_UP) {
			figures_forget(f);
			dropped = drops_count(f);
		}
		if (round_run(f) != 0)
			return -1;
	}
	f->dropped = drops_count(f) - dropped;
	return 0;
}

/* ---- start and end ---- */

static int lanes_init(struct fanout *f)
{
	const struct rig_options *o = &f->o.rig;
	uint32_t per_worker = o->viewers / o->workers;

	for (unsigned int i = 0; i < o->workers; i++) {
		struct lane *l = &f->lane[i];
		uint32_t packets = PACKETS_PER_VIEWER * per_worker;

		l->o = &f->o;
		l->worker = f->rig.dp.workers.worker[i];
		l->packets = packets > f->o.packets ? packets : f->o.packets;
		if (feed_init(&l->feed, &f->rig, i) != 0)
			return -1;
		if (!f->o.bound)
			continue;
		l->bound = bound_create(o->profile, per_worker > 0 ? per_worker : 1, o->random,
			o->payload, o->seed + i);
		if (l->bound == NULL)
			return -1;
	}
	return 0;
}

static void lanes_fini(struct fanout *f)
{
	for (unsigned int i = 0; i < MR_WORKERS_MAX; i++) {
		feed_fini(&f->lane[i].feed);
		bound_destroy(f->lane[i].bound);
	}
}

static int measure(struct fanout *f)
{
	char error[512] = "";

	if (rig_start(&f->rig, &f->o.rig, error, sizeof(error)) != 0) {
		fprintf(stderr, "millrace-bench: %s\n", error);
		return 1;
	}
	if (lanes_init(f) != 0) {
		fputs("millrace-bench: out of memory\n", stderr);
		return 1;
	}
	if (rounds_run(f) != 0) {
		fputs("millrace-bench: a worker sends nothing; does each have a stream?\n", stderr);
		return 1;
	}
	fanout_report(f);
	return 0;
}

int bench_fanout(int argc, char **argv)
{
	struct fanout *f = calloc(1, sizeof(*f));
	int rc = 1;

	if (f == NULL)
		return 1;
	rc = fanout_options_parse(&f->o, argc, argv);
	if (rc == -1) {
		rc = measure(f);
		lanes_fini(f);
		rig_stop(&f->rig);
	}
	free(f);
	return rc;
}
