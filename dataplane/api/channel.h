/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shared rings: one memfd, four single-producer single-consumer rings of
 * fixed-size messages by value.
 *
 *   commands      control plane -> data plane   struct mr_command
 *   events        data plane -> control plane   struct mr_event
 *   packets down  control plane -> data plane   struct mr_packet
 *   packets up    data plane -> control plane   struct mr_packet
 *
 * Neither side trusts the other. Geometry lives in private memory; only head
 * and tail are shared, atomic, range-checked on every use. A message is copied
 * out once, its slot wiped, then judged. Each ring belongs to one thread on
 * each side: commands and events to the main threads, packets to worker 0.
 */
#ifndef DATAPLANE_API_CHANNEL_H
#define DATAPLANE_API_CHANNEL_H

#include "dataplane/api/command.h"
#include "dataplane/api/event.h"
#include "dataplane/api/packet.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_CHANNEL_COMMANDS 256 /* slots, powers of two */
#define MR_CHANNEL_EVENTS 1024
#define MR_CHANNEL_PACKETS 1024

/* All that is shared of a ring beside its slots. Free-running counters. */
struct mr_ring_shared {
	alignas(MR_CACHE_LINE) _Atomic uint32_t head; /* producer writes: messages ever put */
	alignas(MR_CACHE_LINE) _Atomic uint32_t tail; /* consumer writes: messages ever taken */
};
static_assert(sizeof(struct mr_ring_shared) == 2 * MR_CACHE_LINE, "mr_ring_shared");

/* One end of a ring, private to its thread. */
struct mr_ring {
	struct mr_ring_shared *shared; /* borrowed: the mapping outlives the ring */
	uint8_t *slots;
	uint32_t slot_size; /* [bytes] */
	uint32_t capacity;  /* slots, power of two */
	uint32_t position;  /* our own counter: never read back from shared memory */
};

void mr_ring_init(struct mr_ring *r, struct mr_ring_shared *shared, void *slots, uint32_t slot_size,
	uint32_t capacity);

/* Puts `len` bytes (the rest of the slot is zeroed). 0; -EAGAIN: full;
 * -EMSGSIZE: longer than a slot; -EPROTO: the other side's counter is out of
 * range, the channel is to be thrown away. */
int mr_ring_enqueue(struct mr_ring *r, const void *message, size_t len);
/* Takes one message of slot_size bytes and wipes its slot. 1: taken; 0: empty; -EPROTO. */
int mr_ring_dequeue(struct mr_ring *r, void *message);
/* Whether there is something to take. Consumer only. */
static inline bool mr_ring_waits(const struct mr_ring *r)
{
	return atomic_load_explicit(&r->shared->head, memory_order_acquire) != r->position;
}

/* How many can be put now, at least; -EPROTO. Producer only. */
int mr_ring_space(const struct mr_ring *r);
/* Several slots at once, so that the consumer sees all or none: after
 * mr_ring_space() has said that they fit, write slots 0 to n - 1 (header and data
 * after each other, together at most slot_size), then publish n. */
void mr_ring_write(struct mr_ring *r, uint32_t ahead, const void *header, size_t header_len,
	const void *data, size_t len);
void mr_ring_publish(struct mr_ring *r, uint32_t count);

/* One side's view of the whole channel. */
struct mr_channel {
	void *base; /* the mapping */
	size_t size;
	int memfd; /* owned, -1: none */
	struct mr_ring commands;
	struct mr_ring events;
	struct mr_ring packets_down;
	struct mr_ring packets_up;
};

/* Data plane: creates and maps a zeroed, sealed (no resizing) memfd, left out
 * of core dumps. 0 or -errno. */
int mr_channel_create(struct mr_channel *ch);
/* Control plane: maps `memfd` (which it then owns, also on failure) after
 * checking seals and size. 0, -EPROTO or -errno. */
int mr_channel_attach(struct mr_channel *ch, int memfd);
/* [bytes] of every channel's memfd. */
size_t mr_channel_size(void);
/* Wipes nothing: the data plane wipes before it drops the last mapping. */
void mr_channel_detach(struct mr_channel *ch);
/* Wipes all slots, then detaches: the data plane's end. */
void mr_channel_destroy(struct mr_channel *ch);

/*
 * Datagrams over a packet ring. mr_packet_put() splits what is longer than a
 * slot: all slots or none (-EAGAIN). `head` gives every field but total,
 * offset, len and data (which is not read). -EINVAL: empty; -EMSGSIZE: above
 * MR_PACKET_TOTAL_MAX; -EPROTO as mr_ring_enqueue.
 */
int mr_packet_put(struct mr_ring *r, const struct mr_packet *head, const void *data, size_t len);

/* Puts datagrams together again; private to the consumer. Starts zeroed; zero
 * `have` when the channel is replaced. */
struct mr_packet_joiner {
	struct mr_packet head; /* of the datagram in work or just finished */
	uint32_t have;         /* [bytes] so far */
	uint64_t broken;       /* messages that were not valid or did not continue */
	uint8_t data[MR_PACKET_TOTAL_MAX];
};
void mr_packet_joiner_init(struct mr_packet_joiner *j);
/* Takes messages until a datagram is whole: 1 (head.total bytes in data);
 * 0: the ring is empty; -EPROTO. Takes at most `*budget` messages and counts it
 * down. What is not valid is counted in `broken` and skipped. The kind is one of
 * enum mr_packet_kind, but whether of this direction is the caller's to check. */
int mr_packet_take(struct mr_ring *r, struct mr_packet_joiner *j, unsigned int *budget);

#endif
