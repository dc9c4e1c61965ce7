/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether an RTP payload begins a key frame. Pure; any thread. What a server sends is
 * a stranger's: every length is checked.
 */
#ifndef APPS_VIEWER_KEY_FRAME_H
#define APPS_VIEWER_KEY_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * H.264 (RFC 6184 5): a slice of an IDR picture, whole, aggregated or the first of its
 * fragments. VP8 (RFC 7741 4.2, 4.3): the start of a frame whose header says so. Of
 * another codec nothing is.
 */
bool key_frame_begins(const char *codec, const uint8_t *payload, size_t length);

#endif
