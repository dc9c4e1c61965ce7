/* SPDX-License-Identifier: BSD-3-Clause */
/* See churn_sources.h. */
#include "tests/unit/control/churn_sources.h"

#include "tests/unit/control/live_frame.h"

#include "dataplane/api/endpoint.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define INTERVAL_NS 2000000 /* between two packets of a source */
#define BACKLOG 512         /* packets anywhere, at which sources wait */

struct source sources[CHURN_PATHS][MR_VIEWER_TRACKS];
static struct live *live;
static atomic_bool stop;
static pthread_t thread;
static struct mr_channel near_end, far_end; /* the packet ring */

static void source_send(struct source *s)
{
	struct mr_endpoint from = mr_endpoint_ipv4(0x0a000002, 5000);
	struct mr_endpoint to = mr_endpoint_ipv4(LIVE_GATEWAY, s->port);
	struct mr_packet head = {.kind = MR_PACKET_DOWN_RTP, .stream_id = s->stream_id};
	uint8_t payload[1100], rtp[1200];
	size_t len = 16 + (s->counter * 37 + s->stream_id) % 1000;

	memset(payload, 0x55, sizeof(payload));
	payload[0] = 0x41; /* H.264: a NAL that needs nothing */
	memcpy(&payload[1], &s->stream_id, 4);
	memcpy(&payload[5], &s->counter, 4);
	len = live_rtp(rtp, 96, s->sequence, s->counter * 300u, s->ssrc, payload, len);
	if (s->input == MR_INPUT_WIRE)
		live_send(live, s->port % live->dp.workers.n, &from, &to, rtp, len);
	else
		while (mr_packet_put(&far_end.packets_down, &head, rtp, len) == -EAGAIN)
			usleep(50);
	s->sequence++;
	s->counter++;
}

static unsigned int backlog(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < live->dp.workers.n; i++) {
		n += rte_ring_count(live->rx[i]) + rte_ring_count(live->tx[i]);
		for (unsigned int k = 0; k < live->dp.workers.n; k++)
			if (k != i)
				n += rte_ring_count(live->dp.workers.worker[i]->handoff_in[k]);
	}
	return n;
}

static void *sources_main(void *arg)
{
	while (!atomic_load(&stop)) {
		uint64_t begun = live_now_ns();

		for (int p = 0; p < CHURN_PATHS; p++)
			for (int t = 0; t < MR_VIEWER_TRACKS; t++) {
				struct source *s = &sources[p][t];
				pthread_mutex_lock(&s->lock);
				if (s->stream_id != 0)
					source_send(s);
				pthread_mutex_unlock(&s->lock);
			}
		while (live_now_ns() - begun < INTERVAL_NS || backlog() > BACKLOG)
			usleep(200);
	}
	return NULL;
}

void sources_settle(void)
{
	while (mr_ring_space(&far_end.packets_down) < MR_CHANNEL_PACKETS)
		usleep(50);
	live_settle(live);
}

void sources_begin(struct live *l)
{
	struct order o = {.type = ORDER_RINGS};

	live = l;
	for (int p = 0; p < CHURN_PATHS; p++)
		for (int t = 0; t < MR_VIEWER_TRACKS; t++)
			pthread_mutex_init(&sources[p][t].lock, NULL);
	LIVE_CHECK(mr_channel_create(&near_end) == 0);
	LIVE_CHECK(mr_channel_attach(&far_end, dup(near_end.memfd)) == 0);
	o.packets_down = &near_end.packets_down;
	o.packets_up = &near_end.packets_up;
	LIVE_CHECK(tell_worker(live->dp.workers.worker[0], &o, 1) == 0);
}

void sources_run(void)
{
	LIVE_CHECK(pthread_create(&thread, NULL, sources_main, NULL) == 0);
}

void sources_stop(void)
{
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}

void sources_end(void)
{
	struct order o = {.type = ORDER_RINGS};

	LIVE_CHECK(tell_worker(live->dp.workers.worker[0], &o, 1) == 0);
	mr_channel_detach(&far_end);
	mr_channel_destroy(&near_end);
}
