/* SPDX-License-Identifier: BSD-3-Clause */
/* Samples of the statistics region. Main thread. */
#include "apps/millrace/samples.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What every entry begins with. */
struct entry_head {
	uint32_t sequence;
	uint32_t id;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void table_fini(struct sample_table *t)
{
	free(t->entries);
	free(t->slots);
	memset(t, 0, sizeof(*t));
}

static uint32_t entry_id(const void *entry)
{
	return ((const struct entry_head *)entry)->id;
}

/* How many entries are in use, for the size of the copy; more may follow. */
static uint32_t count_used(const struct mr_stats_view *view, const struct mr_stats_array *a)
{
	const void *entry;
	uint32_t n = 0;

	for (uint32_t i = 0; (entry = mr_stats_entry(view, a, i)) != NULL; i++)
		n += __atomic_load_n(&((const struct entry_head *)entry)->id, __ATOMIC_RELAXED) !=
		     0;
	return n;
}

static int table_take(struct sample_table *t, const struct mr_stats_view *view,
	const struct mr_stats_array *a, size_t stride)
{
	uint32_t room = count_used(view, a) + 16;
	const void *entry;

	t->stride = stride;
	/* Entries are aligned to cache lines. */
	t->entries = aligned_alloc(64, (room * stride + 63) / 64 * 64);
	t->slots = calloc(room, sizeof(*t->slots));
	if (t->entries == NULL || t->slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; t->count < room && (entry = mr_stats_entry(view, a, i)) != NULL; i++) {
		uint8_t *copy = t->entries + t->count * stride;

		if (__atomic_load_n(&((const struct entry_head *)entry)->id, __ATOMIC_RELAXED) == 0)
			continue;
		if (mr_stats_read(view, a, i, copy, stride) != 0 || entry_id(copy) == 0)
			continue;
		t->slots[t->count++] = i;
	}
	return 0;
}

int sample_take(struct sample *s, const struct mr_stats_view *view)
{
	const struct mr_stats *r = view->stats;
	int rc;

	memset(s, 0, sizeof(*s));
	s->at_ns = now_ns(CLOCK_MONOTONIC);
	s->clock_ns = now_ns(CLOCK_REALTIME);
	memcpy(&s->head, r, sizeof(s->head));
	s->head.release[sizeof(s->head.release) - 1] = 0;
	s->head.crypto[sizeof(s->head.crypto) - 1] = 0;
	if (s->head.drop_count > MR_STATS_DROPS)
		s->head.drop_count = MR_STATS_DROPS;
	rc = table_take(&s->ports, view, &r->ports, sizeof(struct mr_stats_port));
	if (rc == 0)
		rc = table_take(&s->workers, view, &r->workers, sizeof(struct mr_stats_worker));
	if (rc == 0)
		rc = table_take(&s->paths, view, &r->paths, sizeof(struct mr_stats_path));
	if (rc == 0)
		rc = table_take(&s->streams, view, &r->streams, sizeof(struct mr_stats_stream));
	if (rc == 0)
		rc = table_take(&s->viewers, view, &r->viewers, sizeof(struct mr_stats_viewer));
	if (rc != 0)
		sample_fini(s);
	return rc;
}

void sample_fini(struct sample *s)
{
	table_fini(&s->ports);
	table_fini(&s->workers);
	table_fini(&s->paths);
	table_fini(&s->streams);
	table_fini(&s->viewers);
}

const void *sample_peer(
	const struct sample_table *now, uint32_t i, const struct sample_table *before)
{
	uint32_t slot = now->slots[i], low = 0, high = before->count;
	const void *entry;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (before->slots[middle] < slot)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == before->count || before->slots[low] != slot)
		return NULL;
	entry = sample_entry(before, low);
	return entry_id(entry) == entry_id(sample_entry(now, i)) ? entry : NULL;
}

uint64_t sample_silence_ns(const struct sample *s)
{
	uint64_t alive = s->head.alive_ns;

	return s->at_ns > alive ? s->at_ns - alive : 0;
}

static const void *find_id(const struct sample_table *t, uint32_t id)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (entry_id(sample_entry(t, i)) == id)
			return sample_entry(t, i);
	return NULL;
}

const struct mr_stats_path *sample_path(const struct sample *s, uint32_t id)
{
	return find_id(&s->paths, id);
}

const struct mr_stats_stream *sample_stream(const struct sample *s, uint32_t id)
{
	return find_id(&s->streams, id);
}

double frame_rate(const struct frame *f, uint64_t now, const _Atomic uint64_t *before)
{
	if (before == NULL || f->seconds <= 0)
		return NAN;
	return now >= *before ? (double)(now - *before) / f->seconds : 0;
}
