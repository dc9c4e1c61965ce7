/* SPDX-License-Identifier: BSD-3-Clause */
/* See tables.h. Main thread. */
#include "dataplane/control/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Every entry starts so. */
struct entry {
	uint32_t id;
	uint32_t slot;
};

/* Entries stay where they are; an open-addressed index of slots finds them. */
struct table {
	uint32_t capacity;
	uint32_t count;
	uint32_t stride; /* [bytes] */
	uint32_t index_mask;
	uint32_t *index;      /* slot + 1; 0: empty */
	uint32_t *free_slots; /* the last `capacity - count` of them */
	uint8_t *entries;
};

static struct entry *entry_at(const struct table *t, uint32_t slot)
{
	return (struct entry *)(void *)(t->entries + (size_t)slot * t->stride);
}

static uint32_t hash(uint32_t id)
{
	return (id * 2654435761u) ^ (id >> 15);
}

static void table_destroy(struct table *t)
{
	if (t == NULL)
		return;
	free(t->index);
	free(t->free_slots);
	free(t->entries);
	free(t);
}

static struct table *table_create(uint32_t capacity, uint32_t stride)
{
	struct table *t = calloc(1, sizeof(*t));
	uint32_t size = 16;

	if (t == NULL)
		return NULL;
	while (size < capacity * 2)
		size *= 2;
	t->capacity = capacity;
	t->stride = stride;
	t->index_mask = size - 1;
	t->index = calloc(size, sizeof(t->index[0]));
	t->free_slots = calloc(capacity, sizeof(t->free_slots[0]));
	t->entries = calloc(capacity, stride);
	if (t->index == NULL || t->free_slots == NULL || t->entries == NULL) {
		table_destroy(t);
		return NULL;
	}
	for (uint32_t i = 0; i < capacity; i++)
		t->free_slots[i] = i;
	return t;
}

/* The index position that holds `id`, or the empty one that ends its run. */
static uint32_t position_of(const struct table *t, uint32_t id)
{
	uint32_t at = hash(id) & t->index_mask;

	while (t->index[at] != 0 && entry_at(t, t->index[at] - 1)->id != id)
		at = (at + 1) & t->index_mask;
	return at;
}

void *table_find(const struct table *t, uint32_t id)
{
	uint32_t at = position_of(t, id);

	return id == 0 || t->index[at] == 0 ? NULL : entry_at(t, t->index[at] - 1);
}

void *table_add(struct table *t, uint32_t id)
{
	uint32_t at = position_of(t, id);

	if (id == 0 || t->index[at] != 0) {
		errno = id == 0 ? EINVAL : EEXIST;
		return NULL;
	}
	if (t->count == t->capacity) {
		errno = ENOSPC;
		return NULL;
	}
	uint32_t slot = t->free_slots[t->count++];
	struct entry *e = entry_at(t, slot);
	memset(e, 0, t->stride);
	e->id = id;
	e->slot = slot;
	t->index[at] = slot + 1;
	return e;
}

void table_del(struct table *t, uint32_t id)
{
	uint32_t hole = position_of(t, id);

	if (id == 0 || t->index[hole] == 0)
		return;
	struct entry *e = entry_at(t, t->index[hole] - 1);
	t->free_slots[--t->count] = e->slot;
	memset(e, 0, t->stride);
	t->index[hole] = 0;
	/* Close the gap in the run (Knuth 6.4, algorithm R). */
	for (uint32_t at = (hole + 1) & t->index_mask; t->index[at] != 0;
		at = (at + 1) & t->index_mask) {
		uint32_t home = hash(entry_at(t, t->index[at] - 1)->id) & t->index_mask;
		if (((at - home) & t->index_mask) >= ((at - hole) & t->index_mask)) {
			t->index[hole] = t->index[at];
			t->index[at] = 0;
			hole = at;
		}
	}
}

uint32_t table_count(const struct table *t)
{
	return t->count;
}

uint32_t table_capacity(const struct table *t)
{
	return t->capacity;
}

void *table_at(const struct table *t, uint32_t slot)
{
	struct entry *e;

	if (slot >= t->capacity)
		return NULL;
	e = entry_at(t, slot);
	return e->id == 0 ? NULL : e;
}

struct path_entry *tables_path_by_name(const struct tables *t, const char *name)
{
	for (uint32_t i = 0; i < table_capacity(t->paths); i++) {
		struct path_entry *p = table_at(t->paths, i);
		if (p != NULL && strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

int tables_init(
	struct tables *t, uint32_t paths, uint32_t streams, uint32_t viewers, uint32_t nexthops)
{
	t->paths = table_create(paths, sizeof(struct path_entry));
	t->streams = table_create(streams, sizeof(struct stream_entry));
	t->viewers = table_create(viewers, sizeof(struct viewer_entry));
	t->nexthops = table_create(nexthops, sizeof(struct nexthop_entry));
	if (t->paths == NULL || t->streams == NULL || t->viewers == NULL || t->nexthops == NULL) {
		tables_fini(t);
		return -ENOMEM;
	}
	return 0;
}

void tables_fini(struct tables *t)
{
	table_destroy(t->paths);
	table_destroy(t->streams);
	table_destroy(t->viewers);
	table_destroy(t->nexthops);
	memset(t, 0, sizeof(*t));
}
