/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One mount: a path on the RTSP server that plays the clip. All clients of a
 * mount share one pipeline, which exists as long as there is one of them.
 * Created and read on the main thread; counters are written by the pipelines.
 */
#pragma once

#include "apps/camera/feeder.h"
#include "apps/camera/reports.h"

#include <gst/rtsp-server/rtsp-server.h>

struct mount_counters {
	uint64_t keyframe_requests; /* PLI and FIR that the library passed on */
	uint64_t keyframes_made;    /* for them, of video */
	uint64_t frames;            /* whose last packet was sent; audio: packets */
	uint64_t packets;           /* RTP */
};

/* What all mounts have in common; outlives them and their pipelines. */
struct mount_context {
	const struct camera_options *options;
	struct report_rule rules[TRACKS]; /* by track */
};

struct mount;

/* Adds a mount at path to the server's mount points; the feeder outlives it. */
struct mount *mount_create(const struct mount_context *context, struct feeder *feeder,
	GstRTSPMountPoints *points, const char *path);
void mount_destroy(struct mount *mount);

const char *mount_path(const struct mount *mount);

/* A client said PLAY; the mount whose media it is counts it. */
void mount_count_client(GstRTSPMedia *media);

/* The figures since the start, of pipelines that have ended and that run. */
void mount_read(struct mount *mount, unsigned *clients, struct mount_counters tracks[TRACKS]);
