/* SPDX-License-Identifier: BSD-3-Clause */
/* Ids and their reservation: see id_block.h. Any thread. */
#include "controlplane/id_block.h"

#include "dataplane/api/abi.h"

#include <stdio.h>

void id_block_init(struct id_block *b)
{
	b->next = 1;
	b->reserved = 0;
}

void id_block_see(struct id_block *b, uint32_t id)
{
	if (id < MR_VIEWER_FIXED_BASE && id >= b->next)
		b->next = id + 1;
}

void id_block_see_record(struct id_block *b, const void *data, size_t len)
{
	char text[ID_BLOCK_RECORD];
	unsigned int version, next;

	snprintf(text, sizeof(text), "%.*s", (int)(len < sizeof(text) ? len : sizeof(text) - 1),
		(const char *)data);
	if (sscanf(text, "{\"version\":%u,\"nextId\":%u}", &version, &next) == 2 && version == 1 &&
		next > 0)
		id_block_see(b, next - 1);
}

uint32_t id_block_new(struct id_block *b)
{
	return b->next++;
}

bool id_block_reserve(struct id_block *b, char text[ID_BLOCK_RECORD], size_t *len)
{
	if (b->next + ID_BLOCK / 2 < b->reserved)
		return false;
	b->reserved = b->next + ID_BLOCK;
	*len = (size_t)snprintf(
		text, ID_BLOCK_RECORD, "{\"version\":1,\"nextId\":%u}", b->reserved);
	return true;
}
