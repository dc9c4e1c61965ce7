/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The test card that the camera shows: colour bars, a ball going round once per
 * clip, the clip's time as SS:FF (seconds, frame), and grain, so that an encoder
 * needs the bits that it is given. A pure function: main thread, while the clip
 * is made.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes of one I420 picture; width and height are even [pixels]. */
size_t picture_size(unsigned width, unsigned height);

/* Draws frame (0 .. frames - 1) of a clip of so many frames at fps into dst. */
void picture_draw(uint8_t *dst, unsigned width, unsigned height, unsigned frame, unsigned frames,
	unsigned fps);
