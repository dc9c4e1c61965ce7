/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of dataplane/api/stats.c and drops.c. */
#include "dataplane/api/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static const struct mr_stats_geometry geometry = {
	.ports = 2, .workers = 3, .paths = 4, .streams = 5, .viewers = 6};

static void test_layout(void **state)
{
	struct mr_stats_view v;
	struct mr_stats *s;
	int fd;

	assert_int_equal(mr_stats_create(&geometry, &s, &fd), 0);
	assert_int_equal(mr_stats_map(&v, fd), 0);
	assert_int_equal(v.size, s->size);
	assert_int_equal(v.stats->drop_count, MR_DROP_COUNT);

	const struct {
		const struct mr_stats_array *array;
		uint32_t count;
		size_t size;
	} arrays[] = {
		{&v.stats->ports, 2, sizeof(struct mr_stats_port)},
		{&v.stats->workers, 3, sizeof(struct mr_stats_worker)},
		{&v.stats->paths, 4, sizeof(struct mr_stats_path)},
		{&v.stats->streams, 5, sizeof(struct mr_stats_stream)},
		{&v.stats->viewers, 6, sizeof(struct mr_stats_viewer)},
	};
	const uint8_t *end = (const uint8_t *)(v.stats + 1);

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		const struct mr_stats_array *a = arrays[i].array;

		assert_int_equal(a->count, arrays[i].count);
		for (uint32_t k = 0; k < a->count; k++) {
			const uint8_t *entry = mr_stats_entry(&v, a, k);

			assert_true(entry >= end); /* none overlaps its predecessor */
			end = entry + arrays[i].size;
		}
		assert_true(end <= (const uint8_t *)v.stats + v.size);
		assert_null(mr_stats_entry(&v, a, a->count));
		assert_null(mr_stats_entry(&v, a, UINT32_MAX));
	}
	mr_stats_close(&v);
	mr_stats_destroy(s);
	close(fd);
}

static void test_nobody_else_writes(void **state)
{
	struct mr_stats *s;
	int fd;

	assert_int_equal(mr_stats_create(&geometry, &s, &fd), 0);
	assert_ptr_equal(
		mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	mr_count(&s->commands, 3); /* but we do */
	assert_int_equal(s->commands, 3);
	mr_stats_destroy(s);
	close(fd);
}

/* A region made by somebody who does not keep to the contract. */
static void test_map_refuses(void **state)
{
	static const struct {
		size_t offset; /* of a 32-bit word in struct mr_stats, or SIZE_MAX */
		uint32_t value;
		int result;
		const char *why;
	} cases[] = {
		{SIZE_MAX, 0, 0, "as it should be"},
		{offsetof(struct mr_stats, magic), 1, -EPROTO, "no magic"},
		{offsetof(struct mr_stats, version), MR_STATS_VERSION + 1, -EPROTONOSUPPORT,
			"another version"},
		{offsetof(struct mr_stats, size), 100, -EPROTO, "another size"},
		{offsetof(struct mr_stats, drop_count), MR_STATS_DROPS + 1, -EPROTO, "reasons"},
		{offsetof(struct mr_stats, viewers.count), 7, -EPROTO, "one beyond the end"},
		{offsetof(struct mr_stats, viewers.count), UINT32_MAX, -EPROTO, "far beyond"},
		{offsetof(struct mr_stats, viewers.offset), 0x7fffffc0, -EPROTO, "outside"},
		{offsetof(struct mr_stats, viewers.offset) + 4, 0xffffffff, -EPROTO, "wraps"},
		{offsetof(struct mr_stats, paths.offset), 3, -EPROTO, "not aligned"},
		{offsetof(struct mr_stats, ports.stride), 4, -EPROTO, "entries without an id"},
		{offsetof(struct mr_stats, ports.stride), 12, -EPROTO, "entries not aligned"},
		{offsetof(struct mr_stats, ports.stride), 8, 0, "an older writer's entries"},
		{offsetof(struct mr_stats, streams.stride), 0, -EPROTO, "entries of nothing"},
	};
	struct mr_stats_view v;
	struct mr_stats *s;
	int good;

	assert_int_equal(mr_stats_create(&geometry, &s, &good), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);

		assert_int_equal(write(fd, s, s->size), s->size);
		if (cases[i].offset != SIZE_MAX)
			assert_int_equal(pwrite(fd, &cases[i].value, 4, (off_t)cases[i].offset), 4);
		assert_int_equal(mr_stats_map(&v, fd), -EPROTO); /* it can shrink */
		assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
		if (mr_stats_map(&v, fd) != cases[i].result)
			fail_msg("%s", cases[i].why);
		assert_true((v.stats != NULL) == (cases[i].result == 0));
		if (cases[i].result == -EPROTONOSUPPORT)
			assert_int_equal(v.version, MR_STATS_VERSION + 1);
		mr_stats_close(&v);
		close(fd);
	}
	mr_stats_destroy(s);
	close(good);
}

/* Releases that know fewer or more counters than this one: theirs are read as far as
 * both know them, and the entry after them where it lies. */
