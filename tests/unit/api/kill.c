/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A producer killed (SIGKILL) at random instants while it enqueues: the consumer
 * sees whole messages in order, nothing of the one in work, and goes on with a
 * region made anew.
 */
#include "dataplane/api/channel.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define KILLS 250
#define LIFE_US_MAX 3000
#define DATAGRAM (5 * MR_PACKET_DATA + 17)

static uint32_t sum(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint32_t h = 2166136261u;

	while (len--)
		h = (h ^ *bytes++) * 16777619u;
	return h;
}

/* Body: its number all over, behind the checksum of that. */
static void body_make(uint8_t *body, size_t len, uint32_t number)
{
	uint32_t check;

	memset(body + 4, (int)(number * 31 + 1), len - 4);
	memcpy(body + 4, &number, sizeof(number));
	check = sum(body + 4, len - 4);
	memcpy(body, &check, sizeof(check));
}

static bool body_is(const uint8_t *body, size_t len, uint32_t number)
{
	uint32_t check, got;

	memcpy(&check, body, sizeof(check));
	memcpy(&got, body + 4, sizeof(got));
	return got == number && check == sum(body + 4, len - 4);
}

static _Noreturn void produce(struct mr_channel *ch)
{
	static uint8_t datagram[DATAGRAM];
	static struct mr_command command;
	struct mr_packet head = {.kind = MR_PACKET_DOWN_RTP};
	uint32_t commands = 0, datagrams = 0;

	command.type = MR_COMMAND_RECORD_PUT;
	body_make(command.bytes, sizeof(command.bytes), commands);
	body_make(datagram, sizeof(datagram), datagrams);
	for (;;) {
		if (mr_ring_enqueue(&ch->commands, &command, sizeof(command)) == 0)
			body_make(command.bytes, sizeof(command.bytes), ++commands);
		if (mr_packet_put(&ch->packets_down, &head, datagram, sizeof(datagram)) == 0)
			body_make(datagram, sizeof(datagram), ++datagrams);
	}
}

struct seen {
	uint32_t commands;
	uint32_t datagrams;
};

static void consume(struct mr_channel *ch, struct mr_packet_joiner *j, struct seen *seen)
{
	static struct mr_command command;
	unsigned int budget = 64;
	int got;

	while ((got = mr_ring_dequeue(&ch->commands, &command)) == 1) {
		assert_int_equal(command.type, MR_COMMAND_RECORD_PUT);
		assert_true(body_is(command.bytes, sizeof(command.bytes), seen->commands));
		seen->commands++;
	}
	assert_int_equal(got, 0);
	while ((got = mr_packet_take(&ch->packets_down, j, &budget)) == 1) {
		assert_int_equal(j->head.total, DATAGRAM);
		assert_true(body_is(j->data, DATAGRAM, seen->datagrams));
		seen->datagrams++;
	}
	assert_int_equal(got, 0);
}

/* Was it killed in the middle of a slot? Then something lies beyond the head. */
static bool slot_was_in_work(const struct mr_ring *r)
{
	uint32_t at = r->position & (r->capacity - 1);
	const uint8_t *slot = r->slots + (size_t)at * r->slot_size;

	for (uint32_t i = 0; i < r->slot_size; i++)
		if (slot[i])
			return true;
	return false;
}

static int64_t us_since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - t->tv_sec) * 1000000 + (now.tv_nsec - t->tv_nsec) / 1000;
}

static void test_killed_producer(void **state)
{
	static struct mr_packet_joiner joiner;
	unsigned int in_work = 0;
	struct seen total = {0};

	srand((unsigned int)getpid());
	for (int i = 0; i < KILLS; i++) {
		int64_t life = rand() % LIFE_US_MAX;
		struct seen seen = {0};
		struct mr_channel ch;
		struct timespec start;
		int status;
		pid_t pid;

		assert_int_equal(mr_channel_create(&ch), 0);
		joiner.have = 0;
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			produce(&ch);
		while (seen.commands == 0) { /* it has begun */
			assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
			consume(&ch, &joiner, &seen);
		}
		clock_gettime(CLOCK_MONOTONIC, &start);
		while (us_since(&start) < life)
			consume(&ch, &joiner, &seen);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		for (int k = 0; k < 32; k++) /* 2048 slots: all that is there */
			consume(&ch, &joiner, &seen);
		/* datagrams come as a whole or not at all */
		assert_int_equal(joiner.have == joiner.head.total ? 0 : joiner.have, 0);
		in_work += slot_was_in_work(&ch.commands) || slot_was_in_work(&ch.packets_down);
		total.commands += seen.commands;
		total.datagrams += seen.datagrams;
		mr_channel_destroy(&ch);
	}
	assert_int_equal(joiner.broken, 0);
	print_message("%d kills, %u within a slot, %u commands and %u datagrams seen\n", KILLS,
		in_work, total.commands, total.datagrams);
	assert_true(in_work > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_producer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
