/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace-bench neighbour: how long one stream's first copy takes, from the packet's
 * arrival to the end of the turn that sends it, while another stream of the same
 * worker has 5,000 viewers and while nothing else moves. Whole turns in the worker's
 * own time: the clock goes on by the CPU cycles of each turn, and by the sleeps that
 * an idle worker would ask for. So what else runs on the machine does not count.
 * Main thread, and the worker's lcore.
 */
#include "apps/bench/bench.h"
#include "apps/bench/feed.h"
#include "apps/bench/figures.h"
#include "apps/bench/options.h"
#include "dataplane/pipeline/idle.h"
#include "dataplane/pipeline/worker.h"

#include <jansson.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE 0     /* index of the stream with many viewers */
#define SMALL 1     /* ... and of the one with a single viewer */
#define FRAMES 30   /* per second, of the large stream: its packets come in bursts */
#define PENDING 256 /* packets of the small stream under way; power of two */
#define WARM_UP 50  /* of its packets */
#define SETTLE 200  /* turns between two runs, nothing arrives */

struct options {
	uint32_t viewers; /* of the large stream */
	uint32_t rate;    /* of its packets per second */
	uint32_t lone_rate;
	uint32_t packets; /* of the small stream, in each run */
	bool json;
};

struct run {
	struct rig *rig;
	const struct options *o;
	struct feed *feed;
	bool loaded;
	enum worker_idle idle;
	struct figures us; /* from arrival to sent */
	double busy;       /* share of the worker's time */
};

/* Cycles until something is due. */
struct schedule {
	double large;
	double small;
	double small_step; /* the mean */
	double large_step;
	uint64_t random;
	double arrived[PENDING];
	uint32_t n; /* of the small stream's packets */
};

static void arrive(struct run *r, struct worker *w, struct schedule *s, double now)
{
	while (r->loaded && s->large <= now) {
		for (uint32_t i = 0; i < r->o->rate / FRAMES; i++)
			feed_put_stream(r->feed, LARGE);
		s->large += s->large_step;
	}
	while (s->small <= now) {
		/* Nobody expires, however long it takes. */
		for (uint32_t i = 0; i < w->n_viewers; i++)
			w->viewers[i]->alive_ns = w->now_ns;
		s->arrived[s->n++ % PENDING] = s->small;
		feed_put_stream(r->feed, SMALL);
		/* Half to one and a half of the mean: in step with nothing else. */
		s->small += s->small_step *
			    (0.5 + (double)(rig_random(&s->random) >> 11) / (double)(1ull << 53));
	}
}

static void turn_at(struct worker *w, uint64_t now_ns)
{
	w->now_ns = now_ns;
	w->wall_ns = w->wall_offset_ns + (int64_t)now_ns;
	worker_turn(w);
}

/* What the worker would sleep now [ns]. */
static uint64_t sleep_of(struct idle *idle, const struct worker *w)
{
	return idle_until_due(idle_sleep_ns(idle, w->moved, w->now_ns), w->now_ns, w->due_ns);
}

static int run(void *arg)
{
	struct run *r = arg;
	struct worker *w = r->rig->dp.workers.worker[0];
	const struct audience *a = NULL;
	double hz = (double)rte_get_tsc_hz(), now = 0, busy = 0;
	struct schedule s = {.large_step = hz / FRAMES, .small_step = hz / r->o->lone_rate};
	struct idle idle = {.mode = r->idle, .sleep_ns = IDLE_LIGHT_NS};
	uint64_t first, begin_ns = w->now_ns;
	uint32_t done = 0;

	for (uint32_t i = 0; i < w->n_viewers; i++)
		if (w->viewers[i]->id == 1)
			a = w->viewers[i]->track[0].audience;
	if (a == NULL)
		return -1;
	first = a->live_next;
	while (done < r->o->packets) {
		double before, took;

		arrive(r, w, &s, now);
		before = thread_cycles();
		turn_at(w, begin_ns + (uint64_t)(now / hz * 1e9));
		took = thread_cycles() - before;
		now += took;
		if (w->moved)
			busy += took;
		for (; first + done < a->live_next; done++)
			if (done >= WARM_UP)
				figures_add(&r->us, (now - s.arrived[done % PENDING]) * 1e6 / hz);
		now += (double)sleep_of(&idle, w) * hz / 1e9;
	}
	r->busy = busy / now;
	for (int i = 0; i < SETTLE; i++)
		turn_at(w, w->now_ns + 1000000);
	return 0;
}

static json_t *report(struct run *r)
{
	return json_pack("{s:f,s:f,s:f,s:i,s:f}", "p50Micros", figures_quantile(&r->us, 0.5),
		"p99Micros", figures_quantile(&r->us, 0.99), "maxMicros",
		figures_quantile(&r->us, 1), "samples", (int)r->us.n, "busy", r->busy);
}

