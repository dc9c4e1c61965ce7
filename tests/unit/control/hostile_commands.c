/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A control plane that writes anything: commands that are nearly right, wholly
 * wrong, out of order and repeated, packets down the ring and frames from the
 * wire at the same time. Nothing breaks, and when all is removed, nothing is
 * left: no table entry, buffer, byte of memory or listening port.
 *
 * usage: hostile_commands WORKERS SECONDS [SEED]
 */
#include "tests/unit/control/draw.h"
#include "tests/unit/control/live_frame.h"

#include "dataplane/api/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATHS 6
#define STREAMS 20
#define VIEWERS 60
#define NEXTHOPS 5
#define PORTS 12 /* that streams are bound to, from PORT_FIRST on */
#define PORT_FIRST 6000

static struct live live;
static atomic_bool stop;

static void draw_bytes(struct random *r, void *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)to)[i] = (uint8_t)draw(r, 256);
}

/* ---- the wire ---- */

static size_t rtp_make(struct random *r, uint8_t *to, uint16_t port)
{
	static uint16_t sequence[PORTS]; /* of the wire's thread */
	uint16_t *s = &sequence[port % PORTS];

	*s = (uint16_t)(*s + (draw(r, 10) == 0 ? draw(r, 100) : 1));
	return live_rtp(to, 96, *s, *s * 3000u, draw(r, 100) == 0 ? 2 : 1, "\x65nal unit", 9);
}

static size_t datagram_make(
	struct random *r, uint8_t *to, struct mr_endpoint *from, struct mr_endpoint *at)
{
	size_t len = draw(r, 8) == 0 ? draw(r, 1400) : 12 + draw(r, 200);

	*from = mr_endpoint_ipv4(0x0a000002, 5000);
	*at = mr_endpoint_ipv4(LIVE_GATEWAY, (uint16_t)(PORT_FIRST + draw(r, PORTS)));
	draw_bytes(r, to, len);
	switch (draw(r, 5)) {
	case 0: /* RTP as it should be */
		return rtp_make(r, to, ntohs(at->port));
	case 1: /* RTCP to a stream's port */
		to[0] = 0x80;
		to[1] = 200;
		return len < 2 ? 2 : len;
	case 2: /* from a viewer: STUN, DTLS, SRTCP, RTP or anything */
	case 3:
		*from = mr_endpoint_ipv4(0x0a010000u + draw(r, VIEWERS), 40000);
		*at = mr_endpoint_ipv4(LIVE_GATEWAY, LIVE_PUBLIC_PORT);
		if (len > 1) {
			to[0] = (uint8_t[]){0, 1, 22, 0x80, 0x81, 200}[draw(r, 6)];
			to[1] = (uint8_t[]){1, 200, 201, 96, 206}[draw(r, 5)];
		}
		return len;
	default: /* anything, anywhere */
		at->port = htons((uint16_t)draw(r, 65536));
		return len;
	}
}

static void *wire_main(void *arg)
{
	struct random r = {*(uint64_t *)arg ^ 0x77697265};
	uint8_t datagram[1500];

	while (!atomic_load(&stop)) {
		for (int i = 0; i < 64; i++) {
			struct mr_endpoint from, at;
			size_t len = datagram_make(&r, datagram, &from, &at);
			unsigned int queue = draw(&r, live.dp.workers.n);

			if (rte_mempool_avail_count(live.pool) > 1000)
				live_send(&live, queue, &from, &at, datagram, len);
		}
		for (unsigned int q = 0; q < live.dp.workers.n; q++) {
			void *m;
			while (rte_ring_dequeue(live.tx[q], &m) == 0)
				rte_pktmbuf_free(m);
		}
		usleep(200);
	}
	return NULL;
}

/* ---- commands ---- */

static struct mr_endpoint endpoint_make(struct random *r)
{
	struct mr_endpoint e =
		mr_endpoint_ipv4(LIVE_GATEWAY, (uint16_t)(PORT_FIRST + draw(r, PORTS)));

	if (draw(r, 8) == 0)
		memset(e.addr, 0, sizeof(e.addr));
	if (draw(r, 30) == 0)
		draw_bytes(r, e.addr, sizeof(e.addr));
	if (draw(r, 30) == 0)
		draw_bytes(r, e.reserved, sizeof(e.reserved));
	return e;
}

