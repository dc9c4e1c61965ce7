/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Consent: answers the Binding requests of established viewers (RFC 8445 7.3,
 * RFC 7675), so that they go on while no control plane is attached. Whatever
 * else STUN brings from a viewer's address goes up. Runs on the worker's lcore.
 */
#include "dataplane/pipeline/worker.h"

#include "dataplane/pipeline/alive.h"
#include "dataplane/viewer/stun.h"

#include <errno.h>
#include <string.h>

#define REPLY_INTERVAL_NS 20000000ull /* 50 replies per second and viewer ... */
#define REPLY_BURST_NS 1000000000ull  /* ... and a second's worth of them at once */

/* No amplification: the smallest request that authenticates has a header and a
 * MESSAGE-INTEGRITY, and who forges an address cannot make one. */
static_assert(BINDING_REPLY_MAX <= 2 * (STUN_HEADER_LEN + 4 + HMAC_SHA1_LEN), "reply too long");

static void punt(struct worker *w, struct rte_mbuf *m)
{
	if (w->in.punt.n == BATCH_MAX) {
		worker_drop_mbuf(w, MR_DROP_PUNT_FULL, m);
		return;
	}
	packet_meta(m)->kind = PACKET_PUNT;
	w->in.punt.pkts[w->in.punt.n++] = m;
}

static bool reply_allowed(struct viewer *v, uint64_t now_ns)
{
	uint64_t due = RTE_MAX(v->consent_due_ns, now_ns);

	if (due > now_ns + REPLY_BURST_NS)
		return false;
	v->consent_due_ns = due + REPLY_INTERVAL_NS;
	return true;
}

/* An error response (401, 420, 487) is for the control plane to make; so is the
 * answer to another session's check from the same address. */
static bool is_consent(const struct viewer *v, const struct binding_request *r)
{
	return v->local_pwd_len > 0 &&
	       binding_request_is_for(r, v->local_ufrag, v->local_ufrag_len, v->remote_ufrag,
		       v->remote_ufrag_len) &&
	       !r->unknown_required && !r->controlled;
}

static void reply(struct worker *w, struct viewer *v, const struct binding_request *r)
{
	struct rte_mbuf *m;
	int len;

	if (w->raw.n == BATCH_MAX) {
		worker_drop(w, MR_DROP_TX_FULL, 1);
		return;
	}
	m = rte_pktmbuf_alloc(w->pool);
	if (m == NULL) {
		worker_drop(w, MR_DROP_MBUF_EMPTY, 1);
		return;
	}
	len = binding_reply_format(w->crypto, &v->integrity, r, &v->remote,
		rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_tailroom(m));
	if (len < 0) {
		worker_drop_mbuf(w, MR_DROP_PROTECT_FAILED, m);
		return;
	}
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
	memset(packet_meta(m), 0, sizeof(struct packet_meta));
	packet_meta(m)->kind = PACKET_STUN;
	packet_meta(m)->viewer = v;
	w->raw.pkts[w->raw.n++] = m;
	mr_count(&v->stats->stun_answered, 1);
	mr_count(&w->stats->stun_answered, 1);
}

static void take(struct worker *w, struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);
	const uint8_t *data = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->payload);
	struct viewer *v = meta->viewer;
	struct binding_request r;
	int rc = binding_request_parse(data, meta->payload_len, &r);

	if (rc == -EBADMSG) {
		worker_drop_mbuf(w, MR_DROP_STUN_MALFORMED, m);
		return;
	}
	if (rc != 0 || !is_consent(v, &r)) {
		punt(w, m);
		return;
	}
	if (binding_request_authenticate(w->crypto, &v->integrity, data, &r) != 0) {
		worker_drop_mbuf(w, MR_DROP_STUN_AUTH, m);
		return;
	}
	viewer_is_alive(w, v);
	if (!reply_allowed(v, w->now_ns)) {
		worker_drop_mbuf(w, MR_DROP_STUN_RATE, m);
		return;
	}
	reply(w, v, &r);
	rte_pktmbuf_free(m);
}

void consent_stage(struct worker *w)
{
	struct batch *in = &w->in.stun;

	if (in->n > 0)
		w->moved = true;
	for (uint16_t i = 0; i < in->n; i++)
		take(w, in->pkts[i]);
	in->n = 0;
}
