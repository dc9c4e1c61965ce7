/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/install.c against a data plane's end made of the API's own
 * functions: one socket, one channel, on the same loop. */
#include "controlplane/install.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char path[100];
	int listener;
	int client;   /* the control plane's socket, our end */
	int up, down; /* our ends of what rings */
	struct mr_channel channel;
	struct install *install;
	uint32_t version; /* of our channel */
	/* what the control plane saw */
	unsigned int connects, absent, others, attached, detached, records, viewer_events, kept,
		packets;
	int replies[2000];
	unsigned int n_replies;
	size_t packet_len;
};

/* However busy the machine is, what comes has come by then. */
#define PATIENCE_US (20 * (gint64)G_USEC_PER_SEC)

/* Turns the loop until `*what` is `n`. */
static void wait_for(const unsigned int *what, unsigned int n)
{
	gint64 end = g_get_monotonic_time() + PATIENCE_US;

	while (*what != n && g_get_monotonic_time() < end) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(200);
	}
	assert_int_equal(*what, n);
}

static void on_attached(void *user)
{
	((struct fixture *)user)->attached++;
}

static void on_detached(void *user)
{
	((struct fixture *)user)->detached++;
}

static void on_other_release(void *user)
{
	((struct fixture *)user)->others++;
}

static void on_absent(void *user)
{
	((struct fixture *)user)->absent++;
}

static void on_event(const struct mr_event *event, void *user)
{
	struct fixture *f = user;

	f->records += event->type == MR_EVENT_RECORD;
	f->viewer_events += event->type == MR_EVENT_VIEWER_STATE;
}

static bool on_kept(uint32_t kind, uint32_t id, uint32_t slot, int fd, void *user)
{
	((struct fixture *)user)->kept++;
	close(fd);
	return true;
}

static void on_packet(const struct mr_packet *head, const uint8_t *data, void *user)
{
	struct fixture *f = user;

	f->packets++;
	f->packet_len = head->total;
}

static void on_reply(int status, void *user)
{
	struct fixture *f = user;

	f->replies[f->n_replies++] = status;
}

static void emit(struct fixture *f, const struct mr_event *event)
{
	char one = 1;

	assert_int_equal(mr_ring_enqueue(&f->channel.events, event, sizeof(*event)), 0);
	assert_int_equal(write(f->up, &one, sizeof(one)), sizeof(one));
}

/* Accepts, says HELLO and hands out a table: one port, one record, END. */
static void serve(struct fixture *f)
{
	struct mr_socket_message hello = {
		.magic = MR_ABI_MAGIC, .version = f->version, .type = MR_SOCKET_HELLO, .pid = 1};
	struct mr_event event = {.type = MR_EVENT_PORT};
	int fds[3], up[2], down[2];

	f->client = accept(f->listener, NULL, NULL);
	assert_true(f->client >= 0);
	f->connects++;
	assert_int_equal(mr_channel_create(&f->channel), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, up), 0);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, down), 0);
	f->up = up[0];
	f->down = down[0];
	fds[0] = f->channel.memfd;
	fds[1] = up[1];
	fds[2] = down[1];
	hello.region_size = f->channel.size;
	assert_int_equal(mr_socket_send(f->client, &hello, fds, 3), 0);
	close(up[1]);
	close(down[1]);
	if (f->version != MR_CHANNEL_VERSION)
		return; /* the client is going */
	hello.type = MR_SOCKET_FD;
	assert_int_equal(mr_socket_send(f->client, &hello, &f->up, 1), 0);
	hello.type = MR_SOCKET_FD_END;
	assert_int_equal(mr_socket_send(f->client, &hello, NULL, 0), 0);
	event.port.index = 0;
	strcpy(event.port.name, "wan");
	emit(f, &event);
	event = (struct mr_event){.type = MR_EVENT_RECORD};
	event.record.kind = MR_RECORD_VIEWER;
	event.record.id = 41;
	emit(f, &event);
	event = (struct mr_event){.type = MR_EVENT_TABLE_END};
	emit(f, &event);
}

static void leave(struct fixture *f)
{
	close(f->client);
	close(f->up);
	close(f->down);
	mr_channel_destroy(&f->channel);
}

static gboolean on_connect(gint fd, GIOCondition condition, gpointer user)
{
	serve(user);
	return G_SOURCE_CONTINUE;
}

