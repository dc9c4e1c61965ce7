/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of dataplane/api/ring.c and of the channel's memory. One thread. */
#include "dataplane/api/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SLOTS 8
#define SLOT_SIZE 64

/* Both ends of one small ring. */
struct pair {
	struct mr_ring_shared shared;
	uint8_t slots[SLOTS * SLOT_SIZE];
	struct mr_ring in;
	struct mr_ring out;
};

static void pair_init(struct pair *p)
{
	memset(p, 0, sizeof(*p));
	mr_ring_init(&p->in, &p->shared, p->slots, SLOT_SIZE, SLOTS);
	mr_ring_init(&p->out, &p->shared, p->slots, SLOT_SIZE, SLOTS);
}

static void test_order_and_wrap(void **state)
{
	struct pair p;
	uint8_t message[SLOT_SIZE];
	uint32_t put = 0, taken = 0;

	pair_init(&p);
	assert_int_equal(mr_ring_dequeue(&p.out, message), 0);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 1 + round % SLOTS; i++, put++)
			assert_int_equal(mr_ring_enqueue(&p.in, &put, sizeof(put)), 0);
		for (; taken < put; taken++) {
			assert_int_equal(mr_ring_dequeue(&p.out, message), 1);
			assert_memory_equal(message, &taken, sizeof(taken));
		}
		assert_int_equal(mr_ring_dequeue(&p.out, message), 0);
	}
}

static void test_full(void **state)
{
	struct pair p;
	uint8_t message[SLOT_SIZE + 1] = {0};

	pair_init(&p);
	for (int i = 0; i < SLOTS; i++) {
		assert_int_equal(mr_ring_space(&p.in), SLOTS - i);
		assert_int_equal(mr_ring_enqueue(&p.in, message, SLOT_SIZE), 0);
	}
	assert_int_equal(mr_ring_space(&p.in), 0);
	assert_int_equal(mr_ring_enqueue(&p.in, message, 1), -EAGAIN);
	assert_int_equal(mr_ring_enqueue(&p.in, message, SLOT_SIZE + 1), -EMSGSIZE);
	assert_int_equal(mr_ring_dequeue(&p.out, message), 1);
	assert_int_equal(mr_ring_enqueue(&p.in, message, 1), 0);
}

/* The counters are free-running: they pass 2^32 without a seam. */
static void test_counter_wrap(void **state)
{
	struct pair p;
	uint8_t message[SLOT_SIZE];

	pair_init(&p);
	p.in.position = p.out.position = UINT32_MAX - 3;
	atomic_store(&p.shared.head, UINT32_MAX - 3);
	atomic_store(&p.shared.tail, UINT32_MAX - 3);
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_int_equal(mr_ring_enqueue(&p.in, &i, sizeof(i)), 0);
	assert_int_equal(mr_ring_enqueue(&p.in, "", 1), -EAGAIN);
	for (uint32_t i = 0; i < SLOTS; i++) {
		assert_int_equal(mr_ring_dequeue(&p.out, message), 1);
		assert_memory_equal(message, &i, sizeof(i));
	}
	assert_int_equal(mr_ring_dequeue(&p.out, message), 0);
}

