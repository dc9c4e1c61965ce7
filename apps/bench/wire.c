/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace-bench wire: the whole data plane, another process, behind a virtual wire
 * (net_memif): the highest rate at which at most one packet in a million is lost, by
 * binary search (RFC 2544 26.1), and how long the first and the last viewer wait for
 * their copies at parts of that rate. scripts/bench starts the data plane.
 */
#include "apps/bench/bench.h"
#include "apps/bench/figures.h"
#include "apps/bench/options.h"
#include "apps/bench/rig.h"
#include "apps/bench/wire_verdict.h"
#include "crypto/secret.h"
#include "dataplane/api/client.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIALS 3         /* of a rate: the best counts */
#define STEPS_MAX 12     /* of the search */
#define NEAR_ENOUGH 0.02 /* of the rate, where the search ends */
#define FLOOD 2e7        /* viewers' packets per second: more than fits */
#define FLOOD_SECONDS 0.5
#define STATS_MS 10000

static const unsigned int loads[] = {10, 50, 90}; /* per cent */
#define LOADS (sizeof(loads) / sizeof(loads[0]))

struct wire_options {
	const char *control;
	const char *stats;
	const char *memif;
	const struct srtp_profile *profile;
	uint32_t viewers;
	uint32_t payload;
	uint32_t cpu;
	uint32_t millis; /* of a trial */
	bool json;
};

struct waits {
	double p50, p99, p999; /* us */
	uint32_t samples;
};

struct wire {
	struct wire_options o;
	struct wire_population population;
	struct wire_link *link;
	struct wire_check *check;
	struct mr_stats_view stats;
	double flood;                 /* viewers' packets per second that came through it */
	double best;                  /* ditto without loss */
	struct wire_verdict too_much; /* the lowest rate that was, its last trial */
	unsigned int trials;
	double load[LOADS];      /* viewers' packets per second, as it was */
	double load_lost[LOADS]; /* share */
	struct waits first[LOADS];
	struct waits last[LOADS];
};

/* ---- what the data plane says ---- */

static void drops_read(const struct wire *w, uint64_t drops[MR_DROP_COUNT])
{
	memset(drops, 0, MR_DROP_COUNT * sizeof(drops[0]));
	for (uint32_t i = 0; i < w->stats.stats->workers.count; i++) {
		struct mr_stats_worker s;

		if (mr_stats_read(&w->stats, &w->stats.stats->workers, i, &s, sizeof(s)) != 0)
			continue;
		for (unsigned int d = 0; d < MR_DROP_COUNT; d++)
			drops[d] += s.drops[d];
	}
}

/* ---- trials ---- */

/* At so many viewers' packets per second. */
static void send_at(struct wire *w, double rate, double seconds, struct wire_trial *t)
{
	wire_link_consent(w->link);
	wire_link_trial(w->link, rate / w->o.viewers, seconds, t);
	w->trials++;
}

/* What came while it was sent: what waits at the end is no throughput. */
static double rate_of(const struct wire_trial *t)
{
	return (double)t->in_time / t->seconds;
}

/* A step of the search. */
static bool try_rate(struct wire *w, double rate, double seconds, struct wire_verdict *v)
{
	uint64_t before[MR_DROP_COUNT];

	v->rate = rate;
	drops_read(w, before);
	send_at(w, rate, seconds, &v->trial);
	drops_read(w, v->dropped);
	for (unsigned int d = 0; d < MR_DROP_COUNT; d++)
		v->dropped[d] -= before[d];
	return wire_verdict_causes(v, w->o.viewers) == 0;
}