static unsigned int take_commands(struct fixture *f, struct mr_command *out, unsigned int max)
{
	unsigned int n = 0;

	while (n < max && mr_ring_dequeue(&f->channel.commands, &out[n]) == 1)
		n++;
	return n;
}

static void listen_anew(struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(address.sun_path, f->path);
	unlink(f->path);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(f->listener, 1), 0);
	g_unix_fd_add(f->listener, G_IO_IN, on_connect, f);
}

static int setup(void **state)
{
	struct install_listener listener = {.attached = on_attached,
		.detached = on_detached,
		.absent = on_absent,
		.other_release = on_other_release,
		.event = on_event,
		.kept_fd = on_kept};
	struct fixture *f = g_new0(struct fixture, 1);

	snprintf(f->path, sizeof(f->path), "/tmp/mr-install-%d.sock", getpid());
	f->version = MR_CHANNEL_VERSION;
	listen_anew(f);
	f->install = install_create(f->path);
	listener.user = f;
	install_add_listener(f->install, &listener);
	install_on_packet(f->install, MR_PACKET_UP_PUBLIC, on_packet, f);
	install_start(f->install);
	assert_false(install_knows(f->install));
	assert_true(install_knows_soon(f->install));
	assert_non_null(strstr(install_why_not(f->install), "taking over"));
	wait_for(&f->connects, 1);
	assert_false(install_knows(f->install));
	wait_for(&f->attached, 1);
	assert_true(install_knows(f->install));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	install_destroy(f->install);
	leave(f);
	while (g_source_remove_by_user_data(f))
		continue;
	close(f->listener);
	unlink(f->path);
	g_free(f);
	return 0;
}

static void test_attach(void **state)
{
	struct fixture *f = *state;
	const struct mr_port_info *ports;
	struct mr_command commands[4];

	assert_true(install_attached(f->install));
	assert_int_equal(install_ports(f->install, &ports), 1);
	assert_string_equal(ports[0].name, "wan");
	assert_int_equal(f->records, 1);
	assert_int_equal(f->kept, 1); /* before attached() */
	/* ids are above what runs, and reserved ahead */
	assert_true(install_new_id(f->install) > 41);
	assert_int_equal(take_commands(f, commands, 4), 1);
	assert_int_equal(commands[0].type, MR_COMMAND_RECORD_PUT);
	assert_int_equal(commands[0].record.kind, MR_RECORD_GLOBAL);
}

static void answer(struct fixture *f, uint64_t cookie, int status)
{
	struct mr_event event = {.type = MR_EVENT_REPLY, .cookie = cookie};

	event.reply.status = status;
	emit(f, &event);
}

/* More commands than the ring has room for: all arrive, in order, each answered once. */
static void test_commands(void **state)
{
	static struct mr_command commands[256];
	struct fixture *f = *state;
	struct mr_command command = {.type = MR_COMMAND_VIEWER_DEL};
	unsigned int total = 700, seen = 0;
	gint64 end = g_get_monotonic_time() + PATIENCE_US;

	take_commands(f, commands, 1); /* the global record's: never answered */
	for (unsigned int i = 0; i < total; i++) {
		command.object.id = i;
		assert_int_equal(install_command(f->install, &command, on_reply, f), 0);
	}
	while (seen < total && g_get_monotonic_time() < end) {
		unsigned int n = take_commands(f, commands, 256);

		for (unsigned int i = 0; i < n; i++) {
			assert_int_equal(commands[i].object.id, seen);
			answer(f, commands[i].cookie, seen % 2 ? -ENOENT : 0);
			seen++;
		}
		g_main_context_iteration(NULL, FALSE);
	}
	wait_for(&f->n_replies, total);
	assert_int_equal(f->replies[0], 0);
	assert_int_equal(f->replies[1], -ENOENT);
}

static void test_forget(void **state)
{
	struct fixture *f = *state;
	struct mr_command command = {.type = MR_COMMAND_VIEWER_DEL}, taken[4];
	struct mr_event event = {.type = MR_EVENT_VIEWER_STATE};

	install_command(f->install, &command, on_reply, f);
	install_forget(f->install, f);
	assert_int_equal(take_commands(f, taken, 4), 2);
	answer(f, taken[1].cookie, 0);
	emit(f, &event);
	wait_for(&f->viewer_events, 1);
	assert_int_equal(f->n_replies, 0);
}

