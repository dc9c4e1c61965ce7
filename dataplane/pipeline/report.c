/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timers: sender reports with SDES every second per viewer and track (RFC 3550
 * 6.4.1); what each was sent, for the statistics; viewers that have been silent for
 * 30 s, streams that have been for 3.
 * Viewers are looked at one after the other, each so often as time has passed and not
 * as turns are made: with many of them each look is a miss, and turns are short. Runs on
 * the worker's lcore.
 */
#include "dataplane/pipeline/worker.h"

#include "dataplane/api/event.h"
#include "dataplane/stream/stream.h"
#include "dataplane/viewer/rtcp.h"

#include <rte_prefetch.h>
#include <string.h>

/* All viewers are looked at within a pass: one in LOOK_NS, within these limits. */
#define LOOK_NS 50000ull
#define PASS_LEAST_NS 10000000ull
#define PASS_MOST_NS 250000000ull
#define VIEWERS_PER_TURN 128    /* looked at, after a sleep */
#define VIEWERS_PER_BUSY_TURN 8 /* they are cold: media goes first */
#define REPORT_INTERVAL_NS 1000000000ull
#define EXPIRY_REPEAT_NS 1000000000ull
#define SILENCE_NS 3000000000ull
#define SILENCE_CHECK_NS 100000000ull

static_assert(VIEWERS_PER_TURN * MR_VIEWER_TRACKS <= BATCH_MAX, "a turn's reports fit the batch");

/* The stream's time now; a stream of another worker goes on meanwhile. */
static bool track_time(const struct worker *w, struct audience *a, uint32_t *rtp)
{
	struct clock_track *clock = &a->stream->clock;

	return a->remote ? clock_rtp_read(clock, w->wall_ns, rtp)
			 : clock_rtp_at(clock, w->wall_ns, rtp);
}

/* Both tracks of a viewer speak of the same moment: lip-sync hangs on it. */
static int report_format(struct worker *w, struct viewer_track *t, uint8_t *out, size_t cap)
{
	struct rtcp_sender_info info = {
		.ssrc = t->ssrc,
		.ntp = rtcp_ntp(w->wall_ns),
		.packets = t->packets_sent,
		.octets = t->octets_sent,
	};

	if (!track_time(w, t->audience, &info.rtp))
		return 0;
	info.rtp += t->timestamp_base;
	return rtcp_format_report(out, cap, &info, t->viewer->cname);
}

static void report_remember(struct viewer_feedback *f, int64_t wall_ns)
{
	f->sent_ntp[f->sent_next] = rtcp_ntp_middle(rtcp_ntp(wall_ns));
	f->sent_next = (f->sent_next + 1) % REPORTS_REMEMBERED;
}

static void report_track(struct worker *w, struct viewer *v, struct viewer_track *t)
{
	struct rte_mbuf *m;
	uint8_t *data;
	size_t cap;
	int len;

	/* Nothing sent, nothing to say about it. While cached frames are sent, what a
	 * report says would not be true of them. */
	if (t->audience == NULL || t->packets_sent == 0 || t->state == TRACK_WAITING ||
		(t->state == TRACK_CATCHING && t->live_index == UINT64_MAX))
		return;
	if (w->srtcp_out.n == BATCH_MAX) {
		worker_drop(w, MR_DROP_TX_FULL, 1);
		return;
	}
	m = rte_pktmbuf_alloc(w->pool);
	if (m == NULL) {
		worker_drop(w, MR_DROP_MBUF_EMPTY, 1);
		return;
	}
	data = rte_pktmbuf_mtod(m, uint8_t *);
	cap = rte_pktmbuf_tailroom(m);
	len = report_format(w, t, data, cap);
	if (len == 0) {
		rte_pktmbuf_free(m);
		return;
	}
	if (len > 0)
		len = srtcp_protect(w->crypto, &v->rtcp_tx, data, (size_t)len, cap);
	if (len < 0) {
		worker_drop_mbuf(w, MR_DROP_PROTECT_FAILED, m);
		return;
	}
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
	memset(packet_meta(m), 0, sizeof(struct packet_meta));
	packet_meta(m)->kind = PACKET_SRTCP;
	packet_meta(m)->viewer = v;
	w->srtcp_out.pkts[w->srtcp_out.n++] = m;
	w->moved = true;
	report_remember(&v->feedback[t - v->track], w->wall_ns);
	mr_count(&v->stats->srtcp_out, 1);
	mr_count(&w->stats->srtcp_out, 1);
}

