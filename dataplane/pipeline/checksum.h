/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum, RFC 1071. Sums are over 16-bit words as they lie in
 * memory, so they need no byte swapping (RFC 1071 2 (B)). Pure; any thread.
 */
#ifndef DATAPLANE_PIPELINE_CHECKSUM_H
#define DATAPLANE_PIPELINE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Folds carries in: at most 16 bits are left. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffffu) + (sum >> 16);
	sum = (sum & 0xffffu) + (sum >> 16);
	sum = (sum & 0xffffu) + (sum >> 16);
	return (uint16_t)sum;
}

/*
 * Adds `len` bytes (at most 64 KiB) to `sum`, which must be below 2^48. An odd
 * last byte counts as if a zero followed, so only the last piece may be odd.
 */
static inline uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t low = 0, high = 0;
	uint32_t word = 0;
	uint16_t half = 0;

	for (; len >= 16; p += 16, len -= 16) {
		uint64_t a, b;

		memcpy(&a, p, 8);
		memcpy(&b, p + 8, 8);
		low += (a & 0xffffffffu) + (b & 0xffffffffu);
		high += (a >> 32) + (b >> 32);
	}
	if (len >= 8) {
		uint64_t a;

		memcpy(&a, p, 8);
		low += a & 0xffffffffu;
		high += a >> 32;
		p += 8;
		len -= 8;
	}
	if (len & 4) {
		memcpy(&word, p, 4);
		low += word;
		p += 4;
	}
	if (len & 2) {
		memcpy(&half, p, 2);
		low += half;
		p += 2;
	}
	if (len & 1) {
		half = 0;
		memcpy(&half, p, 1);
		low += half;
	}
	return sum + low + high;
}

#endif
