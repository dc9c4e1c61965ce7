/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of dataplane/control/handover.c: the sockets' files, who may connect, and what a
 * reader of the statistics can do to them. */
#include "tests/unit/control/handover_scene.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static void test_statistics_are_read_only(void **state)
{
	struct mr_stats_view view;
	struct mr_socket_message m;
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	unsigned int n = 0;
	char path[64];
	int fd, memfd = -1, again;

	strcpy(server.stats->release, "test");
	assert_int_equal(mr_stats_open(&view, server.stats_path, WAIT_MS), 0);
	assert_string_equal(view.stats->release, "test");
	atomic_store(&server.stats->commands, 42);
	assert_int_equal(view.stats->commands, 42);
	assert_int_equal(
		mprotect((void *)(uintptr_t)view.stats, view.size, PROT_READ | PROT_WRITE), -1);
	mr_stats_close(&view);

	/* with the descriptor itself */
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	strcpy(to.sun_path, server.stats_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(message_wait(fd, &m, &memfd, &n), 0);
	assert_int_equal(m.type, MR_SOCKET_STATS);
	assert_int_equal(m.region_size, server.stats->size);
	assert_int_equal(n, 1);
	assert_int_equal(fcntl(memfd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_ptr_equal(
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0), MAP_FAILED);
	assert_int_equal(pwrite(memfd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(memfd, 0), -1);
	/* opened again for writing, as root may: the seal holds */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	again = open(path, O_RDWR | O_CLOEXEC);
	if (again >= 0) {
		assert_ptr_equal(
			mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0), MAP_FAILED);
		assert_int_equal(pwrite(again, "x", 1, 0), -1);
		assert_int_equal(ftruncate(again, 0), -1);
		assert_int_equal(
			fallocate(again, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
		close(again);
	}
	close(memfd);
	/* and then nothing but the end */
	assert_int_equal(message_wait(fd, &m, &memfd, &n), -ECONNRESET);
	close(fd);
}

/* Readers that do not read, and hundreds that do. */
static void test_many_readers(void **state)
{
	struct mr_stats_view view;
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int deaf[8];

	strcpy(to.sun_path, server.stats_path);
	for (int i = 0; i < 8; i++) {
		deaf[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(deaf[i], (struct sockaddr *)&to, sizeof(to)), 0);
	}
	for (int i = 0; i < 200; i++) {
		assert_int_equal(mr_stats_open(&view, server.stats_path, WAIT_MS), 0);
		mr_stats_close(&view);
	}
	for (int i = 0; i < 8; i++)
		close(deaf[i]);
	assert_true(server.longest_poll < POLL_US_MAX);
}

/* Connects as a user without rights; exits with the error. */
static int connect_as_nobody(gid_t group)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct mr_client c;

		if (setgroups(group ? 1 : 0, &group) != 0 || setgid(65534) != 0 ||
			setuid(65534) != 0)
			_exit(255);
		_exit(-mr_client_connect(&c, server.control, WAIT_MS));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_credentials(void **state)
{
	struct stat st;
	char run[96];

	if (geteuid() != 0)
		skip();
	snprintf(run, sizeof(run), "%s/run", server.dir);
	assert_int_equal(stat(run, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat(server.control, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, 4242);
	assert_int_equal(connect_as_nobody(0), EACCES); /* by the file's mode */
	assert_int_equal(connect_as_nobody(4242), 0);
	assert_int_equal(chmod(server.control, 0666), 0);
	assert_int_equal(connect_as_nobody(0), EACCES); /* by us */
	assert_int_equal(handover_counters(server.handover)->refused_credentials, 1);
	assert_int_equal(stat(server.stats_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
}

static void test_files_of_others(void **state)
{
	struct handover_config config = HANDOVER_CONFIG_DEFAULT;
	struct handover *h;
	char stale[128], file[128];
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd;

	/* somebody listens: neither socket is touched */
	config.control_path = server.control;
	config.stats_path = server.stats_path;
	config.stats_memfd = server.stats_memfd;
	assert_int_equal(handover_create(&h, &config), -EADDRINUSE);
	assert_int_equal(attach_and_adopt().count, 0);

	/* the second path fails: the first is given back */
	snprintf(stale, sizeof(stale), "%s/run/stale.sock", server.dir);
	config.control_path = stale;
	assert_int_equal(handover_create(&h, &config), -EADDRINUSE);
	assert_int_equal(access(stale, F_OK), -1);

	/* a file that is no socket */
	snprintf(file, sizeof(file), "%s/run/file", server.dir);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	config.stats_path = file;
	assert_int_equal(handover_create(&h, &config), -EEXIST);
	assert_int_equal(access(file, F_OK), 0);
	unlink(file);

	/* one that died */
	strcpy(at.sun_path, stale);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd);
	assert_int_equal(access(stale, F_OK), 0);
	assert_int_equal(handover_create(&h, &config), 0);
	/* another's file in our place is not ours to remove */
	unlink(stale);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	handover_destroy(h);
	assert_int_equal(access(stale, F_OK), 0);
	assert_int_equal(access(file, F_OK), -1);
	close(fd);
	unlink(stale);
}

static void config_group(struct handover_config *config)
{
	config->group = geteuid() == 0 ? 4242 : (gid_t)-1;
}

static int setup_group(void **state)
{
	return setup_with(config_group);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_statistics_are_read_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_readers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_credentials, setup_group, teardown),
		cmocka_unit_test_setup_teardown(test_files_of_others, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
