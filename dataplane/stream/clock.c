/* SPDX-License-Identifier: BSD-3-Clause */
/* See clock.h. The path's worker, but for clock_rtp_read(). */
#include "dataplane/stream/clock.h"

#include <errno.h>
#include <string.h>

#define NS_PER_S 1000000000ll
#define STEP_NS (500 * 1000000ll)  /* off by more: not jitter, the source's clock or pause */
#define LATE_FOR_NS (1 * NS_PER_S) /* ... a stalled network has caught up by then */
#define ARRIVAL_SHARE 64           /* a late arrival moves the anchor by 1/64 of it */
#define OFFSET_SHARE 8             /* a report moves the path by 1/8 of its lateness */
#define REPORT_AGE (1 << 30)       /* [ticks] behind it, a report is moved along */

void clock_path_init(struct clock_path *p)
{
	memset(p, 0, sizeof(*p));
}

/* Back to arrivals, until all tracks have reported (again). */
static void path_desynchronize(struct clock_path *p)
{
	p->synchronized = false;
	for (unsigned int i = 0; i < p->n; i++)
		p->tracks[i]->follows_reports = false;
}

int clock_path_add(struct clock_path *p, struct clock_track *t, uint32_t clock_rate)
{
	if (p->n == CLOCK_PATH_TRACKS)
		return -ENOSPC;
	memset(t, 0, sizeof(*t));
	t->clock_rate = clock_rate;
	p->tracks[p->n++] = t;
	path_desynchronize(p);
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

/* The source's time of an output RTP time, by its last report. */
static int64_t source_time_of(const struct clock_track *t, uint32_t rtp)
{
	return t->report_ns + ticks_to_ns(t, (int32_t)(rtp - t->report_rtp));
}

/* Moves the anchor along, so that differences stay far below 2^31 ticks; and the
 * report, should the source send no more of them. */
static void anchor_advance(struct clock_track *t, uint32_t rtp)
{
	int32_t age = (int32_t)(rtp - t->report_rtp);

	t->anchor_ns = time_of(t, rtp);
	t->anchor_rtp = rtp;
	if (t->reported && (age > REPORT_AGE || age < -REPORT_AGE)) {
		t->report_ns = source_time_of(t, rtp);
		t->report_rtp = rtp;
	}
}

/* A sequence lock of one writer. Each store is ordered behind the one before it and
 * each load of a reader before the next one, so a reader that has seen anything of a
 * change sees an odd version, or another one than before. */
static void show(struct clock_track *t)
{
	uint32_t version = atomic_load_explicit(&t->version, memory_order_relaxed);

	atomic_store_explicit(&t->version, version + 1, memory_order_relaxed);
	atomic_store_explicit(&t->shown_rtp, t->anchor_rtp, memory_order_release);
	atomic_store_explicit(&t->shown_ns, t->anchor_ns, memory_order_release);
	version = version + 2 != 0 ? version + 2 : 2;
	atomic_store_explicit(&t->version, version, memory_order_release);
}

/* Applies what may be applied of the pending change: all of it while nobody has
 * been told anything, else CLOCK_SLEW_PPM. */
static void slew(struct clock_track *t, int64_t now_ns)
{
	int64_t most = (now_ns - t->slewed_at) / 1000000 * CLOCK_SLEW_PPM;
	int64_t step = t->slew_ns;

	if (!t->told && atomic_load_explicit(&t->told_elsewhere, memory_order_relaxed))
		t->told = true;
	if (!t->told) {
		t->anchor_ns += step;
		t->slew_ns = 0;
		t->slewed_at = now_ns;
		return;
	}
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

/* The earliest arrivals were delayed least: early ones count at once, late ones
 * slowly, which also follows a source whose clock runs at another speed. */
static void arrival_follow(struct clock_track *t, int64_t late, int64_t now_ns)
{
	bool step = late < -STEP_NS; /* nothing arrives before its time */

	if (late <= STEP_NS) {
		t->late = false;
	} else if (!t->late) {
		t->late = true;
		t->late_since = now_ns;
	} else {
		/* Not the network, which would have caught up: the source paused. */
		step = now_ns - t->late_since > LATE_FOR_NS;
	}
	if (step) {
		t->anchor_ns = now_ns;
		t->slew_ns = 0;
		t->late = false;
	} else if (late < 0) {
		t->slew_ns = late;
	} else {
		t->slew_ns = t->late ? 0 : late / ARRIVAL_SHARE;
	}
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
		show(t);
		return;
	}
	anchor_advance(t, rtp);
	slew(t, now_ns);
	late = now_ns - t->anchor_ns;
	if (!t->arrived || late - t->slew_ns < t->lateness_ns)
		t->lateness_ns = late - t->slew_ns;
	t->arrived = true;
	if (!t->follows_reports)
		arrival_follow(t, late, now_ns);
	slew(t, now_ns);
	show(t);
}

static int64_t ntp_to_ns(uint64_t ntp)
{
	/* Any epoch: only differences within one source are used. */
	return (int64_t)(ntp >> 32) * NS_PER_S + (int64_t)((ntp & 0xffffffffu) * NS_PER_S >> 32);
}

/* All tracks have reports: one offset for the path. The mean of what the tracks
 * have said so far keeps the change small. */
static void path_synchronize(struct clock_path *p)
{
	int64_t sum = 0;

	for (unsigned int i = 0; i < p->n; i++) {
		const struct clock_track *t = p->tracks[i];
		sum += (t->anchor_ns - source_time_of(t, t->anchor_rtp)) / (int64_t)p->n;
	}
	p->offset_ns = sum;
	p->synchronized = true;
	for (unsigned int i = 0; i < p->n; i++) {
		p->tracks[i]->follows_reports = true;
		p->tracks[i]->arrived = false;
	}
}

/* The source's clock runs at another speed than ours: the whole path follows what
 * arrives, a little with each report. */
static void path_follow_arrivals(struct clock_path *p)
{
	int64_t sum = 0;
	int64_t n = 0;

	for (unsigned int i = 0; i < p->n; i++) {
		struct clock_track *t = p->tracks[i];
		if (!t->arrived)
			continue;
		sum += t->lateness_ns > STEP_NS    ? STEP_NS
		       : t->lateness_ns < -STEP_NS ? -STEP_NS
						   : t->lateness_ns;
		n++;
		t->arrived = false;
	}
	if (n > 0)
		p->offset_ns += sum / n / OFFSET_SHARE;
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
		if (off > STEP_NS || off < -STEP_NS)
			clock_forget_reports(p);
	}
	t->report_rtp = rtp;
	t->report_ns = source_ns;
	t->reported = true;
	if (p->synchronized)
		path_follow_arrivals(p);
	else if (all_reported(p))
		path_synchronize(p);
	else
		return;
	for (unsigned int i = 0; i < p->n; i++) {
		struct clock_track *k = p->tracks[i];
		slew(k, now_ns);
		k->slew_ns = source_time_of(k, k->anchor_rtp) + p->offset_ns - k->anchor_ns;
		show(k);
	}
}

