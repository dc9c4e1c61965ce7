/* SPDX-License-Identifier: BSD-3-Clause */
/* See ring_rtp.h. Runs on the worker's lcore. */
#include "dataplane/pipeline/ring_rtp.h"

#include "dataplane/stream/stream.h"

#include <string.h>

static struct stream *stream_by_id(const struct worker *w, uint32_t id)
{
	for (uint32_t i = 0; i < w->n_streams; i++)
		if (w->streams[i]->id == id)
			return w->streams[i];
	return NULL;
}

static const struct stream_owner *owner_by_id(const struct worker *w, uint32_t id)
{
	for (uint32_t i = 0; i < w->n_elsewhere; i++)
		if (w->elsewhere[i].stream_id == id)
			return &w->elsewhere[i];
	return NULL;
}

bool ring_rtp_fits(const struct worker *w, uint32_t len)
{
	return w->in.rtp.n < BATCH_MAX && len <= WORKER_STAGING - 64 &&
	       w->staging_used <= WORKER_STAGING - 64 - len;
}

/* Room for one packet of `s`, in the staging area and in the batch. */
static uint8_t *stage(struct worker *w, struct stream *s, uint32_t len, uint64_t arrival_ns)
{
	uint8_t *data = w->staging + w->staging_used;

	w->staging_used += RTE_ALIGN_CEIL(len, 64u);
	w->in.rtp.pkts[w->in.rtp.n++] = (struct input_packet){
		.stream = s,
		.data = data,
		.len = len,
		.arrival_ns = arrival_ns,
	};
	return data;
}

/* A chain of mbufs with the datagram's bytes; NULL: the pool is empty. */
static struct rte_mbuf *chain_make(struct worker *w, const uint8_t *data, uint32_t len)
{
	struct rte_mbuf *first = NULL;
	uint32_t done = 0;

	while (done < len) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(w->pool);
		uint32_t n;

		if (m == NULL || (first != NULL && rte_pktmbuf_chain(first, m) != 0)) {
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(first);
			return NULL;
		}
		if (first == NULL)
			first = m;
		n = RTE_MIN(len - done, (uint32_t)rte_pktmbuf_tailroom(m));
		memcpy(rte_pktmbuf_append(first, (uint16_t)n), data + done, n);
		done += n;
	}
	return first;
}

static void hand_over(struct worker *w, const struct mr_packet_joiner *j, uint8_t owner)
{
	struct rte_mbuf *m = chain_make(w, j->data, j->head.total);
	struct packet_meta *meta;

	if (m == NULL) {
		worker_drop(w, MR_DROP_MBUF_EMPTY, 1);
		return;
	}
	meta = packet_meta(m);
	memset(meta, 0, sizeof(*meta));
	meta->kind = PACKET_DOWN_RTP;
	meta->owner = owner;
	meta->stream_id = j->head.stream_id;
	meta->arrival_ns = w->now_ns;
	if (rte_ring_sp_enqueue(w->handoff_out[owner], m) != 0)
		worker_drop_mbuf(w, MR_DROP_HANDOFF_FULL, m);
	else
		worker_wakes(w, owner);
}

void ring_rtp_receive(struct worker *w, const struct mr_packet_joiner *j)
{
	struct stream *s = stream_by_id(w, j->head.stream_id);
	const struct stream_owner *o;

	if (s != NULL) {
		memcpy(stage(w, s, j->head.total, w->now_ns), j->data, j->head.total);
		return;
	}
	o = owner_by_id(w, j->head.stream_id);
	if (o != NULL)
		hand_over(w, j, o->owner);
	else
		worker_drop(w, MR_DROP_STREAM_UNBOUND, 1);
}

void ring_rtp_take(struct worker *w, struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);
	struct stream *s = stream_by_id(w, meta->stream_id);
	uint8_t *to;

	if (s == NULL) {
		worker_drop_mbuf(w, MR_DROP_STREAM_UNBOUND, m);
		return;
	}
	to = stage(w, s, m->pkt_len, meta->arrival_ns);
	for (const struct rte_mbuf *part = m; part != NULL; part = part->next) {
		memcpy(to, rte_pktmbuf_mtod(part, const void *), part->data_len);
		to += part->data_len;
	}
	rte_pktmbuf_free(m);
}
