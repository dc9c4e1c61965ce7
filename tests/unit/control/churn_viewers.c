/* SPDX-License-Identifier: BSD-3-Clause */
/* See churn_viewers.h. */
#include "tests/unit/control/churn_viewers.h"

#include "tests/unit/control/live_frame.h"

#include "dataplane/api/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORT_EVERY 64 /* packets, of a viewer */

struct churn_viewers audience = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct live *live;
static atomic_bool stop;
static pthread_t thread;

struct mr_endpoint viewer_endpoint(uint16_t port)
{
	return mr_endpoint_ipv4(0x0a000003, port);
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
	audience.packets++;
}

/* An empty receiver report, as a sign of life. */
static void report_send(struct viewer_end *v)
{
	struct mr_endpoint from = viewer_endpoint(v->port);
	struct mr_endpoint to = mr_endpoint_ipv4(LIVE_GATEWAY, LIVE_PUBLIC_PORT);
	uint8_t report[8 + ORACLE_TRAILER] = {0x80, 201, 0, 1, 0xab, 0xcd, 0, 1};
	int len = oracle_protect_rtcp(v->theirs, report, 8);

	LIVE_CHECK(len > 8);
	live_send(live, v->port % live->dp.workers.n, &from, &to, report, (size_t)len);
	v->reports_sent++;
}

static void take_frame(struct rte_mbuf *m)
{
	struct mr_endpoint to;
	size_t len;
	uint8_t *data = live_payload(m, &to, &len);
	struct viewer_end *v;

	LIVE_CHECK(data != NULL && len >= 12);
	v = audience.by_port[ntohs(to.port)];
	LIVE_CHECK(v != NULL && !v->ended);
	if ((data[1] & 0x7f) >= 64 && (data[1] & 0x7f) <= 95) {
		LIVE_CHECK(oracle_unprotect_rtcp(v->ours, data, (int)len) > 0);
		v->reports_received++;
		audience.reports++;
		return;
	}
	take_rtp(v, data, len);
	if (v->track[0].packets % REPORT_EVERY == 1 && v->added)
		report_send(v);
}

static void *collector_main(void *arg)
{
	while (true) {
		bool last = atomic_load(&stop);
		bool any = false;

		pthread_mutex_lock(&audience.lock);
		for (unsigned int q = 0; q < live->dp.workers.n; q++) {
			void *pkts[64] = {NULL};
			unsigned int n = rte_ring_dequeue_burst(live->tx[q], pkts, 64, NULL);

			for (unsigned int i = 0; i < n; i++) {
				take_frame(pkts[i]);
				rte_pktmbuf_free(pkts[i]);
			}
			any |= n > 0;
		}
		pthread_mutex_unlock(&audience.lock);
		if (!any && last)
			return NULL;
		if (!any)
			usleep(100);
	}
}

void viewers_settle(void)
{
	live_settle(live);
	for (unsigned int q = 0; q < live->dp.workers.n; q++)
		while (rte_ring_count(live->tx[q]) > 0)
			usleep(50);
	pthread_mutex_lock(&audience.lock); /* what it took last is done */
	pthread_mutex_unlock(&audience.lock);
}

void viewers_begin(struct live *l, uint32_t max)
{
	live = l;
	audience.max = max;
	audience.at = calloc(max, sizeof(audience.at[0]));
	LIVE_CHECK(audience.at != NULL);
}

void viewers_run(void)
{
	LIVE_CHECK(pthread_create(&thread, NULL, collector_main, NULL) == 0);
}

void viewers_stop(void)
{
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}

void viewers_end(void)
{
	free(audience.at);
}
