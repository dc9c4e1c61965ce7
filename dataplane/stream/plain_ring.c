/* SPDX-License-Identifier: BSD-3-Clause */
/* See plain_ring.h. The stream's worker, but for plain_ring_payload(). */
#include "dataplane/stream/plain_ring.h"

#include "crypto/secret.h"

#include <errno.h>
#include <rte_malloc.h>
#include <string.h>

#define SLACK 16 /* where others read, 1/16 of the ring is reclaimed ahead of need */

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

static void set_keyframe(struct plain_ring *r, uint64_t index)
{
	atomic_store_explicit(&r->keyframe, index, memory_order_relaxed);
	atomic_store_explicit(&r->has_keyframe, true, memory_order_release);
}

static void set_oldest(struct plain_ring *r, uint64_t oldest, memory_order order)
{
	if (r->has_keyframe && r->keyframe < oldest)
		atomic_store_explicit(&r->has_keyframe, false, memory_order_relaxed);
	atomic_store_explicit(&r->oldest, oldest, order);
}

/*
 * Reclaims all before `keep`, as far as nobody holds it. Readers and the writer meet as in Dekker's
 * algorithm, in four sequentially consistent steps:
 *
 *     reader (audience_read_begin)          writer (here)
 *     R1  holding = from                    W1  oldest = n
 *     R2  o = oldest; reads >= max(from, o) W2  h = holding; overwrites < min(n, h)
 *
 * In their one total order either R1 comes before W2: the writer sees what is held
 * and leaves it alone. Or W2 comes before R1, so W1 before R2: the reader sees the
 * new `oldest` and reads nothing before it. What W2 found once stays found: a reader
 * that lowers its `holding` later is in the second case. So `reclaimed` never falls,
 * and is looked at without asking again.
 *
 * A reader that is done stores UINT64_MAX with release; W2 acquires it, so all its
 * reads happen before what is written over them. And what a reader reads was written
 * before `next` was stored with release, which it acquires.
 *
 * Where others read, it is asked 1/16 of the ring before there is need, and for 1/16
 * more than is needed: once for so many packets, and a reader that begins at `oldest`
 * has the time that as many take before the writer has to drop any.
 */
static void reclaim(struct plain_ring *r, uint64_t keep)
{
	uint64_t oldest = atomic_load_explicit(&r->oldest, memory_order_relaxed);
	uint64_t next = atomic_load_explicit(&r->next, memory_order_relaxed);
	uint64_t ahead = keep + r->capacity / SLACK;

	if (r->n_readers == 0) {
		if (keep > oldest)
			set_oldest(r, keep, memory_order_relaxed);
		r->reclaimed = keep;
		return;
	}
	if (ahead > next)
		ahead = next;
	if (ahead > oldest) {
		oldest = ahead;
		set_oldest(r, oldest, memory_order_seq_cst);
	}
	for (unsigned int i = 0; i < r->n_readers; i++) {
		uint64_t held = atomic_load_explicit(r->readers[i], memory_order_seq_cst);
		if (held < oldest)
			oldest = held;
	}
	if (oldest > r->reclaimed)
		r->reclaimed = oldest;
}

/* The oldest packet from `keep` on that lies in nobody's way when the bytes end at
 * `end`, in a ring smaller by 1/`slack` (0: whole). */
static uint64_t frontier(const struct plain_ring *r, uint64_t keep, uint64_t end, uint32_t slack)
{
	uint64_t next = atomic_load_explicit(&r->next, memory_order_relaxed);
	uint64_t packets = r->capacity - (slack > 0 ? r->capacity / slack : 0);
	uint64_t bytes = r->byte_capacity - (slack > 0 ? r->byte_capacity / slack : 0);

	while (keep < next && (next - keep >= packets ||
				      end - r->packets[keep & (r->capacity - 1)].offset > bytes))
		keep++;
	return keep;
}

