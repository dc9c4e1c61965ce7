/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stream: one track of a path, from the source's RTP packets to the plaintext
 * ring that its viewers' cursors read. Created and freed by the main thread;
 * between link and unlink it belongs to one worker, the owner. Workers with viewers
 * of it read its plaintext ring (audience.h) and its clock (clock_rtp_read()).
 */
#ifndef DATAPLANE_STREAM_STREAM_H
#define DATAPLANE_STREAM_STREAM_H

#include "dataplane/api/command.h"
#include "dataplane/api/stats.h"
#include "dataplane/stream/audience.h"
#include "dataplane/stream/clock.h"
#include "dataplane/stream/plain_ring.h"
#include "dataplane/stream/reorder.h"
#include "dataplane/stream/repack.h"
#include "dataplane/stream/rtp_receiver.h"

#include <stdbool.h>
#include <stdint.h>

struct stream {
	/* main thread writes before link; constant afterwards */
	uint32_t id;
	uint32_t path_id;
	uint32_t clock_rate;  /* [Hz] */
	uint16_t max_payload; /* [bytes] */
	uint8_t kind;         /* enum mr_media_kind */
	uint8_t codec;        /* enum mr_codec */
	uint8_t worker;       /* index of the owner */
	char path_name[MR_NAME_MAX];
	struct mr_stats_stream *stats; /* borrowed */

	/* private to the worker */
	struct mr_stream_bind bind;   /* where packets come from now */
	struct rtp_receiver receiver; /* which source numbers were accepted; loss, jitter */
	struct reorder reorder;       /* accepted packets that wait for one before them */
	struct repack *repack;        /* owned; to output payloads */
	struct plain_ring ring;
	struct clock_track clock;      /* output RTP time to NTP; member of `path_clock` */
	struct clock_path *path_clock; /* borrowed: shared by the path's streams, same worker */
	uint32_t timestamp_offset;     /* source RTP time to output RTP time */
	uint32_t last_timestamp;       /* output, of the newest packet */
	uint64_t last_arrival_ns;      /* CLOCK_MONOTONIC, ditto */
	bool has_output;               /* there was a packet ever */
	bool started;                  /* a packet was accepted since the last bind */
	bool silent;                   /* reported as MR_STREAM_SILENT */
	uint32_t findings;             /* reported already */

	struct audience audience;                /* its viewers, at the owner */
	struct audience *remote[MR_WORKERS_MAX]; /* borrowed: at other workers */
	uint8_t n_remote;
	bool fresh; /* in the worker's list of streams whose other workers are to be told */
	struct stream *next_fresh;

	/* any worker with viewers of it */
	_Atomic uint64_t keyframe_wanted_ns; /* CLOCK_MONOTONIC: told last; 0: never */
	_Atomic bool keyframe_unanswered;    /* none came soon after (refresh.h) */
};

/* Main thread. NULL and errno: EINVAL, ENOMEM. `add` has been validated. */
struct stream *stream_create(
	const struct mr_stream_add *add, const char *path_name, struct mr_stats_stream *stats);
void stream_destroy(struct stream *s);

/* Worker: takes a new binding (also to nothing). Output numbering and time go on. */
void stream_bind(struct stream *s, const struct mr_stream_bind *bind);

/* Worker: the source's sender report; `rtp` is in the source's time. */
void stream_report(struct stream *s, uint32_t rtp, uint64_t ntp, int64_t wall_ns);

#endif
