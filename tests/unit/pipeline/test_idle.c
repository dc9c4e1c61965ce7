/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane/pipeline/idle.c: how long a worker sleeps, and what wakes it. */
#include "dataplane/pipeline/idle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define START 1000000000ull

static const struct {
	const char *why;
	uint64_t quiet_ns; /* since something moved */
	uint64_t adaptive; /* [ns] */
	uint64_t wait;
} cases[] = {
	{"just moved: spins", 0, 0, 0},
	{"the next one may come at once", IDLE_SPIN_NS - 1, 0, 0},
	{"light traffic", IDLE_SPIN_NS, IDLE_LIGHT_NS, IDLE_LIGHT_NS},
	{"those who come soon are taken together", IDLE_CALM_NS - 1, IDLE_LIGHT_NS, IDLE_LIGHT_NS},
	{"a frame is waited for", IDLE_CALM_NS, IDLE_LIGHT_NS, IDLE_WAIT_NS},
	{"up to a second", IDLE_QUIET_NS - 1, IDLE_LIGHT_NS, IDLE_WAIT_NS},
};

static uint64_t sleep_of(enum worker_idle mode, unsigned int n_fds, uint64_t quiet_ns)
{
	struct idle i = {.mode = mode, .n_fds = n_fds};

	idle_sleep_ns(&i, true, START);
	return idle_sleep_ns(&i, false, START + quiet_ns);
}

static void sleep_lengths(void **state)
{
	assert_true(IDLE_LIGHT_NS < 500000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t quiet_ns = cases[i].quiet_ns;

		print_message("%s\n", cases[i].why);
		assert_int_equal(sleep_of(WORKER_IDLE_ADAPTIVE, 0, quiet_ns), cases[i].adaptive);
		assert_int_equal(sleep_of(WORKER_IDLE_WAIT, 1, quiet_ns), cases[i].wait);
		/* nothing wakes it: as adaptive */
		assert_int_equal(sleep_of(WORKER_IDLE_WAIT, 0, quiet_ns), cases[i].adaptive);
		assert_int_equal(sleep_of(WORKER_IDLE_POLL, 0, quiet_ns), 0);
	}
}

static void grow_when_quiet(void **state)
{
	static const enum worker_idle modes[] = {WORKER_IDLE_ADAPTIVE, WORKER_IDLE_WAIT};

	for (size_t m = 0; m < 2; m++) {
		struct idle i = {.mode = modes[m], .n_fds = 1};
		uint64_t last = 0;

		idle_sleep_ns(&i, true, START);
		idle_sleep_ns(&i, false, START + IDLE_CALM_NS);
		for (int turn = 0; turn < 100; turn++) {
			uint64_t ns = idle_sleep_ns(&i, false, START + IDLE_QUIET_NS);

			assert_true(ns >= last && ns <= IDLE_LONG_NS);
			last = ns;
		}
		assert_int_equal(last, IDLE_LONG_NS);
	}
}

/*
 * By what it promises, not by its constants: a simulated worker that sleeps as it is told.
 * Gives the longest sleep; `every_ns` is the time between packets, 0: none comes.
 */
static uint64_t longest_sleep(struct idle *i, uint64_t *now, uint64_t every_ns, uint64_t for_ns)
{
	const uint64_t end = *now + for_ns, turn = 2000;
	uint64_t next = every_ns != 0 ? *now : UINT64_MAX, longest = 0;

	while (*now < end) {
		bool moved = *now >= next;
		uint64_t ns = idle_sleep_ns(i, moved, *now);

		if (moved)
			next = *now + every_ns;
		if (ns > longest)
			longest = ns;
		*now += turn + ns;
	}
	return longest;
}

static void sleeps_by_traffic(void **state)
{
	static const struct {
		const char *why;
		uint64_t every_ns;
		uint64_t at_most;
	} traffic[] = {
		{"load: a packet each 10 us", 10000, 0},
		{"load: a packet each 40 us", 40000, 0},
		{"1000 packets a second", 1000000, 500000},
		{"a camera's 50 a second", 20000000, 500000},
		{"one in 0.9 s", 900000000, 500000},
	};

	for (size_t n = 0; n < sizeof(traffic) / sizeof(traffic[0]); n++) {
		struct idle i = {.mode = WORKER_IDLE_ADAPTIVE};
		uint64_t now = START, longest;

		print_message("%s\n", traffic[n].why);
		longest = longest_sleep(&i, &now, traffic[n].every_ns, 3000000000ull);
		assert_true(longest <= traffic[n].at_most);
		assert_true(traffic[n].at_most == 0 || longest > 0);
		/* It stops: a second as before, then longer ones, up to 5 ms. */
		longest = longest_sleep(&i, &now, 0, 90000000);
		assert_true(longest <= 500000);
		longest = longest_sleep(&i, &now, 0, 2000000000);
		assert_true(longest > 4000000 && longest <= 5000000);
		/* It comes back: at once as before. */
		idle_sleep_ns(&i, true, now);
		now += 2000;
		longest = longest_sleep(&i, &now, 0, 900000000);
		assert_true(longest > 0 && longest <= 500000);
	}
}

/* Paced packets have their time, whatever the mode. */
static void nothing_due_is_slept_over(void **state)
{
	assert_int_equal(idle_until_due(IDLE_WAIT_NS, START, UINT64_MAX), IDLE_WAIT_NS);
	assert_int_equal(
		idle_until_due(IDLE_WAIT_NS, START, START + 250000), 250000 - IDLE_WAKE_NS);
	assert_int_equal(idle_until_due(IDLE_WAIT_NS, START, START + IDLE_WAKE_NS - 1), 0);
	assert_int_equal(idle_until_due(IDLE_WAIT_NS, START, START - 1), 0);
}

/* Two ends of a socket pair in the place of a port's queue. */
static void a_frame_ends_a_sleep(void **state)
{
	struct idle i = {.mode = WORKER_IDLE_WAIT, .n_fds = 1};
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	i.fds[0] = (struct pollfd){.fd = ends[0], .events = POLLIN};
	idle_turn(&i, true, START, UINT64_MAX);
	assert_int_equal(write(ends[1], "x", 1), 1);
	idle_turn(&i, false, START + IDLE_CALM_NS - 1, UINT64_MAX);
	assert_int_equal(i.fds[0].revents, 0); /* a timed one */
	idle_turn(&i, false, START + IDLE_CALM_NS, UINT64_MAX);
	assert_int_equal(i.fds[0].revents, POLLIN);

	/* The other end is gone: that is no frame, and the sleep is slept. */
	close(ends[1]);
	idle_turn(&i, false, START + IDLE_CALM_NS, UINT64_MAX);
	assert_true((i.fds[0].revents & POLLHUP) != 0);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sleep_lengths),
		cmocka_unit_test(grow_when_quiet),
		cmocka_unit_test(sleeps_by_traffic),
		cmocka_unit_test(nothing_due_is_slept_over),
		cmocka_unit_test(a_frame_ends_a_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
