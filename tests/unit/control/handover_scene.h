/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of dataplane/control/handover.c have in common: a server for each, and
 * a client that reads what it is told. One thread beside the server's.
 */
#ifndef TESTS_UNIT_CONTROL_HANDOVER_SCENE_H
#define TESTS_UNIT_CONTROL_HANDOVER_SCENE_H

#include "tests/unit/control/handover_server.h"

#include "dataplane/api/client.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 20000
#define POLL_US_MAX 2000000 /* far above what a busy machine adds; waiting for a peer never ends */

static struct server server;

/* A socket that can be told from others: its inode. */
static inline ino_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static inline int message_wait(int fd, struct mr_socket_message *m, int *passed, unsigned int *n)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	return mr_socket_receive(fd, m, passed, 1, n);
}

struct adopted {
	uint32_t count;
	uint32_t kind;
	uint32_t id;
	uint32_t slot;
	ino_t inode; /* of the last one */
};

/* Reads up to FD_END. */
static inline struct adopted adopt(struct mr_client *c)
{
	struct adopted a = {0};
	struct mr_socket_message m;

	for (;;) {
		unsigned int n = 0;
		int fd = -1;

		assert_int_equal(message_wait(c->socket, &m, &fd, &n), 0);
		if (m.type == MR_SOCKET_FD_END)
			return a;
		assert_int_equal(m.type, MR_SOCKET_FD);
		assert_int_equal(n, 1);
		a.count++;
		a.kind = m.kind;
		a.id = m.id;
		a.slot = m.slot;
		a.inode = inode_of(fd);
		close(fd);
	}
}

static inline struct adopted attach_and_adopt(void)
{
	struct mr_client c;
	struct adopted a;
	uint32_t released;

	assert_int_equal(mr_client_connect(&c, server.control, WAIT_MS), 0);
	released = server.released; /* by now that of any client before */
	a = adopt(&c);
	mr_client_close(&c);
	server_wait(&server.released, released + 1);
	return a;
}

static unsigned int fds_at_start;

static inline int setup_with(server_config_fn change)
{
	fds_at_start = open_fds();
	server_start(&server, change);
	return 0;
}

static inline int setup(void **state)
{
	return setup_with(NULL);
}

static inline int teardown(void **state)
{
	server_stop(&server);
	assert_int_equal(open_fds(), fds_at_start);
	return 0;
}

#endif
