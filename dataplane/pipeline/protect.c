/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Protect: encrypts the turn's copies in one burst, from the shared payload
 * into each viewer's mbuf, and counts what each viewer is sent. Runs on the
 * worker's lcore.
 */
#include "dataplane/pipeline/worker.h"

#include "dataplane/stream/rtp.h"

#include <errno.h>
#include <rte_prefetch.h>

/* Repairs stay out of the sender reports: these tell how much media there was. */
static void repair_count(struct worker *w, struct viewer_track *t, uint32_t payload_len)
{
	mr_count(&t->stats->repaired, 1);
	mr_count(&t->stats->repaired_bytes, payload_len);
	mr_count(&w->stats->repairs, 1);
}

/* reports publish it: the statistics' lines stay out of this loop */
static void track_count(struct viewer_track *t, uint32_t payload_len)
{
	t->packets_sent++;
	t->octets_sent += payload_len;
}

#define AHEAD 4 /* packets: what encryption has pushed out of the first cache level */

/* The packet's own lines, and, of one that has them already, its track's. */
static void packet_prefetch(const struct plain_batch *in, uint16_t i)
{
	if (i + 2 * AHEAD < in->n) {
		rte_prefetch0(in->pkts[i + 2 * AHEAD]);
		rte_prefetch0(packet_meta(in->pkts[i + 2 * AHEAD]));
	}
	if (i + AHEAD < in->n) {
		const struct packet_meta *meta = packet_meta(in->pkts[i + AHEAD]);

		rte_prefetch0(&meta->viewer->track[meta->track]);
	}
}

void protect_stage(struct worker *w)
{
	struct plain_batch *in = &w->plain;
	struct batch *out = &w->cipher;

	out->n = 0;
	if (in->n == 0) {
		worker_read_end(w);
		return;
	}
	srtp_protect_burst(w->crypto, in->op, in->n);
	worker_read_end(w);
	for (uint16_t i = 0; i < in->n; i++) {
		const struct srtp_op *op = &in->op[i];
		struct rte_mbuf *m = in->pkts[i];
		const struct packet_meta *meta = packet_meta(m);

		packet_prefetch(in, i);
		if (op->status != 0) {
			/* EBUSY: the device may still write to it, it is never used again. */
			if (op->status == EBUSY)
				worker_drop(w, MR_DROP_CRYPTO_STUCK, 1);
			else
				worker_drop_mbuf(w, MR_DROP_PROTECT_FAILED, m);
			continue;
		}
		m->data_len = op->out_len;
		m->pkt_len = op->out_len;
		struct viewer_track *t = &meta->viewer->track[meta->track];
		if (meta->kind == PACKET_REPAIR)
			repair_count(w, t, op->payload_len);
		else
			track_count(t, op->payload_len);
		out->pkts[out->n++] = m;
	}
	mr_count(&w->stats->media_packets, out->n);
	in->n = 0;
}
