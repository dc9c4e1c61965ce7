/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The clip: some seconds of encoded video and audio in memory, made to be looped.
 * Its length is a whole number of seconds, so that both tracks end together, and
 * it starts with a key frame that depends on nothing before it.
 *
 * A clip is kept in a file, so that only the first camera with the same settings
 * has to encode. Written before the server starts, read-only afterwards: any
 * thread may read it then, and the feeder's buffers refer to its memory.
 */
#pragma once

#include "apps/camera/options.h"

#include <gst/gst.h>

/* What the encoder gives at once: one frame of video, 20 ms of audio. */
struct clip_unit {
	uint32_t display;  /* place in the order of showing, from 0 */
	bool key;          /* decoding can start here */
	GstMemory *memory; /* owned, read-only, part of clip.file */
};

struct clip_track {
	GstCaps *caps;           /* owned, of the encoded stream; NULL: no such track */
	unsigned rate;           /* [units/s] */
	unsigned n;              /* rate * clip.seconds */
	unsigned reorder;        /* how far a unit is sent after the time it is shown at [units] */
	struct clip_unit *units; /* n, in the order of sending; owned */
};

struct clip {
	unsigned seconds;
	struct clip_track tracks[TRACKS];
};

/*
 * Reads the clip for these settings from its file, or makes it and writes it
 * there (a file that cannot be written costs a warning, not the clip). What is
 * not a clip of ours is never overwritten. 0 or -errno with a message on standard
 * error. gst_init() comes before.
 */
int clip_open(struct clip *clip, const struct camera_options *options);
void clip_fini(struct clip *clip);

/* The length in seconds that clips of these settings have. */
unsigned clip_seconds(const struct camera_options *options);
