/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One TCP connection to an RTSP server, TLS on it where that is wanted: connects
 * without blocking (name look-up and handshake included), sends what it is given,
 * hands out messages and interleaved data as they arrive (rtsp_wire.h). Knows neither
 * sessions nor authentication.
 *
 * Main thread. Callbacks never come out of rtsp_link_open() or a send; after
 * rtsp_link_close(), which every callback may call, none comes any more.
 */
#ifndef CONTROLPLANE_SOURCE_RTSP_LINK_H
#define CONTROLPLANE_SOURCE_RTSP_LINK_H

#include "controlplane/source/rtsp_tls.h"
#include "controlplane/source/rtsp_wire.h"

#include <gst/rtsp/gstrtspmessage.h>

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct rtsp_link;

struct rtsp_link_events {
	/* Both ends of the connection, as the kernel names them. */
	void (*connected)(void *user, const struct sockaddr_storage *local,
		const struct sockaddr_storage *remote);
	/* A response or a request of the server; borrowed for the call. */
	void (*message)(void *user, GstRTSPMessage *message);
	/* One interleaved frame (RFC 2326 10.12). 0, or -EAGAIN: there is no room for it; it
	 * comes again in a moment, and the server waits meanwhile. */
	int (*data)(void *user, uint8_t channel, const uint8_t *data, size_t len);
	/* The end: `why` is a text for the operator. Close the link then. */
	void (*failed)(void *user, const char *why);
};

/* `tls` NULL: none. All pointers are borrowed until rtsp_link_close(). NULL: no memory. */
struct rtsp_link *rtsp_link_open(const char *host, uint16_t port, const struct rtsp_tls *tls,
	unsigned int timeout_ms, const struct rtsp_link_events *events, void *user);
/*
 * The same over a connection that a former process has opened; `fd` is the link's
 * from here on. connected() is not called. Incoming bytes may begin anywhere: the
 * first unit is looked for (rtsp_wire_resync()). What has waited in the socket is
 * handed out at a bounded pace. Requests go on after `cseq`. NULL: it is no connection;
 * then it stays the caller's.
 */
struct rtsp_link *rtsp_link_adopt(int fd, uint32_t cseq, const struct rtsp_channels *channels,
	const struct rtsp_link_events *events, void *user);
/* NULL is fine. What was sent before still leaves when the socket takes it at once. */
void rtsp_link_close(struct rtsp_link *link);

/*
 * Sends a request (the n-th of the link gets CSeq n, from 1) or a response.
 * `message` stays the caller's. 0, -ENOTCONN, -ENOBUFS: the server does not read.
 */
int rtsp_link_send(struct rtsp_link *link, GstRTSPMessage *message);
/* RTCP, at most 1500 bytes. 0, -ENOTCONN, -ENOBUFS or -EMSGSIZE. */
int rtsp_link_send_data(struct rtsp_link *link, uint8_t channel, const uint8_t *data, size_t len);
/* Of the connection, borrowed; -1: not connected, or TLS, whose state no other process has. */
int rtsp_link_fd(const struct rtsp_link *link);

#endif
