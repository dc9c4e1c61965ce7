/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feedback: what viewers say by SRTCP. Authenticated first, checked whole, then
 * taken into the viewer's figures (loss, jitter, round trip, NACKs, PLIs); BYE
 * and wishes for key frames are told; NACKs are left to repair. Runs on the worker's lcore.
 */
#include "dataplane/pipeline/worker.h"

#include "dataplane/pipeline/alive.h"
#include "dataplane/pipeline/catch_up.h"
#include "dataplane/pipeline/refresh.h"
#include "dataplane/pipeline/repair_queue.h"
#include "dataplane/stream/stream.h"
#include "dataplane/viewer/rtcp.h"

#include <errno.h>

#define KEYFRAME_INTERVAL_NS 1000000000ull /* between two wishes of one stream */
#define ROUND_TRIP_MAX (10u << 16)         /* 1/65536 s: beyond it a report makes no sense */
#define ROUNDING (1u << 6)                 /* 1/65536 s: about 1 ms that clocks may be off */

static struct viewer_track *track_by_ssrc(struct viewer *v, uint32_t ssrc)
{
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		if (v->track[i].audience != NULL && v->track[i].ssrc == ssrc)
			return &v->track[i];
	return NULL;
}

static bool was_sent(const struct viewer_feedback *f, uint32_t ntp)
{
	for (unsigned int i = 0; i < REPORTS_REMEMBERED; i++)
		if (ntp != 0 && f->sent_ntp[i] == ntp)
			return true;
	return false;
}

/* RFC 3550 6.4.1: now - LSR - DLSR. 0: it says nothing. The viewer tells both
 * values, so only an LSR that we sent and a plausible sum count. */
static uint32_t round_trip_us(
	const struct viewer_feedback *f, const struct rtcp_block *b, uint32_t now)
{
	uint32_t since = now - b->last_sr;
	uint32_t trip;

	if (!was_sent(f, b->last_sr) || b->delay_since_sr > since + ROUNDING)
		return 0;
	trip = since > b->delay_since_sr ? since - b->delay_since_sr : 0;
	if (trip > ROUND_TRIP_MAX)
		return 0;
	return RTE_MAX((uint32_t)((uint64_t)trip * 1000000 >> 16), 1u);
}

static void take_block(
	struct worker *w, struct viewer *v, uint32_t reporter, const struct rtcp_block *b)
{
	struct viewer_track *t = track_by_ssrc(v, b->ssrc);
	struct viewer_feedback *f;
	uint32_t trip;

	if (t == NULL)
		return;
	f = &v->feedback[t - v->track];
	f->reported = true;
	f->reporter = reporter;
	trip = round_trip_us(f, b, rtcp_ntp_middle(rtcp_ntp(w->wall_ns)));
	mr_count(&t->stats->reports, 1);
	atomic_store_explicit(&t->stats->jitter, b->jitter, memory_order_relaxed);
	atomic_store_explicit(&t->stats->fraction_lost, b->fraction_lost, memory_order_relaxed);
	atomic_store_explicit(&t->stats->cumulative_lost, b->cumulative_lost, memory_order_relaxed);
	if (trip != 0)
		atomic_store_explicit(&t->stats->round_trip_us, trip, memory_order_relaxed);
}

static void want_keyframe(struct worker *w, struct viewer *v, uint32_t ssrc)
{
	struct viewer_track *t = track_by_ssrc(v, ssrc);
	struct stream *s;
	uint64_t wanted_ns;

	if (t == NULL || t->kind != MR_KIND_VIDEO)
		return;
	mr_count(&t->stats->plis, 1);
	catch_up_pli(w, t);
	refresh_want(w, t);
	s = t->audience->stream;
	/* Its viewers at other workers want some, too; whose turn began later may have
	 * been first. */
	wanted_ns = atomic_load_explicit(&s->keyframe_wanted_ns, memory_order_relaxed);
	if (wanted_ns != 0 && w->now_ns < wanted_ns + KEYFRAME_INTERVAL_NS)
		return;
	if (!atomic_compare_exchange_strong_explicit(&s->keyframe_wanted_ns, &wanted_ns, w->now_ns,
		    memory_order_relaxed, memory_order_relaxed))
		return;
	worker_notify(w, MR_EVENT_KEYFRAME_WANTED, s->id, 0, 0);
}

