/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace-bench kernel: the same fan-out by system calls and by the data plane on
 * AF_XDP, through the same interface, in turn on the same core, round after
 * round. What counts is CPU time, user and system: a system call's work, the
 * driver's and the soft interrupt's that carries a frame over a veth included.
 * scripts/bench makes the wire, whose other end drops what arrives.
 */
#include "apps/bench/bench.h"
#include "apps/bench/classic.h"
#include "apps/bench/feed.h"
#include "apps/bench/figures.h"
#include "apps/bench/options.h"
#include "apps/bench/rig.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <net/if.h>
#include <rte_cycles.h>
#include <rte_ether.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define WARM_UP 1 /* rounds that do not count */
#define ROUNDS_MAX 1000
#define BARREN_MAX 100000 /* turns that send nothing, before that is a failure */
#define WAITS_MAX 10000
#define OURS CLASSIC_METHODS
#define METHODS (CLASSIC_METHODS + 1)

struct kernel_options {
	struct rig_options rig;
	char interface[IFNAMSIZ];
	char device[64];
	uint32_t packets; /* of a round */
	uint32_t rounds;
	bool json;
};

struct method {
	struct figures cpu;    /* [ns] per packet */
	struct figures system; /* [ns] per packet, of it in the kernel */
	struct figures ratio;  /* of cpu, to ours in the same round */
	struct figures wall;   /* [cycles] per packet */
	uint64_t packets;      /* that left the interface */
	uint64_t missing;      /* that were made and did not */
};

struct kernel {
	struct kernel_options o;
	struct rig rig;
	struct feed feed;
	struct classic *classic;
	struct method method[METHODS];
	/* of the run just done, written on the lcore */
	unsigned int which;
	uint64_t made;
	double cpu_ns, system_ns, cycles;
	double mhz;
};

static const char *method_name(unsigned int m)
{
	return m == OURS ? "millrace" : classic_method_name(m);
}

/* ---- on the worker's lcore ---- */

/* A data plane has cameras that wait for nobody; a benchmark waits for the wire, where
 * another thread (ksoftirqd) may have to carry the frames on. */
static void wait_for_wire(struct worker *w)
{
	for (unsigned int i = 0; i < WAITS_MAX && w->port[1].n_tx > 0; i++) {
		port_tx_stage(w);
		if (w->port[1].n_tx > 0)
			sched_yield();
	}
}

static uint64_t turns(struct kernel *k)
{
	struct worker *w = k->feed.worker;
	const _Atomic uint64_t *media = &w->stats->media_packets;
	uint64_t first = atomic_load_explicit(media, memory_order_relaxed), now = first;
	uint64_t end = first + k->o.packets;
	unsigned int barren = 0;

	while (now < end && barren < BARREN_MAX) {
		uint64_t done = now - first, before = now;
		uint64_t waiting = k->feed.copies > done ? k->feed.copies - done : 0;

		if (waiting < FANOUT_BUDGET)
			feed_put(&k->feed, (uint32_t)(FANOUT_BUDGET - waiting));
		worker_read_clocks(w);
		worker_turn(w);
		wait_for_wire(w);
		now = atomic_load_explicit(media, memory_order_relaxed);
		barren = now == before ? barren + 1 : 0;
	}
	k->feed.copies -= now - first;
	return now - first;
}

static double ns_of(const struct timeval *t)
{
	return (double)t->tv_sec * 1e9 + (double)t->tv_usec * 1e3;
}

static double thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int method_run(void *kernel)
{
	struct kernel *k = kernel;
	struct rusage before, after;
	uint64_t start = rte_rdtsc();
	double cpu = thread_ns();

	getrusage(RUSAGE_THREAD, &before);
	k->made = k->which == OURS
			  ? turns(k)
			  : classic_run(k->classic, (enum classic_method)k->which, k->o.packets);
	getrusage(RUSAGE_THREAD, &after);
	k->cpu_ns = thread_ns() - cpu;
	k->cycles = (double)(rte_rdtsc() - start);
	k->system_ns = ns_of(&after.ru_stime) - ns_of(&before.ru_stime);
	return 0;
}

/* ---- rounds ---- */