void clock_forget_reports(struct clock_path *p)
{
	path_desynchronize(p);
	for (unsigned int i = 0; i < p->n; i++)
		p->tracks[i]->reported = false;
}

static uint32_t rtp_at(uint32_t clock_rate, uint32_t anchor_rtp, int64_t ns)
{
	return anchor_rtp + (uint32_t)(ns / NS_PER_S * clock_rate) +
	       (uint32_t)(ns % NS_PER_S * clock_rate / NS_PER_S);
}

bool clock_rtp_at(struct clock_track *t, int64_t now_ns, uint32_t *rtp)
{
	if (!t->started)
		return false;
	slew(t, now_ns);
	show(t);
	t->told = true;
	*rtp = rtp_at(t->clock_rate, t->anchor_rtp, now_ns - t->anchor_ns);
	return true;
}

bool clock_rtp_read(struct clock_track *t, int64_t now_ns, uint32_t *rtp)
{
	/* A change takes some nanoseconds; whoever is not let in reports a second later. */
	for (int tries = 0; tries < 100; tries++) {
		uint32_t version = atomic_load_explicit(&t->version, memory_order_acquire);
		uint32_t shown_rtp = atomic_load_explicit(&t->shown_rtp, memory_order_acquire);
		int64_t shown_ns = atomic_load_explicit(&t->shown_ns, memory_order_acquire);

		if (version == 0)
			return false;
		if (version % 2 != 0 ||
			atomic_load_explicit(&t->version, memory_order_relaxed) != version)
			continue;
		atomic_store_explicit(&t->told_elsewhere, true, memory_order_relaxed);
		*rtp = rtp_at(t->clock_rate, shown_rtp, now_ns - shown_ns);
		return true;
	}
	return false;
}
