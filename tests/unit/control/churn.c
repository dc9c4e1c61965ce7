/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sources and viewers come and go while packets flow. libsrtp2 opens everything
 * that is sent: each viewer gets each packet of its streams, once, in order and
 * without a gap, from its first to its last, wherever it moves meanwhile and
 * however often the source binds anew; and nothing comes after its end. With several
 * workers most viewers live at other ones than their streams. What the data plane
 * allocates is the C library's, so that AddressSanitizer knows when it was freed.
 *
 * usage: churn WORKERS SECONDS [JOINS [SEED]]    ends after so many seconds, and no
 *                                                sooner than so many joins and leaves
 */
#include "tests/unit/control/live.h"

#include "tests/unit/crypto/oracle.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATHS 6
#define VIEWERS 60             /* at once */
#define LEAVING 64             /* viewers whose last packets are still on their way */
#define INTERVAL_NS 2000000    /* between two packets of a source */
#define REPORT_EVERY 64        /* packets, of a viewer */
#define BACKLOG 512            /* packets anywhere, at which sources wait */
#define PORT_FIRST 20000       /* of viewers */
#define SOURCE_PORT_FIRST 6000 /* of streams: each binding gets the next */

static struct live live;
static atomic_bool stop_sources, stop_collector;

struct random {
	uint64_t state;
};

static uint32_t draw(struct random *r, uint32_t below)
{
	r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((r->state >> 33) % below);
}

/* The linker gives these to our own code alone (--wrap). */
void *__wrap_rte_zmalloc(const char *type, size_t size, unsigned int align);
void __wrap_rte_free(void *p);
void __real_rte_free(void *p);

void *__wrap_rte_zmalloc(const char *type, size_t size, unsigned int align)
{
	size_t at = align > 64 ? align : 64;
	void *p = aligned_alloc(at, (size + at - 1) / at * at);

	return p == NULL ? NULL : memset(p, 0, size);
}

void __wrap_rte_free(void *p)
{
	if (p != NULL && rte_mem_virt2memseg(p, NULL) != NULL)
		__real_rte_free(p);
	else
		free(p);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* ---- sources: one thread sends for all of them ---- */

struct source {
	pthread_mutex_t lock; /* held while it sends, and while main changes it */
	uint32_t stream_id;   /* 0: there is none */
	uint8_t input;
	uint16_t port;
	uint32_t ssrc;
	uint16_t sequence;
	uint32_t counter; /* of the packets ever sent: the payload */
	uint8_t kind;
};

static struct source sources[PATHS][MR_VIEWER_TRACKS];
static struct mr_channel near_end, far_end; /* the packet ring */

static void source_send(struct source *s)
{
	struct mr_endpoint from = live_endpoint(0x0a000002, 5000);
	struct mr_endpoint to = live_endpoint(LIVE_GATEWAY, s->port);
	struct mr_packet head = {.kind = MR_PACKET_DOWN_RTP, .stream_id = s->stream_id};
	uint8_t payload[1100], rtp[1200];
	size_t len = 16 + (s->counter * 37 + s->stream_id) % 1000;

	memset(payload, 0x55, sizeof(payload));
	payload[0] = 0x41; /* H.264: a NAL that needs nothing */
	memcpy(&payload[1], &s->stream_id, 4);
	memcpy(&payload[5], &s->counter, 4);
	len = live_rtp(rtp, 96, s->sequence, s->counter * 300u, s->ssrc, payload, len);
	if (s->input == MR_INPUT_WIRE)
		live_send(&live, s->port % live.dp.workers.n, &from, &to, rtp, len);
	else
		while (mr_packet_put(&far_end.packets_down, &head, rtp, len) == -EAGAIN)
			usleep(50);
	s->sequence++;
	s->counter++;
}

static unsigned int backlog(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < live.dp.workers.n; i++) {
		n += rte_ring_count(live.rx[i]) + rte_ring_count(live.tx[i]);
		for (unsigned int k = 0; k < live.dp.workers.n; k++)
			if (k != i)
				n += rte_ring_count(live.dp.workers.worker[i]->handoff_in[k]);
	}
	return n;
}

