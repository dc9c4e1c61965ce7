/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rings against a peer that writes anything anywhere, all the time. Shared
 * memory and the consumer's buffers lie on the heap in their exact sizes, so that
 * AddressSanitizer sees what is read or written beyond them.
 */
#include "dataplane/api/channel.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define SLOTS 16
#define ROUND_MS 400
#define PATIENCE_MS 20000 /* until an attack has to have reached its aim */

struct stage {
	struct mr_ring_shared *shared;
	struct mr_packet *slots;
	_Atomic bool stop;
	void (*attack)(struct stage *s, uint32_t random);
};

/* xorshift: cheap enough to attack at the pace of the memory. */
static uint32_t next_random(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

__attribute__((no_sanitize("thread"))) static void *attacker(void *arg)
{
	struct stage *s = arg;
	uint32_t x = 2463534242u;

	while (!atomic_load_explicit(&s->stop, memory_order_relaxed))
		s->attack(s, next_random(&x));
	return NULL;
}

/* Any byte, header or slot. */
static void attack_bytes(struct stage *s, uint32_t random)
{
	volatile uint8_t *bytes;

	if (random % 64 == 0) {
		bytes = (volatile uint8_t *)s->shared;
		bytes[(random >> 16) % sizeof(*s->shared)] = (uint8_t)(random >> 8);
	} else {
		bytes = (volatile uint8_t *)s->slots;
		bytes[(random >> 8) % (SLOTS * sizeof(*s->slots))] = (uint8_t)random;
	}
}

/* The counters: wild values, and such as are in range. */
static void attack_counters(struct stage *s, uint32_t random)
{
	_Atomic uint32_t *counter = random & 1 ? &s->shared->head : &s->shared->tail;

	if (random & 2)
		atomic_store(counter, random);
	else
		atomic_fetch_add(counter, (random >> 8) % (2 * SLOTS) - SLOTS);
}

/* Almost valid messages whose lengths change under the reader. */
static void attack_lengths(struct stage *s, uint32_t random)
{
	static const uint32_t lengths[] = {
		1, 100, MR_PACKET_DATA, MR_PACKET_DATA + 1, 65535, 65536, UINT32_MAX, 0};
	volatile struct mr_packet *m = &s->slots[random % SLOTS];

	switch ((random >> 8) % 4) {
	case 0:
		m->kind = 1 + (random >> 16) % 4;
		m->total = lengths[(random >> 20) % 8];
		m->offset = 0;
		m->len = m->total;
		break;
	case 1:
		m->len = lengths[(random >> 20) % 8];
		break;
	case 2:
		m->offset = lengths[(random >> 20) % 8];
		break;
	default:
		atomic_fetch_add(&s->shared->head, 1);
	}
}

static void (*const attacks[])(struct stage *, uint32_t) = {
	attack_bytes, attack_counters, attack_lengths};

static void stage_start(struct stage *s, pthread_t *thread, size_t attack)
{
	s->shared = aligned_alloc(MR_CACHE_LINE, sizeof(*s->shared));
	s->slots = calloc(SLOTS, sizeof(*s->slots));
	assert_non_null(s->shared);
	assert_non_null(s->slots);
	memset(s->shared, 0, sizeof(*s->shared));
	s->stop = false;
	s->attack = attacks[attack];
	assert_int_equal(pthread_create(thread, NULL, attacker, s), 0);
}

static void stage_stop(struct stage *s, pthread_t thread)
{
	s->stop = true;
	pthread_join(thread, NULL);
	free(s->shared);
	free(s->slots);
}

static bool time_is_left(const struct timespec *since, long ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000 < ms;
}

static uint32_t sum(const uint8_t *bytes, size_t len)
{
	uint32_t h = 2166136261u;

	while (len--)
		h = (h ^ *bytes++) * 16777619u;
	return h;
}

/* An honest producer's datagram, where the consumer reads next: it arrives, unless the
 * attack is faster. attack_lengths has datagrams of its own. */
static void feed(struct stage *s, const struct mr_ring *r)
{
	static const struct mr_packet honest = {
		.kind = MR_PACKET_UP_PUBLIC, .total = MR_PACKET_DATA, .len = MR_PACKET_DATA};

	if (s->attack == attack_lengths)
		return;
	memcpy(&s->slots[r->position % SLOTS], &honest, sizeof(honest));
	atomic_store(&s->shared->head, r->position + 1);
}

/* Datagrams got through, and the attack reached what it was made for. */
static bool consumer_reached(size_t attack, uint64_t taken, uint64_t broken, uint64_t errors)
{
	return taken > 0 && (attacks[attack] == attack_counters ? errors > 0 : broken > 0);
}

/* What a consumer does, with what any accepted datagram must satisfy; once it is
 * judged good nothing in it changes any more. */
static void test_consumer(void **state)
{
	for (size_t attack = 0; attack < sizeof(attacks) / sizeof(attacks[0]); attack++) {
		struct mr_packet_joiner *j = calloc(1, sizeof(*j));
		uint64_t taken = 0, errors = 0;
		struct timespec start;
		struct stage s;
		struct mr_ring r;
		pthread_t thread;

		stage_start(&s, &thread, attack);
		mr_ring_init(&r, s.shared, s.slots, sizeof(*s.slots), SLOTS);
		clock_gettime(CLOCK_MONOTONIC, &start);
		/* On a busy machine the attacker may get no turn for a while. */
		while (time_is_left(&start, ROUND_MS) ||
			(!consumer_reached(attack, taken, j->broken, errors) &&
				time_is_left(&start, PATIENCE_MS))) {
			for (int i = 0; i < 200; i++) {
				unsigned int budget = 32;
				struct mr_packet head;
				uint32_t before;
				int got;

				if (i % 2 == 0)
					feed(&s, &r);
				got = mr_packet_take(&r, j, &budget);
				if (got == -EPROTO) {
					errors++;
					/* as a new channel would */
					r.position = atomic_load(&s.shared->head);
					continue;
				}
				if (got == 0)
					continue;
				assert_int_equal(got, 1);
				assert_in_range(
					j->head.kind, MR_PACKET_UP_PUBLIC, MR_PACKET_DOWN_RTP);
				assert_in_range(j->head.total, 1, MR_PACKET_TOTAL_MAX);
				assert_int_equal(j->have, j->head.total);
				head = j->head;
				before = sum(j->data, j->head.total);
				assert_int_equal(sum(j->data, j->head.total), before);
				assert_memory_equal(&head, &j->head, sizeof(head));
				taken++;
			}
		}
		stage_stop(&s, thread);
		print_message("attack %zu: %llu taken, %llu broken, %llu out of range\n", attack,
			(unsigned long long)taken, (unsigned long long)j->broken,
			(unsigned long long)errors);
		assert_true(consumer_reached(attack, taken, j->broken, errors));
		free(j);
	}
}

static void test_producer(void **state)
{
	static uint8_t payload[MR_PACKET_TOTAL_MAX];

	for (size_t attack = 0; attack < sizeof(attacks) / sizeof(attacks[0]); attack++) {
		struct mr_packet head = {.kind = MR_PACKET_UP_PUBLIC};
		struct timespec start;
		struct stage s;
		struct mr_ring r;
		pthread_t thread;
		uint32_t n = 0;

		stage_start(&s, &thread, attack);
		mr_ring_init(&r, s.shared, s.slots, sizeof(*s.slots), SLOTS);
		clock_gettime(CLOCK_MONOTONIC, &start);
		while (time_is_left(&start, ROUND_MS)) {
			for (int i = 0; i < 50; i++, n++) {
				int space = mr_ring_space(&r);
				int put = mr_packet_put(
					&r, &head, payload, 1 + n * 977 % (SLOTS * MR_PACKET_DATA));

				assert_true(space == -EPROTO || (space >= 0 && space <= SLOTS));
				assert_true(put == 0 || put == -EAGAIN || put == -EPROTO);
				put = mr_ring_enqueue(&r, payload, n % (sizeof(head) + 1));
				assert_true(put == 0 || put == -EAGAIN || put == -EPROTO);
				if (n % 8 == 0) /* a consumer that keeps up, between the attacks */
					atomic_store(&s.shared->tail, r.position);
			}
		}
		stage_stop(&s, thread);
	}
}

/* A message is accepted by its checksum: what was accepted stays what it was,
 * and a checksum that fits by half of another message never appears. */
static void test_copied_once(void **state)
{
	enum { LEN = MR_PACKET_SIZE };
	struct timespec start;
	uint8_t *m = malloc(LEN);
	struct stage s;
	struct mr_ring r;
	pthread_t thread;
	uint32_t number = 0;
	uint64_t accepted = 0, refused = 0;

	stage_start(&s, &thread, 0);
	mr_ring_init(&r, s.shared, s.slots, LEN, SLOTS);
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (time_is_left(&start, ROUND_MS)) {
		uint32_t check;

		/* a good message in the slot that the consumer reads next */
		number++;
		memset(m, (int)number, LEN);
		check = sum(m, LEN - 4);
		memcpy(m + LEN - 4, &check, 4);
		memcpy((uint8_t *)s.slots + (size_t)(r.position % SLOTS) * LEN, m, LEN);
		atomic_store(&s.shared->head, r.position + 1);
		memset(m, 0, LEN);
		if (mr_ring_dequeue(&r, m) != 1)
			continue;
		memcpy(&check, m + LEN - 4, 4);
		if (check != sum(m, LEN - 4)) {
			refused++;
			continue;
		}
		accepted++;
		for (int i = 0; i < LEN - 4; i++) /* all of one message */
			assert_int_equal(m[i], (uint8_t)number);
		assert_int_equal(check, sum(m, LEN - 4));
	}
	stage_stop(&s, thread);
	print_message("%llu accepted, %llu refused\n", (unsigned long long)accepted,
		(unsigned long long)refused);
	assert_true(accepted > 0);
	free(m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_consumer),
		cmocka_unit_test(test_producer),
		cmocka_unit_test(test_copied_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
