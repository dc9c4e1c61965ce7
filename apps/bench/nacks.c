/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace-bench nacks: how long the other viewers wait while some flood a worker
 * with NACKs. One stream, whole turns of one worker, in its own time: the clock
 * goes on by the CPU cycles of each turn and by nothing else, packets and NACKs
 * come when they are due by it. So what else runs on the machine does not count.
 * Main thread, and the worker's lcore.
 */
#include "apps/bench/bench.h"
#include "apps/bench/feed.h"
#include "apps/bench/figures.h"
#include "apps/bench/options.h"
#include "dataplane/pipeline/worker.h"
#include "dataplane/viewer/rtcp.h"

#include <jansson.h>
#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RTCP_AT 42    /* [bytes] offset in a frame */
#define ENTRIES 16u   /* of each NACK: 17 numbers each */
#define BACK 200      /* packets that they reach back */
#define ARRIVALS 4096 /* packets of the stream under way; power of two */
#define WARM_UP 100   /* packets */
#define SECOND 1000000000ull

struct options {
	uint32_t viewers; /* that do not flood */
	uint32_t flooders;
	uint32_t rate;    /* packets of the stream per second */
	uint32_t nacks;   /* per flooder and second */
	uint32_t packets; /* of the stream, in each run */
	bool json;
};

struct run {
	struct rig *rig;
	const struct options *o;
	struct feed *feed;
	struct srtcp_tx *keys; /* of the flooders */
	bool flood;
	uint64_t random;
	double waits[ARRIVALS];
	struct figures us; /* from a packet's arrival to the last viewer's copy */
	uint64_t nacks;
	uint64_t repairs;
	uint64_t refused;
	uint64_t full;
	double busy; /* share of the worker's time */
};

/* A NACK (RFC 4585 6.2.1) for numbers that were sent lately, alone in its packet. */
static size_t nack_write(struct run *r, const struct viewer *v, uint8_t *p)
{
	const struct viewer_track *t = &v->track[0];
	uint16_t newest = (uint16_t)(t->wire_base + t->audience->live_next - 1 - t->join_index);
	rte_be32_t *word = (rte_be32_t *)p;

	word[0] = rte_cpu_to_be_32(0x81000000u | RTCP_RTPFB << 16 | (2 + ENTRIES));
	word[1] = rte_cpu_to_be_32(v->id);
	word[2] = rte_cpu_to_be_32(t->ssrc);
	for (unsigned int i = 0; i < ENTRIES; i++) {
		uint16_t pid = (uint16_t)(newest - rig_random(&r->random) % BACK);

		word[3 + i] = rte_cpu_to_be_32((uint32_t)pid << 16 | 0xffff);
	}
	return 12 + 4 * ENTRIES;
}

static void nack_put(struct run *r, struct worker *w, uint32_t flooder)
{
	const struct viewer *v = w->viewers[flooder];
	struct rte_mbuf *m = rte_pktmbuf_alloc(r->rig->frames);
	uint8_t *frame = m != NULL ? (uint8_t *)rte_pktmbuf_append(m, RTCP_AT + 256) : NULL;
	struct rte_ipv4_hdr *ip;
	struct rte_udp_hdr *udp;
	int len;

	if (frame == NULL)
		return;
	memcpy(frame, r->feed->frame, RTCP_AT);
	len = srtcp_protect(w->crypto, &r->keys[flooder], frame + RTCP_AT,
		nack_write(r, v, frame + RTCP_AT), 256);
	ip = (struct rte_ipv4_hdr *)(frame + RTE_ETHER_HDR_LEN);
	udp = (struct rte_udp_hdr *)(ip + 1);
	rte_pktmbuf_trim(m, (uint16_t)(256 - len));
	memcpy(&ip->src_addr, &v->remote.addr[12], 4);
	memcpy(&ip->dst_addr, &v->local.addr[12], 4);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(28 + len));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->src_port = v->remote.port;
	udp->dst_port = v->local.port;
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(8 + len));
	if (len < 0 || rte_ring_enqueue(r->rig->rx[0], m) != 0) {
		rte_pktmbuf_free(m);
		return;
	}
	r->nacks++;
}

