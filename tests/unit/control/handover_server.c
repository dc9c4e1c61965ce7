/* SPDX-License-Identifier: BSD-3-Clause */
/* A handover server for tests: see handover_server.h. */
#include "tests/unit/control/handover_server.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static bool id_is_even(void *user, uint32_t kind, uint32_t id)
{
	return id % 2 == 0;
}

static void commands_answer(struct server *s)
{
	static _Thread_local struct mr_command command;
	static _Thread_local struct mr_event event;
	struct mr_channel *ch = handover_channel(s->handover);
	bool any = false;
	int got;

	while (ch && (got = mr_ring_dequeue(&ch->commands, &command)) != 0) {
		if (got < 0) {
			handover_disconnect(s->handover);
			return;
		}
		s->commands++;
		event.type = MR_EVENT_REPLY;
		event.cookie = command.cookie;
		any |= mr_ring_enqueue(&ch->events, &event, sizeof(event)) == 0;
	}
	if (any)
		handover_notify(s->handover);
}

static void *serve(void *arg)
{
	struct server *s = arg;
	bool owed = false; /* a release */

	while (!s->stop) {
		/* The wait first, so that what is measured is the work. */
		struct timespec pause = {.tv_nsec = 1000000};
		uint64_t start;
		int events;

		nanosleep(&pause, NULL);
		start = now_us();
		events = handover_poll(s->handover, 0);
		start = now_us() - start;
		if (start > s->longest_poll)
			s->longest_poll = start;
		if (events & HANDOVER_DOORBELL) {
			commands_answer(s);
			s->doorbells++;
		}
		if (events & HANDOVER_DETACHED) {
			owed = true;
			if (s->prune)
				handover_prune(s->handover, id_is_even, NULL);
			s->detached++;
		}
		if (owed && !s->hold) {
			handover_release_channel(s->handover);
			owed = false;
			s->released++;
		}
		if (events & HANDOVER_ATTACHED)
			s->attached++;
		if (s->rogue) {
			handover_disconnect(s->handover);
			s->rogue = false;
		}
		if (s->forget) {
			handover_forget(s->handover, MR_RECORD_PATH, 1);
			s->forget = false;
		}
	}
	return NULL;
}

void server_start(struct server *s, server_config_fn change)
{
	static const struct mr_stats_geometry geometry = {1, 2, 4, 8, 16};
	struct handover_config config = HANDOVER_CONFIG_DEFAULT;

	memset(s, 0, sizeof(*s));
	strcpy(s->dir, "/tmp/mr-handover-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	assert_int_equal(chmod(s->dir, 0755), 0);
	snprintf(s->control, sizeof(s->control), "%s/run/control.sock", s->dir);
	snprintf(s->stats_path, sizeof(s->stats_path), "%s/run/stats.sock", s->dir);
	assert_int_equal(mr_stats_create(&geometry, &s->stats, &s->stats_memfd), 0);
	config.control_path = s->control;
	config.stats_path = s->stats_path;
	config.stats_memfd = s->stats_memfd;
	if (change)
		change(&config);
	assert_int_equal(handover_create(&s->handover, &config), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	s->running = true;
}

void server_stop(struct server *s)
{
	char run[96];

	s->stop = true;
	pthread_join(s->thread, NULL);
	handover_destroy(s->handover);
	mr_stats_destroy(s->stats);
	close(s->stats_memfd);
	snprintf(run, sizeof(run), "%s/run", s->dir);
	assert_int_equal(rmdir(run), 0);
	assert_int_equal(rmdir(s->dir), 0);
}

void server_wait(_Atomic uint32_t *counter, uint32_t n)
{
	uint64_t end = now_us() + 20000000;

	while (*counter < n) {
		if (now_us() > end)
			fail_msg("%u events instead of %u after 20 s", *counter, n);
		usleep(1000);
	}
}

unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}
