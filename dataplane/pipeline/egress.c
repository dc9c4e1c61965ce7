/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Egress: what is no copy becomes a frame here, by the viewer's prebuilt header; copies
 * are frames already, and get their UDP checksum where the port's device makes none. Runs
 * on the worker's lcore.
 */
#include "dataplane/pipeline/egress.h"

#include "dataplane/pipeline/frame.h"

#include <rte_prefetch.h>

#define PREFETCH_AHEAD 6

void egress_frame(struct worker *w, struct rte_mbuf *m, const struct frame_header *h)
{
	if (!frame_has_way(w, h)) {
		worker_drop_mbuf(w, MR_DROP_NEXTHOP_UNRESOLVED, m);
		return;
	}
	if (m->data_off < FRAME_HEADER_ROOM || w->tx.n == FRAMES_MAX) {
		worker_drop_mbuf(w, MR_DROP_TX_FULL, m);
		return;
	}
	frame_write(&w->port[h->port], m, h, rte_pktmbuf_mtod(m, uint8_t *), m->data_off,
		m->data_len, w->ip_id++);
	if (frame_needs_checksum(&w->port[h->port], m))
		frame_checksum(m);
	packet_meta(m)->port = h->port;
	w->tx.pkts[w->tx.n++] = m;
}

static void batch_send(struct worker *w, struct batch *in)
{
	for (uint16_t i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkts[i];

		egress_frame(w, m, &packet_meta(m)->viewer->header);
	}
	in->n = 0;
}

/* Whether any of the ports leaves UDP checksums to us. */
static bool ports_need_checksum(const struct worker *w, uint32_t ports)
{
	for (; ports != 0; ports &= ports - 1)
		if (!w->port[__builtin_ctz(ports)].udp_checksum)
			return true;
	return false;
}

static void media_checksums(const struct worker *w, const struct media_batch *media)
{
	for (uint16_t i = 0; i < media->n; i++) {
		struct rte_mbuf *m = media->pkts[i];

		if (i + PREFETCH_AHEAD < media->n) {
			rte_prefetch0(media->pkts[i + PREFETCH_AHEAD]);
			rte_prefetch0(media->pkts[i + PREFETCH_AHEAD]->cacheline1);
		}
		if (frame_needs_checksum(&w->port[media->port[i]], m))
			frame_checksum(m);
	}
}

void egress_stage(struct worker *w)
{
	batch_send(w, &w->raw); /* consent first: a viewer waits for nothing else so anxiously */
	batch_send(w, &w->srtcp_out);
	if (ports_need_checksum(w, w->cipher.ports))
		media_checksums(w, &w->cipher);
}
