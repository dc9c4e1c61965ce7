/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of dataplane/control/handover.c with real sockets and processes: attaching, what
 * is kept for the next client, and clients that misbehave. */
#include "tests/unit/control/handover_scene.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static int some_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

static void test_commands_and_events(void **state)
{
	static struct mr_command command;
	static struct mr_event event;
	struct mr_client c;
	struct pollfd p = {.events = POLLIN};
	uint64_t answered = 0;

	assert_int_equal(mr_client_connect(&c, server.control, WAIT_MS), 0);
	assert_int_equal(c.dataplane_pid, getpid());
	assert_int_equal(adopt(&c).count, 0);
	for (command.cookie = 1; command.cookie <= 100; command.cookie++)
		assert_int_equal(
			mr_ring_enqueue(&c.channel.commands, &command, sizeof(command)), 0);
	mr_client_ring_doorbell(&c);
	p.fd = c.event_fd;
	while (answered < 100) {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		mr_client_clear_event(&c);
		while (mr_ring_dequeue(&c.channel.events, &event) == 1)
			assert_int_equal(event.cookie, ++answered);
	}
	assert_int_equal(poll(&p, 1, 0), 0);
	mr_client_close(&c);
}

/* A wake-up nobody answers must not cost more than the first. */
static void test_notify_never_blocks(void **state)
{
	struct mr_client c;
	char byte;

	assert_int_equal(mr_client_connect(&c, server.control, WAIT_MS), 0);
	server_wait(&server.attached, 1);
	/* The client's end is made blocking: that must not change ours. */
	assert_int_equal(fcntl(c.event_fd, F_SETFL, 0), 0);
	for (int i = 0; i < 100000; i++)
		handover_notify(server.handover);
	for (int i = 0; i < 100000; i++)
		mr_client_ring_doorbell(&c);
	assert_int_equal(read(c.event_fd, &byte, 1), 1);
	mr_client_close(&c);
}

