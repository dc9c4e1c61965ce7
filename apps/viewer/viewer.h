/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One viewer from its POST to its DELETE: the state machine that ties whep,
 * sdp, ice, dtls and media together. All of it runs on the thread of one main
 * context; the figures may be read by another thread once that one has ended.
 */
#ifndef APPS_VIEWER_VIEWER_H
#define APPS_VIEWER_VIEWER_H

#include "apps/viewer/dtls.h"
#include "apps/viewer/ice.h"
#include "apps/viewer/media.h"
#include "apps/viewer/options.h"
#include "apps/viewer/signalling.h"

#include <stdatomic.h>

#define VIEWER_ERROR_SIZE 256 /* bytes, NUL included */
#define VIEWER_PAIR_SIZE 64   /* bytes, NUL included */

enum viewer_state {
	VIEWER_WAITING,   /* not joined yet */
	VIEWER_GATHERING, /* host candidates */
	VIEWER_OFFERING,  /* stream asked for */
	VIEWER_CHECKING,  /* ICE */
	VIEWER_SECURING,  /* DTLS */
	VIEWER_PLAYING,   /* keys exported */
	VIEWER_SILENT,    /* --silent-after is over: receives, says nothing */
	VIEWER_FAILED,    /* until asked to leave */
	VIEWER_LEAVING,   /* DELETE sent, or the answer to POST awaited */
	VIEWER_DONE,
};

/* What the viewers of one thread share; all borrowed, outlives them. */
struct viewer_shared {
	GMainContext *context;
	const struct options *options;
	const struct ice_addresses *addresses;
	const struct dtls_context *dtls;
	struct signalling *signalling;
	FILE *dump;
	FILE *plain_dump;
	/* A viewer reached VIEWER_FAILED or VIEWER_DONE. */
	void (*ended)(void *user, enum viewer_state state);
	void *user;
	/* this thread writes, the progress line reads */
	_Atomic unsigned int connected;
	_Atomic unsigned int failed;
	_Atomic uint64_t packets;
};

/* Times in microseconds of the monotonic clock, 0: never. */
struct viewer_figures {
	unsigned int index;
	const char *url;
	enum viewer_state state;       /* when it was asked to leave */
	bool connected;                /* DTLS finished */
	unsigned int post_status;      /* HTTP, 0: none */
	unsigned int delete_status;    /* HTTP, 0: none */
	const struct profile *profile; /* NULL: not agreed */
	char error[VIEWER_ERROR_SIZE]; /* empty: none */
	char local[VIEWER_PAIR_SIZE];  /* selected pair, empty: none */
	char remote[VIEWER_PAIR_SIZE];
	uint64_t joined_us;
	uint64_t answered_us;
	uint64_t checked_us; /* first pair passed its check */
	uint64_t secured_us; /* DTLS finished */
	uint64_t first_packet_us;
	uint64_t silent_us;
	uint64_t left_us;        /* asked to leave; 0: not yet */
	uint64_t dtls_closed_us; /* the server's close_notify */
	uint64_t socket_drops;
	const struct media *media; /* NULL: never secured */
};

struct viewer;

/* `url` is taken over (g_free()). */
struct viewer *viewer_create(struct viewer_shared *shared, unsigned int index, char *url);
void viewer_destroy(struct viewer *viewer);

void viewer_join(struct viewer *viewer);

/* DELETE where due, then VIEWER_DONE, at most LEAVE_TIMEOUT later. Once. */
void viewer_leave(struct viewer *viewer);

const struct viewer_figures *viewer_figures(const struct viewer *viewer);
const char *viewer_state_name(enum viewer_state state);

#endif
