/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/control/ssrc_store.c: what was reserved once stays so,
 * over restarts, kills in the middle, cut-off lines and a full disk.
 */
#include "dataplane/control/ssrc_store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define KILLS 30
#define FILE_NAME "fixed-sessions"

static const uint8_t key_a[28] = "the first session's key";
static const uint8_t key_b[28] = "another session's key";

struct place {
	char top[64];       /* ours, made by mkdtemp */
	char directory[80]; /* the state directory, made by the store */
	char file[112];
};

static int place_make(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	strcpy(p->top, "/tmp/mr-ssrc-store-XXXXXX");
	if (mkdtemp(p->top) == NULL) {
		free(p);
		return -1;
	}
	snprintf(p->directory, sizeof(p->directory), "%s/state", p->top);
	snprintf(p->file, sizeof(p->file), "%s/" FILE_NAME, p->directory);
	*state = p;
	return 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	unlink(p->file);
	rmdir(p->directory);
	rmdir(p->top);
	free(p);
	return 0;
}

/* In the place of the C library's, which it calls unless it is to fail. */
static struct {
	unsigned int calls;
	off_t size; /* of the file when it was last called */
	int error;  /* 0: the disk is well */
} sync_seen;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
	struct stat st;

	sync_seen.calls++;
	sync_seen.size = fstat(fd, &st) == 0 ? st.st_size : -1;
	if (sync_seen.error != 0) {
		errno = sync_seen.error;
		return -1;
	}
	return __real_fdatasync(fd);
}

static struct ssrc_store *open_store(const struct place *p)
{
	char error[256] = "";
	struct ssrc_store *s = ssrc_store_open(p->directory, error, sizeof(error));

	if (s == NULL)
		fail_msg("%s", error);
	return s;
}

static int reserve(struct ssrc_store *s, const uint8_t key[28], uint32_t wanted, uint32_t *ssrc)
{
	return ssrc_store_reserve(s, key, 28, wanted, ssrc);
}

static void test_once_per_key(void **state)
{
	struct ssrc_store *s = open_store(*state);
	uint32_t first, second, ssrc;

	assert_int_equal(reserve(s, key_a, 0, &first), 0);
	assert_int_equal(reserve(s, key_a, 0, &second), 0);
	assert_true(first != 0 && second != 0 && first != second);
	assert_int_equal(reserve(s, key_a, first, &ssrc), -EEXIST);
	assert_int_equal(reserve(s, key_b, first, &ssrc), 0); /* another key, other nonces */
	assert_int_equal(ssrc, first);
	assert_int_equal(reserve(s, key_a, 0x1234, &ssrc), 0);
	assert_int_equal(ssrc, 0x1234);
	ssrc_store_close(s);

	s = open_store(*state);
	assert_int_equal(reserve(s, key_a, first, &ssrc), -EEXIST);
	assert_int_equal(reserve(s, key_a, second, &ssrc), -EEXIST);
	assert_int_equal(reserve(s, key_a, 0x1234, &ssrc), -EEXIST);
	assert_int_equal(reserve(s, key_b, first, &ssrc), -EEXIST);
	assert_int_equal(reserve(s, key_b, 0x1234, &ssrc), 0);
	ssrc_store_close(s);
	ssrc_store_close(NULL);
}

static void test_holds_no_key(void **state)
{
	const struct place *p = *state;
	struct ssrc_store *s = open_store(p);
	char text[512];
	struct stat st;
	uint32_t ssrc;
	ssize_t n;
	int fd;

	assert_int_equal(reserve(s, key_a, 0, &ssrc), 0);
	ssrc_store_close(s);
	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	fd = open(p->file, O_RDONLY);
	n = read(fd, text, sizeof(text));
	close(fd);
	assert_true(n > 0);
	assert_null(memmem(text, (size_t)n, key_a, 8));
}

static void test_one_at_a_time(void **state)
{
	const struct place *p = *state;
	struct ssrc_store *s = open_store(p);
	char error[256] = "";

	assert_null(ssrc_store_open(p->directory, error, sizeof(error)));
	assert_non_null(strstr(error, "another data plane"));
	ssrc_store_close(s);
	ssrc_store_close(open_store(p));
}

