/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What runs: paths, streams, viewers and next hops by their ids, as the main
 * thread knows them. The worker's view of the same objects is its own; both
 * meet in orders (order.h) only. Main thread.
 */
#ifndef DATAPLANE_CONTROL_TABLES_H
#define DATAPLANE_CONTROL_TABLES_H

#include "dataplane/api/command.h"
#include "dataplane/api/stats.h"
#include "dataplane/stream/clock.h"
#include "dataplane/viewer/viewer.h"

#include <stdbool.h>
#include <stdint.h>

struct audience;
struct stream;

/* Every entry lies in an array of its kind; `slot` is also its place in the
 * statistics. id 0: free. */
struct path_entry {
	uint32_t id;
	uint32_t slot;
	uint32_t n_streams;
	uint8_t worker; /* of all its streams; viewers: audiences.c */
	char name[MR_NAME_MAX];
	struct clock_path *clock; /* owned */
};

/* A stream's viewers at one worker. */
struct audience_entry {
	struct audience *audience; /* owned; the stream's own worker's lies in the stream */
	uint32_t n_tracks;         /* viewers' tracks that were told to join */
	uint32_t capacity;         /* room for them */
};

struct stream_entry {
	uint32_t id;
	uint32_t slot;
	uint32_t path_id;
	uint8_t kind;
	struct stream *stream;      /* owned; NULL: only shown */
	struct mr_stream_bind bind; /* in force */
	struct audience_entry at[MR_WORKERS_MAX];
};

struct viewer_entry {
	uint32_t id;
	uint32_t slot;
	uint32_t path_id;
	uint32_t nexthop_id;
	uint32_t stream_id[MR_VIEWER_TRACKS]; /* 0: none */
	uint8_t fixed_kind;    /* fixed sessions: enum mr_media_kind of the one track */
	bool linked;           /* a worker has it */
	bool routed;           /* a next hop was given */
	struct viewer *viewer; /* owned */
	struct mr_endpoint local;
	struct mr_endpoint remote;
	char *fixed_path; /* owned; NULL: not a fixed session's */
};

struct nexthop_entry {
	uint32_t id;
	uint32_t slot;
	uint32_t users; /* viewers */
	struct nexthop nexthop;
};

struct table; /* one kind */

struct tables {
	struct table *paths;
	struct table *streams;
	struct table *viewers;
	struct table *nexthops;
};

int tables_init(struct tables *t, uint32_t paths, uint32_t streams, uint32_t viewers,
	uint32_t nexthops);         /* 0, -ENOMEM */
void tables_fini(struct tables *t); /* the entries' own things have been freed */

/* Zeroed but for id and slot. NULL: the id is in use, or there is no room; errno says. */
void *table_add(struct table *t, uint32_t id);
void table_del(struct table *t, uint32_t id);
void *table_find(const struct table *t, uint32_t id); /* NULL: none */
uint32_t table_count(const struct table *t);
uint32_t table_capacity(const struct table *t);
/* By slot, for walks: NULL when the slot is free. */
void *table_at(const struct table *t, uint32_t slot);

struct path_entry *tables_path_by_name(const struct tables *t, const char *name);

#endif