static void viewer_make(struct random *r, struct mr_viewer_add *m)
{
	static const uint16_t profiles[] = {1, 7, 8};

	*m = live_viewer_add(1 + draw(r, VIEWERS), profiles[draw(r, 3)], draw(r, STREAMS + 1),
		draw(r, STREAMS + 1));
	m->nexthop_id = draw(r, NEXTHOPS + 1);
	draw_bytes(r, m->tx_rtp.cipher, 16);
	draw_bytes(r, m->tx_rtcp.cipher, 16);
	if (draw(r, 4) == 0)
		m->remote = mr_endpoint_ipv4(0x0a010000u + draw(r, VIEWERS), 40000);
}

static void stream_make(struct random *r, struct mr_stream_add *m)
{
	static const uint8_t video[] = {MR_CODEC_H264, MR_CODEC_VP8};
	static const uint8_t audio[] = {MR_CODEC_OPUS, MR_CODEC_PCMU, MR_CODEC_PCMA};

	m->stream_id = 1 + draw(r, STREAMS);
	m->path_id = 1 + draw(r, PATHS);
	m->kind = draw(r, 2) ? MR_KIND_VIDEO : MR_KIND_AUDIO;
	m->codec = draw(r, 10) == 0           ? MR_CODEC_NONE
		   : m->kind == MR_KIND_VIDEO ? video[draw(r, 2)]
					      : audio[draw(r, 3)];
	m->clock_rate = m->kind == MR_KIND_VIDEO ? 90000 : 48000;
	m->max_payload = (uint16_t)(256 + draw(r, 1217));
	m->ring_packets = draw(r, 2) ? 0 : 1u << draw(r, 12);
	m->ring_bytes = draw(r, 2) ? 0 : draw(r, 1u << 20);
}

static void bind_make(struct random *r, struct mr_stream_bind *m)
{
	m->stream_id = 1 + draw(r, STREAMS);
	m->flags = draw(r, 4);
	m->local = endpoint_make(r);
	if (draw(r, 3) == 0)
		m->remote = mr_endpoint_ipv4(0x0a000002, 0);
	m->input = (uint8_t)draw(r, 3);
	m->payload_type = 96;
	m->ssrc = draw(r, 2);
	if (draw(r, 2) == 0) {
		memcpy(m->parameter_sets, "\0\4\x67sps\0\4\x68pps", 12);
		m->parameter_sets_len = 12;
	}
}

/* As a control plane would write it, but for the ids, which need not be there. */
static void command_make(struct random *r, struct mr_command *m)
{
	memset(m, 0, sizeof(*m));
	m->type = 1 + draw(r, MR_COMMAND_VIEWER_ICE);
	m->object.id = 1 + draw(r, 8);
	switch (m->type) {
	case MR_COMMAND_LISTEN:
		m->listen.local = endpoint_make(r);
		/* Public ports stay for good: only few. */
		m->listen.local.port = htons((uint16_t)(LIVE_PUBLIC_PORT + draw(r, 2)));
		break;
	case MR_COMMAND_PATH_SET:
		m->path_set.path_id = 1 + draw(r, PATHS);
		m->path_set.state = 1 + draw(r, 4);
		snprintf(m->path_set.name, sizeof(m->path_set.name), "path%u",
			draw(r, 20) == 0 ? 1 : m->path_set.path_id);
		break;
	case MR_COMMAND_STREAM_ADD:
		stream_make(r, &m->stream_add);
		break;
	case MR_COMMAND_STREAM_BIND:
		bind_make(r, &m->stream_bind);
		break;
	case MR_COMMAND_STREAM_REPORT:
		m->stream_report.stream_id = 1 + draw(r, STREAMS);
		m->stream_report.rtp = draw(r, UINT32_MAX);
		draw_bytes(r, &m->stream_report.ntp, 8);
		break;
	case MR_COMMAND_STREAM_DEL:
		m->object.id = 1 + draw(r, STREAMS);
		break;
	case MR_COMMAND_VIEWER_ADD:
		viewer_make(r, &m->viewer_add);
		break;
	case MR_COMMAND_VIEWER_ROUTE:
		m->viewer_route.viewer_id = 1 + draw(r, VIEWERS);
		m->viewer_route.nexthop_id = draw(r, NEXTHOPS + 1);
		m->viewer_route.local = mr_endpoint_ipv4(LIVE_GATEWAY, LIVE_PUBLIC_PORT);
		m->viewer_route.remote = mr_endpoint_ipv4(0x0a010000u + draw(r, VIEWERS), 40000);
		break;
	case MR_COMMAND_VIEWER_DEL:
		m->object.id = 1 + draw(r, VIEWERS);
		break;
	case MR_COMMAND_NEXTHOP_SET:
		m->nexthop_set.nexthop_id = 1 + draw(r, NEXTHOPS);
		m->nexthop_set.valid = (uint8_t)draw(r, 2);
		m->nexthop_set.vlan_tci = draw(r, 3) ? 0 : (uint16_t)draw(r, 65536);
		break;
	case MR_COMMAND_RECORD_PUT:
		m->record.kind = draw(r, 4);
		m->record.id = draw(r, VIEWERS);
		m->record.len = draw(r, MR_RECORD_MAX + 1);
		break;
	}
}

