/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients of controlplane/http/server.c that are no clients. */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port)};
}

/* A connection to the server that has sent `text`. */
static int dial(const struct fixture *f, const char *text)
{
	struct sockaddr_in a = loopback(f->port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	if (text[0])
		assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
	return fd;
}

/* `n` of them, and the server goes on until all but `waiting` have an answer. */
static void dial_many(
	const struct fixture *f, const char *text, struct pollfd *fds, int n, int waiting)
{
	for (int i = 0; i < n; i++)
		fds[i] = (struct pollfd){.fd = dial(f, text), .events = POLLIN};
	while (poll(fds, n, 0) < n - waiting)
		g_main_context_iteration(NULL, FALSE);
}

/* Whether the answer is 503, and when to come again; else it is `status`. */
static bool is_refused(int fd, const char *status)
{
	char text[4096] = "";

	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	if (strstr(text, " 503 ")) {
		assert_non_null(strstr(text, "\r\nRetry-After: 1\r\n"));
		return true;
	}
	assert_non_null(strstr(text, status));
	return false;
}

/* More connections than there may be, all of them silent: a viewer still gets in. */
static void test_silent_connections(void **state)
{
	enum { MANY = HTTP_CONNECTIONS_MAX + 50 };
	static int fds[MANY];
	struct rlimit limit;
	struct fixture f;
	SoupMessage *m;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 3 * MANY)
		skip();
	start(&f, NULL);
	for (int i = 0; i < MANY; i++) {
		fds[i] = dial(&f, i % 2 ? "GET / HT" : "");
		while (g_main_context_iteration(NULL, FALSE))
			continue;
	}
	for (int i = 0; i < 5; i++) {
		m = ask(&f, "POST", "/cam1/whep", "application/sdp", "ok", 2, NULL);
		assert_int_equal(soup_message_get_status(m), 201);
		g_object_unref(m);
	}
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	stop(&f);
}

/* All pages come back at once while the server does something else: none of them has to
 * try again, which TCP does after a second (RFC 6298 2). */
static void test_many_at_once(void **state)
{
	enum { MANY = 400 };
	struct sockaddr_in a;
	struct pollfd fds[MANY];
	struct fixture f;
	SoupMessage *m;

	start(&f, NULL);
	a = loopback(f.port);
	for (int i = 0; i < MANY; i++) {
		fds[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		fds[i].events = POLLOUT;
		if (connect(fds[i].fd, (struct sockaddr *)&a, sizeof(a)) < 0)
			assert_int_equal(errno, EINPROGRESS);
	}
	assert_int_equal(poll(fds, MANY, 0), MANY);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(fds[i].revents, POLLOUT);
		close(fds[i].fd);
	}
	m = ask(&f, "GET", "/", NULL, NULL, 0, NULL);
	assert_int_equal(soup_message_get_status(m), 200);
	g_object_unref(m);
	stop(&f);
}

/* A hook that never answers: pages and offers beyond what may wait for it come again. */
static void test_hook_is_busy(void **state)
{
	static const char request[] = "GET /cam1/ HTTP/1.1\r\nHost: x\r\n\r\n";
	enum { WAITING = 256, MANY = WAITING + 20 };
	struct sockaddr_in a = loopback(0);
	int hook = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(a);
	unsigned int refused = 0;
	struct pollfd fds[MANY];
	struct fixture f;
	char url[64];

	assert_int_equal(bind(hook, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(hook, 1024), 0);
	assert_int_equal(getsockname(hook, (struct sockaddr *)&a, &len), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(a.sin_port));
	start(&f, url);
	dial_many(&f, request, fds, MANY, WAITING);
	for (int i = 0; i < MANY; i++) {
		if (fds[i].revents) {
			assert_true(is_refused(fds[i].fd, " 503 "));
			refused++;
		}
		close(fds[i].fd);
	}
	assert_int_equal(refused, MANY - WAITING);
	stop(&f);
	close(hook);
}

/* While it is not known which sessions there are, a stranger names many: few of them wait,
 * those that went make room for others, and who wants to see something does not notice. */
static void test_many_unknown(void **state)
{
	static const char request[] = "DELETE /cam1/whep/aaaa HTTP/1.1\r\nHost: x\r\n\r\n";
	enum { WAITING = 64, MANY = WAITING + 20 };
	struct pollfd fds[MANY];
	struct fixture f;
	SoupMessage *m;

	start(&f, NULL);
	for (unsigned int round = 0; round < 2; round++) {
		unsigned int refused = 0;

		unknown = "taking over";
		dial_many(&f, request, fds, MANY, WAITING);
		m = ask(&f, "POST", "/cam1/whep", "application/sdp", "ok", 2, NULL);
		assert_int_equal(soup_message_get_status(m), 201);
		g_object_unref(m);
		settle(); /* the others get their answer: it is not there */
		while (poll(fds, MANY, 0) < MANY)
			g_main_context_iteration(NULL, FALSE);
		for (int i = 0; i < MANY; i++) {
			refused += is_refused(fds[i].fd, " 404 ");
			close(fds[i].fd);
		}
		assert_int_equal(refused, MANY - WAITING);
	}
	stop(&f);
}

/* Bytes that are no HTTP, or endless headers: the connection ends, the server goes on. */
static void test_hostile_bytes(void **state)
{
	static const char *const begins[] = {"\x16\x03\x01\x02", "GET", "GET / HTTP/9.9\r\n\r\n",
		"POST /cam1/whep HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
		"POST /cam1/whep HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"};
	struct fixture f;
	SoupMessage *m;

	start(&f, NULL);
	for (size_t i = 0; i <= sizeof(begins) / sizeof(begins[0]); i++) {
		GSocketClient *client = g_socket_client_new();
		GSocketConnection *c =
			g_socket_client_connect_to_host(client, "127.0.0.1", f.port, NULL, NULL);
		GSocket *socket = g_socket_connection_get_socket(c);
		char *flood = g_strnfill(65536, 'x');
		gint64 end = g_get_monotonic_time() + 500000;
		size_t sent = 0;

		g_socket_set_blocking(socket, FALSE);
		if (i < sizeof(begins) / sizeof(begins[0])) {
			g_socket_send(socket, begins[i], strlen(begins[i]), NULL, NULL);
			end = g_get_monotonic_time() + 50000;
			flood[0] = '\0';
		} else {
			g_socket_send(socket, "GET / HTTP/1.1\r\nX: ", 19, NULL, NULL);
		}
		while (g_get_monotonic_time() < end) {
			gssize n = flood[0] ? g_socket_send(socket, flood, 65536, NULL, NULL) : 0;

			sent += n > 0 ? n : 0;
			while (g_main_context_iteration(NULL, FALSE))
				continue;
		}
		/* what the server swallowed is bounded; the rest is in socket buffers */
		if (sent > 16u << 20)
			fail_msg("%zu bytes of one header were taken", sent);
		g_free(flood);
		g_object_unref(c);
		g_object_unref(client);
	}
	m = ask(&f, "GET", "/", NULL, NULL, 0, NULL);
	assert_int_equal(soup_message_get_status(m), 200);
	g_object_unref(m);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silent_connections),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_hook_is_busy),
		cmocka_unit_test(test_many_unknown),
		cmocka_unit_test(test_hostile_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