/* Frames that left the interface since it was made; 0 when the kernel does not say. */
static uint64_t frames_sent(const struct kernel *k)
{
	char path[128];
	unsigned long long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/tx_packets", k->o.interface);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

static int round_run(struct kernel *k, bool counts)
{
	double cpu[METHODS];

	for (unsigned int m = 0; m < METHODS; m++) {
		struct method *to = &k->method[m];
		void *args[1] = {k};
		uint64_t before = frames_sent(k), sent;

		k->which = m;
		if (rig_run(&k->rig, 1, method_run, args) != 0 || k->made == 0) {
			fprintf(stderr, "millrace-bench: %s sends nothing\n", method_name(m));
			return -1;
		}
		sent = frames_sent(k) - before;
		if (sent == 0) {
			fprintf(stderr, "millrace-bench: %s: nothing leaves %s\n", method_name(m),
				k->o.interface);
			return -1;
		}
		cpu[m] = k->cpu_ns / (double)sent;
		if (!counts)
			continue;
		figures_add(&to->cpu, cpu[m]);
		figures_add(&to->system, k->system_ns / (double)sent);
		figures_add(&to->wall, k->cycles / (double)sent);
		to->packets += sent;
		to->missing += k->made > sent ? k->made - sent : 0;
	}
	for (unsigned int m = 0; counts && m < METHODS; m++)
		figures_add(&k->method[m].ratio, cpu[m] / cpu[OURS]);
	return 0;
}

/* ---- what came of it ---- */

static json_t *method_report(const struct kernel *k, struct method *m)
{
	double cpu = figures_median(&m->cpu);

	return json_pack("{s:f,s:f,s:f,s:f,s:f,s:f,s:I,s:I}", "cpuNsPerPacket", cpu,
		"systemNsPerPacket", figures_median(&m->system), "cyclesPerPacket",
		cpu * k->mhz / 1e3, "ratio", figures_median(&m->ratio), "ratioP10",
		figures_quantile(&m->ratio, 0.1), "ratioP90", figures_quantile(&m->ratio, 0.9),
		"packets", (json_int_t)m->packets, "missing", (json_int_t)m->missing);
}

/* Why the data plane dropped what is missing, if it did. */
static json_t *drops_report(const struct kernel *k)
{
	const struct mr_stats_worker *w = k->feed.worker->stats;
	json_t *drops = json_object();

	for (unsigned int d = 0; d < MR_DROP_COUNT; d++) {
		uint64_t n = atomic_load_explicit(&w->drops[d], memory_order_relaxed);

		if (n > 0)
			json_object_set_new(drops, mr_drop_name(d), json_integer((json_int_t)n));
	}
	return drops;
}

static json_t *report(struct kernel *k)
{
	const struct rig_options *o = &k->o.rig;
	char cpu[128];
	json_t *methods = json_object();

	cpu_name(cpu, sizeof(cpu));
	for (unsigned int m = 0; m < METHODS; m++)
		json_object_set_new(methods, method_name(m), method_report(k, &k->method[m]));
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:o,s:o}", "benchmark", "kernel", "cpu",
		cpu, "crypto", k->rig.dp.stats->crypto, "device", k->o.device, "profile",
		o->profile->name, "payload", (int)o->payload, "viewers", (int)o->viewers, "rounds",
		(int)k->o.rounds, "methods", methods, "drops", drops_report(k));
}

static void print(const json_t *j, struct kernel *k)
{
	printf("%s, %s, %s, %u B, %u viewers, %s\n", json_string_value(json_object_get(j, "cpu")),
		k->rig.dp.stats->crypto, k->o.rig.profile->name, k->o.rig.payload, k->o.rig.viewers,
		k->o.device);
	printf("  %-12s%12s%12s%12s%10s%16s%10s\n", "", "ns CPU", "of it kernel", "cycles", "ratio",
		"p10 to p90", "missing");
	for (unsigned int i = 0; i < METHODS; i++) {
		struct method *m = &k->method[i];
		double cpu = figures_median(&m->cpu);

		printf("  %-12s%12.0f%12.0f%12.0f%10.2f%8.2f%8.2f%10llu\n", method_name(i), cpu,
			figures_median(&m->system), cpu * k->mhz / 1e3, figures_median(&m->ratio),
			figures_quantile(&m->ratio, 0.1), figures_quantile(&m->ratio, 0.9),
			(unsigned long long)m->missing);
	}
	if (k->o.json) {
		json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
	}
}

static int measure(struct kernel *k)
{
	char error[512] = "";
	json_t *j;

	if (rig_start(&k->rig, &k->o.rig, error, sizeof(error)) != 0) {
		fprintf(stderr, "millrace-bench: %s\n", error);
		return 1;
	}
	k->mhz = (double)rte_get_tsc_hz() / 1e6;
	k->classic = classic_create(&k->o.rig);
	if (k->classic == NULL || feed_init(&k->feed, &k->rig, 0) != 0) {
		perror("millrace-bench: classic senders");
		return 1;
	}
	for (uint32_t i = 0; i < WARM_UP + k->o.rounds; i++)
		if (round_run(k, i >= WARM_UP) != 0)
			return 1;
	j = report(k);
	print(j, k);
	json_decref(j);
	return 0;
}

