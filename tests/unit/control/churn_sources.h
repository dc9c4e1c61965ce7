/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The cameras of churn.c: one thread sends for all of them, by the wire and by the packet
 * ring, and waits where the data plane is behind. The main thread calls, and changes a
 * source under its lock.
 */
#ifndef TESTS_UNIT_CONTROL_CHURN_SOURCES_H
#define TESTS_UNIT_CONTROL_CHURN_SOURCES_H

#include "tests/unit/control/live.h"

#include <pthread.h>

#define CHURN_PATHS 6

struct source {
	pthread_mutex_t lock; /* held while it sends, and while main changes it */
	uint32_t stream_id;   /* 0: there is none */
	uint8_t input;
	uint16_t port;
	uint32_t ssrc;
	uint16_t sequence;
	uint32_t counter; /* of the packets ever sent: the payload */
	uint8_t kind;
};

extern struct source sources[CHURN_PATHS][MR_VIEWER_TRACKS];

/* The packet ring, there and gone. The data plane is borrowed. */
void sources_begin(struct live *l);
void sources_end(void);
void sources_run(void);
void sources_stop(void);
/* All that was sent is in the streams' rings. */
void sources_settle(void);

#endif
