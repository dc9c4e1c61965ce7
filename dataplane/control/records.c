/* SPDX-License-Identifier: BSD-3-Clause */
/* Adoption records: see records.h. The data plane's main thread. A hash table
 * whose entries never move, so that a cursor outlives changes. */
#include "dataplane/control/records.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define COUNT_LIMIT (1u << 24)

struct entry {
	bool used;
	uint32_t kind;
	uint32_t id;
	uint32_t len;  /* [bytes] */
	uint32_t next; /* in the bucket's chain, or in the free list */
	uint8_t *data; /* owned */
};

struct records {
	uint32_t count;
	uint32_t count_max;
	size_t bytes;
	size_t bytes_max;
	uint32_t free;         /* first free entry */
	uint32_t high;         /* entries below were used at some time */
	uint32_t mask;         /* buckets - 1 */
	uint32_t *buckets;     /* owned */
	struct entry *entries; /* owned */
};

struct records *records_create(uint32_t count_max, size_t bytes_max)
{
	struct records *r;
	uint32_t buckets = 16;

	if (count_max == 0 || count_max > COUNT_LIMIT)
		return NULL;
	while (buckets < count_max)
		buckets *= 2;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->buckets = malloc(buckets * sizeof(*r->buckets));
	r->entries = calloc(count_max, sizeof(*r->entries));
	if (!r->buckets || !r->entries) {
		free(r->buckets);
		free(r->entries);
		free(r);
		return NULL;
	}
	memset(r->buckets, 0xff, buckets * sizeof(*r->buckets));
	r->mask = buckets - 1;
	r->count_max = count_max;
	r->bytes_max = bytes_max;
	r->free = NONE;
	return r;
}

static void data_free(uint8_t *data, uint32_t len)
{
	if (!data)
		return;
	explicit_bzero(data, len);
	free(data);
}

void records_destroy(struct records *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->high; i++)
		if (r->entries[i].used)
			data_free(r->entries[i].data, r->entries[i].len);
	free(r->buckets);
	free(r->entries);
	free(r);
}

/* The link that holds the index of (kind, id), or the one where its chain ends. */
static uint32_t *link_find(const struct records *r, uint32_t kind, uint32_t id)
{
	uint32_t hash = (id * 4 + kind) * 0x9e3779b1u;
	uint32_t *link = &r->buckets[(hash >> 8) & r->mask];

	while (*link != NONE) {
		struct entry *e = &r->entries[*link];

		if (e->kind == kind && e->id == id)
			break;
		link = &e->next;
	}
	return link;
}

static uint32_t entry_take(struct records *r)
{
	uint32_t i = r->free;

	if (i != NONE)
		r->free = r->entries[i].next;
	else
		i = r->high++;
	r->count++;
	return i;
}

int records_put(struct records *r, uint32_t kind, uint32_t id, const void *data, size_t len)
{
	uint32_t *link;
	struct entry *e = NULL;
	uint8_t *copy = NULL;
	size_t before = 0;

	if (kind > MR_RECORD_VIEWER || (kind == MR_RECORD_GLOBAL && id != 0) || len > MR_RECORD_MAX)
		return -EINVAL;
	link = link_find(r, kind, id);
	if (*link != NONE) {
		e = &r->entries[*link];
		before = e->len;
	} else if (r->count == r->count_max) {
		return -ENOSPC;
	}
	if (r->bytes - before + len > r->bytes_max)
		return -ENOSPC;
	if (len > 0) {
		copy = malloc(len);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, data, len);
	}
	if (e) {
		data_free(e->data, e->len);
	} else {
		*link = entry_take(r);
		e = &r->entries[*link];
		e->used = true;
		e->kind = kind;
		e->id = id;
		e->next = NONE;
	}
	e->data = copy;
	e->len = (uint32_t)len;
	r->bytes = r->bytes - before + len;
	return 0;
}

static void entry_show(const struct entry *e, struct record *out)
{
	out->kind = e->kind;
	out->id = e->id;
	out->len = e->len;
	out->data = e->data;
}

int records_get(const struct records *r, uint32_t kind, uint32_t id, struct record *out)
{
	uint32_t i = *link_find(r, kind, id);

	if (i == NONE)
		return -ENOENT;
	entry_show(&r->entries[i], out);
	return 0;
}

int records_del(struct records *r, uint32_t kind, uint32_t id)
{
	uint32_t *link = link_find(r, kind, id);
	uint32_t i = *link;
	struct entry *e;

	if (i == NONE)
		return -ENOENT;
	e = &r->entries[i];
	*link = e->next;
	r->bytes -= e->len;
	r->count--;
	data_free(e->data, e->len);
	*e = (struct entry){.next = r->free};
	r->free = i;
	return 0;
}

int records_next(const struct records *r, uint32_t *cursor, struct record *out)
{
	while (*cursor < r->high) {
		const struct entry *e = &r->entries[(*cursor)++];

		if (e->used) {
			entry_show(e, out);
			return 1;
		}
	}
	return 0;
}

uint32_t records_count(const struct records *r)
{
	return r->count;
}

size_t records_bytes(const struct records *r)
{
	return r->bytes;
}