static void test_other_releases(void **state)
{
	static const struct {
		int longer; /* [bytes] */
		uint64_t last;
		const char *why;
	} cases[] = {
		{-64, 0, "a writer that does not know the last counters"},
		{0, 5, "the same release"},
		{64, 5, "a writer that knows more"},
	};
	const size_t ours = sizeof(struct mr_stats_viewer);
	struct mr_stats_viewer copy, theirs = {.id = 7, .path_id = 8};
	struct mr_stats_view v;
	struct mr_stats *s;
	int sealed;

	theirs.alive_ns = 3;
	theirs.track[1].refreshes_refused = 5;
	assert_int_equal(mr_stats_create(&geometry, &s, &sealed), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint32_t stride = (uint32_t)((int)ours + cases[i].longer);
		const off_t second = (off_t)s->viewers.offset + stride;
		int fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);

		assert_int_equal(write(fd, s, s->size), s->size);
		/* what follows the entry is not zero */
		for (off_t at = second; at < second + 2 * (off_t)ours; at += 8)
			assert_int_equal(pwrite(fd, "########", 8, at), 8);
		assert_int_equal(pwrite(fd, &theirs, stride < ours ? stride : ours, second),
			stride < ours ? stride : ours);
		assert_int_equal(
			pwrite(fd, &stride, 4, offsetof(struct mr_stats, viewers.stride)), 4);
		assert_int_equal(
			pwrite(fd, &(uint32_t){4}, 4, offsetof(struct mr_stats, viewers.count)), 4);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
		assert_int_equal(mr_stats_map(&v, fd), 0);
		memset(&copy, 0xff, sizeof(copy));
		assert_int_equal(mr_stats_read(&v, &v.stats->viewers, 1, &copy, sizeof(copy)), 0);
		if (copy.id != 7 || copy.path_id != 8 || copy.alive_ns != 3 ||
			copy.track[1].refreshes_refused != cases[i].last)
			fail_msg("%s", cases[i].why);
		mr_stats_close(&v);
		close(fd);
	}
	mr_stats_destroy(s);
	close(sealed);
}

struct writing {
	struct mr_stats_path *entry;
	_Atomic bool stop;
};

static void *writer(void *arg)
{
	struct writing *w = arg;

	for (uint32_t i = 0; !w->stop; i++) {
		mr_stats_write_begin(&w->entry->sequence);
		w->entry->state = i;
		memset(w->entry->name, (int)('a' + i % 26), sizeof(w->entry->name));
		memset(w->entry->note, (int)('a' + i % 26), sizeof(w->entry->note));
		mr_stats_write_end(&w->entry->sequence);
		for (volatile int k = 0; k < 300; k++) /* descriptions change now and then */
			;
	}
	return NULL;
}

static void test_read_whole(void **state)
{
	struct mr_stats_path copy;
	struct mr_stats_view v;
	struct writing w = {0};
	struct mr_stats *s;
	pthread_t thread;
	unsigned int whole = 0;
	int fd;

	assert_int_equal(mr_stats_create(&geometry, &s, &fd), 0);
	assert_int_equal(mr_stats_map(&v, fd), 0);
	w.entry = (struct mr_stats_path *)((uint8_t *)s + s->paths.offset);
	assert_int_equal(pthread_create(&thread, NULL, writer, &w), 0);
	for (int i = 0; i < 20000; i++) {
		if (mr_stats_read(&v, &v.stats->paths, 0, &copy, sizeof(copy)))
			continue;
		whole++;
		for (size_t k = 0; k < sizeof(copy.name); k++)
			assert_int_equal(copy.name[k], copy.note[0]);
		for (size_t k = 0; k < sizeof(copy.note); k++)
			assert_int_equal(copy.note[k], copy.note[0]);
	}
	w.stop = true;
	pthread_join(thread, NULL);
	assert_true(whole > 1000);
	/* a writer that died half way */
	mr_stats_write_begin(&w.entry->sequence);
	w.entry->sequence |= 1;
	assert_int_equal(mr_stats_read(&v, &v.stats->paths, 0, &copy, sizeof(copy)), -EAGAIN);
	assert_int_equal(mr_stats_read(&v, &v.stats->paths, 4, &copy, sizeof(copy)), -ENOENT);
	mr_stats_close(&v);
	mr_stats_destroy(s);
	close(fd);
}

static void test_drop_names(void **state)
{
	for (unsigned int i = 0; i < MR_DROP_COUNT; i++) {
		assert_true(strlen(mr_drop_name(i)) > 1);
		assert_true(strlen(mr_drop_help(i)) > 1);
		assert_int_equal(strspn(mr_drop_name(i), "abcdefghijklmnopqrstuvwxyz0123456789_"),
			strlen(mr_drop_name(i)));
		for (unsigned int k = 0; k < i; k++)
			assert_string_not_equal(mr_drop_name(i), mr_drop_name(k));
	}
	assert_string_equal(mr_drop_name(MR_DROP_COUNT), "?");
	assert_string_equal(mr_drop_help(UINT32_MAX), "?");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_nobody_else_writes),
		cmocka_unit_test(test_map_refuses),
		cmocka_unit_test(test_other_releases),
		cmocka_unit_test(test_read_whole),
		cmocka_unit_test(test_drop_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