static void search(struct wire *w)
{
	double seconds = w->o.millis / 1e3, low = 0, high;
	struct wire_trial t;

	send_at(w, FLOOD, seconds < FLOOD_SECONDS ? seconds : FLOOD_SECONDS, &t);
	w->flood = RTE_MAX(rate_of(&t), w->o.viewers / t.seconds);
	high = w->flood * 1.2;
	for (unsigned int step = 0; step < STEPS_MAX && high - low > NEAR_ENOUGH * high; step++) {
		double rate = (low + high) / 2;
		struct wire_verdict v = {0};
		bool passed = false;

		for (unsigned int i = 0; i < TRIALS && !passed; i++)
			passed = try_rate(w, rate, seconds, &v);
		if (!passed) {
			high = rate;
			w->too_much = v;
			continue;
		}
		low = rate;
		if (rate_of(&v.trial) > w->best)
			w->best = rate_of(&v.trial);
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* [us] Sorted. */
static double wait_at(const struct wire_latencies *l, unsigned int per_mille)
{
	uint64_t i = (uint64_t)l->n * per_mille / 1000;

	return l->ns[i] / 1e3;
}

static struct waits waits_of(struct wire_latencies *l)
{
	struct waits waits = {.samples = l->n};

	if (l->n == 0)
		return waits;
	qsort(l->ns, l->n, sizeof(l->ns[0]), compare);
	waits.p50 = wait_at(l, 500);
	waits.p99 = wait_at(l, 990);
	waits.p999 = wait_at(l, 999);
	return waits;
}

/* Where no rate is without loss, a tenth of what comes through stands for it. */
static void latencies(struct wire *w)
{
	double full = w->best > 0 ? w->best : w->flood / 10;

	for (unsigned int i = 0; i < LOADS; i++) {
		struct wire_trial t;

		send_at(w, full * loads[i] / 100, w->o.millis / 1e3, &t);
		w->load[i] = rate_of(&t);
		w->load_lost[i] = (double)wire_trial_lost(&t) / RTE_MAX((double)t.expected, 1.0);
		w->first[i] = waits_of(&t.first);
		w->last[i] = waits_of(&t.last);
	}
}

/* ---- what came of it ---- */

static json_t *waits_report(const struct waits *waits)
{
	return json_pack("{s:f,s:f,s:f,s:i}", "p50", waits->p50, "p99", waits->p99, "p999",
		waits->p999, "samples", (int)waits->samples);
}

static json_t *latencies_report(const struct wire *w)
{
	json_t *all = json_array();

	for (unsigned int i = 0; i < LOADS; i++)
		json_array_append_new(
			all, json_pack("{s:i,s:f,s:f,s:o,s:o}", "load", (int)loads[i],
				     "packetsPerSecond", w->load[i], "lostShare", w->load_lost[i],
				     "firstMicros", waits_report(&w->first[i]), "lastMicros",
				     waits_report(&w->last[i])));
	return all;
}

static json_t *report(const struct wire *w)
{
	double frame = w->o.payload + 12.0 + w->o.profile->rtp_tag_len + 42.0;
	char cpu[128];

	cpu_name(cpu, sizeof(cpu));
	return json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:f,s:f,s:f,s:f,s:f,s:i,s:o,s:o,s:I,s:I}",
		"benchmark", "wire", "cpu", cpu, "crypto", w->stats.stats->crypto, "profile",
		w->o.profile->name, "payload", (int)w->o.payload, "viewers", (int)w->o.viewers,
		"trialSeconds", w->o.millis / 1e3, "packetsPerSecond", w->best,
		"inputPacketsPerSecond", w->best / w->o.viewers, "GbitPerSecond",
		w->best * frame * 8 / 1e9, "floodPacketsPerSecond", w->flood, "trials",
		(int)w->trials, "firstLoss", wire_verdict_json(&w->too_much, w->o.viewers),
		"latency", latencies_report(w), "opened", (json_int_t)wire_check_opened(w->check),
		"wrong", (json_int_t)wire_check_wrong(w->check));
}

static void print(const struct wire *w, const json_t *j)
{
	printf("%s, %s, %s, %u B, %u viewers, net_memif\n",
		json_string_value(json_object_get(j, "cpu")), w->stats.stats->crypto,
		w->o.profile->name, w->o.payload, w->o.viewers);
	printf("  %-26s%10.3f Mpps, %.2f Gbit/s (%.0f packets of the stream a second)\n",
		"without loss", w->best / 1e6, json_real_value(json_object_get(j, "GbitPerSecond")),
		w->best / w->o.viewers);
	printf("  %-26s%10.3f Mpps came through\n", "flooded", w->flood / 1e6);
	if (w->too_much.rate > 0) {
		printf("  %-26s%10.3f Mpps: ", "too much", w->too_much.rate / 1e6);
		wire_verdict_tell(&w->too_much, w->o.viewers, stdout);
		putchar('\n');
	}
	for (unsigned int i = 0; i < LOADS; i++) {
		const struct waits *both[2] = {&w->first[i], &w->last[i]};

		printf("  %3u %% %-20s%10.3f Mpps, %.2g %% lost\n", loads[i], "load",
			w->load[i] / 1e6, 100 * w->load_lost[i]);
		for (unsigned int k = 0; k < 2; k++)
			printf("  %3u %% %-20s%10.1f us p50 %10.1f p99 %10.1f p99.9\n", loads[i],
				k == 0 ? "first copy" : "last copy", both[k]->p50, both[k]->p99,
				both[k]->p999);
	}
	printf("  %-26s%10llu packets, %llu of them wrong\n", "decrypted",
		(unsigned long long)wire_check_opened(w->check),
		(unsigned long long)wire_check_wrong(w->check));
	if (w->o.json) {
		json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
	}
}

