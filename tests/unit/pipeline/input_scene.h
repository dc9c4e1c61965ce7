/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stream and what comes in for it, for the tests of stream input: datagrams of a
 * port or of the packet ring, as the stages before it leave them. One thread.
 */
#ifndef TESTS_UNIT_PIPELINE_INPUT_SCENE_H
#define TESTS_UNIT_PIPELINE_INPUT_SCENE_H

#include "dataplane/api/channel.h"
#include "dataplane/stream/rtp.h"
#include "tests/unit/pipeline/harness.h"

#include <arpa/inet.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SSRC_A 0xaaaaaaaau
#define SSRC_B 0xbbbbbbbbu
#define PT 96
#define RING 4096 /* packets */
#define HEADERS 42

struct bench {
	struct harness h;
	struct stream *s;
	uint8_t *staging; /* what came down the packet ring, for one turn */
	uint32_t staged;
};

static inline void bench_bind(struct bench *b, const struct mr_stream_bind *bind)
{
	struct order o = {.type = ORDER_STREAM_BIND, .stream = b->s, .bind = *bind};

	order_carry_out(b->h.w, &o);
	assert_int_equal(o.status, 0);
}

static inline void bench_bind_wire(struct bench *b)
{
	struct mr_stream_bind bind = {.input = MR_INPUT_WIRE, .payload_type = PT};

	bench_bind(b, &bind);
}

static inline void bench_init(struct bench *b, uint8_t kind, uint32_t clock_rate)
{
	memset(b, 0, sizeof(*b));
	harness_init(&b->h);
	b->staging = malloc(WORKER_STAGING);
	assert_non_null(b->staging);
	b->s = harness_stream(&b->h, kind, clock_rate, RING);
	bench_bind_wire(b);
}

static inline void bench_fini(struct bench *b)
{
	free(b->staging);
	harness_fini(&b->h);
}

static inline void run(struct bench *b)
{
	stream_input_stage(b->h.w);
	/* What was staged is overwritten by the next turn. */
	memset(b->staging, 0xee, b->staged);
	b->staged = 0;
}

struct rtp {
	uint32_t ssrc;
	uint32_t timestamp;
	uint16_t seq;
	uint8_t payload_type;
	bool marker;
};

static inline uint32_t rtp_format(
	uint8_t *out, const struct rtp *r, const void *payload, uint32_t len)
{
	struct rtp_header h = {
		.vpxcc = 0x80,
		.mpt = (uint8_t)(r->payload_type | (r->marker ? 0x80 : 0)),
		.seq = rte_cpu_to_be_16(r->seq),
		.timestamp = rte_cpu_to_be_32(r->timestamp),
		.ssrc = rte_cpu_to_be_32(r->ssrc),
	};

	memcpy(out, &h, sizeof(h));
	memcpy(out + sizeof(h), payload, len);
	return (uint32_t)sizeof(h) + len;
}

/* A datagram of a port, as classify leaves it; from 192.0.2.9:6000. */
static inline void give_wire(struct bench *b, const void *datagram, uint32_t len)
{
	struct input_batch *in = &b->h.w->in.rtp;
	struct rte_mbuf *m = harness_datagram(&b->h, NULL, PACKET_RTP, datagram, len);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, 34);

	ip->src_addr = htonl(0xc0000209);
	udp->src_port = htons(6000);
	packet_meta(m)->stream = b->s;
	assert_true(in->n < BATCH_MAX);
	in->pkts[in->n++] = (struct input_packet){
		.stream = b->s,
		.data = rte_pktmbuf_mtod_offset(m, const uint8_t *, HEADERS),
		.len = len,
		.arrival_ns = b->h.w->now_ns,
		.mbuf = m,
	};
}

/* The same, come down the packet ring. */
static inline void give_staged(struct bench *b, const void *datagram, uint32_t len)
{
	struct input_batch *in = &b->h.w->in.rtp;

	assert_true(in->n < BATCH_MAX && b->staged + len <= WORKER_STAGING);
	memcpy(b->staging + b->staged, datagram, len);
	in->pkts[in->n++] = (struct input_packet){
		.stream = b->s,
		.data = b->staging + b->staged,
		.len = len,
		.arrival_ns = b->h.w->now_ns,
	};
	b->staged += len;
}

/* A P slice that says its number and version. */
static inline uint32_t slice(uint8_t *out, const struct rtp *r, uint32_t version)
{
	uint8_t nal[12] = {0x41, 0x9a};

	memcpy(nal + 2, &r->ssrc, 4);
	memcpy(nal + 6, &r->seq, 2);
	memcpy(nal + 8, &version, 4);
	return rtp_format(out, r, nal, sizeof(nal));
}

static inline uint64_t stat(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* ---- the real packet ring ---- */

static inline void ring_open(struct bench *b, struct mr_channel *channel)
{
	struct worker *w = b->h.w;

	assert_int_equal(mr_channel_create(channel), 0);
	w->packets_down = &channel->packets_down;
	w->joiner = calloc(1, sizeof(*w->joiner));
	w->staging = malloc(WORKER_STAGING);
	assert_true(w->joiner != NULL && w->staging != NULL);
}

static inline void ring_close(struct bench *b, struct mr_channel *channel)
{
	struct worker *w = b->h.w;

	w->packets_down = NULL;
	free(w->joiner);
	free(w->staging);
	w->joiner = NULL;
	w->staging = NULL;
	mr_channel_destroy(channel);
}

/* As the control plane does; `len` bytes of a datagram. */
static inline void ring_put(const struct mr_channel *channel, const struct mr_packet *head,
	const void *datagram, uint32_t len)
{
	struct mr_ring producer = channel->packets_down;

	/* Producer and consumer are one thread here: each with its own position. */
	producer.position = atomic_load(&producer.shared->head);
	assert_int_equal(mr_packet_put(&producer, head, datagram, len), 0);
}

#endif
