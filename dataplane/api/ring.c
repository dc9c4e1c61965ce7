/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One single-producer single-consumer ring of messages by value. The producer's
 * thread puts, the consumer's thread takes; the other end may be hostile: it can
 * write anything anywhere in the shared memory at any time.
 *
 * What holds against that: addresses are computed from private fields alone;
 * the counter that the other side writes is read once per call and only compared;
 * a slot is read once, by one copy, and never looked at again.
 */
#include "dataplane/api/channel.h"

#include <errno.h>
#include <string.h>

static uint8_t *slot_at(const struct mr_ring *r, uint32_t position)
{
	return r->slots + (size_t)(position & (r->capacity - 1)) * r->slot_size;
}

void mr_ring_init(struct mr_ring *r, struct mr_ring_shared *shared, void *slots, uint32_t slot_size,
	uint32_t capacity)
{
	assert(capacity > 0 && (capacity & (capacity - 1)) == 0);
	r->shared = shared;
	r->slots = slots;
	r->slot_size = slot_size;
	r->capacity = capacity;
	r->position = 0;
}

int mr_ring_space(const struct mr_ring *r)
{
	/* acquire: the consumer has read and wiped what it gave back */
	uint32_t tail = atomic_load_explicit(&r->shared->tail, memory_order_acquire);
	uint32_t used = r->position - tail;

	if (used > r->capacity)
		return -EPROTO;
	return (int)(r->capacity - used);
}

void mr_ring_write(struct mr_ring *r, uint32_t ahead, const void *header, size_t header_len,
	const void *data, size_t len)
{
	uint8_t *slot = slot_at(r, r->position + ahead);

	assert(header_len <= r->slot_size && len <= r->slot_size - header_len);
	if (header_len)
		memcpy(slot, header, header_len);
	if (len)
		memcpy(slot + header_len, data, len);
	memset(slot + header_len + len, 0, r->slot_size - header_len - len);
}

void mr_ring_publish(struct mr_ring *r, uint32_t count)
{
	r->position += count;
	/* release: the slots are whole before they are counted */
	atomic_store_explicit(&r->shared->head, r->position, memory_order_release);
}

int mr_ring_enqueue(struct mr_ring *r, const void *message, size_t len)
{
	int space;

	if (len > r->slot_size)
		return -EMSGSIZE;
	space = mr_ring_space(r);
	if (space <= 0)
		return space < 0 ? space : -EAGAIN;
	mr_ring_write(r, 0, NULL, 0, message, len);
	mr_ring_publish(r, 1);
	return 0;
}

int mr_ring_dequeue(struct mr_ring *r, void *message)
{
	uint32_t head = atomic_load_explicit(&r->shared->head, memory_order_acquire);
	uint32_t waiting = head - r->position;
	uint8_t *slot;

	if (waiting == 0)
		return 0;
	if (waiting > r->capacity)
		return -EPROTO;
	slot = slot_at(r, r->position);
	memcpy(message, slot, r->slot_size);
	/* The compiler may not read the slot a second time in place of the copy,
	 * nor leave out the wiping: what was in it may be a key. */
	atomic_signal_fence(memory_order_seq_cst);
	memset(slot, 0, r->slot_size);
	r->position++;
	atomic_store_explicit(&r->shared->tail, r->position, memory_order_release);
	return 1;
}
