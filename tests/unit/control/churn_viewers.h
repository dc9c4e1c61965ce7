/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The browsers of churn.c: one thread takes all that the data plane sends, opens it by
 * libsrtp2 and holds each packet against what its viewer has to get next. The main thread
 * calls, and changes viewers under the lock.
 */
#ifndef TESTS_UNIT_CONTROL_CHURN_VIEWERS_H
#define TESTS_UNIT_CONTROL_CHURN_VIEWERS_H

#include "tests/unit/control/live.h"

#include "tests/unit/crypto/oracle.h"

#include <pthread.h>

struct track {
	bool begun;
	uint16_t sequence; /* the next */
	uint32_t counter;  /* the next */
	uint32_t stream_id;
	uint32_t packets;
};

struct viewer_end {
	uint32_t id;
	int path; /* index */
	uint16_t port;
	bool added; /* the data plane has it */
	bool ended; /* nothing may come any more */
	struct oracle *ours, *theirs;
	struct track track[MR_VIEWER_TRACKS];
	uint32_t reports_sent;
	uint32_t reports_received;
};

extern struct churn_viewers {
	pthread_mutex_t lock;  /* of all that follows */
	struct viewer_end *at; /* owned; by id - 1 */
	uint32_t n, max;
	struct viewer_end *by_port[65536];
	uint64_t packets, reports; /* seen */
} audience;

struct mr_endpoint viewer_endpoint(uint16_t port);

/* Room for `max` of them, ever. The data plane is borrowed. */
void viewers_begin(struct live *l, uint32_t max);
void viewers_end(void);
void viewers_run(void);
/* Takes what is still there. */
void viewers_stop(void);
/* Everything that was on its way has been looked at. */
void viewers_settle(void);

#endif
