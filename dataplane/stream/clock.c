/* SPDX-License-Identifier: BSD-3-Clause */
/* See clock.h. The path's worker. */
#include "dataplane/stream/clock.h"

#include <errno.h>
#include <string.h>

#define NS_PER_S 1000000000ll
#define ARRIVAL_STEP_NS (500 * 1000000ll) /* further off than this an anchor is thrown away */
#define ARRIVAL_SHARE 64 /* an arrival later than its time moves the anchor by 1/64 of it */

void clock_path_init(struct clock_path *p)
{
	memset(p, 0, sizeof(*p));
}

int clock_path_add(struct clock_path *p, struct clock_track *t, uint32_t clock_rate)
{
	if (p->n == CLOCK_PATH_TRACKS)
		return -ENOSPC;
	memset(t, 0, sizeof(*t));
	t->clock_rate = clock_rate;
	p->tracks[p->n++] = t;
	p->synchronized = false;
	return 0;
}

void clock_path_del(struct clock_path *p, struct clock_track *t)
{
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->tracks[i] != t)
			continue;
		p->tracks[i] = p->tracks[--p->n];
		return;
	}
}

static int64_t ticks_to_ns(const struct clock_track *t, int32_t ticks)
{
	return (int64_t)ticks * NS_PER_S / t->clock_rate;
}

/* The gateway's time of an output RTP time, as the anchor has it. */
static int64_t time_of(const struct clock_track *t, uint32_t rtp)
{
	return t->anchor_ns + ticks_to_ns(t, (int32_t)(rtp - t->anchor_rtp));
}

/* Moves the anchor along, so that differences stay far below 2^31 ticks. */
static void anchor_advance(struct clock_track *t, uint32_t rtp)
{
	t->anchor_ns = time_of(t, rtp);
	t->anchor_rtp = rtp;
}

/* Applies what may be applied of the pending change: CLOCK_SLEW_PPM. */
static void slew(struct clock_track *t, int64_t now_ns)
{
	int64_t most = (now_ns - t->slewed_at) / 1000000 * CLOCK_SLEW_PPM;
	int64_t step = t->slew_ns;

	if (now_ns <= t->slewed_at)
		return;
	if (most < 1 && step != 0)
		return; /* below a millisecond: wait for more */
	if (step > most)
		step = most;
	if (step < -most)
		step = -most;
	t->anchor_ns += step;
	t->slew_ns -= step;
	t->slewed_at = now_ns;
}

void clock_arrival(struct clock_track *t, uint32_t rtp, int64_t now_ns)
{
	int64_t late;

	if (!t->started) {
		t->started = true;
		t->anchor_rtp = rtp;
		t->anchor_ns = now_ns;
		t->slewed_at = now_ns;
		t->slew_ns = 0;
		return;
	}
	anchor_advance(t, rtp);
	slew(t, now_ns);
	if (t->follows_reports)
		return;
	/* The earliest arrivals were delayed least: early ones count at once, late ones
	 * slowly, which also follows a source whose clock runs at another speed. */
	late = now_ns - t->anchor_ns;
	if (late > ARRIVAL_STEP_NS || late < -ARRIVAL_STEP_NS) {
		/* The source paused or jumped: its media time says nothing any more. */
		t->anchor_ns = now_ns;
		t->slew_ns = 0;
	} else if (late < 0) {
		t->slew_ns = late;
	} else {
		t->slew_ns = late / ARRIVAL_SHARE;
	}
}

static int64_t ntp_to_ns(uint64_t ntp)
{
	/* Any epoch: only differences within one source are used. */
	return (int64_t)(ntp >> 32) * NS_PER_S + (int64_t)((ntp & 0xffffffffu) * NS_PER_S >> 32);
}

/* The source's time of an output RTP time, by its last report. */
static int64_t source_time_of(const struct clock_track *t, uint32_t rtp)
{
	return t->report_ns + ticks_to_ns(t, (int32_t)(rtp - t->report_rtp));
}

/* All tracks have reports: one offset for the path, such that no track has to
 * claim a time before its arrival's; the mean keeps the change small. */
static void path_synchronize(struct clock_path *p)
{
	int64_t sum = 0;

	for (unsigned int i = 0; i < p->n; i++) {
		const struct clock_track *t = p->tracks[i];
		sum += (t->anchor_ns - source_time_of(t, t->anchor_rtp)) / (int64_t)p->n;
	}
	p->offset_ns = sum;
	p->synchronized = true;
	for (unsigned int i = 0; i < p->n; i++)
		p->tracks[i]->follows_reports = true;
}

static bool all_reported(const struct clock_path *p)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (!p->tracks[i]->reported || !p->tracks[i]->started)
			return false;
	return p->n > 0;
}

void clock_report(
	struct clock_path *p, struct clock_track *t, uint32_t rtp, uint64_t ntp, int64_t now_ns)
{
	int64_t source_ns = ntp_to_ns(ntp);

	/* A report without a clock (RFC 3550 6.4.1: NTP 0) says nothing. */
	if (ntp == 0)
		return;
	if (t->reported) {
		/* The source's clock was set: its old offset is worth nothing. */
		int64_t off = source_ns - source_time_of(t, rtp);
		if (off > ARRIVAL_STEP_NS || off < -ARRIVAL_STEP_NS) {
			clock_forget_reports(p);
		}
	}
	t->report_rtp = rtp;
	t->report_ns = source_ns;
	t->reported = true;
	if (!p->synchronized && all_reported(p))
		path_synchronize(p);
	if (!p->synchronized)
		return;
	for (unsigned int i = 0; i < p->n; i++) {
		struct clock_track *k = p->tracks[i];
		slew(k, now_ns);
		k->slew_ns = source_time_of(k, k->anchor_rtp) + p->offset_ns - k->anchor_ns;
	}
}

void clock_forget_reports(struct clock_path *p)
{
	p->synchronized = false;
	for (unsigned int i = 0; i < p->n; i++) {
		p->tracks[i]->reported = false;
		p->tracks[i]->follows_reports = false;
	}
}

bool clock_rtp_at(struct clock_track *t, int64_t now_ns, uint32_t *rtp)
{
	if (!t->started)
		return false;
	slew(t, now_ns);
	int64_t ns = now_ns - t->anchor_ns;
	int64_t s = ns / NS_PER_S;
	*rtp = t->anchor_rtp + (uint32_t)(s * t->clock_rate) +
	       (uint32_t)(int32_t)((ns % NS_PER_S) * t->clock_rate / NS_PER_S);
	return true;
}
