/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace-bench fanout: what the data plane takes per viewer's packet beside what
 * the encryption alone takes. The production worker with all its stages and
 * ipsec-mb alone run in turn on the same core, round after round, so that
 * whatever else the machine does hits both.
 */
#include "apps/bench/bench.h"
#include "apps/bench/bound.h"
#include "apps/bench/feed.h"
#include "apps/bench/figures.h"
#include "apps/bench/rig.h"

#include <getopt.h>
#include <jansson.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_UP 2            /* rounds that do not count */
#define PACKETS_PER_VIEWER 8 /* of a round, at least */
#define VIRTUAL_TURN_NS 100000
#define BARREN_TURNS 1000 /* without a packet: something is wrong */

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
	uint64_t turns;      /* of all rounds that count */
	uint64_t sent;       /* viewers' packets, ditto */
	uint64_t sent_ever;  /* warm-up included */
	uint64_t stage_tsc[STAGE_COUNT];
};

struct fanout {
	struct fanout_options o;
	struct rig rig;
	struct lane lane[MR_WORKERS_MAX];
	struct figures cycles; /* per packet, mean over the workers; a sample per round */
	struct figures bound[BOUND_METHODS_MAX];
	struct figures ratio; /* to the round's fastest bound */
	struct figures solo;  /* several workers: the first one alone */
	struct figures solo_bound;
	uint64_t dropped;
};

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
		return;
	}
	w->now_ns += VIRTUAL_TURN_NS;
	w->wall_ns = w->wall_offset_ns + (int64_t)w->now_ns;
}

/* Never inlined: tests/perf counts the instructions below this function. */
__attribute__((noinline)) static void lane_turn(struct lane *l)
{
	clocks_read(l);
	worker_turn(l->worker);
}

/* Enough for a whole turn, whatever the worker has left over. */
static void lane_feed(struct lane *l, uint64_t sent)
{
	uint64_t waiting = l->feed.copies > sent ? l->feed.copies - sent : 0;

	if (waiting < FANOUT_BUDGET)
		feed_put(&l->feed, (uint32_t)(FANOUT_BUDGET - waiting));
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
	double start = thread_cycles(), cycles;

	for (unsigned int i = 0; i < STAGE_COUNT; i++)
		before[i] = counter(&s->stage_tsc[i]);
	while (now < first + l->packets && barren < BARREN_TURNS) {
		uint64_t tsc = rte_rdtsc(), sent = now;

		lane_feed(l, now - first);
		feeding += rte_rdtsc() - tsc;
		lane_turn(l);
		turns++;
		now = counter(&s->media_packets);
		barren = now == sent ? barren + 1 : 0;
	}
	cycles = thread_cycles() - start;
	frames = l->feed.frames - frames;
	if (frames > 0 &&
		(l->frame_cycles == 0 || (double)feeding / (double)frames < l->frame_cycles))
		l->frame_cycles = (double)feeding / (double)frames;
	cycles -= l->frame_cycles * (double)frames;
	l->feed.copies -= RTE_MIN(now - first, l->feed.copies);
	l->sent += now - first;
	l->sent_ever += now - first;
	l->turns += turns;
	for (unsigned int i = 0; i < STAGE_COUNT; i++)
		l->stage_tsc[i] += counter(&s->stage_tsc[i]) - before[i];
	l->cycles = now > first ? cycles / (double)(now - first) : 0;
	return barren < BARREN_TURNS ? 0 : -1;
}

static int lane_bound(void *lane)
{
	struct lane *l = lane;

	l->cycles = bound_run(l->bound, l->method, l->packets);
	return 0;
}

/* ---- rounds ---- */

/* The first `n` workers at once; the mean of their cycles per packet, 0: it failed. */
static double workers_run(struct fanout *f, unsigned int n, int (*what)(void *))
{
	void *args[MR_WORKERS_MAX] = {0};
	double sum = 0;

	for (unsigned int i = 0; i < n; i++)
		args[i] = &f->lane[i];
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
	figures_add(&f->ratio, cycles / bound);
	if (n == 1)
		return 0;
	cycles = workers_run(f, 1, lane_turns);
	if (cycles == 0)
		return -1;
	figures_add(&f->solo, cycles);
	figures_add(&f->solo_bound, bounds_run(f, 1, NULL));
	return 0;
}

static void figures_forget(struct fanout *f)
{
	f->cycles.n = f->ratio.n = f->solo.n = f->solo_bound.n = 0;
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

	for (uint32_t i = 0; i < WARM_UP + f->o.rounds; i++) {
		if (i == WARM_UP) {
			figures_forget(f);
			dropped = drops_count(f);
		}
		if (round_run(f) != 0)
			return -1;
	}
	f->dropped = drops_count(f) - dropped;
	return 0;
}