/* What is due by now [cycles], and when the next is. */
struct schedule {
	double packet;
	double nack;
	double packet_step;
	double nack_step;
	uint32_t flooder;
};

static void arrive(struct run *r, struct worker *w, struct schedule *s, double now)
{
	while (s->packet <= now) {
		/* Nobody expires, however long it takes. */
		w->viewers[r->feed->frames % w->n_viewers]->alive_ns = w->now_ns;
		r->waits[r->feed->frames % ARRIVALS] = s->packet;
		feed_put_stream(r->feed, 0);
		s->packet += s->packet_step;
	}
	while (r->flood && s->nack <= now) {
		nack_put(r, w, s->flooder);
		s->flooder = (s->flooder + 1) % r->o->flooders;
		s->nack += s->nack_step;
	}
}

static void turn_at(struct worker *w, uint64_t now_ns)
{
	w->now_ns = now_ns;
	w->wall_ns = w->wall_offset_ns + (int64_t)now_ns;
	worker_turn(w);
}

/* Until there is what NACKs ask for. */
static void settle(struct run *r, struct worker *w)
{
	for (uint32_t i = 0; i < BACK; i++) {
		uint64_t until = w->now_ns + SECOND / r->o->rate;

		feed_put_stream(r->feed, 0);
		while (w->now_ns < until)
			turn_at(w, w->now_ns + 50000);
	}
}

static int run(void *arg)
{
	struct run *r = arg;
	struct worker *w = r->rig->dp.workers.worker[0];
	struct audience *a = w->viewers[0]->track[0].audience;
	double hz = (double)rte_get_tsc_hz(), now = 0, busy = 0;
	struct schedule s = {.packet_step = hz / r->o->rate,
		.nack_step = hz / ((double)r->o->nacks * r->o->flooders)};
	uint64_t first, frames, done, begin_ns;
	uint64_t repairs = w->stats->repairs, full = w->stats->repair_turns_full, refused = 0;

	settle(r, w);
	first = done = a->live_next;
	frames = r->feed->frames;
	begin_ns = w->now_ns;
	for (unsigned int i = 0; i < MR_REPAIR_REFUSAL_COUNT; i++)
		refused += w->stats->repairs_refused[i];
	while (done - first < r->o->packets) {
		double before, took;

		arrive(r, w, &s, now);
		before = thread_cycles();
		turn_at(w, begin_ns + (uint64_t)(now / hz * 1e9));
		took = thread_cycles() - before;
		now += took;
		if (w->moved)
			busy += took;
		for (; done < a->live_next; done++)
			if (done - first >= WARM_UP)
				figures_add(&r->us,
					(now - r->waits[(frames + done - first) % ARRIVALS]) * 1e6 /
						hz);
		/* Nothing is under way: on to what comes next. */
		if (!w->moved) {
			double next = r->flood ? RTE_MIN(s.packet, s.nack) : s.packet;
			now = RTE_MAX(now, next);
		}
	}
	r->repairs = w->stats->repairs - repairs;
	r->full = w->stats->repair_turns_full - full;
	for (unsigned int i = 0; i < MR_REPAIR_REFUSAL_COUNT; i++)
		r->refused += w->stats->repairs_refused[i];
	r->refused -= refused;
	r->busy = busy / now;
	/* Leave nothing in the rings, and no memory of these repairs. */
	for (int i = 0; i < 1000; i++)
		worker_turn(w);
	w->now_ns += 10 * SECOND;
	return 0;
}

static json_t *report(struct run *r)
{
	return json_pack("{s:f,s:f,s:f,s:i,s:I,s:I,s:I,s:I,s:f}", "p50Micros",
		figures_quantile(&r->us, 0.5), "p99Micros", figures_quantile(&r->us, 0.99),
		"maxMicros", figures_quantile(&r->us, 1), "samples", (int)r->us.n, "nacks",
		(json_int_t)r->nacks, "repairs", (json_int_t)r->repairs, "refused",
		(json_int_t)r->refused, "turnsFull", (json_int_t)r->full, "busy", r->busy);
}