static void test_second_is_refused(void **state)
{
	struct mr_client first, second;

	assert_int_equal(mr_client_connect(&first, server.control, WAIT_MS), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(mr_client_connect(&second, server.control, WAIT_MS), -EBUSY);
	mr_client_close(&first);
	assert_int_equal(handover_counters(server.handover)->refused_busy, 20);
	/* no time in between: who has gone is not in the way of the next */
	for (int i = 0; i < 50; i++) {
		assert_int_equal(mr_client_connect(&second, server.control, WAIT_MS), 0);
		mr_client_close(&second);
	}
	assert_int_equal(handover_counters(server.handover)->refused_busy, 20);
}

/* The channel stays mapped until it is released; the next client waits. */
static void test_release_in_two_steps(void **state)
{
	struct mr_client c;
	struct mr_channel *ch;
	void *base;

	assert_int_equal(mr_client_connect(&c, server.control, WAIT_MS), 0);
	server_wait(&server.attached, 1);
	server.hold = true;
	ch = handover_channel(server.handover);
	assert_non_null(ch);
	base = ch->base;
	mr_client_close(&c);
	server_wait(&server.detached, 1);
	assert_ptr_equal(handover_channel(server.handover), ch);
	assert_ptr_equal(ch->base, base);
	/* a worker that is still at it */
	assert_int_equal(mr_ring_enqueue(&ch->packets_up, "x", 1), 0);
	handover_notify(server.handover);
	assert_int_equal(mr_client_connect(&c, server.control, 50), -ETIMEDOUT);
	server.hold = false;
	assert_int_equal(mr_client_connect(&c, server.control, WAIT_MS), 0);
	/* nothing of the former channel is in the new one */
	assert_int_equal(mr_ring_dequeue(&c.channel.packets_up, &(struct mr_packet){0}), 0);
	mr_client_close(&c);
}

static void test_disconnect_by_us(void **state)
{
	struct mr_client c;
	struct mr_socket_message m;
	unsigned int n;
	int fd, err;

	assert_int_equal(mr_client_connect(&c, server.control, WAIT_MS), 0);
	adopt(&c);
	/* a head out of range: the server's next look at the ring throws us out */
	atomic_store(&c.channel.commands.shared->head, 0x40000000u);
	mr_client_ring_doorbell(&c);
	err = message_wait(c.socket, &m, &fd, &n);
	assert_int_equal(err, -ECONNRESET);
	server_wait(&server.detached, 1);
	mr_client_close(&c);

	assert_int_equal(mr_client_connect(&c, server.control, WAIT_MS), 0);
	adopt(&c);
	server.rogue = true;
	err = message_wait(c.socket, &m, &fd, &n);
	assert_int_equal(err, -ECONNRESET);
	mr_client_close(&c);
}

/* The control plane is killed; the next one gets its sockets back. */
static void test_adoption_after_kill(void **state)
{
	int to_parent[2], sockets[4], status;
	struct adopted a;
	char byte;
	pid_t pid;

	for (int i = 0; i < 4; i++)
		sockets[i] = some_socket();
	assert_int_equal(pipe(to_parent), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct mr_client c;
		int ok = mr_client_connect(&c, server.control, WAIT_MS) == 0;

		/* three of a path, replaced and dropped ones among them; one of a viewer */
		for (uint32_t slot = 0; ok && slot < 3; slot++)
			ok = mr_client_keep_fd(&c, MR_RECORD_PATH, 1, slot, sockets[slot]) == 0;
		ok = ok && mr_client_keep_fd(&c, MR_RECORD_VIEWER, 2, 0, sockets[0]) == 0;
		ok = ok && mr_client_keep_fd(&c, MR_RECORD_PATH, 1, 0, -1) == 0;
		ok = ok && mr_client_keep_fd(&c, MR_RECORD_PATH, 1, 1, -1) == 0;
		ok = ok && mr_client_keep_fd(&c, MR_RECORD_PATH, 1, 2, sockets[3]) == 0;
		byte = ok ? 'y' : 'n';
		if (write(to_parent[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(to_parent[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	server_wait(&server.detached, 1);

	for (int round = 0; round < 3; round++) {
		a = attach_and_adopt();
		assert_int_equal(a.count, 2);
	}
	server.forget = true; /* (PATH, 1) */
	while (server.forget)
		usleep(1000);
	a = attach_and_adopt();
	assert_int_equal(a.count, 1);
	assert_int_equal(a.kind, MR_RECORD_VIEWER);
	assert_int_equal(a.id, 2);
	assert_int_equal(a.slot, 0);
	assert_int_equal(a.inode, inode_of(sockets[0]));
	for (int i = 0; i < 4; i++)
		close(sockets[i]);
	close(to_parent[0]);
	close(to_parent[1]);
}

/* Whoever comes after a killed one finds an empty channel, and is served. */
static void test_kill_while_enqueueing(void **state)
{
	static struct mr_event event;

	for (uint32_t round = 1; round <= 40; round++) {
		struct mr_client c;
		int ready[2], status;
		char byte;
		pid_t pid;

		assert_int_equal(pipe(ready), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			static struct mr_command command;

			byte = mr_client_connect(&c, server.control, WAIT_MS) == 0 ? 'y' : 'n';
			if (write(ready[1], &byte, 1) != 1 || byte != 'y')
				_exit(1);
			for (;; command.cookie++) {
				memset(command.bytes, 0xff, sizeof(command.bytes));
				mr_ring_enqueue(&c.channel.commands, &command, sizeof(command));
				mr_client_ring_doorbell(&c);
			}
		}
		assert_int_equal(read(ready[0], &byte, 1), 1);
		assert_int_equal(byte, 'y');
		usleep((useconds_t)(rand() % 5000));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(mr_client_connect(&c, server.control, WAIT_MS), 0);
		assert_int_equal(mr_ring_dequeue(&c.channel.events, &event), 0);
		assert_int_equal(mr_ring_space(&c.channel.commands), MR_CHANNEL_COMMANDS);
		mr_client_close(&c);
		server_wait(&server.released, 2 * round);
		close(ready[0]);
		close(ready[1]);
	}
	assert_int_equal(handover_counters(server.handover)->protocol_errors, 0);
}

static void test_prune(void **state)
{
	struct mr_client c;
	int fd = some_socket();
	struct adopted a;

	server.prune = true; /* odd ids are gone */
	assert_int_equal(mr_client_connect(&c, server.control, WAIT_MS), 0);
	for (uint32_t id = 1; id <= 20; id++)
		assert_int_equal(mr_client_keep_fd(&c, MR_RECORD_VIEWER, id, 3, fd), 0);
	assert_int_equal(mr_client_keep_fd(&c, MR_RECORD_GLOBAL, 0, 1, fd), 0);
	mr_client_close(&c);
	server_wait(&server.detached, 1);
	a = attach_and_adopt();
	assert_int_equal(a.count, 11);
	close(fd);
}

static void test_what_is_not_kept(void **state)
{
	static const struct {
		uint32_t kind, id, slot;
		const char *why;
	} cases[] = {
		{3, 1, 0, "no such kind"},
		{UINT32_MAX, 1, 0, "no such kind"},
		{MR_RECORD_PATH, 1, MR_RECORD_FDS, "no such slot"},
		{MR_RECORD_PATH, 1, UINT32_MAX, "no such slot"},
		{MR_RECORD_GLOBAL, 1, 0, "there is one global record"},
	};
	const size_t n = sizeof(cases) / sizeof(cases[0]);
	struct mr_client c;
	int fd = some_socket(), p[2];
	struct adopted a;

	assert_int_equal(pipe(p), 0);
	assert_int_equal(mr_client_connect(&c, server.control, WAIT_MS), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(
			mr_client_keep_fd(&c, cases[i].kind, cases[i].id, cases[i].slot, fd), 0);
	assert_int_equal(mr_client_keep_fd(&c, MR_RECORD_PATH, 1, 0, p[0]), 0); /* a pipe */
	/* the limit of this server is 8 */
	for (uint32_t id = 1; id <= 12; id++)
		assert_int_equal(mr_client_keep_fd(&c, MR_RECORD_PATH, id, 0, fd), 0);
	mr_client_close(&c);
	server_wait(&server.detached, 1);
	a = attach_and_adopt();
	assert_int_equal(a.count, 8);
	assert_int_equal(handover_counters(server.handover)->refused_fds, n + 1 + 4);
	close(fd);
	close(p[0]);
	close(p[1]);
}

/* Every message that is not one of ours ends the connection, and nothing else. */
static void test_hostile_messages(void **state)
{
	static const struct {
		struct mr_socket_message m;
		size_t len;
		unsigned int fds;
		const char *why;
	} cases[] = {
		{{0}, 64, 0, "no magic"},
		{{MR_ABI_MAGIC, 99, MR_SOCKET_FD_DROP}, 64, 0, "other version"},
		{{MR_ABI_MAGIC, MR_CHANNEL_VERSION, MR_SOCKET_HELLO}, 64, 0, "ours to say"},
		{{MR_ABI_MAGIC, MR_CHANNEL_VERSION, MR_SOCKET_HELLO}, 64, 3, "with descriptors"},
		{{MR_ABI_MAGIC, MR_CHANNEL_VERSION, 77}, 64, 1, "unknown type"},
		{{MR_ABI_MAGIC, MR_CHANNEL_VERSION, MR_SOCKET_FD}, 64, 0, "no descriptor"},
		{{MR_ABI_MAGIC, MR_CHANNEL_VERSION, MR_SOCKET_FD_DROP}, 64, 1, "one too many"},
		{{MR_ABI_MAGIC, MR_CHANNEL_VERSION, MR_SOCKET_FD}, 63, 1, "short"},
		{{MR_ABI_MAGIC, MR_CHANNEL_VERSION, MR_SOCKET_FD}, 3, 1, "no whole magic"},
		{{MR_ABI_MAGIC, MR_CHANNEL_VERSION, MR_SOCKET_FD}, 65, 1, "long"},
		{{MR_ABI_MAGIC, MR_CHANNEL_VERSION, MR_SOCKET_FD}, 64, 200, "many descriptors"},
	};
	unsigned int fds_before;
	int fd = some_socket();

	attach_and_adopt();
	fds_before = open_fds();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(200 * sizeof(int))];
		} control = {0};
		char buffer[65] = {0};
		struct iovec iov = {buffer, cases[i].len};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		uint32_t detached = server.detached;
		struct mr_client c;

		assert_int_equal(mr_client_connect(&c, server.control, WAIT_MS), 0);
		memcpy(buffer, &cases[i].m, sizeof(cases[i].m));
		if (cases[i].fds > 0) {
			struct cmsghdr *h = &control.align;

			h->cmsg_level = SOL_SOCKET;
			h->cmsg_type = SCM_RIGHTS;
			h->cmsg_len = CMSG_LEN(cases[i].fds * sizeof(int));
			for (unsigned int k = 0; k < cases[i].fds; k++)
				memcpy(CMSG_DATA(h) + k * sizeof(int), &fd, sizeof(fd));
			msg.msg_control = &control;
			msg.msg_controllen = CMSG_SPACE(cases[i].fds * sizeof(int));
		}
		assert_int_equal(sendmsg(c.socket, &msg, MSG_NOSIGNAL), cases[i].len);
		server_wait(&server.detached, detached + 1);
		mr_client_close(&c);
	}
	assert_int_equal(handover_counters(server.handover)->protocol_errors,
		sizeof(cases) / sizeof(cases[0]));
	assert_int_equal(attach_and_adopt().count, 0);
	assert_int_equal(open_fds(), fds_before);
	close(fd);
}

/* More descriptors than a socket holds, and a client that does not read. */
static void test_slow_client(void **state)
{
	struct mr_stats_view view;
	struct mr_client c;
	int fd = some_socket();
	uint32_t sent = 0;

	assert_int_equal(mr_client_connect(&c, server.control, WAIT_MS), 0);
	for (uint32_t id = 1; id <= 100; id++)
		for (uint32_t slot = 0; slot < MR_RECORD_FDS; slot++, sent++)
			assert_int_equal(mr_client_keep_fd(&c, MR_RECORD_VIEWER, id, slot, fd), 0);
	mr_client_close(&c);
	server_wait(&server.detached, 1);

	assert_int_equal(mr_client_connect(&c, server.control, WAIT_MS), 0);
	usleep(100000);
	/* everybody else is served meanwhile */
	assert_int_equal(mr_stats_open(&view, server.stats_path, WAIT_MS), 0);
	mr_stats_close(&view);
	assert_int_equal(mr_ring_enqueue(&c.channel.commands, &(struct mr_command){0}, 16), 0);
	mr_client_ring_doorbell(&c);
	server_wait(&server.commands, 1);
	assert_true(server.longest_poll < POLL_US_MAX);
	assert_int_equal(adopt(&c).count, sent);
	mr_client_close(&c);
	close(fd);
}

static void config_small(struct handover_config *config)
{
	config->kept_max = 8;
}

static int setup_small(void **state)
{
	return setup_with(config_small);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_commands_and_events, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notify_never_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_release_in_two_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disconnect_by_us, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adoption_after_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kill_while_enqueueing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prune, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_not_kept, setup_small, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_client, setup, teardown),
	};
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