/* Some bytes of it are anything. */
static void command_spoil(struct random *r, struct mr_command *m)
{
	size_t body = 1 + draw(r, draw(r, 2) ? 64 : sizeof(m->bytes));

	if (draw(r, 8) == 0)
		m->type = draw(r, 40) == 0 ? draw(r, UINT32_MAX) : draw(r, 16);
	for (uint32_t n = draw(r, 6); n > 0; n--)
		m->bytes[draw(r, (uint32_t)body)] = (uint8_t)draw(r, 256);
	if (draw(r, 10) == 0)
		draw_bytes(r, m->bytes, body);
	/* Not what this test is about: a public port stays for good. */
	if (m->type == MR_COMMAND_LISTEN)
		m->type = MR_COMMAND_STREAM_BIND;
}

/* ---- the packet ring, the far end of which is ours ---- */

struct rings {
	struct mr_channel near;
	struct mr_channel far;
};

static void rings_give(const struct rings *rings)
{
	struct order o = {.type = ORDER_RINGS};

	if (rings != NULL) {
		o.packets_down = (struct mr_ring *)&rings->near.packets_down;
		o.packets_up = (struct mr_ring *)&rings->near.packets_up;
	}
	LIVE_CHECK(tell_worker(live.dp.workers.worker[0], &o, 1) == 0);
}

static void rings_open(struct rings *rings)
{
	LIVE_CHECK(mr_channel_create(&rings->near) == 0);
	LIVE_CHECK(mr_channel_attach(&rings->far, dup(rings->near.memfd)) == 0);
	rings_give(rings);
}

static void rings_close(struct rings *rings)
{
	rings_give(NULL);
	mr_channel_detach(&rings->far);
	mr_channel_destroy(&rings->near);
}

static void packet_down(struct random *r, struct rings *rings)
{
	static uint8_t data[65535];
	struct mr_packet head = {
		.kind = draw(r, 6),
		.stream_id = draw(r, STREAMS + 2),
		.nexthop_id = draw(r, NEXTHOPS + 2),
		.local = mr_endpoint_ipv4(LIVE_GATEWAY, LIVE_PUBLIC_PORT),
		.remote = mr_endpoint_ipv4(0x0a010000u + draw(r, VIEWERS), 40000),
		.after = draw(r, 5000) == 0 ? UINT64_MAX : 0,
	};
	struct mr_packet up;

	live_rtp(data, 96, (uint16_t)draw(r, 65536), draw(r, 1u << 30), 1, "\x65nal", 4);
	mr_packet_put(&rings->far.packets_down, &head, data,
		draw(r, 20) == 0 ? 1 + draw(r, 65535) : 12 + draw(r, 1400));
	if (draw(r, 100) == 0) /* a slot that nobody cut */
		mr_ring_enqueue(&rings->far.packets_down, data, sizeof(struct mr_packet));
	while (mr_ring_dequeue(&rings->far.packets_up, &up) == 1)
		;
	if (draw(r, 2000) == 0) /* a head that cannot be */
		atomic_store(&rings->far.packets_down.shared->head, draw(r, UINT32_MAX));
	if (draw(r, 500) == 0) {
		rings_close(rings);
		rings_open(rings);
	}
}

/* Notices that nobody wants would fill their ring. */
static void notices_take(void)
{
	struct notice n;

	for (unsigned int i = 0; i < live.dp.workers.n; i++)
		while (rte_ring_sc_dequeue_elem(
			       live.dp.workers.worker[i]->notices, &n, sizeof(n)) == 0)
			;
}