static void test_slot_is_wiped(void **state)
{
	static const uint8_t zero[SLOTS * SLOT_SIZE];
	struct pair p;
	uint8_t message[SLOT_SIZE];

	pair_init(&p);
	memset(message, 0xa5, sizeof(message));
	for (int i = 0; i < 3; i++)
		assert_int_equal(mr_ring_enqueue(&p.in, message, sizeof(message)), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(mr_ring_dequeue(&p.out, message), 1);
	assert_memory_equal(p.slots, zero, sizeof(zero));
}

/* What was in the slot before never shows behind a shorter message. */
static void test_rest_is_zeroed(void **state)
{
	struct pair p;
	uint8_t message[SLOT_SIZE], expected[SLOT_SIZE] = {1, 2, 3};

	pair_init(&p);
	memset(p.slots, 0xa5, sizeof(p.slots));
	assert_int_equal(mr_ring_enqueue(&p.in, expected, 3), 0);
	assert_int_equal(mr_ring_dequeue(&p.out, message), 1);
	assert_memory_equal(message, expected, sizeof(expected));
}

static void test_counters_of_a_stranger(void **state)
{
	static const struct {
		uint32_t position; /* ours */
		uint32_t theirs;   /* what the other side wrote */
		int enqueue;
		int dequeue;
		const char *why;
	} cases[] = {
		{0, 0, 0, 0, "fresh: empty"},
		{0, SLOTS, -EPROTO, 1, "full, or a tail ahead of us"},
		{0, SLOTS + 1, -EPROTO, -EPROTO, "more than there are slots"},
		{100, 99, 0, -EPROTO, "one waits, or a head that went back"},
		{100, 100 - SLOTS, -EAGAIN, -EPROTO, "full, or a head that went back"},
		{100, 99 - SLOTS, -EPROTO, -EPROTO, "just beyond a lap"},
		{100, 0, -EPROTO, -EPROTO, "reset to the beginning"},
		{100, UINT32_MAX, -EPROTO, -EPROTO, "all ones"},
		{UINT32_MAX, 0, -EPROTO, 1, "one ahead across the wrap"},
		{0, 0x80000000u, -EPROTO, -EPROTO, "half the range away"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair p;
		uint8_t message[SLOT_SIZE];

		pair_init(&p);
		p.in.position = p.out.position = cases[i].position;
		atomic_store(&p.shared.tail, cases[i].theirs);
		atomic_store(&p.shared.head, cases[i].theirs);
		if (mr_ring_dequeue(&p.out, message) != cases[i].dequeue)
			fail_msg("dequeue: %s", cases[i].why);
		atomic_store(&p.shared.tail, cases[i].theirs);
		if (mr_ring_enqueue(&p.in, "x", 1) != cases[i].enqueue)
			fail_msg("enqueue: %s", cases[i].why);
	}
}

static void test_channel_both_sides(void **state)
{
	static struct mr_command command, command_got;
	static struct mr_event event, event_got;
	struct mr_channel ours, theirs;

	assert_int_equal(mr_channel_create(&ours), 0);
	assert_int_equal(mr_channel_attach(&theirs, dup(ours.memfd)), 0);
	assert_ptr_not_equal(ours.base, theirs.base);

	for (uint32_t i = 0; i < MR_CHANNEL_COMMANDS; i++) {
		command.cookie = i;
		memset(command.bytes, (int)i, sizeof(command.bytes));
		assert_int_equal(mr_ring_enqueue(&theirs.commands, &command, sizeof(command)), 0);
	}
	assert_int_equal(mr_ring_enqueue(&theirs.commands, &command, sizeof(command)), -EAGAIN);
	for (uint32_t i = 0; i < MR_CHANNEL_EVENTS; i++) {
		event.cookie = ~(uint64_t)i;
		assert_int_equal(mr_ring_enqueue(&ours.events, &event, sizeof(event)), 0);
	}
	/* the last slot of one ring does not touch the first of the next */
	for (uint32_t i = 0; i < MR_CHANNEL_COMMANDS; i++) {
		command.cookie = i;
		memset(command.bytes, (int)i, sizeof(command.bytes));
		assert_int_equal(mr_ring_dequeue(&ours.commands, &command_got), 1);
		assert_memory_equal(&command, &command_got, sizeof(command));
	}
	for (uint32_t i = 0; i < MR_CHANNEL_EVENTS; i++) {
		assert_int_equal(mr_ring_dequeue(&theirs.events, &event_got), 1);
		assert_int_equal(event_got.cookie, ~(uint64_t)i);
	}
	assert_int_equal(mr_ring_dequeue(&theirs.events, &event_got), 0);
	assert_int_equal(mr_ring_dequeue(&theirs.packets_up, &event_got), 0);
	mr_channel_detach(&theirs);
	mr_channel_destroy(&ours);
	assert_null(ours.base);
	assert_int_equal(ours.memfd, -1);
}

static void test_channel_cannot_be_resized(void **state)
{
	struct mr_channel ch;

	assert_int_equal(mr_channel_create(&ch), 0);
	assert_int_equal(ftruncate(ch.memfd, 4096), -1);
	assert_int_equal(ftruncate(ch.memfd, (off_t)ch.size * 2), -1);
	assert_int_equal(fcntl(ch.memfd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	mr_channel_destroy(&ch);
}

/* What is handed over in a memfd's place is refused, and closed. */
static void test_attach_refuses(void **state)
{
	static const struct {
		int seals; /* -1: not a memfd */
		off_t size_off;
		const char *why;
	} cases[] = {
		{F_SEAL_SHRINK | F_SEAL_GROW, 0, "more seals can be added"},
		{F_SEAL_GROW | F_SEAL_SEAL, 0, "can shrink: SIGBUS"},
		{0, 0, "not sealed"},
		{F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, -1, "too small"},
		{F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, 4096, "too big"},
		{-1, 0, "a pipe"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mr_channel ch;
		int fd, p[2];

		if (cases[i].seals < 0) {
			assert_int_equal(pipe(p), 0);
			close(p[1]);
			fd = p[0];
		} else {
			fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
			assert_true(fd >= 0);
			assert_int_equal(
				ftruncate(fd, (off_t)mr_channel_size() + cases[i].size_off), 0);
			assert_int_equal(fcntl(fd, F_ADD_SEALS, cases[i].seals), 0);
		}
		if (mr_channel_attach(&ch, fd) != -EPROTO)
			fail_msg("attached: %s", cases[i].why);
		assert_int_equal(fcntl(fd, F_GETFD), -1);
		assert_int_equal(errno, EBADF);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_wrap),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_counter_wrap),
		cmocka_unit_test(test_slot_is_wiped),
		cmocka_unit_test(test_rest_is_zeroed),
		cmocka_unit_test(test_counters_of_a_stranger),
		cmocka_unit_test(test_channel_both_sides),
		cmocka_unit_test(test_channel_cannot_be_resized),
		cmocka_unit_test(test_attach_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