static void take_payload_feedback(struct worker *w, struct viewer *v, const struct rtcp_packet *p)
{
	if (p->count == RTCP_FMT_PLI)
		want_keyframe(w, v, rtcp_media_ssrc(p));
	else if (p->count == RTCP_FMT_FIR)
		for (unsigned int i = 0; i < rtcp_fir_entries(p); i++)
			want_keyframe(w, v, rtcp_fir_ssrc(p, i));
}

/* The repair stage does what it can of it, in this turn or a later one. */
static void take_transport_feedback(struct worker *w, struct viewer *v, const struct rtcp_packet *p)
{
	struct viewer_track *t = track_by_ssrc(v, rtcp_media_ssrc(p));

	if (p->count != RTCP_FMT_NACK || t == NULL)
		return;
	mr_count(&t->stats->nacks, rtcp_nack_packets(p));
	for (unsigned int i = 0; i < rtcp_nack_entries(p); i++) {
		uint16_t pid, blp;

		rtcp_nack_entry(p, i, &pid, &blp);
		repair_want(w, t, pid, blp);
		catch_up_nack(w, t, pid, blp);
	}
}

/* A browser has an SSRC per receiver and says BYE for each that stops: the
 * viewer leaves with the last one that reports on a track. */
static void take_bye(struct worker *w, struct viewer *v, const struct rtcp_packet *p)
{
	bool anyone = false;

	for (unsigned int t = 0; t < MR_VIEWER_TRACKS; t++) {
		struct viewer_feedback *f = &v->feedback[t];
		for (unsigned int i = 0; i < p->count; i++)
			if (f->reported && rtcp_bye_ssrc(p, i) == f->reporter)
				f->reported = false;
		anyone |= f->reported;
	}
	if (anyone || p->count == 0 || v->fixed || v->expired)
		return;
	v->expired = true;
	v->expiry_told_ns = w->now_ns;
	worker_notify(w, MR_EVENT_VIEWER_STATE, v->id, MR_VIEWER_BYE, 0);
}

static void take_packet(struct worker *w, struct viewer *v, const struct rtcp_packet *p)
{
	struct rtcp_block b;

	switch (p->type) {
	case RTCP_SR:
	case RTCP_RR:
		for (unsigned int i = 0; i < p->count; i++) {
			rtcp_block(p, i, &b);
			take_block(w, v, p->ssrc, &b);
		}
		break;
	case RTCP_BYE:
		take_bye(w, v, p);
		break;
	case RTCP_RTPFB:
		take_transport_feedback(w, v, p);
		break;
	case RTCP_PSFB:
		take_payload_feedback(w, v, p);
		break;
	default:
		break;
	}
}

static enum mr_drop refusal(int rc)
{
	switch (rc) {
	case -EBADMSG:
		return MR_DROP_SRTCP_AUTH;
	case -EALREADY:
		return MR_DROP_SRTCP_REPLAY;
	default:
		return MR_DROP_SRTCP_MALFORMED;
	}
}

static void take(struct worker *w, struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);
	uint8_t *data = rte_pktmbuf_mtod_offset(m, uint8_t *, meta->payload);
	struct viewer *v = meta->viewer;
	struct rtcp_packet p;
	size_t offset = 0;
	int len = srtcp_unprotect(w->crypto, &v->rtcp_rx, data, meta->payload_len);

	if (len < 0) {
		worker_drop_mbuf(w, refusal(len), m);
		return;
	}
	if (!v->rtcp_told)
		worker_notify(w, MR_EVENT_VIEWER_STATE, v->id, MR_VIEWER_RTCP, 0);
	v->rtcp_told = true;
	viewer_is_alive(w, v);
	mr_count(&v->stats->srtcp_in, 1);
	mr_count(&w->stats->srtcp_in, 1);
	if (rtcp_check(data, (size_t)len) != 0) {
		worker_drop_mbuf(w, MR_DROP_SRTCP_MALFORMED, m);
		return;
	}
	while (rtcp_next(data, (size_t)len, &offset, &p) == 1)
		take_packet(w, v, &p);
	rte_pktmbuf_free(m);
}

void feedback_stage(struct worker *w)
{
	struct batch *in = &w->in.srtcp;

	if (in->n > 0)
		w->moved = true;
	for (uint16_t i = 0; i < in->n; i++)
		take(w, in->pkts[i]);
	in->n = 0;
}
