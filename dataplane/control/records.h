/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Adoption records: what the control plane wants to find again after a restart,
 * one per path and per viewer and a global one. Opaque here: bytes in, bytes
 * out. They may hold ICE credentials, so what is replaced or removed is wiped.
 *
 * Bounded in number and bytes. The data plane's main thread. libc only.
 */
#ifndef DATAPLANE_CONTROL_RECORDS_H
#define DATAPLANE_CONTROL_RECORDS_H

#include "dataplane/api/command.h"

#include <stddef.h>
#include <stdint.h>

struct records;

struct record {
	uint32_t kind; /* enum mr_record_kind */
	uint32_t id;
	uint32_t len;        /* [bytes] 0 to MR_RECORD_MAX */
	const uint8_t *data; /* borrowed, until the next put or del; NULL if len is 0 */
};

/* NULL: no memory. `count_max` from 1 to 1 << 24. */
struct records *records_create(uint32_t count_max, size_t bytes_max);
void records_destroy(struct records *r); /* NULL is fine */

/* Adds or replaces. 0; -EINVAL: unknown kind or too long; -ENOSPC: a bound is
 * reached; -ENOMEM. On failure the former record stays. */
int records_put(struct records *r, uint32_t kind, uint32_t id, const void *data, size_t len);
/* 0 or -ENOENT. */
int records_get(const struct records *r, uint32_t kind, uint32_t id, struct record *out);
int records_del(struct records *r, uint32_t kind, uint32_t id);

/* Iterates: `cursor` starts at 0; 1: `out` is the next one; 0: no more. Adding
 * and removing in between is allowed; those that stay are given exactly once. */
int records_next(const struct records *r, uint32_t *cursor, struct record *out);

uint32_t records_count(const struct records *r);
size_t records_bytes(const struct records *r);

#endif
