/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Adoption records as bytes: numbers in the host's order (who reads them runs on
 * the same host), texts and blocks with a 16-bit length in front. Pure; any thread.
 *
 * A writer that runs out of room and a reader that runs out of bytes, or finds what
 * is not allowed, remember it: one check at the end is enough. What a reader gives
 * after that is zero.
 */
#ifndef CONTROLPLANE_PACK_H
#define CONTROLPLANE_PACK_H

#include "dataplane/api/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packer {
	uint8_t *bytes; /* borrowed */
	size_t size;
	size_t len; /* written so far */
	bool full;  /* something did not fit */
};

void pack_raw(struct packer *p, const void *data, size_t len);
void pack_u8(struct packer *p, uint8_t value);
void pack_u16(struct packer *p, uint16_t value);
void pack_u32(struct packer *p, uint32_t value);
/* `len` at most 65535, else the packer is full. */
void pack_block(struct packer *p, const void *data, size_t len);
void pack_text(struct packer *p, const char *text); /* NULL: as "" */
void pack_endpoint(struct packer *p, const struct mr_endpoint *e);

struct unpacker {
	const uint8_t *at; /* borrowed */
	size_t left;
	bool bad;
};

void unpack_raw(struct unpacker *u, void *out, size_t len);
uint8_t unpack_u8(struct unpacker *u);
uint16_t unpack_u16(struct unpacker *u);
uint32_t unpack_u32(struct unpacker *u);
/* A number that may be at most `max`. */
uint32_t unpack_u32_max(struct unpacker *u, uint32_t max);
bool unpack_bool(struct unpacker *u);
/* Returns the length, at most `size`. */
uint16_t unpack_block(struct unpacker *u, void *out, size_t size);
/* Printable, without control characters, ended by 0 within `size`. */
void unpack_text(struct unpacker *u, char *out, size_t size);
void unpack_endpoint(struct unpacker *u, struct mr_endpoint *e);

/* All was read, and nothing was bad. */
bool unpack_done(const struct unpacker *u);

#endif
