/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane/pipeline/idle.c: how long a worker sleeps, and what wakes it. */
#include "dataplane/pipeline/idle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define START 1000000000ull

static const struct {
	const char *why;
	uint64_t quiet_ns; /* since something moved */
	uint64_t looks;    /* [ns] of sleep where it has to look for frames */
	uint64_t wakes;    /* ... where they wake it */
	uint64_t thick;    /* ... and come thick */
} cases[] = {
	{"just moved: spins", 0, 0, 0, 0},
	{"the next one may come at once", IDLE_GLANCE_NS - 1, 0, 0, 0},
	{"frames end it: no spinning", IDLE_GLANCE_NS, 0, IDLE_WAIT_NS, IDLE_LIGHT_NS},
	{"still spins", IDLE_SPIN_NS - 1, 0, IDLE_WAIT_NS, IDLE_LIGHT_NS},
	{"light traffic", IDLE_SPIN_NS, IDLE_LIGHT_NS, IDLE_WAIT_NS, IDLE_LIGHT_NS},
	{"up to a second", IDLE_QUIET_NS - 1, IDLE_LIGHT_NS, IDLE_WAIT_NS, IDLE_LIGHT_NS},
};

static uint64_t sleep_of(struct idle i, uint64_t quiet_ns)
{
	idle_sleep_ns(&i, true, START);
	return idle_sleep_ns(&i, false, START + quiet_ns);
}

static void sleep_lengths(void **state)
{
	assert_true(IDLE_LIGHT_NS < 500000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t quiet_ns = cases[i].quiet_ns;

		print_message("%s\n", cases[i].why);
		assert_int_equal(sleep_of((struct idle){0}, quiet_ns), cases[i].looks);
		assert_int_equal(sleep_of((struct idle){.wakes = true}, quiet_ns), cases[i].wakes);
		assert_int_equal(sleep_of((struct idle){.wakes = true, .thick = true}, quiet_ns),
			cases[i].thick);
		assert_int_equal(
			sleep_of((struct idle){.mode = WORKER_IDLE_POLL, .wakes = true}, quiet_ns),
			0);
	}
}

static void grow_when_quiet(void **state)
{
	struct idle i = {0};
	uint64_t last = 0;

	idle_sleep_ns(&i, true, START);
	idle_sleep_ns(&i, false, START + IDLE_SPIN_NS);
	for (int turn = 0; turn < 100; turn++) {
		uint64_t ns = idle_sleep_ns(&i, false, START + IDLE_QUIET_NS);

		assert_true(ns >= last && ns <= IDLE_LONG_NS);
		last = ns;
	}
	assert_int_equal(last, IDLE_LONG_NS);
}

/* Timed sleeps go on while each brings something, and end with the first that does not. */
static void thick_until_a_sleep_brings_nothing(void **state)
{
	struct idle i = {.wakes = true, .thick = true};
	uint64_t now = START;

	for (int n = 0; n < 10; n++) {
		assert_int_equal(idle_sleep_ns(&i, true, now), 0);
		now += IDLE_GLANCE_NS;
		assert_int_equal(idle_sleep_ns(&i, false, now), IDLE_LIGHT_NS);
		now += IDLE_LIGHT_NS;
	}
	assert_int_equal(idle_sleep_ns(&i, false, now), IDLE_WAIT_NS);
	assert_false(i.thick);
}

/* Reports and expiry are looked at in turns: with many viewers there have to be more. */
static void viewers_limit_sleep(void **state)
{
	assert_int_equal(idle_longest_ns(0), IDLE_WAIT_NS);
	assert_true(idle_longest_ns(1000) < 2000000);
	assert_int_equal(idle_longest_ns(100000), IDLE_LIGHT_NS);
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
	assert_int_equal(idle_until_due(IDLE_WAIT_NS, START, START + 250000), 250000);
	/* Together with what becomes due soon after. */
	assert_int_equal(idle_until_due(IDLE_WAIT_NS, START, START + 1), IDLE_NAP_NS);
	assert_int_equal(idle_until_due(IDLE_NAP_NS / 2, START, START + 1), IDLE_NAP_NS / 2);
	assert_int_equal(idle_until_due(IDLE_WAIT_NS, START, START), 0);
	assert_int_equal(idle_until_due(IDLE_WAIT_NS, START, START - 1), 0);
}

static bool has_mail;

bool worker_has_mail(const struct worker *w)
{
	return has_mail;
}

void worker_read_clocks(struct worker *w)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	w->now_ns = (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static struct worker worker;

/* A sleep that is asked for after a second without packets. */
static uint64_t sleep_now(struct idle *i)
{
	uint64_t before;

	worker_read_clocks(&worker);
	before = worker.now_ns;
	i->last_moved_ns = before - IDLE_QUIET_NS;
	worker.due_ns = UINT64_MAX;
	idle_turn(i, &worker, false);
	worker_read_clocks(&worker);
	return worker.now_ns - before;
}

/* Two ends of a socket pair in the place of a port's queue. */
static void a_frame_ends_a_sleep(void **state)
{
	struct idle i = {.wakes = true, .n_fds = 2, .fds = {{.fd = -1}}};
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	i.fds[1] = (struct pollfd){.fd = ends[0], .events = POLLIN};
	assert_true(sleep_now(&i) >= IDLE_WAIT_NS);
	assert_int_equal(i.fds[1].revents, 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	sleep_now(&i);
	assert_int_equal(i.fds[1].revents, POLLIN);
	/* Thick: it is slept although there is a frame. */
	i.thick = true;
	assert_true(sleep_now(&i) >= IDLE_LIGHT_NS);
	assert_int_equal(i.fds[1].revents, 0);

	/* The other end is gone: that is no frame, and a sleep is slept. */
	i.thick = i.napped = false;
	close(ends[1]);
	assert_true(sleep_now(&i) >= IDLE_LIGHT_NS);
	assert_true((i.fds[1].revents & POLLHUP) != 0);
	close(ends[0]);
}

static void mail_ends_a_sleep(void **state)
{
	struct idle i = {.wakes = true};

	assert_int_equal(doorbell_open(&worker.bell), 0);
	idle_init(&i, &worker);
	i.wakes = true;
	doorbell_ring(&worker.bell); /* nobody sleeps: nothing is written */
	assert_true(sleep_now(&i) >= IDLE_WAIT_NS);

	/* It came before the last look. */
	has_mail = true;
	sleep_now(&i);
	assert_false(worker.bell.asleep);
	has_mail = false;

	/* It came after it: the descriptor is readable. */
	doorbell_arm(&worker.bell);
	doorbell_ring(&worker.bell);
	assert_int_equal(poll(i.fds, 1, 0), 1);
	doorbell_disarm(&worker.bell);
	assert_int_equal(poll(i.fds, 1, 0), 0);
	doorbell_close(&worker.bell);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sleep_lengths),
		cmocka_unit_test(grow_when_quiet),
		cmocka_unit_test(thick_until_a_sleep_brings_nothing),
		cmocka_unit_test(viewers_limit_sleep),
		cmocka_unit_test(sleeps_by_traffic),
		cmocka_unit_test(nothing_due_is_slept_over),
		cmocka_unit_test(a_frame_ends_a_sleep),
		cmocka_unit_test(mail_ends_a_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
