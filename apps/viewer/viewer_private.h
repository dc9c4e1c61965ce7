/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between viewer.c, which knows the order of a viewer's life, and viewer_play.c, which
 * does what there is to do while it plays. On the thread of the viewer's main context.
 */
#ifndef APPS_VIEWER_VIEWER_PRIVATE_H
#define APPS_VIEWER_VIEWER_PRIVATE_H

#include "apps/viewer/viewer.h"

struct viewer {
	struct viewer_shared *shared; /* borrowed */
	struct viewer_figures figures;
	enum viewer_state state;
	char *url;
	char *resource; /* URL to DELETE, NULL: none */
	GCancellable *cancellable;
	bool requesting; /* a reply of signalling is still to come */
	struct ice *ice;
	struct dtls *dtls;
	struct media *media;
	struct sdp_answer answer;
	GSource *deadline; /* of connecting, later of leaving */
	GSource *reports;
	GSource *plis;
	GSource *firs;
	GSource *silence;
	GSource *release; /* frees the transport of a failed viewer */
	GSource *reader;  /* of quiet_fd */
	int quiet_fd;     /* the socket when silent, -1: none */
};

/* Microseconds of the monotonic clock. */
static inline uint64_t viewer_now(void)
{
	return (uint64_t)g_get_monotonic_time();
}

/* viewer.c: the one function that changes the state. */
void viewer_set_state(struct viewer *v, enum viewer_state state);
void viewer_fail(struct viewer *v, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Not from inside ICE's or DTLS's own callbacks: they are still running. */
void viewer_release_transport(struct viewer *v);

/* viewer_play.c: the timers of playing, as the options have it. */
void viewer_start_playing(struct viewer *v);
void viewer_stop_playing(struct viewer *v);
/* One SRTP or SRTCP packet, decrypted in place. */
void viewer_receive_media(struct viewer *v, uint8_t *data, size_t length);

#endif