static void *sources_main(void *arg)
{
	while (!atomic_load(&stop_sources)) {
		uint64_t begun = now_ns();

		for (int p = 0; p < PATHS; p++)
			for (int t = 0; t < MR_VIEWER_TRACKS; t++) {
				struct source *s = &sources[p][t];
				pthread_mutex_lock(&s->lock);
				if (s->stream_id != 0)
					source_send(s);
				pthread_mutex_unlock(&s->lock);
			}
		while (now_ns() - begun < INTERVAL_NS || backlog() > BACKLOG)
			usleep(200);
	}
	return NULL;
}

/* All that was sent is in the streams' rings. */
static void sources_settle(void)
{
	while (mr_ring_space(&far_end.packets_down) < MR_CHANNEL_PACKETS)
		usleep(50);
	live_settle(&live);
}

/* ---- viewers: one thread takes what comes ---- */

struct track {
	bool begun;
	uint16_t sequence; /* the next */
	uint32_t counter;  /* the next */
	uint32_t stream_id;
	uint32_t packets;
};

struct viewer_end {
	uint32_t id;
	int path; /* index */
	uint16_t port;
	bool added; /* the data plane has it */
	bool ended; /* nothing may come any more */
	struct oracle *ours, *theirs;
	struct track track[MR_VIEWER_TRACKS];
	uint32_t reports_sent;
	uint32_t reports_received;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all that follows */
static struct viewer_end *viewers;                       /* by id - 1 */
static uint32_t n_viewers, viewers_max;
static struct viewer_end *by_port[65536];
static uint64_t packets_seen, reports_seen;

static struct mr_endpoint viewer_endpoint(uint16_t port)
{
	return live_endpoint(0x0a000003, port);
}

static void take_rtp(struct viewer_end *v, uint8_t *rtp, size_t len)
{
	uint32_t ssrc = (uint32_t)rtp[8] << 24 | rtp[9] << 16 | rtp[10] << 8 | rtp[11];
	uint16_t sequence = (uint16_t)(rtp[2] << 8 | rtp[3]);
	int clear = oracle_unprotect(v->ours, rtp, (int)len);
	struct track *t = &v->track[ssrc == live_ssrc(v->id, 1)];
	uint32_t stream_id, counter;

	LIVE_CHECK(clear >= 12 + 9);
	LIVE_CHECK(ssrc == live_ssrc(v->id, (unsigned int)(t - v->track)));
	memcpy(&stream_id, rtp + 12 + 1, 4);
	memcpy(&counter, rtp + 12 + 5, 4);
	LIVE_CHECK(stream_id == t->stream_id);
	LIVE_CHECK((size_t)clear - 12 == 16 + (counter * 37 + stream_id) % 1000);
	for (int i = 12 + 9; i < clear; i++)
		LIVE_CHECK(rtp[i] == 0x55);
	if (sequence != t->sequence || (t->begun && counter != t->counter)) {
		fprintf(stderr, "viewer %u stream %u: number %u for %u, packet %u for %u\n", v->id,
			stream_id, sequence, t->sequence, counter, t->counter);
		live_failed(__FILE__, __LINE__, "a gap");
	}
	t->begun = true;
	t->sequence = (uint16_t)(sequence + 1);
	t->counter = counter + 1;
	t->packets++;
	packets_seen++;
}

/* An empty receiver report, as a sign of life. */
static void report_send(struct viewer_end *v)
{
	struct mr_endpoint from = viewer_endpoint(v->port);
	struct mr_endpoint to = live_endpoint(LIVE_GATEWAY, LIVE_PUBLIC_PORT);
	uint8_t report[8 + ORACLE_TRAILER] = {0x80, 201, 0, 1, 0xab, 0xcd, 0, 1};
	int len = oracle_protect_rtcp(v->theirs, report, 8);

	LIVE_CHECK(len > 8);
	live_send(&live, v->port % live.dp.workers.n, &from, &to, report, (size_t)len);
	v->reports_sent++;
}

static void take_frame(struct rte_mbuf *m)
{
	struct mr_endpoint to;
	size_t len;
	uint8_t *data = live_payload(m, &to, &len);
	struct viewer_end *v;

	LIVE_CHECK(data != NULL && len >= 12);
	v = by_port[ntohs(to.port)];
	LIVE_CHECK(v != NULL && !v->ended);
	if ((data[1] & 0x7f) >= 64 && (data[1] & 0x7f) <= 95) {
		LIVE_CHECK(oracle_unprotect_rtcp(v->ours, data, (int)len) > 0);
		v->reports_received++;
		reports_seen++;
		return;
	}
	take_rtp(v, data, len);
	if (v->track[0].packets % REPORT_EVERY == 1 && v->added)
		report_send(v);
}

static void *collector_main(void *arg)
{
	while (true) {
		bool stop = atomic_load(&stop_collector);
		bool any = false;

		pthread_mutex_lock(&lock);
		for (unsigned int q = 0; q < live.dp.workers.n; q++) {
			void *pkts[64] = {NULL};
			unsigned int n = rte_ring_dequeue_burst(live.tx[q], pkts, 64, NULL);

			for (unsigned int i = 0; i < n; i++) {
				take_frame(pkts[i]);
				rte_pktmbuf_free(pkts[i]);
			}
			any |= n > 0;
		}
		pthread_mutex_unlock(&lock);
		if (!any && stop)
			return NULL;
		if (!any)
			usleep(100);
	}
}

/* Everything that was on its way has been looked at. */
static void collector_settle(void)
{
	live_settle(&live);
	for (unsigned int q = 0; q < live.dp.workers.n; q++)
		while (rte_ring_count(live.tx[q]) > 0)
			usleep(50);
	pthread_mutex_lock(&lock); /* what it took last is done */
	pthread_mutex_unlock(&lock);
}

/* ---- what the main thread does meanwhile ---- */

struct main_state {
	struct random r;
	uint32_t next_stream;
	uint16_t next_source_port;
	uint16_t next_port;
	unsigned int done[8];
	uint32_t present[VIEWERS]; /* indices of viewers */
	unsigned int n_present;
	struct viewer_end *leaving[LEAVING];
	unsigned int n_leaving;
	uint64_t joins; /* and leaves */
};

static void source_bind(struct main_state *m, struct source *s)
{
	s->input = draw(&m->r, 3) == 0 ? MR_INPUT_RING : MR_INPUT_WIRE;
	s->port = m->next_source_port++;
	if (m->next_source_port == SOURCE_PORT_FIRST + 1000)
		m->next_source_port = SOURCE_PORT_FIRST;
	s->ssrc = draw(&m->r, 1u << 30) + 1;
	s->sequence = (uint16_t)draw(&m->r, 65536);
	LIVE_CHECK(live_bind(&live, s->stream_id, s->input, s->port) == 0);
}

static void stream_add(struct main_state *m, int path, int track)
{
	struct source *s = &sources[path][track];

	pthread_mutex_lock(&s->lock);
	s->stream_id = m->next_stream++;
	s->counter = 0;
	/* Both as H.264 in kind only: Opus is passed as it is. */
	s->kind = track == 0 ? MR_KIND_VIDEO : MR_KIND_AUDIO;
	LIVE_CHECK(live_stream(&live, s->stream_id, (uint32_t)path + 1, s->kind) == 0);
	source_bind(m, s);
	pthread_mutex_unlock(&s->lock);
}

/* Its viewers' tracks end; what they have not got yet they do not get. */
static void stream_del(struct main_state *m, int path, int track)
{
	struct source *s = &sources[path][track];

	pthread_mutex_lock(&s->lock);
	LIVE_CHECK(live_stream_del(&live, s->stream_id) == 0);
	s->stream_id = 0;
	pthread_mutex_unlock(&s->lock);
	stream_add(m, path, track);
}

/* The camera is back at another port, with other numbers. */
static void stream_rebind(struct main_state *m, int path, int track)
{
	struct source *s = &sources[path][track];

	pthread_mutex_lock(&s->lock);
	sources_settle();
	source_bind(m, s);
	pthread_mutex_unlock(&s->lock);
}

/* The next one that nobody has. */
static uint16_t port_take(struct main_state *m)
{
	uint16_t port;

	do {
		port = m->next_port++;
		if (m->next_port == 0)
			m->next_port = PORT_FIRST;
	} while (by_port[port] != NULL && !by_port[port]->ended);
	return port;
}

static void viewer_add(struct main_state *m)
{
	static const uint16_t profiles[] = {1, 7, 8};
	uint16_t profile = profiles[draw(&m->r, 3)];
	int path = (int)draw(&m->r, PATHS);
	struct source *s = sources[path];
	struct viewer_end *v;
	uint32_t id = n_viewers + 1;
	uint32_t ssrcs[] = {live_ssrc(id, 0), live_ssrc(id, 1)}, their = 0xabcd0001;
	struct srtp_master ours = live_master(id, true), theirs = live_master(id, false);
	struct mr_viewer_add add =
		live_viewer_add(id, profile, s[0].stream_id, draw(&m->r, 2) ? s[1].stream_id : 0);

	if (m->n_present == VIEWERS || n_viewers == viewers_max)
		return;
	m->joins++;
	pthread_mutex_lock(&lock);
	v = &viewers[n_viewers];
	*v = (struct viewer_end){.id = id, .path = path, .port = port_take(m), .added = true};
	v->ours = oracle_create(profile, ours.key, ours.salt, ssrcs, 2);
	v->theirs = oracle_create(profile, theirs.key, theirs.salt, &their, 1);
	for (int i = 0; i < MR_VIEWER_TRACKS; i++) {
		v->track[i].sequence = add.track[i].sequence_base;
		v->track[i].stream_id = add.track[i].stream_id;
	}
	by_port[v->port] = v;
	m->present[m->n_present++] = n_viewers++;
	pthread_mutex_unlock(&lock);
	add.remote = viewer_endpoint(v->port);
	LIVE_CHECK(live_viewer(&live, &add) == 0);
}

/* Nothing may come any more for those who left. */
static void leaving_close(struct main_state *m)
{
	collector_settle();
	pthread_mutex_lock(&lock);
	while (m->n_leaving > 0) {
		struct viewer_end *v = m->leaving[--m->n_leaving];
		v->ended = true;
		oracle_destroy(v->ours);
		oracle_destroy(v->theirs);
		v->ours = v->theirs = NULL;
	}
	pthread_mutex_unlock(&lock);
}

static void viewer_del(struct main_state *m)
{
	unsigned int at = draw(&m->r, m->n_present);
	struct viewer_end *v = &viewers[m->present[at]];

	LIVE_CHECK(live_viewer_del(&live, v->id) == 0);
	m->present[at] = m->present[--m->n_present];
	m->joins++;
	pthread_mutex_lock(&lock);
	v->added = false;
	pthread_mutex_unlock(&lock);
	m->leaving[m->n_leaving++] = v;
	/* Now and then at once, else with others: that takes a while. */
	if (m->n_leaving == LEAVING || draw(&m->r, 8) == 0)
		leaving_close(m);
}

static void viewer_move(struct main_state *m)
{
	struct viewer_end *v = &viewers[m->present[draw(&m->r, m->n_present)]];
	struct mr_command c = {.type = MR_COMMAND_VIEWER_ROUTE};

	pthread_mutex_lock(&lock);
	v->port = port_take(m);
	by_port[v->port] = v;
	pthread_mutex_unlock(&lock);
	c.viewer_route.viewer_id = v->id;
	c.viewer_route.nexthop_id = LIVE_NEXTHOP;
	c.viewer_route.local = live_endpoint(LIVE_GATEWAY, LIVE_PUBLIC_PORT);
	c.viewer_route.remote = viewer_endpoint(v->port);
	LIVE_CHECK(command_execute(&live.dp.control, &c) == 0);
}

static void notices_take(void)
{
	struct notice n;

	for (unsigned int i = 0; i < live.dp.workers.n; i++)
		while (rte_ring_sc_dequeue_elem(
			       live.dp.workers.worker[i]->notices, &n, sizeof(n)) == 0)
			LIVE_CHECK(n.type != MR_EVENT_VIEWER_STATE || n.value != MR_VIEWER_EXPIRED);
}

static void change_something(struct main_state *m)
{
	uint32_t what = draw(&m->r, 20);
	int path = (int)draw(&m->r, PATHS), track = (int)draw(&m->r, MR_VIEWER_TRACKS);

	if (what < 8)
		viewer_add(m);
	else if (what < 13 && m->n_present > 0)
		viewer_del(m);
	else if (what < 17 && m->n_present > 0)
		viewer_move(m);
	else if (what < 18)
		stream_del(m, path, track);
	else
		stream_rebind(m, path, track);
	notices_take();
}

/* The sources have stopped, all has been looked at: nobody misses the end. */
static void check_ends(const struct main_state *m)
{
	for (unsigned int i = 0; i < m->n_present; i++) {
		const struct viewer_end *v = &viewers[m->present[i]];
		for (int t = 0; t < MR_VIEWER_TRACKS; t++) {
			const struct source *s = &sources[v->path][t];
			const struct track *track = &v->track[t];
			if (track->stream_id == s->stream_id && track->begun)
				LIVE_CHECK(track->counter == s->counter);
		}
	}
}

static void check_drops(void)
{
	/* What belongs to nobody (any more): a source that went, a report too late. */
	static const bool expected[MR_DROP_COUNT] = {
		[MR_DROP_FLOW_UNKNOWN] = true,
		[MR_DROP_VIEWER_UNKNOWN] = true,
		[MR_DROP_STREAM_UNBOUND] = true,
	};

	for (unsigned int i = 0; i < MR_DROP_COUNT; i++) {
		uint64_t n = live_drops(&live, i);
		if (n == 0)
			continue;
		printf("  %s: %llu\n", mr_drop_name(i), (unsigned long long)n);
		LIVE_CHECK(expected[i]);
	}
}

static void begin(struct main_state *m)
{
	struct order o = {.type = ORDER_RINGS};

	LIVE_CHECK(live_listen(&live, LIVE_PUBLIC_PORT) == 0);
	LIVE_CHECK(live_nexthop(&live, LIVE_NEXTHOP) == 0);
	LIVE_CHECK(mr_channel_create(&near_end) == 0);
	LIVE_CHECK(mr_channel_attach(&far_end, dup(near_end.memfd)) == 0);
	o.packets_down = &near_end.packets_down;
	o.packets_up = &near_end.packets_up;
	LIVE_CHECK(tell_worker(live.dp.workers.worker[0], &o, 1) == 0);
	for (int p = 0; p < PATHS; p++) {
		LIVE_CHECK(live_path(&live, (uint32_t)p + 1) == 0);
		for (int t = 0; t < MR_VIEWER_TRACKS; t++) {
			pthread_mutex_init(&sources[p][t].lock, NULL);
			stream_add(m, p, t);
		}
	}
}

static void end(struct main_state *m)
{
	struct order o = {.type = ORDER_RINGS};

	while (m->n_present > 0)
		viewer_del(m);
	leaving_close(m);
	LIVE_CHECK(tell_worker(live.dp.workers.worker[0], &o, 1) == 0);
	mr_channel_detach(&far_end);
	mr_channel_destroy(&near_end);
}

int main(int argc, char **argv)
{
	unsigned int workers = argc > 1 ? (unsigned int)atoi(argv[1]) : 1;
	uint64_t seconds = argc > 2 ? strtoull(argv[2], NULL, 0) : 5;
	uint64_t joins = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
	uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 0) : now_ns();
	struct main_state m = {.r = {seed},
		.next_stream = 1,
		.next_source_port = SOURCE_PORT_FIRST,
		.next_port = PORT_FIRST};
	pthread_t from, to;
	uint64_t changes = 0, until;

	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	viewers_max = (uint32_t)(joins > 20000 ? joins : 20000);
	viewers = calloc(viewers_max, sizeof(viewers[0]));
	LIVE_CHECK(viewers != NULL);
	oracle_library_init();
	live_start(&live, workers);
	live.dp.control.spread_slack = 0; /* viewers at other workers than their streams */
	begin(&m);
	LIVE_CHECK(pthread_create(&from, NULL, sources_main, NULL) == 0);
	LIVE_CHECK(pthread_create(&to, NULL, collector_main, NULL) == 0);
	until = now_ns() + seconds * 1000000000ull;
	while (now_ns() < until || m.joins < joins) {
		change_something(&m);
		changes++;
	}
	atomic_store(&stop_sources, true);
	pthread_join(from, NULL);
	sources_settle();
	usleep(100000); /* fan-out goes on for as many turns as it needs */
	collector_settle();
	check_ends(&m);
	end(&m);
	atomic_store(&stop_collector, true);
	pthread_join(to, NULL);
	printf("%llu changes, %llu joins and leaves, %llu packets and %llu reports opened\n",
		(unsigned long long)changes, (unsigned long long)m.joins,
		(unsigned long long)packets_seen, (unsigned long long)reports_seen);
	check_drops();
	LIVE_CHECK(packets_seen > 0 && n_viewers > 10);
	live_end(&live);
	free(viewers);
	return 0;
}
