/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The statistics region: laid out and sealed by the data plane's main thread,
 * read by anybody's.
 */
#include "dataplane/api/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_TRIES 1000

static void array_place(uint64_t *end, struct mr_stats_array *a, uint32_t count, size_t stride)
{
	*end = (*end + MR_CACHE_LINE - 1) & ~(uint64_t)(MR_CACHE_LINE - 1);
	a->offset = *end;
	a->count = count;
	a->stride = (uint32_t)stride;
	*end += (uint64_t)count * stride; /* 32 by 16 bits: cannot wrap */
}

int mr_stats_create(const struct mr_stats_geometry *g, struct mr_stats **stats, int *memfd)
{
	struct mr_stats layout = {.magic = MR_ABI_MAGIC, .version = MR_STATS_VERSION};
	uint64_t size = sizeof(struct mr_stats);
	void *base;
	int fd, err;

	array_place(&size, &layout.ports, g->ports, sizeof(struct mr_stats_port));
	array_place(&size, &layout.workers, g->workers, sizeof(struct mr_stats_worker));
	array_place(&size, &layout.paths, g->paths, sizeof(struct mr_stats_path));
	array_place(&size, &layout.streams, g->streams, sizeof(struct mr_stats_stream));
	array_place(&size, &layout.viewers, g->viewers, sizeof(struct mr_stats_viewer));

	fd = memfd_create("millrace-stats", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) != 0) {
		err = -errno;
		goto err_fd;
	}
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED) {
		err = -errno;
		goto err_fd;
	}
	/* Our mapping is the last writable one there will ever be. */
	if (fcntl(fd, F_ADD_SEALS,
		    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0) {
		err = -errno;
		goto err_map;
	}
	*stats = base;
	(*stats)->magic = layout.magic;
	(*stats)->version = layout.version;
	(*stats)->size = size;
	(*stats)->drop_count = MR_DROP_COUNT;
	(*stats)->ports = layout.ports;
	(*stats)->workers = layout.workers;
	(*stats)->paths = layout.paths;
	(*stats)->streams = layout.streams;
	(*stats)->viewers = layout.viewers;
	*memfd = fd;
	return 0;

err_map:
	munmap(base, size);
err_fd:
	close(fd);
	return err;
}

void mr_stats_destroy(struct mr_stats *stats)
{
	if (stats)
		munmap(stats, stats->size);
}

/* Entries may be longer or shorter than ours, but have `sequence` and `id`. */
static bool array_fits(const struct mr_stats_array *a, size_t size)
{
	return a->stride >= sizeof(uint64_t) && a->stride % sizeof(uint64_t) == 0 &&
	       a->offset % MR_CACHE_LINE == 0 && a->offset <= size &&
	       (uint64_t)a->count * a->stride <= size - a->offset;
}

static int header_check(const struct mr_stats *s, size_t size)
{
	if (s->magic != MR_ABI_MAGIC)
		return -EPROTO;
	if (s->version != MR_STATS_VERSION)
		return -EPROTONOSUPPORT;
	if (s->size != size || s->drop_count > MR_STATS_DROPS || !array_fits(&s->ports, size) ||
		!array_fits(&s->workers, size) || !array_fits(&s->paths, size) ||
		!array_fits(&s->streams, size) || !array_fits(&s->viewers, size))
		return -EPROTO;
	return 0;
}

int mr_stats_map(struct mr_stats_view *v, int memfd)
{
	struct stat st;
	void *base;
	int seals, err;

	*v = (struct mr_stats_view){0};
	seals = fcntl(memfd, F_GET_SEALS);
	if (seals < 0 || fstat(memfd, &st) != 0)
		return errno == EINVAL ? -EPROTO : -errno;
	/* Shrinking it under a reader would end the reader (SIGBUS). */
	if (!(seals & F_SEAL_SHRINK) || st.st_size < (off_t)sizeof(struct mr_stats))
		return -EPROTO;
	base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, memfd, 0);
	if (base == MAP_FAILED)
		return -errno;
	v->version = ((const struct mr_stats *)base)->version;
	err = header_check(base, (size_t)st.st_size);
	if (err) {
		munmap(base, (size_t)st.st_size);
		return err;
	}
	v->stats = base;
	v->size = (size_t)st.st_size;
	return 0;
}

void mr_stats_close(struct mr_stats_view *v)
{
	if (v->stats)
		munmap((void *)(uintptr_t)v->stats, v->size);
	v->stats = NULL;
	v->size = 0;
}

const void *mr_stats_entry(
	const struct mr_stats_view *v, const struct mr_stats_array *a, uint32_t i)
{
	const struct mr_stats_array array = *a; /* it lies in the region: read once */

	if (i >= array.count || array.offset > v->size ||
		((uint64_t)i + 1) * array.stride > v->size - array.offset)
		return NULL;
	return (const uint8_t *)v->stats + array.offset + (uint64_t)i * array.stride;
}

void mr_stats_write_begin(_Atomic uint32_t *sequence)
{
	uint32_t s = atomic_load_explicit(sequence, memory_order_relaxed);

	atomic_store_explicit(sequence, s + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release); /* odd before any field changes */
}

void mr_stats_write_end(_Atomic uint32_t *sequence)
{
	uint32_t s = atomic_load_explicit(sequence, memory_order_relaxed);

	atomic_store_explicit(sequence, s + 1, memory_order_release);
}

/* Word by word: a counter of 64 bits is never seen half. Entries are 8-byte aligned. */
static void words_copy(void *copy, const void *entry, size_t len)
{
	const _Atomic uint64_t *from = entry;
	uint8_t *to = copy;
	uint64_t word;

	for (; len >= sizeof(word); len -= sizeof(word), to += sizeof(word)) {
		word = atomic_load_explicit(from++, memory_order_relaxed);
		memcpy(to, &word, sizeof(word));
	}
	memcpy(to, (const void *)(uintptr_t)from, len);
}

int mr_stats_read(const struct mr_stats_view *v, const struct mr_stats_array *a, uint32_t i,
	void *copy, size_t len)
{
	const struct mr_stats_array array = *a;
	const void *entry = mr_stats_entry(v, &array, i);
	const _Atomic uint32_t *sequence = entry;
	size_t known = len < array.stride ? len : array.stride;

	if (!entry)
		return -ENOENT;
	memset((uint8_t *)copy + known, 0, len - known);
	for (int try = 0; try < READ_TRIES; try++) {
		uint32_t before = atomic_load_explicit(sequence, memory_order_acquire);

		if (!(before & 1)) {
			words_copy(copy, entry, known);
			atomic_thread_fence(memory_order_acquire);
			if (atomic_load_explicit(sequence, memory_order_relaxed) == before)
				return 0;
		}
		sched_yield();
	}
	return -EAGAIN;
}