/* ---- the end ---- */

static void remove_all(enum mr_command_type type, const struct table *t)
{
	for (uint32_t i = 0; i < table_capacity(t); i++) {
		const uint32_t *id = table_at(t, i);
		struct mr_command m = {.type = type};

		if (id == NULL)
			continue;
		m.object.id = *id;
		LIVE_CHECK(command_execute(&live.dp.control, &m) == 0);
	}
	LIVE_CHECK(table_count(t) == 0);
}

static void check_nothing_left(size_t heap)
{
	const struct tables *t = &live.dp.control.tables;

	remove_all(MR_COMMAND_VIEWER_DEL, t->viewers);
	remove_all(MR_COMMAND_STREAM_DEL, t->streams);
	remove_all(MR_COMMAND_PATH_DEL, t->paths);
	remove_all(MR_COMMAND_NEXTHOP_DEL, t->nexthops);
	live_settle(&live);
	for (unsigned int q = 0; q < live.dp.workers.n; q++) {
		const struct worker *w = live.dp.workers.worker[q];
		void *m;

		while (rte_ring_dequeue(live.tx[q], &m) == 0)
			rte_pktmbuf_free(m);
		LIVE_CHECK(w->n_viewers == 0 && w->n_streams == 0 && w->n_elsewhere == 0);
		LIVE_CHECK(w->n_holding == 0 && w->queue_head == NULL);
	}
	live_settle(&live);
	for (unsigned int q = 0; q < live.dp.workers.n; q++)
		LIVE_CHECK(rte_mempool_in_use_count(live.dp.pool[q]) == 0);
	LIVE_CHECK(rte_mempool_in_use_count(live.pool) == 0);
	LIVE_CHECK(live.wire.listens == live.dp.control.n_publics);
	LIVE_CHECK(live.wire.deletes == 0);
	LIVE_CHECK(records_count(live.dp.control.records) <= 1); /* the global one */
	LIVE_CHECK(live_heap() == heap);
}

static void attack(struct random *r, uint64_t until, uint64_t *accepted, uint64_t *refused)
{
	struct rings rings;

	rings_open(&rings);
	while (live_now_ns() < until) {
		struct mr_command m;

		command_make(r, &m);
		if (draw(r, 3) == 0)
			command_spoil(r, &m);
		if (m.type == MR_COMMAND_STREAM_ADD && m.stream_add.ring_bytes > 1u << 22)
			continue; /* memory does run out, but slowly */
		if (draw(r, 6) == 0)
			live.wire.fail_after = 1 + draw(r, 3);
		int rc = command_execute(&live.dp.control, &m);
		++*(rc == 0 ? accepted : refused);
		for (size_t i = 0; i < sizeof(m.bytes); i++)
			LIVE_CHECK(m.bytes[i] == 0);
		packet_down(r, &rings);
		notices_take();
	}
	rings_close(&rings);
	live.wire.fail_after = 0;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : live_now_ns();
	unsigned int workers = argc > 1 ? (unsigned int)atoi(argv[1]) : 1;
	uint64_t seconds = argc > 2 ? strtoull(argv[2], NULL, 0) : 3;
	struct random r = {seed};
	uint64_t accepted = 0, refused = 0;
	pthread_t wire;
	size_t heap;

	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	live_start(&live, workers);
	LIVE_CHECK(live_listen(&live, LIVE_PUBLIC_PORT) == 0);
	heap = live_heap();
	LIVE_CHECK(pthread_create(&wire, NULL, wire_main, &seed) == 0);
	for (uint64_t second = 0; second < seconds; second++) {
		attack(&r, live_now_ns() + 1000000000ull, &accepted, &refused);
		if (second + 1 == seconds) {
			atomic_store(&stop, true);
			pthread_join(wire, NULL);
		}
	}
	check_nothing_left(heap);
	printf("%llu commands accepted, %llu refused, %llu packets in, %llu out\n",
		(unsigned long long)accepted, (unsigned long long)refused,
		(unsigned long long)atomic_load(&live.dp.workers.worker[0]->stats->rx_packets),
		(unsigned long long)atomic_load(&live.dp.workers.worker[0]->stats->media_packets));
	LIVE_CHECK(accepted > 0 && refused > 0);
	live_end(&live);
	return 0;
}
