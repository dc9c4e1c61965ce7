/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests of the program millrace: a statistics region that the test fills and serves
 * on a socket of its own, and the program's runs. MILLRACE names the program. The region
 * has one of each: worker, port, path, stream and viewer.
 */
#ifndef TESTS_UNIT_MILLRACE_CLI_SCENE_H
#define TESTS_UNIT_MILLRACE_CLI_SCENE_H

#include "dataplane/api/stats.h"

#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

/* What each look moves: the figures below follow from it. */
#define TICK_RX 100
#define TICK_TX 300
#define TICK_BUSY 80000
#define TICK_IDLE 20000
#define TICK_SLEEP 100000
#define TICK_DROPS 2

struct fixture {
	char directory[64];
	char path[96];
	int listener;
	int memfd;
	struct mr_stats *stats;
	bool alive; /* the region says that its data plane lives */
	pthread_t server;
};

uint64_t now_ns(clockid_t clock);

int start(void **state);
int stop(void **state);

/* Runs the program; its exit status. What it wrote (both channels) is in `out`. */
int run(char *out, size_t size, const char *arguments);
/* What `command` says with --json. */
json_t *run_json(const struct fixture *f, const char *command);

/* Members of an object that has to have them. */
const char *text(const json_t *object, const char *key);
double number(const json_t *object, const char *key);
void assert_near(double a, double b);

#endif
