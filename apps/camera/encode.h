/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes the camera's clip with GStreamer's encoders. Main thread, before the
 * server starts; takes about a second per 100 pictures of 720p.
 */
#pragma once

#include "apps/camera/options.h"

#include <glib.h>

struct encoded_unit {
	uint32_t display; /* place in the order of showing, from 0 */
	bool key;
	GBytes *bytes; /* owned; H.264: NAL units with 4 bytes of length before each */
};

struct encoded_track {
	char *caps;       /* owned */
	unsigned rate;    /* [units/s] */
	GPtrArray *units; /* struct encoded_unit *, in the order of sending; owned */
};

/* 0 or -errno with a message on standard error; *track is to be given to fini either way. */
int encode_video(
	struct encoded_track *track, const struct camera_options *options, unsigned seconds);
int encode_audio(struct encoded_track *track, enum audio_codec codec, unsigned seconds);
void encoded_track_fini(struct encoded_track *track);
