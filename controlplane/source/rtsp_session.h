/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One RTSP session as a client (RFC 2326), from the connection to the TEARDOWN:
 * OPTIONS, DESCRIBE, SETUP of each supported track, PLAY, keep-alive; Basic and
 * Digest. Its owner (rtsp_source.h) decides the transport of each track and
 * what happens after the end: a session never starts over.
 *
 * Main thread. Callbacks never come out of a call of the owner's; only failed()
 * may call rtsp_session_close(), after which none comes any more.
 */
#ifndef CONTROLPLANE_SOURCE_RTSP_SESSION_H
#define CONTROLPLANE_SOURCE_RTSP_SESSION_H

#include "controlplane/source/path_record.h"
#include "controlplane/source/rtsp_tls.h"
#include "controlplane/source/rtsp_transport.h"
#include "controlplane/source/rtsp_wire.h"
#include "controlplane/source/sdp_tracks.h"

#include <sys/socket.h>

#define RTSP_TRANSPORT_MAX 128 /* bytes of a Transport header that we send */
#define RTSP_SESSION_ID_MAX PATH_SESSION_MAX

struct rtsp_session;

struct rtsp_session_config {
	const char *name; /* of the path, for the log */
	const char *url;  /* without user information */
	const char *host;
	uint16_t port;
	const char *user; /* NULL: none */
	const char *password;
	const struct rtsp_tls *tls; /* NULL: none */
	unsigned int timeout_ms;    /* for connecting and for each answer */
};

struct rtsp_session_events {
	/* Both ends of the connection. */
	void (*connected)(void *user, const struct sockaddr_storage *local,
		const struct sockaddr_storage *remote);
	/* What DESCRIBE said. 0: go on with what codec is not NONE; else give up with `why`. */
	int (*described)(void *user, const struct sdp_tracks *tracks, const char **why);
	/* The Transport header for track i. 0 or -errno: give up. */
	int (*transport_wanted)(void *user, unsigned int i, char out[RTSP_TRANSPORT_MAX]);
	/* The server's answer to it. 0; else give up with `why`. */
	int (*transport_chosen)(
		void *user, unsigned int i, const struct rtsp_transport *t, const char **why);
	/* PLAY was answered. */
	void (*playing)(void *user);
	/* 0 or -EAGAIN, as of a link (rtsp_link.h) */
	int (*data)(void *user, uint8_t channel, const uint8_t *data, size_t len);
	/* A keep-alive was answered: the sequence number of the record is newer. */
	void (*alive)(void *user);
	/*
	 * The end. -EPROTONOSUPPORT: the server refuses the transport (461);
	 * -EACCES: it refuses the credentials; -EIO: anything else.
	 */
	void (*failed)(void *user, int error, const char *why);
};

/* All pointers are borrowed until rtsp_session_close(). */
struct rtsp_session *rtsp_session_open(const struct rtsp_session_config *config,
	const struct rtsp_session_events *events, void *user);
/* Sends TEARDOWN where there is something to end, and forgets. NULL is fine. */
void rtsp_session_close(struct rtsp_session *s);

/*
 * A session that plays already, opened by a former process: `fd` is its connection
 * and the new session's from here on, `channels` what comes by it (n 0: messages
 * alone). NULL: it is no connection; then it stays the caller's.
 */
struct rtsp_session *rtsp_session_resume(const struct rtsp_session_config *config,
	const struct path_record_session *saved, int fd, const struct rtsp_channels *channels,
	const struct rtsp_session_events *events, void *user);
/* For the adoption record: all but `local_port` and `tcp`. */
void rtsp_session_save(const struct rtsp_session *s, struct path_record_session *out);
/* A keep-alive now, whenever the last one was. */
void rtsp_session_keep_alive(struct rtsp_session *s);
/* Forgets it without a TEARDOWN: it goes on for the next process. NULL is fine. */
void rtsp_session_leave(struct rtsp_session *s);

/* RTCP to the server over an interleaved channel. 0 or -errno. */
int rtsp_session_send_data(
	struct rtsp_session *s, uint8_t channel, const uint8_t *data, size_t len);

/* Of the connection, borrowed; -1: not connected. */
int rtsp_session_fd(const struct rtsp_session *s);

#endif