static int prepare(struct wire *w)
{
	char error[512] = "";

	if (mr_stats_open(&w->stats, w->o.stats, STATS_MS) != 0) {
		fprintf(stderr, "millrace-bench: no statistics at %s\n", w->o.stats);
		return -1;
	}
	w->link = wire_link_create(
		w->o.memif, w->o.cpu, w->o.viewers, (uint16_t)w->o.payload, error, sizeof(error));
	if (w->link == NULL)
		goto err;
	w->population.viewers = w->o.viewers;
	w->population.profile = w->o.profile;
	memcpy(w->population.ours, wire_link_mac(w->link), sizeof(w->population.ours));
	if (wire_install(&w->population, w->o.control, error, sizeof(error)) != 0)
		goto err;
	w->check = wire_check_create(
		&w->population, wire_link_payload(w->link), (uint16_t)w->o.payload);
	snprintf(error, sizeof(error), "not every viewer gets the first packets");
	if (w->check == NULL || wire_link_begin(w->link, w->population.gateway, w->check) != 0)
		goto err;
	return 0;
err:
	fprintf(stderr, "millrace-bench: %s\n", error);
	return -1;
}

static int measure(struct wire *w)
{
	json_t *j;

	if (prepare(w) != 0)
		return 1;
	search(w);
	if (w->best == 0)
		fputs("millrace-bench: no rate is without loss\n", stderr);
	latencies(w);
	j = report(w);
	print(w, j);
	json_decref(j);
	return wire_check_wrong(w->check) == 0 ? 0 : 1;
}

/* ---- options ---- */

static const char usage[] =
	"usage: millrace-bench wire --control SOCKET --stats SOCKET --memif SOCKET "
	"[OPTIONS]\n\n"
	"Needs a data plane whose port 0 is net_memif,role=server and that no control plane\n"
	"is attached to. scripts/bench wire starts one.\n\n"
	"  --control SOCKET       the data plane's dataplane.controlSocket\n"
	"  --stats SOCKET         dataplane.statsSocket\n"
	"  --memif SOCKET         of its port\n"
	"  --cpu N                that generates and receives (0)\n"
	"  --viewers N            1 to 10000 (100)\n"
	"  --payload BYTES        of RTP payload, 16 to 1400 (1188)\n"
	"  --profile NAME         AEAD_AES_128_GCM (default), AEAD_AES_256_GCM,\n"
	"                         AES128_CM_HMAC_SHA1_80\n"
	"  --millis N             of each trial, 100 to 10000 (2000)\n"
	"  --json                 one JSON object on the last line\n"
	"  --help\n";

/* It becomes one of a device's arguments. */
static bool memif_take(void *to, const char *value)
{
	*(const char **)to = value;
	return strchr(value, ',') == NULL;
}

/* -1: go on; else the exit status. */
static int options_parse(struct wire_options *o, int argc, char **argv)
{
	const struct bench_option options[] = {
		{"control", BENCH_TEXT, &o->control},
		{"stats", BENCH_TEXT, &o->stats},
		{"memif", BENCH_OTHER, &o->memif, .take = memif_take},
		{"cpu", BENCH_NUMBER, &o->cpu, 0, 1023},
		{"viewers", BENCH_NUMBER, &o->viewers, 1, 10000},
		{"payload", BENCH_NUMBER, &o->payload, 16, RIG_PAYLOAD_MAX},
		{"profile", BENCH_PROFILE, &o->profile},
		{"millis", BENCH_NUMBER, &o->millis, 100, 10000},
		{"json", BENCH_FLAG, &o->json},
		{0},
	};
	int rc;

	*o = (struct wire_options){
		.profile = srtp_profile_by_id(SRTP_PROFILE_GCM_128),
		.viewers = 100,
		.payload = 1188,
		.millis = 2000,
	};
	rc = bench_options_read(options, usage, argc, argv);
	if (rc >= 0)
		return rc;
	if (o->control == NULL || o->stats == NULL || o->memif == NULL)
		return bench_options_wrong("--control, --stats and --memif are needed");
	return -1;
}

int bench_wire(int argc, char **argv)
{
	struct wire *w = calloc(1, sizeof(*w));
	int rc = 1;

	if (w == NULL)
		return 1;
	rc = options_parse(&w->o, argc, argv);
	if (rc == -1) {
		rc = measure(w);
		wire_check_destroy(w->check);
		wire_link_destroy(w->link);
		mr_stats_close(&w->stats);
		secret_wipe(w, sizeof(*w));
	}
	free(w);
	return rc;
}
