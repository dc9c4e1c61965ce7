/* SPDX-License-Identifier: BSD-3-Clause */
/* See plain_ring.h. The stream's worker. */
#include "dataplane/stream/plain_ring.h"

#include "crypto/secret.h"

#include <errno.h>
#include <rte_malloc.h>
#include <string.h>

static bool power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

int plain_ring_init(struct plain_ring *r, uint32_t packets, uint32_t bytes)
{
	memset(r, 0, sizeof(*r));
	if (!power_of_two(packets) || !power_of_two(bytes) || bytes < 4 * PLAIN_PAYLOAD_MAX)
		return -EINVAL;
	r->packets = rte_zmalloc("plain_packets", packets * sizeof(r->packets[0]), 64);
	r->bytes = rte_zmalloc("plain_bytes", bytes, 64);
	if (r->packets == NULL || r->bytes == NULL) {
		plain_ring_fini(r);
		return -ENOMEM;
	}
	r->capacity = packets;
	r->byte_capacity = bytes;
	return 0;
}

void plain_ring_fini(struct plain_ring *r)
{
	if (r->bytes != NULL)
		secret_wipe(r->bytes, r->byte_capacity);
	rte_free(r->packets);
	rte_free(r->bytes);
	memset(r, 0, sizeof(*r));
}

static void drop_oldest(struct plain_ring *r)
{
	if (r->has_keyframe && r->keyframe == r->oldest)
		r->has_keyframe = false;
	r->oldest++;
}

uint8_t *plain_ring_reserve(struct plain_ring *r, uint16_t len)
{
	uint32_t at = (uint32_t)(r->byte_head & (r->byte_capacity - 1));
	uint64_t end;

	if (len > PLAIN_PAYLOAD_MAX)
		return NULL;
	/* Contiguous: what does not fit before the end starts over. */
	if (at + len > r->byte_capacity)
		r->byte_head += r->byte_capacity - at;
	end = r->byte_head + len;
	while (r->oldest < r->next &&
		(r->next - r->oldest >= r->capacity ||
			end - r->packets[r->oldest & (r->capacity - 1)].offset > r->byte_capacity))
		drop_oldest(r);
	return r->bytes + (r->byte_head & (r->byte_capacity - 1));
}

uint64_t plain_ring_commit(
	struct plain_ring *r, uint16_t len, uint32_t timestamp, uint16_t flags, uint64_t arrival_ns)
{
	uint64_t index = r->next++;

	r->packets[index & (r->capacity - 1)] = (struct plain_packet){
		.index = index,
		.arrival_ns = arrival_ns,
		.offset = r->byte_head,
		.timestamp = timestamp,
		.len = len,
		.flags = flags,
	};
	r->byte_head += len;
	if ((flags & PLAIN_KEYFRAME) != 0) {
		r->keyframe = index;
		r->has_keyframe = true;
	}
	return index;
}

void plain_ring_mark_keyframe(struct plain_ring *r, uint64_t index)
{
	if (index < r->oldest || index >= r->next)
		return;
	r->packets[index & (r->capacity - 1)].flags |= PLAIN_KEYFRAME;
	r->keyframe = index;
	r->has_keyframe = true;
}

void plain_ring_skip(struct plain_ring *r, uint64_t n, uint64_t arrival_ns)
{
	for (uint64_t i = 0; i < n && i < PLAIN_GAP_MAX; i++) {
		plain_ring_reserve(r, 0);
		plain_ring_commit(r, 0, 0, PLAIN_HOLE, arrival_ns);
	}
}

const struct plain_packet *plain_ring_get(const struct plain_ring *r, uint64_t index)
{
	if (index < r->oldest || index >= r->next)
		return NULL;
	return &r->packets[index & (r->capacity - 1)];
}

const uint8_t *plain_ring_payload(const struct plain_ring *r, const struct plain_packet *p)
{
	return r->bytes + (p->offset & (r->byte_capacity - 1));
}