/* Makes place at `byte_head` for `len` contiguous bytes and an entry. */
static bool make_room(struct plain_ring *r, uint16_t len)
{
	uint32_t at = (uint32_t)(r->byte_head & (r->byte_capacity - 1));
	uint64_t head = r->byte_head;
	uint64_t keep;

	/* What does not fit before the end starts over. */
	if (at + len > r->byte_capacity)
		head += r->byte_capacity - at;
	keep = frontier(r, r->kept, head + len, 0);
	if (r->n_readers > 0) {
		uint64_t ahead = frontier(r, r->reclaimed, head + len, SLACK);
		if (ahead > r->reclaimed)
			reclaim(r, ahead);
	} else if (keep > r->reclaimed) {
		reclaim(r, keep);
	}
	if (keep > r->reclaimed)
		return false;
	r->kept = keep;
	r->byte_head = head;
	return true;
}

/* Viewers see as many numbers missing as packets found no room. */
static bool pay_holes(struct plain_ring *r)
{
	while (r->owed > 0) {
		if (!make_room(r, 0))
			return false;
		/* The ring is full, so there is one before. */
		plain_ring_commit(r, 0, 0, PLAIN_HOLE,
			r->packets[(r->next - 1) & (r->capacity - 1)].arrival_ns);
		r->owed--;
	}
	return true;
}

uint8_t *plain_ring_reserve(struct plain_ring *r, uint16_t len)
{
	if (len > PLAIN_PAYLOAD_MAX)
		return NULL;
	if (!pay_holes(r) || !make_room(r, len)) {
		if (r->owed < PLAIN_GAP_MAX)
			r->owed++;
		return NULL;
	}
	return r->bytes + (r->byte_head & (r->byte_capacity - 1));
}

uint64_t plain_ring_commit(
	struct plain_ring *r, uint16_t len, uint32_t timestamp, uint16_t flags, uint64_t arrival_ns)
{
	uint64_t index = atomic_load_explicit(&r->next, memory_order_relaxed);
	struct plain_packet *p = &r->packets[index & (r->capacity - 1)];

	p->index = index;
	p->arrival_ns = arrival_ns;
	p->offset = r->byte_head;
	p->timestamp = timestamp;
	p->len = len;
	atomic_store_explicit(&p->flags, flags, memory_order_relaxed);
	r->byte_head += len;
	atomic_store_explicit(&r->next, index + 1, memory_order_release);
	if ((flags & PLAIN_KEYFRAME) != 0)
		set_keyframe(r, index);
	return index;
}

void plain_ring_mark_keyframe(struct plain_ring *r, uint64_t index)
{
	if (index < r->oldest)
		return;
	/* A packet that was to be the first may have found no room. */
	while (index < r->next && (r->packets[index & (r->capacity - 1)].flags & PLAIN_HOLE) != 0)
		index++;
	if (index >= r->next)
		return;
	atomic_fetch_or_explicit(
		&r->packets[index & (r->capacity - 1)].flags, PLAIN_KEYFRAME, memory_order_relaxed);
	set_keyframe(r, index);
}

void plain_ring_skip(struct plain_ring *r, uint64_t n, uint64_t arrival_ns)
{
	for (uint64_t i = 0; i < n && i < PLAIN_GAP_MAX; i++)
		if (plain_ring_reserve(r, 0) != NULL)
			plain_ring_commit(r, 0, 0, PLAIN_HOLE, arrival_ns);
}

int plain_ring_add_reader(struct plain_ring *r, const _Atomic uint64_t *holding)
{
	if (r->n_readers == MR_WORKERS_MAX)
		return -ENOSPC;
	r->readers[r->n_readers++] = holding;
	return 0;
}

void plain_ring_del_reader(struct plain_ring *r, const _Atomic uint64_t *holding)
{
	for (unsigned int i = 0; i < r->n_readers; i++) {
		if (r->readers[i] != holding)
			continue;
		r->readers[i] = r->readers[--r->n_readers];
		return;
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