/* ---- what came of it ---- */

static unsigned int bound_best(struct fanout *f)
{
	unsigned int best = 0;

	for (unsigned int m = 1; m < bound_methods(f->lane[0].bound); m++)
		if (figures_median(&f->bound[m]) < figures_median(&f->bound[best]))
			best = m;
	return best;
}

static const char *const stage_names[] = {
#define STAGE_NAME(name) #name,
	WORKER_STAGES(STAGE_NAME)
#undef STAGE_NAME
};

/* The stages are timed by the clock that also runs while others have the CPU: what
 * they take of the packet's cycles is their share of all stages. */
static json_t *stages_report(struct fanout *f)
{
	json_t *stages = json_object();
	double sum = 0, tsc[STAGE_COUNT] = {0};

	for (unsigned int i = 0; i < f->o.rig.workers; i++)
		for (unsigned int s = 0; s < STAGE_COUNT; s++)
			tsc[s] += (double)f->lane[i].stage_tsc[s];
	for (unsigned int s = 0; s < STAGE_COUNT; s++)
		sum += tsc[s];
	for (unsigned int s = 0; s < STAGE_COUNT; s++)
		json_object_set_new(stages, stage_names[s],
			json_real(figures_median(&f->cycles) * tsc[s] / sum));
	return stages;
}

static json_t *quantiles_report(struct figures *f)
{
	return json_pack("{s:f,s:f,s:f}", "p10", figures_quantile(f, 0.1), "median",
		figures_median(f), "p90", figures_quantile(f, 0.9));
}

static json_t *bound_report(struct fanout *f)
{
	json_t *methods = json_object();

	for (unsigned int m = 0; m < bound_methods(f->lane[0].bound); m++)
		json_object_set_new(methods, bound_method_name(f->lane[0].bound, m),
			json_real(figures_median(&f->bound[m])));
	return methods;
}

/* How much faster two and more workers are than one; the bound's beside it. */
static json_t *scaling_report(struct fanout *f)
{
	double n = f->o.rig.workers;
	double ours = n * figures_median(&f->solo) / figures_median(&f->cycles);
	double bound =
		n * figures_median(&f->solo_bound) / figures_median(&f->bound[bound_best(f)]);

	return json_pack("{s:f,s:f,s:f}", "workers", ours, "bound", bound, "ofBound", ours / bound);
}

static uint64_t sent_ever(const struct fanout *f)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < f->o.rig.workers; i++)
		n += f->lane[i].sent_ever;
	return n;
}

static double per_viewer(const struct fanout *f, uint64_t one, uint64_t all)
{
	uint32_t more = f->o.rig.viewers - 1;

	return more > 0 && all > one ? (double)(all - one) / more : 0;
}

static json_t *report(struct fanout *f)
{
	const struct rig_options *o = &f->o.rig;
	const struct rig *r = &f->rig;
	double cycles = figures_median(&f->cycles);
	double mpps = o->workers * (double)rte_get_tsc_hz() / cycles / 1e6;
	char cpu[128];
	json_t *j;

	cpu_name(cpu, sizeof(cpu));
	j = json_pack("{s:s,s:s,s:s,s:f,s:s,s:i,s:i,s:i,s:i,s:s,s:s,s:i,s:f,s:o,s:f,s:f,s:o}",
		"benchmark", "fanout", "cpu", cpu, "crypto", r->dp.stats->crypto, "tscGHz",
		(double)rte_get_tsc_hz() / 1e9, "profile", o->profile->name, "payload",
		(int)o->payload, "viewers", (int)o->viewers, "streams", (int)o->streams, "workers",
		(int)o->workers, "order", o->random ? "random" : "sequential", "checksum",
		o->checksum == RIG_CHECKSUM_OFFLOAD ? "offload" : "software", "rounds",
		(int)f->o.rounds, "cyclesPerPacket", cycles, "cyclesSpread",
		quantiles_report(&f->cycles), "Mpps", mpps, "GbitPerSecond",
		mpps * 1e6 * 8 * (o->payload + 12 + o->profile->rtp_tag_len + 42) / 1e9, "stages",
		stages_report(f));
	if (f->o.bound) {
		json_object_set_new(j, "boundCyclesPerPacket",
			json_real(figures_median(&f->bound[bound_best(f)])));
		json_object_set_new(j, "boundMethod",
			json_string(bound_method_name(f->lane[0].bound, bound_best(f))));
		json_object_set_new(j, "boundMethods", bound_report(f));
		json_object_set_new(j, "ratio", json_real(figures_median(&f->ratio)));
		json_object_set_new(j, "ratioSpread", quantiles_report(&f->ratio));
		if (o->workers > 1)
			json_object_set_new(j, "scaling", scaling_report(f));
	}
	json_object_set_new(
		j, "bytesPerViewer", json_real(per_viewer(f, r->resident_one, r->resident_all)));
	json_object_set_new(
		j, "heapBytesPerViewer", json_real(per_viewer(f, r->heap_one, r->heap_all)));
	json_object_set_new(
		j, "viewersMB", json_real((double)(r->resident_all - r->resident_idle) / 1048576));
	json_object_set_new(j, "residentMB", json_real((double)r->resident_all / 1048576));
	json_object_set_new(j, "packets", json_integer((json_int_t)sent_ever(f)));
	json_object_set_new(j, "dropped", json_integer((json_int_t)f->dropped));
	return j;
}

