/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests: a handover server in a directory of its own, served by a thread that
 * behaves as a data plane's main thread does.
 */
#ifndef TESTS_UNIT_CONTROL_HANDOVER_SERVER_H
#define TESTS_UNIT_CONTROL_HANDOVER_SERVER_H

#include "dataplane/api/stats.h"
#include "dataplane/control/handover.h"

#include <pthread.h>

struct server {
	char dir[64]; /* removed in the end; the sockets lie one level deeper */
	char control[96];
	char stats_path[96];
	struct mr_stats *stats;
	int stats_memfd;
	struct handover *handover;
	pthread_t thread;
	bool running;
	_Atomic bool stop;
	_Atomic bool hold;   /* do not release a channel yet */
	_Atomic bool rogue;  /* throw the client out */
	_Atomic bool prune;  /* on detaching, forget descriptors of odd ids */
	_Atomic bool forget; /* what is kept for (PATH, 1), then cleared */
	_Atomic uint32_t attached;
	_Atomic uint32_t detached;
	_Atomic uint32_t released;
	_Atomic uint32_t doorbells;
	_Atomic uint32_t commands;     /* taken; each is answered by an event of its cookie */
	_Atomic uint64_t longest_poll; /* [us] of the work in one handover_poll() */
};

/* Changes the defaults; may be NULL. */
typedef void (*server_config_fn)(struct handover_config *config);

void server_start(struct server *s, server_config_fn change);
/* Also checks that no file is left behind. */
void server_stop(struct server *s);

/* Waits up to 5 s for a counter of the server to reach `n`. */
void server_wait(_Atomic uint32_t *counter, uint32_t n);
unsigned int open_fds(void);

#endif