/* ---- options ---- */

static const char usage[] =
	"usage: millrace-bench kernel --interface NAME --address ADDRESS --nexthop MAC "
	"[OPTIONS]\n"
	"\n"
	"Viewers are 10.0.0.1 and following, port 40000: there must be a route to them by\n"
	"the interface, and what its other end gets is best dropped there.\n"
	"scripts/bench kernel makes all of that.\n\n"
	"  --interface NAME       a veth's end, or a network card\n"
	"  --address ADDRESS      our IPv4 address there\n"
	"  --nexthop MAC          the other end's\n"
	"  --xdp-object FILE      the XDP program, where it is not installed\n"
	"  --viewers N            1 to 100000 (1000)\n"
	"  --payload BYTES        of RTP payload, 16 to 1400 (1188)\n"
	"  --profile NAME         AEAD_AES_128_GCM (default), AEAD_AES_256_GCM,\n"
	"                         AES128_CM_HMAC_SHA1_80\n"
	"  --packets N            of each method in a round (50000)\n"
	"  --rounds N             1 to 1000 (20)\n"
	"  --json                 one JSON object on the last line\n"
	"  --help\n";

static bool address_take(void *to, const char *value)
{
	struct kernel_options *o = to;
	struct in_addr a;

	if (inet_pton(AF_INET, value, &a) != 1)
		return false;
	o->rig.gateway = ntohl(a.s_addr);
	return o->rig.gateway != 0;
}

static bool nexthop_take(void *to, const char *value)
{
	struct kernel_options *o = to;
	struct rte_ether_addr mac;

	if (rte_ether_unformat_addr(value, &mac) != 0)
		return false;
	memcpy(o->rig.nexthop, mac.addr_bytes, sizeof(o->rig.nexthop));
	return true;
}

static bool interface_take(void *to, const char *value)
{
	struct kernel_options *o = to;
	if (strlen(value) >= sizeof(o->interface) || strpbrk(value, ",/") != NULL)
		return false;
	snprintf(o->interface, sizeof(o->interface), "%s", value);
	snprintf(o->device, sizeof(o->device), "net_af_xdp,iface=%s", value);
	return value[0] != '\0';
}

/* -1: go on; else the exit status. */
static int options_parse(struct kernel_options *o, int argc, char **argv)
{
	static const uint8_t nobody[6];
	const struct bench_option options[] = {
		{"interface", BENCH_OTHER, o, .take = interface_take},
		{"address", BENCH_OTHER, o, .take = address_take},
		{"nexthop", BENCH_OTHER, o, .take = nexthop_take},
		{"xdp-object", BENCH_TEXT, &o->rig.xdp_object},
		{"viewers", BENCH_NUMBER, &o->rig.viewers, 1, RIG_VIEWERS_MAX},
		{"payload", BENCH_NUMBER, &o->rig.payload, 16, RIG_PAYLOAD_MAX},
		{"profile", BENCH_PROFILE, &o->rig.profile},
		{"packets", BENCH_NUMBER, &o->packets, 1, 100000000},
		{"rounds", BENCH_NUMBER, &o->rounds, 1, ROUNDS_MAX},
		{"json", BENCH_FLAG, &o->json},
		{0},
	};
	int rc;

	*o = (struct kernel_options){
		.rig = {.workers = 1,
			.streams = 1,
			.viewers = 1000,
			.payload = 1188,
			.checksum = RIG_CHECKSUM_SOFTWARE,
			.profile = srtp_profile_by_id(SRTP_PROFILE_GCM_128),
			.backend = "ipsec-mb",
			.seed = 1,
			.poll = true},
		.packets = 50000,
		.rounds = 20,
	};
	rc = bench_options_read(options, usage, argc, argv);
	if (rc >= 0)
		return rc;
	if (o->interface[0] == '\0' || o->rig.gateway == 0 ||
		memcmp(o->rig.nexthop, nobody, sizeof(nobody)) == 0)
		return bench_options_wrong("--interface, --address and --nexthop are needed");
	return -1;
}

int bench_kernel(int argc, char **argv)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int rc = 1;

	if (k == NULL)
		return 1;
	rc = options_parse(&k->o, argc, argv);
	if (rc == -1) {
		k->o.rig.device = k->o.device;
		rc = measure(k);
		feed_fini(&k->feed);
		classic_destroy(k->classic);
		rig_stop(&k->rig);
	}
	free(k);
	return rc;
}
