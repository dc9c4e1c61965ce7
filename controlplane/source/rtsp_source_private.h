/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between rtsp_source.c, which keeps a camera's session open, and
 * rtsp_source_adopt.c, which hands it to the next control plane and takes it from
 * the former one. Main thread.
 */
#ifndef CONTROLPLANE_SOURCE_RTSP_SOURCE_PRIVATE_H
#define CONTROLPLANE_SOURCE_RTSP_SOURCE_PRIVATE_H

#include "controlplane/source/backoff.h"
#include "controlplane/source/path_private.h"
#include "controlplane/source/rtsp_session.h"
#include "controlplane/source/track_input.h"

struct rtsp_source {
	struct path_source base; /* first */
	const struct mr_config_path *config;
	struct rtsp_session_config session_config;
	struct rtsp_tls tls;          /* of rtsps:// */
	struct rtsp_session *session; /* owned; NULL: none */
	struct track_input *input[PATH_BINDINGS];
	uint8_t channel[PATH_BINDINGS][2]; /* TCP: RTP, RTCP */
	unsigned int n_inputs;
	struct sockaddr_storage local, remote; /* ends of the session's connection */
	bool tcp;                              /* of this session; always with TLS */
	bool prefer_tcp;                       /* automatic: UDP has failed */
	bool arrived;                          /* at least one packet in this session */
	uint64_t playing_us;                   /* PLAY was answered; 0: not yet */
	uint64_t attached_us;                  /* the data plane came */
	unsigned int ticks;
	guint tick;  /* timer while playing; 0: none */
	guint retry; /* timer until the next attempt; 0: none */
	struct backoff backoff;
	char reason[128]; /* logged last: why it is away */
};

extern const struct rtsp_session_events rtsp_source_session_events;

/* RTCP by the session's connection (track_input_send_fn). */
void rtsp_source_send_interleaved(
	void *user, const struct track_input *input, const uint8_t *data, size_t len);
/* The session plays: looks after it from here on. */
void rtsp_source_watch(struct rtsp_source *s);

/* ---- rtsp_source_adopt.c ---- */

/*
 * The data plane holds the connection and the sockets as well: a control plane
 * that dies does not end the RTSP session, and the camera sends on. Slot 0 is
 * the connection, then RTP and RTCP of each track.
 */
void rtsp_source_keep(struct rtsp_source *s, bool keep);
/* See struct path_source_ops. */
void rtsp_source_save(struct path_source *source, struct path_record *record);
const char *rtsp_source_adopt(
	struct path_source *source, const struct path_record *record, int fd[MR_RECORD_FDS]);

#endif