static double number(const json_t *j, const char *key)
{
	return json_real_value(json_object_get(j, key));
}

static const char *text(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

static void print(const json_t *j, const struct fanout *f)
{
	const json_t *ratio = json_object_get(j, "ratioSpread");
	const json_t *scaling = json_object_get(j, "scaling");
	const json_t *stages = json_object_get(j, "stages");

	printf("%s, %s, %s, %u B, %u viewers of %u streams, %s order, checksum %s, %u workers\n",
		text(j, "cpu"), text(j, "crypto"), text(j, "profile"), f->o.rig.payload,
		f->o.rig.viewers, f->o.rig.streams, text(j, "order"), text(j, "checksum"),
		f->o.rig.workers);
	printf("  %-24s%8.0f cycles, %.2f Mpps, %.2f Gbit/s, %d dropped\n", "packet",
		number(j, "cyclesPerPacket"), number(j, "Mpps"), number(j, "GbitPerSecond"),
		(int)json_integer_value(json_object_get(j, "dropped")));
	for (unsigned int s = 0; s < STAGE_COUNT; s++)
		printf("    %-22s%8.1f\n", stage_names[s], number(stages, stage_names[s]));
	if (f->o.bound) {
		printf("  %-24s%8.0f cycles (%s)\n", "bound", number(j, "boundCyclesPerPacket"),
			text(j, "boundMethod"));
		printf("  %-24s%8.3f (p10 %.3f, p90 %.3f over %u rounds)\n", "ratio",
			number(j, "ratio"), number(ratio, "p10"), number(ratio, "p90"),
			f->o.rounds);
	}
	if (scaling != NULL)
		printf("  %-24s%8.2f times one worker; the bound %.2f times: %.3f of it\n",
			"workers", number(scaling, "workers"), number(scaling, "bound"),
			number(scaling, "ofBound"));
	printf("  %-24s%8.0f bytes a viewer, %.1f MB for all; %.1f MB resident\n", "memory",
		number(j, "bytesPerViewer"), number(j, "viewersMB"), number(j, "residentMB"));
	if (f->o.json) {
		json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
	}
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
	json_t *j;

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
	j = report(f);
	print(j, f);
	json_decref(j);
	return 0;
}

static void usage(FILE *out)
{
	fputs("usage: millrace-bench fanout [OPTIONS]\n\n"
	      "  --viewers N            in all, 1 to 100000 (1000)\n"
	      "  --streams N            that they watch, 1 to 512 (one per worker)\n"
	      "  --payload BYTES        of RTP payload, 16 to 1400 (1188)\n"
	      "  --profile NAME         AEAD_AES_128_GCM (default), AEAD_AES_256_GCM,\n"
	      "                         AES128_CM_HMAC_SHA1_80\n"
	      "  --order ORDER          of viewers in memory: sequential (default), random\n"
	      "  --backend NAME         what encrypts (ipsec-mb)\n"
	      "  --workers N            1 to as many as there are CPUs (1)\n"
	      "  --checksum MODE        of UDP: offload (default), software\n"
	      "  --rounds N             1 to 4000 (40)\n"
	      "  --packets N            of each worker in a round, at least (30000); and eight\n"
	      "                         for each viewer\n"
	      "  --no-bound             only the data plane\n"
	      "  --virtual-time         no clock is read: the same work in every run\n"
	      "  --json                 one JSON object on the last line\n"
	      "  --help\n",
		out);
}

static bool parse_number(const char *text, uint32_t least, uint32_t most, uint32_t *to)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || n < least || n > most)
		return false;
	*to = (uint32_t)n;
	return true;
}

