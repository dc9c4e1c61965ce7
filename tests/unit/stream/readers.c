/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One writer and two readers of a plaintext ring, on three threads: the owner of a
 * stream and two workers with viewers of it. The ring is small and the readers take
 * their time, so that it comes round often, while they read: every byte must be the
 * one that belongs to the index, none may be missed for want of being told, and what
 * found no room is a hole. The clock that the readers see is never half of one.
 * Memory is the C library's, so that ThreadSanitizer knows it.
 *
 * usage: readers PACKETS [SEED]
 */
#include "dataplane/pipeline/spread.h"
#include "dataplane/pipeline/worker.h"

#include <pthread.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READERS 2
#define PACKETS 64
#define BYTES 16384
#define FRESH_RING 4
#define TICK_NS 1000000000ll /* of the clock: one RTP tick is a second */

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);         \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

void *rte_zmalloc(const char *type, size_t size, unsigned int align)
{
	void *p = aligned_alloc(64, (size + 63) / 64 * 64);

	return p == NULL ? NULL : memset(p, 0, size);
}

void rte_free(void *p)
{
	free(p);
}

struct side {
	struct worker *w;
	struct audience *a;
	uint64_t state; /* of its random numbers */
	uint64_t packets, holes, overrun, behind;
};

static struct stream *stream;
static struct side owner, reader[READERS];
static _Atomic bool ended;
static uint64_t n_packets, n_held;

static uint32_t draw(struct side *s, uint32_t below)
{
	s->state = s->state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((s->state >> 33) % below);
}

static uint8_t byte_of(uint64_t index)
{
	return (uint8_t)(index * 167 + (index >> 8) * 29);
}

/* ---- the owner ---- */

static void put(struct side *s)
{
	struct plain_ring *r = &stream->ring;
	uint16_t len = (uint16_t)(1 + draw(s, 900));
	uint8_t *to = plain_ring_reserve(r, len);
	uint64_t index = r->next;

	if (to == NULL) {
		n_held++;
		return;
	}
	memset(to, byte_of(index), len);
	CHECK(plain_ring_commit(r, len, (uint32_t)index, 0, index) == index);
	if (index % 16 == 3)
		plain_ring_mark_keyframe(r, index - 1); /* others may be reading it */
}

static void *owner_main(void *arg)
{
	struct side *s = arg;
	int64_t now = 0;

	for (uint64_t i = 0; i < n_packets; i++) {
		put(s);
		worker_fresh_stream(s->w, stream);
		if (draw(s, 4) == 0) {
			spread_send(s->w);
			now += TICK_NS;
			clock_arrival(&stream->clock, (uint32_t)(now / TICK_NS), now);
		}
		if (draw(s, 64) == 0)
			usleep(draw(s, 100));
		else if (draw(s, 16) == 0)
			sched_yield();
	}
	/* Whatever it still owes finds room once the readers are done. */
	while (stream->ring.owed > 0 || stream->fresh) {
		put(s);
		worker_fresh_stream(s->w, stream);
		spread_send(s->w);
	}
	atomic_store(&ended, true);
	return NULL;
}

/* ---- a worker with viewers of the stream ---- */

static void look(struct side *s, uint64_t index)
{
	const struct plain_packet *p = audience_packet(s->a, index);
	const uint8_t *payload;

	if (p == NULL) {
		s->behind++;
		return;
	}
	CHECK(p->index == index);
	if ((p->flags & PLAIN_HOLE) != 0) {
		CHECK(p->len == 0);
		s->holes++;
		return;
	}
	CHECK(p->timestamp == (uint32_t)index && p->arrival_ns == index);
	/* The one that was meant, or the one behind its hole. */
	CHECK((p->flags & PLAIN_KEYFRAME) == 0 || index % 16 == 2 || index % 16 == 3);
	payload = audience_payload(s->a, p);
	for (unsigned int i = 0; i < p->len; i++)
		CHECK(payload[i] == byte_of(index));
	s->packets++;
}

/* As fan-out, repair and key-frame start would in one turn. */
static void read_turn(struct side *s, struct audience *a)
{
	uint32_t budget = 1 + draw(s, 40);
	uint64_t first = a->live_next, key;

	worker_read_begin(s->w, a, a->live_next);
	if (a->live_next < a->oldest) {
		s->overrun += a->oldest - a->live_next;
		first = a->live_next = a->oldest;
	}
	while (a->live_next < a->next && budget-- > 0)
		a->live_next++;
	if (draw(s, 2) == 0)
		worker_read_begin(s->w, a, first - RTE_MIN(first, draw(s, 64)));
	if (draw(s, 50) == 0)
		usleep(draw(s, 300));
	/* Long after the window was opened, all is as it was. */
	first -= RTE_MIN(first, 8u);
	for (uint64_t i = RTE_MAX(a->oldest, first); i < a->live_next; i++)
		look(s, i);
	if (audience_keyframe(a, &key) && audience_packet(a, key) != NULL)
		CHECK((audience_packet(a, key)->flags & (PLAIN_KEYFRAME | PLAIN_HOLE)) != 0);
	worker_read_end(s->w);
}

