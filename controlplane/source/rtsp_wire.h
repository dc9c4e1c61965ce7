/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RTSP on the wire (RFC 2326 4 to 6, 10.12): bytes of a server to messages and
 * interleaved frames, messages of ours to text. Any thread: no sockets, no
 * logging. What one message may take is bounded here, and every call is done
 * after the bytes that it was given: gst_rtsp_connection reads byte by byte for
 * as long as a header goes on, and an endless one would hold the main loop.
 */
#ifndef CONTROLPLANE_SOURCE_RTSP_WIRE_H
#define CONTROLPLANE_SOURCE_RTSP_WIRE_H

#include <gst/rtsp/gstrtspmessage.h>

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RTSP_HEAD_MAX (16u << 10)  /* bytes up to the empty line */
#define RTSP_BODY_MAX (256u << 10) /* bytes of Content-Length */

struct rtsp_unit {
	GstRTSPMessage *message; /* the caller's; NULL: not a message */
	/* interleaved: points into the bytes given; NULL: not that either */
	const uint8_t *data;
	uint8_t channel;
	size_t len;
};

/* Takes one unit from the front. The bytes that it took; 0: more are needed;
 * -EPROTO: this is not RTSP, or too long. */
ssize_t rtsp_wire_parse(struct rtsp_unit *unit, const uint8_t *bytes, size_t len);

/* A request gets `cseq`, a response has its own. secret: may hold credentials.
 * g_string_free() it. */
GString *rtsp_wire_format(GstRTSPMessage *message, uint32_t cseq);

#endif