static void test_packets(void **state)
{
	static uint8_t data[5000];
	struct fixture *f = *state;
	struct mr_packet head = {.kind = MR_PACKET_UP_PUBLIC};
	static struct mr_packet_joiner joiner;
	unsigned int budget = 100;
	char one = 1;

	mr_packet_joiner_init(&joiner);
	assert_int_equal(mr_packet_put(&f->channel.packets_up, &head, data, sizeof(data)), 0);
	assert_int_equal(write(f->up, &one, sizeof(one)), sizeof(one));
	wait_for(&f->packets, 1);
	assert_int_equal(f->packet_len, sizeof(data));

	head.kind = MR_PACKET_DOWN_SEND;
	assert_int_equal(install_send_packet(f->install, &head, data, 100), 0);
	assert_int_equal(mr_packet_take(&f->channel.packets_down, &joiner, &budget), 1);
	assert_int_equal(joiner.head.total, 100);
	g_main_context_iteration(NULL, FALSE);
	assert_true(read(f->down, &one, sizeof(one)) > 0); /* the bell rang */
}

static void test_data_plane_goes(void **state)
{
	struct fixture *f = *state;
	struct mr_command command = {.type = MR_COMMAND_VIEWER_DEL};

	install_command(f->install, &command, on_reply, f);
	leave(f);
	wait_for(&f->detached, 1);
	assert_int_equal(f->n_replies, 1);
	assert_int_equal(f->replies[0], -ENOTCONN);
	assert_false(install_attached(f->install));
	assert_int_equal(install_command(f->install, &command, on_reply, f), -ENOTCONN);
	wait_for(&f->attached, 2); /* again, by itself */
	assert_true(install_new_id(f->install) > 41);
}

/* While it may be there, nobody says that nothing runs; once it is known not to be, all do. */
static void test_knows(void **state)
{
	struct fixture *f = *state;

	while (g_source_remove_by_user_data(f))
		continue;
	close(f->listener);
	leave(f);
	wait_for(&f->detached, 1);
	assert_false(install_knows(f->install));
	assert_true(install_knows_soon(f->install));
	assert_non_null(strstr(install_why_not(f->install), "lost"));
	wait_for(&f->absent, 1);
	assert_true(install_knows(f->install));
	assert_string_equal(install_why_not(f->install), "the data plane is not running");
	listen_anew(f);
	wait_for(&f->attached, 2);
	assert_true(install_knows(f->install));
}

/* A data plane of another release: named, left alone while it is the same one, never
 * taken for absent; the next one is attached to as soon as it listens. */
static void test_other_release(void **state)
{
	struct fixture *f = *state;
	char version[16];
	gint64 end;

	f->version = MR_CHANNEL_VERSION + 1;
	leave(f);
	wait_for(&f->detached, 1);
	wait_for(&f->connects, 2);
	end = g_get_monotonic_time() + 3 * INSTALL_RETRY_MS * G_TIME_SPAN_MILLISECOND;
	while (g_get_monotonic_time() < end) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(1000);
	}
	assert_int_equal(f->connects, 2);
	assert_int_equal(f->absent, 0);
	assert_int_equal(f->others, 1);
	assert_int_equal(f->attached, 1);
	assert_false(install_attached(f->install));
	assert_non_null(strstr(install_why_not(f->install), "another release"));
	snprintf(version, sizeof(version), "version %u,", f->version);
	assert_non_null(strstr(install_why_not(f->install), version));
	assert_false(install_knows(f->install));
	assert_false(install_knows_soon(f->install));
	leave(f);
	while (g_source_remove_by_user_data(f))
		continue;
	close(f->listener);
	f->version = MR_CHANNEL_VERSION;
	listen_anew(f);
	wait_for(&f->attached, 2);
	assert_int_equal(f->absent, 0);
}

/* Counters and slots overwritten by the other side: the channel is given up. */
static void test_damaged_channel(void **state)
{
	struct fixture *f = *state;
	char one = 1;

	atomic_store(&f->channel.events.shared->head, 0x40000000u);
	assert_int_equal(write(f->up, &one, sizeof(one)), sizeof(one));
	wait_for(&f->detached, 1);
	leave(f);
	wait_for(&f->attached, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_attach, setup, teardown),
		cmocka_unit_test_setup_teardown(test_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_packets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_data_plane_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_knows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_release, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_channel, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