static void print(struct run *r)
{
	printf("  %-8s%10.1f us p50%10.1f us p99%10.1f us max   busy %4.1f %%   %llu NACKs, "
	       "%llu repairs, %llu refused\n",
		r->flood ? "flood" : "quiet", figures_quantile(&r->us, 0.5),
		figures_quantile(&r->us, 0.99), figures_quantile(&r->us, 1), 100 * r->busy,
		(unsigned long long)r->nacks, (unsigned long long)r->repairs,
		(unsigned long long)r->refused);
}

/* The flooders' end of SRTCP: the same key, the other direction. */
static struct srtcp_tx *keys_make(const struct worker *w, uint32_t n)
{
	struct srtcp_tx *keys = rte_zmalloc("nacks", n * sizeof(*keys), 64);

	for (uint32_t i = 0; keys != NULL && i < n; i++)
		keys[i].key = w->viewers[i]->rtcp_rx.key;
	return keys;
}

static int measure(struct rig *rig, const struct options *o)
{
	struct run runs[2] = {{.flood = false}, {.flood = true}};
	struct srtcp_tx *keys = keys_make(rig->dp.workers.worker[0], o->flooders);
	struct feed feed;

	if (keys == NULL || feed_init(&feed, rig, 0) != 0)
		return -1;
	printf("%u viewers, %u packets/s of the stream; %u of them send %u NACKs/s each for %u "
	       "packets\n",
		o->viewers + o->flooders, o->rate, o->flooders, o->nacks, ENTRIES * 17);
	for (unsigned int i = 0; i < 2; i++) {
		void *args[] = {&runs[i]};

		runs[i].rig = rig;
		runs[i].o = o;
		runs[i].feed = &feed;
		runs[i].keys = keys;
		if (rig_run(rig, 1, run, args) != 0)
			return -1;
		print(&runs[i]);
	}
	if (o->json) {
		json_t *j = json_pack("{s:s,s:i,s:i,s:o,s:o}", "benchmark", "nacks", "viewers",
			(int)(o->viewers + o->flooders), "flooders", (int)o->flooders, "quiet",
			report(&runs[0]), "flood", report(&runs[1]));
		json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
		json_decref(j);
	}
	feed_fini(&feed);
	rte_free(keys);
	return 0;
}

static const char usage[] =
	"usage: millrace-bench nacks [OPTIONS]\n\n"
	"  --viewers N    that do not flood (400)\n"
	"  --flooders N   (100)\n"
	"  --rate N       packets of the stream per second (300)\n"
	"  --nacks N      per flooder and second, 272 packets asked for in each (100)\n"
	"  --packets N    of the stream, in each run (3000)\n"
	"  --json         one JSON object on the last line\n"
	"  --help\n";

static int parse(struct options *o, int argc, char **argv)
{
	const struct bench_option options[] = {
		{"viewers", BENCH_NUMBER, &o->viewers, 1, RIG_VIEWERS_MAX},
		{"flooders", BENCH_NUMBER, &o->flooders, 1, RIG_VIEWERS_MAX},
		{"rate", BENCH_NUMBER, &o->rate, 1, 100000},
		{"nacks", BENCH_NUMBER, &o->nacks, 1, 100000},
		{"packets", BENCH_NUMBER, &o->packets, WARM_UP + 1, 100000},
		{"json", BENCH_FLAG, &o->json},
		{0},
	};
	int rc = bench_options_read(options, usage, argc, argv);

	if (rc < 0 && o->viewers + o->flooders > RIG_VIEWERS_MAX)
		return bench_options_wrong("too many viewers");
	return rc;
}

int bench_nacks(int argc, char **argv)
{
	struct options o = {
		.viewers = 400, .flooders = 100, .rate = 300, .nacks = 100, .packets = 3000};
	struct rig_options rig_options = {
		.workers = 1,
		.streams = 1,
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
	rig_options.viewers = o.viewers + o.flooders;
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
