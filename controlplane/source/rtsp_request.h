/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests and responses over one link: numbers them (CSeq), authenticates
 * them, repeats one after a challenge, gives up on one that stays unanswered,
 * answers what the server asks. One request is under way at a time; a further
 * one replaces it (keep-alive, TEARDOWN). Main thread; callbacks do not close it.
 */
#ifndef CONTROLPLANE_SOURCE_RTSP_REQUEST_H
#define CONTROLPLANE_SOURCE_RTSP_REQUEST_H

#include "controlplane/source/rtsp_session.h"
#include "controlplane/source/rtsp_wire.h"

#include <gst/rtsp/gstrtspmessage.h>

struct rtsp_requester;

struct rtsp_requester_events {
	void (*connected)(void *user, const struct sockaddr_storage *local,
		const struct sockaddr_storage *remote);
	/* To the last request; a 401 only when nothing more can be tried. */
	void (*response)(void *user, GstRTSPMessage *response);
	/* 0 or -EAGAIN, as of a link (rtsp_link.h) */
	int (*data)(void *user, uint8_t channel, const uint8_t *data, size_t len);
	/* No response to the last request within the time. */
	void (*unanswered)(void *user, const char *why);
	void (*failed)(void *user, const char *why);
};

struct rtsp_requester *rtsp_requester_open(const struct rtsp_session_config *config,
	const struct rtsp_requester_events *events, void *user);
/* Over a connection that a former process has opened (rtsp_link_adopt()), going on
 * with its numbers and its nonce. NULL: it is none; then `fd` stays the caller's. */
struct rtsp_requester *rtsp_requester_resume(const struct rtsp_session_config *config,
	const struct path_record_session *saved, int fd, const struct rtsp_channels *channels,
	const struct rtsp_requester_events *events, void *user);
void rtsp_request_save(const struct rtsp_requester *r, struct path_record_session *out);
/* NULL is fine. */
void rtsp_requester_close(struct rtsp_requester *r);

/* Takes `request` over (gst_rtsp_message_new_request). 0 or -errno. */
int rtsp_request_send(struct rtsp_requester *r, GstRTSPMessage *request);
int rtsp_request_send_data(
	struct rtsp_requester *r, uint8_t channel, const uint8_t *data, size_t len);
/* Of the connection, borrowed; -1: not connected. */
int rtsp_request_fd(const struct rtsp_requester *r);

#endif