/* The statistics follow a counter that wraps. Nothing, where protect has taken back what was
 * published before it ran. */
static void publish(_Atomic uint64_t *to, uint32_t sent)
{
	int32_t more = (int32_t)(sent - (uint32_t)atomic_load_explicit(to, memory_order_relaxed));

	if (more > 0)
		mr_count(to, (uint64_t)more);
}

/* All began at 0, and 2^31 bytes take longer than the time between two looks. */
static void track_publish(struct viewer_track *t)
{
	struct mr_stats_track *s = t->stats;

	publish(&s->packets, t->packets_sent);
	publish(&s->bytes, t->octets_sent);
}

/* What the next look touches, and, of the one after it, what leads there: a viewer that is
 * not at hand would cost a miss for each line, one after the other. */
static void looks_prefetch(const struct worker *w)
{
	const struct viewer *next, *after;

	if (w->look_position + 2 > w->n_viewers)
		return;
	next = w->viewers[w->look_position];
	after = w->viewers[w->look_position + 1 < w->n_viewers ? w->look_position + 1 : 0];
	rte_prefetch0(after);
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		rte_prefetch0(&after->track[i]);
		rte_prefetch0(next->track[i].stats);
	}
}

static void report_viewer(struct worker *w, struct viewer *v)
{
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		track_publish(&v->track[i]);
	if (!v->rtcp || v->expired || w->now_ns < v->next_report_ns)
		return;
	/* The schedule is kept, unless a turn came a whole second late. */
	v->next_report_ns += REPORT_INTERVAL_NS;
	if (v->next_report_ns <= w->now_ns)
		v->next_report_ns = w->now_ns + REPORT_INTERVAL_NS;
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		report_track(w, v, &v->track[i]);
}

/* Told again every second: a notice may get lost. Once expired, a viewer stays
 * it; media goes on until the main thread has removed it. */
static void expire_viewer(struct worker *w, struct viewer *v)
{
	if (v->fixed)
		return;
	if (!v->expired && w->now_ns - v->alive_ns <= VIEWER_EXPIRY_NS)
		return;
	if (v->expired && w->now_ns - v->expiry_told_ns < EXPIRY_REPEAT_NS)
		return;
	v->expired = true;
	v->expiry_told_ns = w->now_ns;
	worker_notify(w, MR_EVENT_VIEWER_STATE, v->id, MR_VIEWER_EXPIRED, 0);
}

static void check_silence(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_streams; i++) {
		struct stream *s = w->streams[i];
		uint64_t last;

		if (!s->started || s->silent)
			continue;
		last = atomic_load_explicit(&s->stats->last_packet_ns, memory_order_relaxed);
		if (w->now_ns < last + SILENCE_NS)
			continue;
		s->silent = true;
		worker_notify(w, MR_EVENT_STREAM_STATE, s->id, MR_STREAM_SILENT, s->receiver.ssrc);
	}
}

void report_stage(struct worker *w)
{
	unsigned int most = w->moved ? VIEWERS_PER_BUSY_TURN : VIEWERS_PER_TURN;
	uint64_t pass_ns = RTE_MAX(w->n_viewers * LOOK_NS, PASS_LEAST_NS);

	if (w->now_ns >= w->silence_check_ns) {
		w->silence_check_ns = w->now_ns + SILENCE_CHECK_NS;
		check_silence(w);
	}
	if (w->now_ns < w->look_ns || w->n_viewers == 0)
		return;
	pass_ns = RTE_MIN(pass_ns, PASS_MOST_NS);
	/* Nobody is owed two looks. */
	if (w->now_ns - w->look_ns > pass_ns)
		w->look_ns = w->now_ns - pass_ns;
	for (unsigned int n = 0; n < most && w->look_ns <= w->now_ns; n++) {
		/* The array may have become shorter since the last turn. */
		if (w->look_position >= w->n_viewers)
			w->look_position = 0;
		expire_viewer(w, w->viewers[w->look_position]);
		report_viewer(w, w->viewers[w->look_position]);
		w->look_position++;
		w->look_ns += pass_ns / w->n_viewers;
		looks_prefetch(w);
	}
}
