/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Protect: encrypts the turn's copies in one burst, from the shared payload
 * into each viewer's mbuf. Runs on the worker's lcore.
 */
#include "dataplane/pipeline/worker.h"

#include "dataplane/pipeline/copy.h"

#include <errno.h>
#include <string.h>

/* Repairs stay out of the sender reports: these tell how much media there was. */
static void repair_count(struct worker *w, struct viewer_track *t, uint32_t payload_len)
{
	mr_count(&t->stats->repaired, 1);
	mr_count(&t->stats->repaired_bytes, payload_len);
	mr_count(&w->stats->repairs, 1);
}

/* One whose buffer the device may still write to (EBUSY) is never used again. */
static void copy_failed(struct worker *w, const struct srtp_op *op, struct rte_mbuf *m)
{
	if (op->status == EBUSY)
		worker_drop(w, MR_DROP_CRYPTO_STUCK, 1);
	else
		worker_drop_mbuf(w, MR_DROP_PROTECT_FAILED, m);
}

/* One by one, where some failed. */
static void batch_sort(struct worker *w, const struct plain_batch *in, struct media_batch *out)
{
	for (uint16_t i = 0; i < in->n; i++) {
		const struct srtp_op *op = &in->op[i];
		bool repair = i < in->n_repairs;

		if (op->status != 0) {
			out->bytes -= in->pkts[i]->pkt_len;
			if (!repair)
				copy_uncount(in->track[i], op->payload_len);
			copy_failed(w, op, in->pkts[i]);
			continue;
		}
		if (repair)
			repair_count(w, in->track[i], op->payload_len);
		out->port[out->n] = in->port[i];
		out->pkts[out->n++] = in->pkts[i];
	}
}

static void batch_pass(struct worker *w, const struct plain_batch *in, struct media_batch *out)
{
	memcpy(out->pkts, in->pkts, in->n * sizeof(in->pkts[0]));
	memcpy(out->port, in->port, in->n * sizeof(in->port[0]));
	out->n = in->n;
	for (uint16_t i = 0; i < in->n_repairs; i++)
		repair_count(w, in->track[i], in->op[i].payload_len);
}

void protect_stage(struct worker *w)
{
	struct plain_batch *in = &w->plain;
	struct media_batch *out = &w->cipher;
	uint16_t ok = 0;

	out->n = 0;
	out->ports = in->ports;
	out->bytes = in->bytes;
	if (in->n > 0)
		ok = srtp_protect_burst(w->crypto, in->op, in->n);
	worker_read_end(w);
	if (ok == in->n)
		batch_pass(w, in, out);
	else
		batch_sort(w, in, out);
	if (out->n > 0)
		mr_count(&w->stats->media_packets, out->n);
	in->n = 0;
	in->n_repairs = 0;
	in->ports = 0;
	in->bytes = 0;
}