/* One turn; false: there was nothing to do. */
static bool turn(struct side *s)
{
	struct audience *a;
	uint32_t rtp;

	spread_receive(s->w);
	a = s->w->queue_head;
	if (a == NULL)
		return false;
	s->w->queue_head = s->w->queue_tail = NULL;
	a->queued = false;
	CHECK(a == s->a);
	read_turn(s, a);
	if (a->live_next < a->next)
		worker_queue_audience(s->w, a);
	/* Anchor and time belong together: at this very moment they say the same. */
	if (clock_rtp_read(&stream->clock, 1000 * TICK_NS, &rtp))
		CHECK(rtp == 1000);
	return true;
}

static void *reader_main(void *arg)
{
	struct side *s = arg;

	while (true) {
		bool last = atomic_load(&ended);

		if (!turn(s) && last)
			break;
	}
	/* Nobody says it again: what was said must have been enough. */
	CHECK(s->a->live_next == stream->ring.next);
	return NULL;
}

/* ---- all of it ---- */

static void make(void)
{
	owner.w->n_workers = 1 + READERS;
	stream->audience.stream = stream;
	stream->audience.queued = true; /* nobody watches at the owner */
	CHECK(plain_ring_init(&stream->ring, PACKETS, BYTES) == 0);
	clock_path_init(stream->path_clock);
	CHECK(clock_path_add(stream->path_clock, &stream->clock, 1) == 0);
	for (uint8_t i = 0; i < READERS; i++) {
		struct side *s = &reader[i];
		struct rte_ring *r;

		s->w = rte_zmalloc("worker", sizeof(*s->w), 64);
		s->a = rte_zmalloc("audience", sizeof(*s->a), 64);
		r = rte_zmalloc("ring", (size_t)rte_ring_get_memsize(FRESH_RING), 64);
		CHECK(s->w != NULL && s->a != NULL && r != NULL);
		CHECK(rte_ring_init(r, "fresh", FRESH_RING, RING_F_SP_ENQ | RING_F_SC_DEQ) == 0);
		s->w->index = 1 + i;
		s->w->n_workers = 1 + READERS;
		s->w->fresh_in[0] = r;
		owner.w->fresh_out[1 + i] = r;
		CHECK(audience_init(s->a, stream, 1 + i) == 0 && s->a->remote);
		CHECK(plain_ring_add_reader(&stream->ring, &s->a->holding) == 0);
		stream->remote[stream->n_remote++] = s->a;
		s->state = owner.state + 1 + i;
	}
}

static void unmake(void)
{
	for (uint8_t i = 0; i < READERS; i++) {
		plain_ring_del_reader(&stream->ring, &reader[i].a->holding);
		audience_fini(reader[i].a);
		rte_free(reader[i].a);
		rte_free(owner.w->fresh_out[1 + i]);
		rte_free(reader[i].w);
	}
	CHECK(stream->ring.n_readers == 0);
	plain_ring_fini(&stream->ring);
	rte_free(stream->path_clock);
	rte_free(stream);
	rte_free(owner.w);
}

int main(int argc, char **argv)
{
	pthread_t thread[1 + READERS];

	n_packets = argc > 1 ? strtoull(argv[1], NULL, 0) : 20000;
	owner.state = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)getpid();
	printf("seed %llu\n", (unsigned long long)owner.state);
	fflush(stdout);
	owner.w = rte_zmalloc("worker", sizeof(*owner.w), 64);
	stream = rte_zmalloc("stream", sizeof(*stream), 64);
	CHECK(owner.w != NULL && stream != NULL);
	stream->path_clock = rte_zmalloc("clock", sizeof(*stream->path_clock), 64);
	CHECK(stream->path_clock != NULL);
	make();
	CHECK(pthread_create(&thread[0], NULL, owner_main, &owner) == 0);
	for (int i = 0; i < READERS; i++)
		CHECK(pthread_create(&thread[1 + i], NULL, reader_main, &reader[i]) == 0);
	for (int i = 0; i <= READERS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	printf("%llu packets, %llu held; ", (unsigned long long)n_packets,
		(unsigned long long)n_held);
	for (int i = 0; i < READERS; i++)
		printf("reader: %llu read, %llu holes, %llu overrun, %llu behind; ",
			(unsigned long long)reader[i].packets, (unsigned long long)reader[i].holes,
			(unsigned long long)reader[i].overrun,
			(unsigned long long)reader[i].behind);
	printf("%llu laps\n", (unsigned long long)stream->ring.next / PACKETS);
	CHECK(reader[0].packets > 0 && reader[1].packets > 0);
	unmake();
	return 0;
}
