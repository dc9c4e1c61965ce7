/* SPDX-License-Identifier: BSD-3-Clause */
/* Key frames by their first bytes, see key_frame.h. Pure, any thread. */
#include "apps/viewer/key_frame.h"

#include <glib.h>

#define NAL_TYPE 0x1f
#define NAL_IDR 5
#define NAL_STAP_A 24
#define NAL_FU_A 28
#define FU_START 0x80

#define VP8_EXTENDED 0x80 /* X */
#define VP8_START 0x10    /* S */
#define VP8_PARTITION 0x07
#define VP8_PICTURE_ID 0x80 /* I */
#define VP8_LEVEL 0x40      /* L: TL0PICIDX */
#define VP8_TID_KEY 0x30    /* T or K */
#define VP8_LONG_ID 0x80    /* M */
#define VP8_INTER 0x01      /* P of the payload header */

static bool h264(const uint8_t *p, size_t length)
{
	if (length < 2)
		return false;
	switch (p[0] & NAL_TYPE) {
	case NAL_IDR:
		return true;
	case NAL_FU_A:
		return (p[1] & FU_START) && (p[1] & NAL_TYPE) == NAL_IDR;
	case NAL_STAP_A:
		for (size_t at = 1; length - at >= 3;) {
			size_t size = (size_t)p[at] << 8 | p[at + 1];

			if ((p[at + 2] & NAL_TYPE) == NAL_IDR && size > 0)
				return true;
			if (size > length - at - 2)
				return false;
			at += 2 + size;
		}
		return false;
	default:
		return false;
	}
}

static bool vp8(const uint8_t *p, size_t length)
{
	size_t at = 1;

	if (length < 1 || !(p[0] & VP8_START) || p[0] & VP8_PARTITION)
		return false;
	if (p[0] & VP8_EXTENDED) {
		uint8_t has;

		if (length < 3)
			return false;
		has = p[at++];
		if (has & VP8_PICTURE_ID)
			at += p[at] & VP8_LONG_ID ? 2 : 1;
		at += (has & VP8_LEVEL) != 0;
		at += (has & VP8_TID_KEY) != 0;
	}
	return at < length && !(p[at] & VP8_INTER);
}

bool key_frame_begins(const char *codec, const uint8_t *payload, size_t length)
{
	if (g_ascii_strcasecmp(codec, "H264") == 0)
		return h264(payload, length);
	if (g_ascii_strcasecmp(codec, "VP8") == 0)
		return vp8(payload, length);
	return false;
}
