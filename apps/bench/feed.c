/* SPDX-License-Identifier: BSD-3-Clause */
/* See feed.h. */
#include "apps/bench/feed.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_PER_TURN 32 /* what a turn receives of one queue */
#define SOURCE_SSRC 0x5eed0000u
#define UDP_AT 34 /* [bytes] offsets in the frame */
#define RTP_AT 42
#define NAL_AT 54
#define NAL_IDR 0x65
#define NAL_PICTURE 0x41
#define IDR_EVERY 256 /* packets; a power of two */

static void frame_build(struct feed *f)
{
	const struct rig *r = f->rig;
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)f->frame;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	uint64_t state = r->options.seed;

	f->len = (uint16_t)(NAL_AT + r->options.payload);
	memset(f->frame, 0, sizeof(f->frame));
	memcpy(&eth->dst_addr, "\2\0\0\0\0\1", 6);
	memcpy(&eth->src_addr, "\2\0\0\0\0\2", 6);
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(f->len - sizeof(*eth)));
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = rte_cpu_to_be_32(RIG_CAMERA);
	ip->dst_addr = rte_cpu_to_be_32(RIG_GATEWAY);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->src_port = RTE_BE16(5004);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(f->len - UDP_AT));
	f->frame[RTP_AT] = 0x80;
	f->frame[RTP_AT + 1] = 0x80 | 96;
	for (uint32_t i = NAL_AT; i < f->len; i++)
		f->frame[i] = (uint8_t)(rig_random(&state) >> 32);
}

int feed_init(struct feed *f, struct rig *rig, unsigned int worker)
{
	memset(f, 0, sizeof(*f));
	f->rig = rig;
	f->worker = rig->dp.workers.worker[worker];
	f->ring = rig->rx[worker];
	f->sequence = calloc(rig->options.streams, sizeof(f->sequence[0]));
	f->timestamp = calloc(rig->options.streams, sizeof(f->timestamp[0]));
	if (f->sequence == NULL || f->timestamp == NULL) {
		feed_fini(f);
		return -1;
	}
	frame_build(f);
	return 0;
}

void feed_fini(struct feed *f)
{
	free(f->sequence);
	free(f->timestamp);
	f->sequence = NULL;
	f->timestamp = NULL;
}

void feed_put_stream(struct feed *f, uint32_t index)
{
	const struct rig_stream *s = &f->rig->streams[index];
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->rig->frames);
	uint16_t sequence = f->sequence[index];
	struct rte_udp_hdr *udp;
	uint8_t *frame;

	if (m == NULL)
		return;
	frame = (uint8_t *)rte_pktmbuf_append(m, f->len);
	memcpy(frame, f->frame, f->len);
	udp = (struct rte_udp_hdr *)&frame[UDP_AT];
	udp->dst_port = rte_cpu_to_be_16(s->port);
	*(rte_be16_t *)&frame[RTP_AT + 2] = rte_cpu_to_be_16(sequence);
	*(rte_be32_t *)&frame[RTP_AT + 4] = rte_cpu_to_be_32(f->timestamp[index]);
	*(rte_be32_t *)&frame[RTP_AT + 8] = rte_cpu_to_be_32(SOURCE_SSRC + index);
	frame[NAL_AT] = (sequence & (IDR_EVERY - 1)) == 0 ? NAL_IDR : NAL_PICTURE;
	if (rte_ring_enqueue(f->ring, m) != 0) {
		rte_pktmbuf_free(m);
		return;
	}
	f->sequence[index]++;
	f->timestamp[index] += 3000;
	f->frames++;
	f->copies += s->viewers_at[f->worker->index];
	for (uint32_t i = 0; i < f->rig->options.workers; i++)
		if (i != f->worker->index)
			f->elsewhere[i] += s->viewers_at[i];
}

void feed_put(struct feed *f, uint32_t copies)
{
	uint64_t until = f->copies + copies;
	uint32_t put = 0;

	for (uint32_t seen = 0; put < FRAMES_PER_TURN && f->copies < until; seen++) {
		const struct rig_stream *s = &f->rig->streams[f->next];

		if (s->worker == f->worker->index && s->viewers > 0) {
			feed_put_stream(f, f->next);
			put++;
		} else if (seen >= 2 * f->rig->options.streams && put == 0) {
			return; /* nobody watches a stream of this worker */
		}
		f->next = f->next + 1 < f->rig->options.streams ? f->next + 1 : 0;
	}
}
