/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of dataplane/api/client.c and socket.c against servers that misbehave;
 * tests/unit/control/handover.c has the real one. */
#include "dataplane/api/client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG_MS 5000
#define SHORT_MS 60

static char dir[64];
static char path[96];

static int setup(void **state)
{
	strcpy(dir, "/tmp/mr-client-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static unsigned int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int listen_at(int type, int backlog)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(at.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void test_nobody_there(void **state)
{
	char longer[200];
	struct mr_stats_view v;
	struct mr_client c;
	int fd;

	assert_int_equal(mr_client_connect(&c, path, LONG_MS), -ENOENT);
	assert_int_equal(mr_stats_open(&v, path, LONG_MS), -ENOENT);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(mr_client_connect(&c, longer, LONG_MS), -ENAMETOOLONG);
	/* the file of one that died */
	fd = listen_at(SOCK_SEQPACKET, 1);
	close(fd);
	assert_int_equal(mr_client_connect(&c, path, LONG_MS), -ECONNREFUSED);
	assert_int_equal(mr_stats_open(&v, path, LONG_MS), -ECONNREFUSED);
	mr_client_close(&c); /* allowed */
}

static void test_timeouts(void **state)
{
	struct mr_client c[4];
	struct mr_stats_view v;
	int fd = listen_at(SOCK_SEQPACKET, 0);
	int64_t start = now_ms();
	int results[4];

	/* nobody accepts: the first fill the backlog, then connecting itself waits */
	for (int i = 0; i < 4; i++)
		results[i] = mr_client_connect(&c[i], path, SHORT_MS);
	for (int i = 0; i < 4; i++)
		assert_int_equal(results[i], -ETIMEDOUT);
	assert_int_equal(mr_stats_open(&v, path, SHORT_MS), -ETIMEDOUT);
	assert_in_range(now_ms() - start, 5 * SHORT_MS - 10, 5 * SHORT_MS + 20000);
	close(fd);
}

/* What a server does with the one connection it takes. */
struct script {
	const char *why;
	int memfd;        /* handed over as the first descriptor */
	size_t len;       /* [bytes] sent; 0: closes without a word */
	unsigned int fds; /* descriptors sent */
	struct mr_socket_message m;
	int client; /* what mr_client_connect() makes of it */
	int stats;  /* and mr_stats_open() */
	int listener;
};

static void *serve(void *arg)
{
	struct script *s = arg;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = {0};
	char buffer[128] = {0};
	struct iovec iov = {buffer, s->len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	/* cppcheck-suppress nullPointer; nobody asks for the address */
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

	memcpy(buffer, &s->m, sizeof(s->m));
	if (s->fds > 0) {
		struct cmsghdr *h = &control.align;

		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(s->fds * sizeof(int));
		for (unsigned int i = 0; i < s->fds; i++) {
			int pass = i == 0 ? s->memfd : fd;

			memcpy(CMSG_DATA(h) + i * sizeof(int), &pass, sizeof(pass));
		}
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(s->fds * sizeof(int));
	}
	if (s->len > 0 && sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
		s->listener = -1;
	close(fd);
	return NULL;
}

#define HEAD(t) MR_ABI_MAGIC, MR_CHANNEL_VERSION, (t)

static void test_greetings(void **state)
{
	static const struct mr_stats_geometry geometry = {1, 1, 1, 1, 1};
	struct mr_channel channel;
	struct mr_stats *stats;
	int stats_fd, plain, listener;
	unsigned int fds_before;

	assert_int_equal(mr_channel_create(&channel), 0);
	assert_int_equal(mr_stats_create(&geometry, &stats, &stats_fd), 0);
	plain = memfd_create("x", MFD_CLOEXEC);
	assert_int_equal(ftruncate(plain, (off_t)channel.size), 0);
	listener = listen_at(SOCK_SEQPACKET, 8);

	const uint64_t size = channel.size;
	struct script scripts[] = {
		{"as it should be", channel.memfd, 64, 3,
			{HEAD(MR_SOCKET_HELLO), .region_size = size, .pid = 7}, 0, -EPROTO},
		{"statistics", stats_fd, 64, 1, {HEAD(MR_SOCKET_STATS)}, -EPROTO, 0},
		{"another release's statistics", stats_fd, 64, 1,
			{MR_ABI_MAGIC, MR_CHANNEL_VERSION + 1, MR_SOCKET_STATS}, -EPROTO, 0},
		{"busy", -1, 64, 0, {HEAD(MR_SOCKET_BUSY)}, -EBUSY, -EBUSY},
		{"denied", -1, 64, 0, {HEAD(MR_SOCKET_DENIED)}, -EACCES, -EACCES},
		{"closes without a word", -1, 0, 0, {0}, -ECONNRESET, -ECONNRESET},
		{"another version", channel.memfd, 64, 3,
			{MR_ABI_MAGIC, MR_CHANNEL_VERSION + 1, MR_SOCKET_HELLO,
				.region_size = size},
			-EPROTONOSUPPORT, -EPROTONOSUPPORT},
		{"another, longer version", channel.memfd, 128, 3,
			{MR_ABI_MAGIC, MR_CHANNEL_VERSION + 1, MR_SOCKET_HELLO,
				.region_size = size},
			-EPROTONOSUPPORT, -EPROTONOSUPPORT},
		{"no magic", channel.memfd, 64, 3, {1, 1, 1}, -EPROTO, -EPROTO},
		{"too short", channel.memfd, 63, 3, {HEAD(MR_SOCKET_HELLO), .region_size = size},
			-EPROTO, -EPROTO},
		{"too long", channel.memfd, 65, 3, {HEAD(MR_SOCKET_HELLO), .region_size = size},
			-EPROTO, -EPROTO},
		{"a descriptor is missing", channel.memfd, 64, 2,
			{HEAD(MR_SOCKET_HELLO), .region_size = size}, -EPROTO, -EPROTO},
		{"none at all", -1, 64, 0, {HEAD(MR_SOCKET_HELLO), .region_size = size}, -EPROTO,
			-EPROTO},
		{"too many", channel.memfd, 64, 8, {HEAD(MR_SOCKET_HELLO), .region_size = size},
			-EPROTO, -EPROTO},
		{"another size", channel.memfd, 64, 3,
			{HEAD(MR_SOCKET_HELLO), .region_size = size + 1}, -EPROTO, -EPROTO},
		{"not sealed", plain, 64, 3, {HEAD(MR_SOCKET_HELLO), .region_size = size}, -EPROTO,
			-EPROTO},
		{"no memfd", listener, 64, 3, {HEAD(MR_SOCKET_HELLO), .region_size = size}, -EPROTO,
			-EPROTO},
		{"statistics without", -1, 64, 0, {HEAD(MR_SOCKET_STATS)}, -EPROTO, -EPROTO},
		{"a channel for statistics", channel.memfd, 64, 1, {HEAD(MR_SOCKET_STATS)}, -EPROTO,
			-EPROTO},
		{"unknown type", -1, 64, 0, {HEAD(99)}, -EPROTO, -EPROTO},
		{"something in between", -1, 64, 0, {HEAD(MR_SOCKET_FD_END)}, -EPROTO, -EPROTO},
	};

	fds_before = open_fds();
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		for (int which = 0; which < 2; which++) {
			struct mr_stats_view v = {0};
			struct mr_client c;
			pthread_t thread;
			int got;

			scripts[i].listener = listener;
			assert_int_equal(pthread_create(&thread, NULL, serve, &scripts[i]), 0);
			got = which ? mr_stats_open(&v, path, LONG_MS)
				    : mr_client_connect(&c, path, LONG_MS);
			pthread_join(thread, NULL);
			if (scripts[i].listener != listener)
				fail_msg("%s: the server could not send", scripts[i].why);
			if (got != (which ? scripts[i].stats : scripts[i].client))
				fail_msg("%s: %s: %d", which ? "stats" : "client", scripts[i].why,
					got);
			if (which) {
				mr_stats_close(&v);
			} else {
				if (got == 0)
					assert_int_equal(c.dataplane_pid, 7);
				if (got == -EPROTONOSUPPORT)
					assert_int_equal(
						c.dataplane_version, MR_CHANNEL_VERSION + 1);
				mr_client_close(&c);
			}
			if (open_fds() != fds_before)
				fail_msg("%s: descriptors stay open", scripts[i].why);
		}
	}
	close(listener);
	close(plain);
	mr_stats_destroy(stats);
	close(stats_fd);
	mr_channel_destroy(&channel);
}

/* What a peer had sent is read even when it went with something unread. */
static void test_read_after_reset(void **state)
{
	struct mr_socket_message m = {HEAD(MR_SOCKET_FD_END)};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	for (m.id = 1; m.id <= 3; m.id++) {
		assert_int_equal(mr_socket_send(pair[0], &m, NULL, 0), 0);
		assert_int_equal(mr_socket_send(pair[1], &m, NULL, 0), 0);
	}
	close(pair[0]);
	for (uint32_t id = 1; id <= 3; id++) {
		assert_int_equal(mr_socket_receive(pair[1], &m, NULL, 0, NULL), 0);
		assert_int_equal(m.id, id);
	}
	assert_int_equal(mr_socket_receive(pair[1], &m, NULL, 0, NULL), -ECONNRESET);
	assert_int_equal(mr_socket_send(pair[1], &m, NULL, 0), -EPIPE); /* and no signal */
	close(pair[1]);
}

/* Neither direction waits, and descriptors not asked for are closed. */
static void test_socket_limits(void **state)
{
	struct mr_socket_message m = {HEAD(MR_SOCKET_FD)};
	unsigned int n, before;
	int pair[2], fds[4], got[2], err;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	before = open_fds();
	fds[0] = fds[1] = fds[2] = fds[3] = pair[0];
	assert_int_equal(mr_socket_receive(pair[1], &m, got, 2, &n), -EAGAIN);
	m = (struct mr_socket_message){HEAD(MR_SOCKET_FD)};
	assert_int_equal(mr_socket_send(pair[0], &m, fds, 4), -EINVAL);
	assert_int_equal(mr_socket_send(pair[0], &m, fds, 3), 0);
	assert_int_equal(mr_socket_receive(pair[1], &m, got, 2, &n), 0);
	assert_int_equal(n, 2);
	close(got[0]);
	close(got[1]);
	assert_int_equal(mr_socket_send(pair[0], &m, fds, 2), 0);
	assert_int_equal(mr_socket_receive(pair[1], &m, NULL, 0, NULL), 0);
	assert_int_equal(open_fds(), before);
	do {
		err = mr_socket_send(pair[0], &m, NULL, 0);
	} while (err == 0);
	assert_int_equal(err, -EAGAIN);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeouts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_greetings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_after_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket_limits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
