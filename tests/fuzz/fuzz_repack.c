/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer target: any bytes as the payloads of a source, through re-splitting
 * into the plaintext ring. DPDK's allocator is the C library's here, so that
 * AddressSanitizer sees the ring's edges.
 *
 * Input: codec, packet size, parameter sets (16-bit length), then packets: 16-bit
 * length, a byte of marker and timestamp step, payload.
 */
#include "dataplane/stream/repack.h"

#include <rte_malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void *rte_zmalloc(const char *type, size_t size, unsigned int align)
{
	void *p = aligned_alloc(64, RTE_ALIGN_CEIL(size, 64u));

	if (p != NULL)
		memset(p, 0, size);
	return p;
}

void rte_free(void *p)
{
	free(p);
}

struct input {
	const uint8_t *p;
	size_t left;
};

static uint8_t take_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

/* Exactly as long as it says, in memory of its own. */
static uint8_t *take_bytes(struct input *in, uint32_t *len)
{
	uint32_t n = (uint32_t)take_byte(in) << 8;
	uint8_t *copy;

	n |= take_byte(in);
	if (n > in->left)
		n = (uint32_t)in->left;
	copy = malloc(n == 0 ? 1 : n);
	if (copy == NULL)
		abort();
	memcpy(copy, in->p, n);
	in->p += n;
	in->left -= n;
	*len = n;
	return copy;
}

static void expect(int truth)
{
	if (!truth)
		abort();
}

/* What came into the ring since `from` obeys its contract. */
static void check(const struct plain_ring *ring, uint64_t from, uint16_t max_payload,
	const struct repack_figures *figures)
{
	uint32_t packets = 0;
	uint32_t bytes = 0;

	for (uint64_t i = from; i < ring->next; i++) {
		const struct plain_packet *p = plain_ring_get(ring, i);

		if (p == NULL)
			return; /* overwritten: a payload larger than the ring */
		expect(p->index == i && p->len <= max_payload);
		expect((p->len == 0) == ((p->flags & PLAIN_HOLE) != 0));
		expect(plain_ring_payload(ring, p) + p->len <= ring->bytes + ring->byte_capacity);
		packets += p->len > 0;
		bytes += p->len;
	}
	expect(packets == figures->packets && bytes == figures->bytes);
	expect(!ring->has_keyframe || plain_ring_get(ring, ring->keyframe) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t limits[] = {REPACK_PAYLOAD_MIN, 1200, 1404, PLAIN_PAYLOAD_MAX};
	struct input in = {.p = data, .left = size};
	uint8_t codec = (uint8_t)(1 + take_byte(&in) % MR_CODEC_PCMA);
	uint16_t max_payload = limits[take_byte(&in) % 4];
	struct repack *r = repack_create(codec, max_payload);
	struct plain_ring ring;
	uint32_t timestamp = 0;
	uint32_t len;
	uint8_t *sets = take_bytes(&in, &len);

	expect(r != NULL && plain_ring_init(&ring, 128, 1u << 17) == 0);
	repack_reset(r, sets, len > MR_PARAMETER_SETS ? 0 : (uint16_t)len);
	free(sets);
	while (in.left >= 3) {
		struct repack_figures figures = {0};
		uint64_t before = ring.next;
		uint8_t how = take_byte(&in);
		uint8_t *payload = take_bytes(&in, &len);
		struct repack_input packet = {.payload = payload, .len = len, .marker = how & 1};

		timestamp += how >> 1;
		packet.timestamp = timestamp;
		if (len > 0) {
			int rc = repack_packet(r, &ring, &packet, &figures);

			expect(rc == 0 || figures.packets == 0);
			expect(rc != 0 || figures.packets > 0);
			check(&ring, before, max_payload, &figures);
		}
		free(payload);
	}
	repack_destroy(r);
	plain_ring_fini(&ring);
	return 0;
}
