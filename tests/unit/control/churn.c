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
#include "tests/unit/control/churn_sources.h"
#include "tests/unit/control/churn_viewers.h"
#include "tests/unit/control/draw.h"

#include "dataplane/api/endpoint.h"

#include <rte_malloc.h>
#include <rte_memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VIEWERS 60             /* at once */
#define LEAVING 64             /* viewers whose last packets are still on their way */
#define PORT_FIRST 20000       /* of viewers */
#define SOURCE_PORT_FIRST 6000 /* of streams: each binding gets the next */

static struct live live;

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
	} while (audience.by_port[port] != NULL && !audience.by_port[port]->ended);
	return port;
}

static void viewer_add(struct main_state *m)
{
	static const uint16_t profiles[] = {1, 7, 8};
	uint16_t profile = profiles[draw(&m->r, 3)];
	int path = (int)draw(&m->r, CHURN_PATHS);
	struct source *s = sources[path];
	struct viewer_end *v;
	uint32_t id = audience.n + 1;
	uint32_t ssrcs[] = {live_ssrc(id, 0), live_ssrc(id, 1)}, their = 0xabcd0001;
	struct srtp_master ours = live_master(id, true), theirs = live_master(id, false);
	struct mr_viewer_add add =
		live_viewer_add(id, profile, s[0].stream_id, draw(&m->r, 2) ? s[1].stream_id : 0);

	if (m->n_present == VIEWERS || audience.n == audience.max)
		return;
	m->joins++;
	pthread_mutex_lock(&audience.lock);
	v = &audience.at[audience.n];
	*v = (struct viewer_end){.id = id, .path = path, .port = port_take(m), .added = true};
	v->ours = oracle_create(profile, ours.key, ours.salt, ssrcs, 2);
	v->theirs = oracle_create(profile, theirs.key, theirs.salt, &their, 1);
	for (int i = 0; i < MR_VIEWER_TRACKS; i++) {
		v->track[i].sequence = add.track[i].sequence_base;
		v->track[i].stream_id = add.track[i].stream_id;
	}
	audience.by_port[v->port] = v;
	m->present[m->n_present++] = audience.n++;
	pthread_mutex_unlock(&audience.lock);
	add.remote = viewer_endpoint(v->port);
	LIVE_CHECK(live_viewer(&live, &add) == 0);
}

/* Nothing may come any more for those who left. */
static void leaving_close(struct main_state *m)
{
	viewers_settle();
	pthread_mutex_lock(&audience.lock);
	while (m->n_leaving > 0) {
		struct viewer_end *v = m->leaving[--m->n_leaving];
		v->ended = true;
		oracle_destroy(v->ours);
		oracle_destroy(v->theirs);
		v->ours = v->theirs = NULL;
	}
	pthread_mutex_unlock(&audience.lock);
}

static void viewer_del(struct main_state *m)
{
	unsigned int at = draw(&m->r, m->n_present);
	struct viewer_end *v = &audience.at[m->present[at]];

	LIVE_CHECK(live_viewer_del(&live, v->id) == 0);
	m->present[at] = m->present[--m->n_present];
	m->joins++;
	pthread_mutex_lock(&audience.lock);
	v->added = false;
	pthread_mutex_unlock(&audience.lock);
	m->leaving[m->n_leaving++] = v;
	/* Now and then at once, else with others: that takes a while. */
	if (m->n_leaving == LEAVING || draw(&m->r, 8) == 0)
		leaving_close(m);
}

static void viewer_move(struct main_state *m)
{
	struct viewer_end *v = &audience.at[m->present[draw(&m->r, m->n_present)]];
	struct mr_command c = {.type = MR_COMMAND_VIEWER_ROUTE};

	pthread_mutex_lock(&audience.lock);
	v->port = port_take(m);
	audience.by_port[v->port] = v;
	pthread_mutex_unlock(&audience.lock);
	c.viewer_route.viewer_id = v->id;
	c.viewer_route.nexthop_id = LIVE_NEXTHOP;
	c.viewer_route.local = mr_endpoint_ipv4(LIVE_GATEWAY, LIVE_PUBLIC_PORT);
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
	int path = (int)draw(&m->r, CHURN_PATHS), track = (int)draw(&m->r, MR_VIEWER_TRACKS);

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
		const struct viewer_end *v = &audience.at[m->present[i]];
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
	LIVE_CHECK(live_listen(&live, LIVE_PUBLIC_PORT) == 0);
	LIVE_CHECK(live_nexthop(&live, LIVE_NEXTHOP) == 0);
	sources_begin(&live);
	for (int p = 0; p < CHURN_PATHS; p++) {
		LIVE_CHECK(live_path(&live, (uint32_t)p + 1) == 0);
		for (int t = 0; t < MR_VIEWER_TRACKS; t++)
			stream_add(m, p, t);
	}
}

static void end(struct main_state *m)
{
	while (m->n_present > 0)
		viewer_del(m);
	leaving_close(m);
	sources_end();
}

int main(int argc, char **argv)
{
	unsigned int workers = argc > 1 ? (unsigned int)atoi(argv[1]) : 1;
	uint64_t seconds = argc > 2 ? strtoull(argv[2], NULL, 0) : 5;
	uint64_t joins = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
	uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 0) : live_now_ns();
	struct main_state m = {.r = {seed},
		.next_stream = 1,
		.next_source_port = SOURCE_PORT_FIRST,
		.next_port = PORT_FIRST};
	uint64_t changes = 0, until;

	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	oracle_library_init();
	live_start(&live, workers);
	viewers_begin(&live, (uint32_t)(joins > 20000 ? joins : 20000));
	live.dp.control.spread_slack = 0; /* viewers at other workers than their streams */
	begin(&m);
	sources_run();
	viewers_run();
	until = live_now_ns() + seconds * 1000000000ull;
	while (live_now_ns() < until || m.joins < joins) {
		change_something(&m);
		changes++;
	}
	sources_stop();
	sources_settle();
	usleep(100000); /* fan-out goes on for as many turns as it needs */
	viewers_settle();
	check_ends(&m);
	end(&m);
	viewers_stop();
	printf("%llu changes, %llu joins and leaves, %llu packets and %llu reports opened\n",
		(unsigned long long)changes, (unsigned long long)m.joins,
		(unsigned long long)audience.packets, (unsigned long long)audience.reports);
	check_drops();
	LIVE_CHECK(audience.packets > 0 && audience.n > 10);
	live_end(&live);
	viewers_end();
	return 0;
}