static void print(struct run *r)
{
	printf("  %-9s%-8s%8.1f us p50%8.1f us p99%8.1f us max   worker busy %4.1f %%\n",
		r->idle == WORKER_IDLE_POLL ? "poll" : "adaptive", r->loaded ? "loaded" : "idle",
		figures_quantile(&r->us, 0.5), figures_quantile(&r->us, 0.99),
		figures_quantile(&r->us, 1), 100 * r->busy);
}

static int runs_run(struct rig *rig, const struct options *o, struct run runs[4])
{
	struct feed feed;
	int rc = feed_init(&feed, rig, 0);

	for (unsigned int i = 0; rc == 0 && i < 4; i++) {
		void *args[] = {&runs[i]};

		runs[i].rig = rig;
		runs[i].o = o;
		runs[i].feed = &feed;
		runs[i].loaded = i % 2 == 1;
		runs[i].idle = i < 2 ? WORKER_IDLE_ADAPTIVE : WORKER_IDLE_POLL;
		rc = rig_run(rig, 1, run, args);
		if (rc == 0)
			print(&runs[i]);
	}
	feed_fini(&feed);
	return rc;
}

static int measure(struct rig *rig, const struct options *o)
{
	struct run *runs = calloc(4, sizeof(*runs));
	double ratio[2];
	int rc;

	if (runs == NULL)
		return -1;
	printf("a stream with one viewer beside one with %u viewers at %u packets/s\n", o->viewers,
		o->rate / FRAMES * FRAMES);
	rc = runs_run(rig, o, runs);
	for (unsigned int i = 0; rc == 0 && i < 2; i++)
		ratio[i] = figures_quantile(&runs[2 * i + 1].us, 0.99) /
			   figures_quantile(&runs[2 * i].us, 0.99);
	if (rc == 0)
		printf("  p99, loaded to idle: %.2f adaptive, %.2f poll\n", ratio[0], ratio[1]);
	if (rc == 0 && o->json) {
		json_t *j = json_pack("{s:s,s:i,s:i,s:{s:o,s:o,s:f},s:{s:o,s:o,s:f}}", "benchmark",
			"neighbour", "viewers", (int)o->viewers, "rate", (int)o->rate, "adaptive",
			"idle", report(&runs[0]), "loaded", report(&runs[1]), "p99Ratio", ratio[0],
			"poll", "idle", report(&runs[2]), "loaded", report(&runs[3]), "p99Ratio",
			ratio[1]);
		json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
		json_decref(j);
	}
	free(runs);
	return rc;
}

static const char usage[] =
	"usage: millrace-bench neighbour [OPTIONS]\n\n"
	"  --viewers N    of the other stream (5000)\n"
	"  --rate N       of its packets per second, in 30 frames (300)\n"
	"  --lone-rate N  packets per second of the stream with one viewer (100)\n"
	"  --packets N    of that, in each run (1000)\n"
	"  --json         one JSON object on the last line\n"
	"  --help\n";

static int parse(struct options *o, int argc, char **argv)
{
	const struct bench_option options[] = {
		{"viewers", BENCH_NUMBER, &o->viewers, 1, RIG_VIEWERS_MAX - 1},
		{"rate", BENCH_NUMBER, &o->rate, FRAMES, 3000},
		{"lone-rate", BENCH_NUMBER, &o->lone_rate, 1, 10000},
		{"packets", BENCH_NUMBER, &o->packets, WARM_UP + 1, FIGURES_MAX},
		{"json", BENCH_FLAG, &o->json},
		{0},
	};

	return bench_options_read(options, usage, argc, argv);
}

int bench_neighbour(int argc, char **argv)
{
	struct options o = {.viewers = 5000, .rate = 300, .lone_rate = 100, .packets = 1000};
	struct rig_options rig_options = {
		.workers = 1,
		.streams = 2,
		.lone = true,
		.payload = 1188,
		.profile = srtp_profile_by_id(SRTP_PROFILE_GCM_128),
		.backend = "ipsec-mb",
		.seed = 1,
		.poll = true,
		.paced = true,
	};
	int rc = parse(&o, argc, argv);
	char error[512] = "";
	struct rig rig;

	if (rc >= 0)
		return rc;
	rig_options.viewers = o.viewers + 1;
	memset(&rig, 0, sizeof(rig));
	if (rig_start(&rig, &rig_options, error, sizeof(error)) != 0) {
		fprintf(stderr, "millrace-bench: %s\n", error);
		rc = 1;
	} else {
		rc = measure(&rig, &o) != 0;
	}
	rig_stop(&rig);
	return rc;
}
