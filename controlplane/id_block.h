/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ids that are never used twice with one data plane, also by a control plane that
 * is started later. Streams and next hops have no record of their own, so the mark
 * below which ids may be in use is kept in the global record, a block ahead. Pure.
 */
#ifndef CONTROLPLANE_ID_BLOCK_H
#define CONTROLPLANE_ID_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_BLOCK 4096u      /* ids reserved at once */
#define ID_BLOCK_RECORD 64u /* bytes */

struct id_block {
	uint32_t next;
	uint32_t reserved; /* ids below are reserved in the global record */
};

void id_block_init(struct id_block *b);
/* The data plane has an object of this id. */
void id_block_see(struct id_block *b, uint32_t id);
/* What a global record says; one that cannot be read says nothing. */
void id_block_see_record(struct id_block *b, const void *data, size_t len);
uint32_t id_block_new(struct id_block *b);
/* True: more must be reserved, and `text` of `*len` bytes is the record that does so. */
bool id_block_reserve(struct id_block *b, char text[ID_BLOCK_RECORD], size_t *len);

#endif
