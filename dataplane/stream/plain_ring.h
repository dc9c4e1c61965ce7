/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one bounded ring of plaintext per stream: what stream input makes and
 * fan-out, repair and key-frame start read. Entries in index order, holes
 * included; payload bytes lie contiguous in a byte ring. Old packets fall out when
 * either runs full. No allocation after init.
 *
 * One writer, the stream's worker. Other workers read by reference, never by a
 * copy, and through stream/audience.h alone: each says in one word what it may
 * still read in its turn (`readers`), and what is held is not overwritten. Why that
 * is enough: plain_ring.c, reclaim().
 */
#ifndef DATAPLANE_STREAM_PLAIN_RING_H
#define DATAPLANE_STREAM_PLAIN_RING_H

#include "dataplane/api/abi.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAIN_MARKER 0x1u      /* the RTP marker bit */
#define PLAIN_KEYFRAME 0x2u    /* first packet from which a decoder can start */
#define PLAIN_FRAME_START 0x4u /* first packet of a frame (video) */
#define PLAIN_HOLE 0x8u        /* the source lost it: an index without a packet */

#define PLAIN_GAP_MAX 64       /* holes for one loss, however long it was */
#define PLAIN_PAYLOAD_MAX 2048 /* [bytes] of one packet */

struct plain_packet {
	uint64_t index;      /* 48 bits, assigned once, rising by 1 */
	uint64_t arrival_ns; /* CLOCK_MONOTONIC, of the source packet */
	uint64_t offset;     /* free-running position in the byte ring */
	uint32_t timestamp;  /* output RTP time, RTP ticks */
	uint16_t len;        /* [bytes] of payload */
	/* PLAIN_*; KEYFRAME may come when the packet is read already */
	_Atomic uint16_t flags;
};

struct plain_ring {
	/* constant after init */
	struct plain_packet *packets; /* owned, `capacity` entries */
	uint8_t *bytes;               /* owned, byte_capacity, 64-byte aligned */
	uint32_t capacity;            /* packets, power of two */
	uint32_t byte_capacity;       /* power of two */

	/* the stream's worker writes, all that have viewers of it read */
	_Atomic uint64_t next;     /* index that the next packet gets */
	_Atomic uint64_t oldest;   /* index of the oldest one to be read; == next: empty */
	_Atomic uint64_t keyframe; /* index of the newest PLAIN_KEYFRAME packet */
	_Atomic bool has_keyframe; /* ... and it is still kept */

	/* private to the stream's worker */
	uint64_t byte_head;
	uint64_t kept;      /* what is older has been overwritten, or may be by now */
	uint64_t reclaimed; /* what is older nobody reads any more; >= kept, <= oldest */
	uint32_t owed;      /* holes still to be put for packets that found no room */
	uint8_t n_readers;
	const _Atomic uint64_t *readers[MR_WORKERS_MAX]; /* borrowed: oldest index each holds */
};

/* Memory by rte_zmalloc. 0; -EINVAL: no powers of two, or fewer bytes than four of the
 * largest payloads; -ENOMEM. */
int plain_ring_init(struct plain_ring *r, uint32_t packets, uint32_t bytes);
void plain_ring_fini(struct plain_ring *r); /* wipes: pictures are nobody's business */

/* ---- the stream's worker ---- */

/* Room for one payload of at most `len` bytes, contiguous; drops the oldest packets
 * as needed. Valid until the next call. NULL: longer than PLAIN_PAYLOAD_MAX; or another
 * worker still reads what would have to go: a hole follows once there is room. */
uint8_t *plain_ring_reserve(struct plain_ring *r, uint16_t len);
/* Makes what was reserved the next packet; returns its index. */
uint64_t plain_ring_commit(struct plain_ring *r, uint16_t len, uint32_t timestamp, uint16_t flags,
	uint64_t arrival_ns);

/* A packet put before turns out to begin a key frame. */
void plain_ring_mark_keyframe(struct plain_ring *r, uint64_t index);
/* The source lost `n` packets: viewers see a gap of as many numbers. At most
 * PLAIN_GAP_MAX are left out. */
void plain_ring_skip(struct plain_ring *r, uint64_t n, uint64_t arrival_ns);

/* Other workers that read: `holding` is theirs to write (audience.h). Before the first
 * read, and after the last. -ENOSPC. */
int plain_ring_add_reader(struct plain_ring *r, const _Atomic uint64_t *holding);
void plain_ring_del_reader(struct plain_ring *r, const _Atomic uint64_t *holding);

/* NULL when it is not kept (any more, or yet). Others: audience_packet(). */
const struct plain_packet *plain_ring_get(const struct plain_ring *r, uint64_t index);

/* ---- any worker, within its window (audience.h) ---- */

const uint8_t *plain_ring_payload(const struct plain_ring *r, const struct plain_packet *p);

#endif