static void write_file(const struct place *p, const char *text, size_t len)
{
	int fd;

	mkdir(p->directory, 0700);
	fd = open(p->file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

#define HEAD "millrace fixed-sessions 1\n"
#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TEXT(s) (s), sizeof(s) - 1

static void test_files(void **state)
{
	static const struct {
		const char *why;
		const char *text;
		size_t len;
		bool good;
	} cases[] = {
		{"empty", TEXT(""), true},
		{"only the head", TEXT(HEAD), true},
		{"a head that a crash cut off", TEXT("millrace fi"), true},
		{"a line", TEXT(HEAD DIGEST " 00001234\n"), true},
		{"a line that a crash cut off", TEXT(HEAD DIGEST " 00001234\n" DIGEST " 0000"),
			true},
		{"somebody else's file", TEXT("hello\n"), false},
		{"a later version", TEXT("millrace fixed-sessions 2\n"), false},
		{"a short line", TEXT(HEAD "0123 00001234\n"), false},
		{"upper case", TEXT(HEAD "A" DIGEST " 0000123\n"), false},
		{"an SSRC of nine digits", TEXT(HEAD DIGEST " 000012345\n"), false},
		{"zeros in it", TEXT(HEAD "\0\0\0\0" DIGEST " 1234\n"), false},
		{"a damaged line before good ones",
			TEXT(HEAD DIGEST " 0000123g\n" DIGEST " 00001234\n"), false},
	};
	const struct place *p = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char error[256] = "";
		struct ssrc_store *s;
		uint32_t ssrc;

		write_file(p, cases[i].text, cases[i].len);
		s = ssrc_store_open(p->directory, error, sizeof(error));
		if ((s != NULL) != cases[i].good)
			fail_msg("%s: %s", cases[i].why, error);
		if (s == NULL) {
			assert_non_null(strstr(error, FILE_NAME));
			continue;
		}
		/* What is written next is read again, also behind a cut-off line. */
		assert_int_equal(reserve(s, key_a, 0x77, &ssrc), 0);
		ssrc_store_close(s);
		s = open_store(p);
		if (reserve(s, key_a, 0x77, &ssrc) != -EEXIST)
			fail_msg("%s", cases[i].why);
		ssrc_store_close(s);
	}
}

static void test_places(void **state)
{
	const struct place *p = *state;
	char error[256] = "";
	char path[160];

	snprintf(path, sizeof(path), "%s/no/such", p->top);
	assert_null(ssrc_store_open(path, error, sizeof(error)));
	assert_non_null(strstr(error, "No such file"));

	/* Nobody leads us to another file. */
	assert_int_equal(mkdir(p->directory, 0700), 0);
	assert_int_equal(symlink("/dev/null", p->file), 0);
	assert_null(ssrc_store_open(p->directory, error, sizeof(error)));
}

/* A disk that is full: the session must not start, nor any after it. */
static void test_full(void **state)
{
	const struct place *p = *state;
	struct ssrc_store *s = open_store(p);
	struct rlimit before, small;
	uint32_t ssrc, kept;
	struct stat st;

	assert_int_equal(reserve(s, key_a, 0, &kept), 0);
	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = (rlim_t)st.st_size + 10;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_not_equal(reserve(s, key_a, 0x55, &ssrc), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(reserve(s, key_b, 0, &ssrc), -EIO);
	ssrc_store_close(s);

	s = open_store(p);
	assert_int_equal(reserve(s, key_a, kept, &ssrc), -EEXIST);
	assert_int_equal(reserve(s, key_a, 0x55, &ssrc), 0); /* it never was */
	ssrc_store_close(s);
}

/* A number is told when the disk has it: each line is written, then made durable. */
static void test_durable(void **state)
{
	const struct place *p = *state;
	struct ssrc_store *s = open_store(p);
	uint32_t ssrc;
	struct stat st;

	for (unsigned int i = 1; i <= 5; i++) {
		sync_seen.calls = 0;
		assert_int_equal(reserve(s, key_a, i, &ssrc), 0);
		assert_int_equal(sync_seen.calls, 1);
		assert_int_equal(stat(p->file, &st), 0);
		assert_int_equal(sync_seen.size, st.st_size);
	}
	sync_seen.calls = 0;
	assert_int_equal(reserve(s, key_a, 5, &ssrc), -EEXIST);
	assert_int_equal(sync_seen.calls, 0);

	/* Who knows what the disk has now: nothing starts any more. */
	sync_seen.error = EIO;
	ssrc = 0;
	assert_int_equal(reserve(s, key_a, 6, &ssrc), -EIO);
	sync_seen.error = 0;
	assert_int_equal(ssrc, 0);
	assert_int_equal(reserve(s, key_a, 7, &ssrc), -EIO);
	ssrc_store_close(s);
}

/* Reserves without end and tells each number, until it is killed. */
static void reserve_for_ever(const struct place *p, int out)
{
	char error[256];
	struct ssrc_store *s = ssrc_store_open(p->directory, error, sizeof(error));
	uint32_t ssrc;

	while (s != NULL && reserve(s, key_a, 0, &ssrc) == 0)
		if (write(out, &ssrc, sizeof(ssrc)) != sizeof(ssrc))
			break;
	_exit(1);
}

/* kill -9 at any instant: what was told has been kept. */
static void test_killed(void **state)
{
	static uint32_t told[1 << 20];
	const struct place *p = *state;
	size_t n = 0;

	for (int i = 0; i < KILLS; i++) {
		struct ssrc_store *s;
		uint32_t ssrc;
		int pipes[2];
		pid_t pid;

		assert_int_equal(pipe(pipes), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			reserve_for_ever(p, pipes[1]);
		close(pipes[1]);
		usleep((useconds_t)(2000 + 700 * i));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		while (n < sizeof(told) / sizeof(told[0]) &&
			read(pipes[0], &told[n], sizeof(told[0])) == sizeof(told[0]))
			n++;
		close(pipes[0]);
		s = open_store(p);
		for (size_t k = n > 200 ? n - 200 : 0; k < n; k++)
			assert_int_equal(reserve(s, key_a, told[k], &ssrc), -EEXIST);
		ssrc_store_close(s);
	}
	assert_true(n > 0);
}

int main(void)
{
#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		WITH_PLACE(test_once_per_key),
		WITH_PLACE(test_holds_no_key),
		WITH_PLACE(test_one_at_a_time),
		WITH_PLACE(test_files),
		WITH_PLACE(test_places),
		WITH_PLACE(test_full),
		WITH_PLACE(test_durable),
		WITH_PLACE(test_killed),
	};
#undef WITH_PLACE

	return cmocka_run_group_tests(tests, NULL, NULL);
}