static bool parse_word(const char *text, const char *const words[2], unsigned int *to)
{
	for (*to = 0; *to < 2; (*to)++)
		if (strcmp(text, words[*to]) == 0)
			return true;
	return false;
}

enum {
	VIEWERS = 256,
	STREAMS,
	PAYLOAD,
	PROFILE,
	ORDER,
	BACKEND,
	WORKERS,
	CHECKSUM,
	ROUNDS,
	PACKETS,
	NO_BOUND,
	VIRTUAL_TIME,
	JSON,
	HELP
};

static bool option_take(struct fanout_options *o, int option, const char *value)
{
	static const char *const orders[2] = {"sequential", "random"};
	static const char *const checksums[2] = {"offload", "software"};
	unsigned int word;

	switch (option) {
	case VIEWERS:
		return parse_number(value, 1, RIG_VIEWERS_MAX, &o->rig.viewers);
	case STREAMS:
		return parse_number(value, 1, RIG_STREAMS_MAX, &o->rig.streams);
	case PAYLOAD:
		return parse_number(value, 16, RIG_PAYLOAD_MAX, &o->rig.payload);
	case PROFILE:
		o->rig.profile = srtp_profile_by_name(value);
		return o->rig.profile != NULL;
	case ORDER:
		if (!parse_word(value, orders, &word))
			return false;
		o->rig.random = word == 1;
		return true;
	case BACKEND:
		o->rig.backend = value;
		return true;
	case WORKERS:
		return parse_number(value, 1, MR_WORKERS_MAX, &o->rig.workers);
	case CHECKSUM:
		if (!parse_word(value, checksums, &word))
			return false;
		o->rig.checksum = (enum rig_checksum)word;
		return true;
	case ROUNDS:
		return parse_number(value, 1, FIGURES_MAX - WARM_UP, &o->rounds);
	case PACKETS:
		return parse_number(value, 1000, 10000000, &o->packets);
	case NO_BOUND:
		o->bound = false;
		return true;
	case VIRTUAL_TIME:
		o->virtual_time = true;
		o->rig.poll = false;
		return true;
	case JSON:
		o->json = true;
		return true;
	default:
		return false;
	}
}

static const struct option options[] = {
	{"viewers", required_argument, NULL, VIEWERS},
	{"streams", required_argument, NULL, STREAMS},
	{"payload", required_argument, NULL, PAYLOAD},
	{"profile", required_argument, NULL, PROFILE},
	{"order", required_argument, NULL, ORDER},
	{"backend", required_argument, NULL, BACKEND},
	{"workers", required_argument, NULL, WORKERS},
	{"checksum", required_argument, NULL, CHECKSUM},
	{"rounds", required_argument, NULL, ROUNDS},
	{"packets", required_argument, NULL, PACKETS},
	{"no-bound", no_argument, NULL, NO_BOUND},
	{"virtual-time", no_argument, NULL, VIRTUAL_TIME},
	{"json", no_argument, NULL, JSON},
	{"help", no_argument, NULL, HELP},
	{0},
};

/* -1: go on; else the exit status. */
static int options_parse(struct fanout_options *o, int argc, char **argv)
{
	int option, index;

	*o = (struct fanout_options){
		.rig = {.workers = 1,
			.viewers = 1000,
			.payload = 1188,
			.profile = srtp_profile_by_id(SRTP_PROFILE_GCM_128),
			.backend = "ipsec-mb",
			.seed = 1,
			.poll = true},
		.rounds = 40,
		.packets = 30000,
		.bound = true,
	};
	while ((option = getopt_long(argc, argv, "h", options, &index)) != -1) {
		if (option == HELP || option == 'h') {
			usage(stdout);
			return 0;
		}
		if (option == '?')
			return 2;
		if (!option_take(o, option, optarg)) {
			fprintf(stderr, "millrace-bench: --%s cannot be %s\n", options[index].name,
				optarg);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "millrace-bench: what is %s?\n", argv[optind]);
		return 2;
	}
	if (o->rig.streams == 0)
		o->rig.streams = o->rig.workers;
	if (o->rig.viewers < o->rig.streams || o->rig.streams < o->rig.workers) {
		fputs("millrace-bench: each worker needs a stream, each stream a viewer\n", stderr);
		return 2;
	}
	return -1;
}

int bench_fanout(int argc, char **argv)
{
	struct fanout *f = calloc(1, sizeof(*f));
	int rc = 1;

	if (f == NULL)
		return 1;
	rc = options_parse(&f->o, argc, argv);
	if (rc == -1) {
		rc = measure(f);
		lanes_fini(f);
		rig_stop(&f->rig);
	}
	free(f);
	return rc;
}
