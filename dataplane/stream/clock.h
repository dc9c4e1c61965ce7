/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Output RTP time to the gateway's NTP time, per track, for sender reports
 * (DESIGN.md, Time). Until every track of a path has had a sender report of its
 * source, a track follows the arrival of its packets; from then on all tracks
 * follow the source's clock, moved by one offset common to the path. That offset
 * follows the path's arrivals slowly, for no two clocks run at the same speed.
 *
 * What a report has said changes by CLOCK_SLEW_PPM at most. It is stepped only
 * when the source's media time itself stepped against its arrival, while
 * arrivals are followed. Pure; private to the path's worker, but for
 * clock_rtp_read(), by which other workers write reports to their viewers.
 */
#ifndef DATAPLANE_STREAM_CLOCK_H
#define DATAPLANE_STREAM_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CLOCK_PATH_TRACKS 8
#define CLOCK_SLEW_PPM 5000 /* at most 5 ms per second */

struct clock_track {
	uint32_t clock_rate; /* [Hz] */
	bool started;
	/* what reports say: ns(rtp) = anchor_ns + (rtp - anchor_rtp) / clock_rate */
	uint32_t anchor_rtp;
	int64_t anchor_ns;    /* gateway time, [ns] since 1900 is added when formatting */
	int64_t slew_ns;      /* still to be added to anchor_ns */
	int64_t slewed_at;    /* [ns] gateway time of the last step */
	bool told;            /* a report has said it: from now on it is slewed */
	bool follows_reports; /* else arrivals */
	bool late;            /* arrivals have been far too late since ... */
	int64_t late_since;   /* [ns] gateway time */
	/* the earliest arrival since the last report of the path, against its time */
	bool arrived;
	int64_t lateness_ns;
	/* the source's last sender report */
	bool reported;
	uint32_t report_rtp; /* in output RTP time */
	int64_t report_ns;   /* the source's clock, as ns; any epoch */
	/* the anchor, for other workers: even while it stands still, 0: none yet */
	_Atomic uint32_t version;
	_Atomic uint32_t shown_rtp;
	_Atomic int64_t shown_ns;
	/* others write: one of them has told it to a viewer */
	_Atomic bool told_elsewhere;
};

struct clock_path {
	struct clock_track *tracks[CLOCK_PATH_TRACKS]; /* borrowed */
	unsigned int n;
	bool synchronized;
	int64_t offset_ns; /* gateway time minus the source's time */
};

void clock_path_init(struct clock_path *p);
int clock_path_add(struct clock_path *p, struct clock_track *t, uint32_t clock_rate); /* -ENOSPC */
void clock_path_del(struct clock_path *p, struct clock_track *t);

/* A packet in order arrived. `now_ns`: gateway time (CLOCK_REALTIME base kept
 * monotonic by the worker). `rtp`: output time. */
void clock_arrival(struct clock_track *t, uint32_t rtp, int64_t now_ns);
/* The source's SR. */
void clock_report(
	struct clock_path *p, struct clock_track *t, uint32_t rtp, uint64_t ntp, int64_t now_ns);
/* The source went away or its numbering restarted: its reports are forgotten. */
void clock_forget_reports(struct clock_path *p);

/* What a report at `now_ns` says: the RTP time of that very moment. false: nothing known yet. */
bool clock_rtp_at(struct clock_track *t, int64_t now_ns, uint32_t *rtp);
/* The same, on any thread: what is still to be slewed shows with the next packet. */
bool clock_rtp_read(struct clock_track *t, int64_t now_ns, uint32_t *rtp);

#endif
