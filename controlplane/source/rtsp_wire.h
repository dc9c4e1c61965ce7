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

#include <stdbool.h>
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

/* What interleaved frames of a session look like. */
struct rtsp_channels {
	unsigned int n;
	struct {
		uint8_t rtp, rtcp; /* channels */
		uint8_t payload_type;
	} track[2];
};

/*
 * Looks for the first unit in bytes that begin anywhere, because another process has
 * read those before: an interleaved frame that is whole, of a known channel, RTP or
 * RTCP version 2 of the right type, and followed by what may follow; or a response.
 * Returns the bytes to throw away; `*found`: what comes then is a unit, else more
 * bytes are needed.
 */
size_t rtsp_wire_resync(
	const struct rtsp_channels *channels, const uint8_t *bytes, size_t len, bool *found);

/* A request gets `cseq`, a response has its own. secret: may hold credentials.
 * g_string_free() it. */
GString *rtsp_wire_format(GstRTSPMessage *message, uint32_t cseq);

#endif
