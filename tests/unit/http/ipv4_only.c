/* SPDX-License-Identifier: BSD-3-Clause */
/* A host without IPv6: the default addresses still listen. Sockets of that family are
 * refused to this process by a seccomp filter, as a kernel with ipv6.disable=1 does. */
#include "controlplane/http/server.h"
#include "controlplane/viewer/public_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_US (20 * (gint64)G_USEC_PER_SEC)

static int refuse_ipv6(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = G_N_ELEMENTS(code), .filter = code};
	int fd;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		return 1;
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	if (fd != -1)
		close(fd);
	return fd == -1 && errno == EAFNOSUPPORT ? 0 : 1;
}

/* Free a moment ago, for the protocol of `type`. */
static uint16_t free_port(int type)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

struct received {
	struct public_flow flow;
	uint8_t data[16];
	size_t len;
};

static void on_received(const struct public_flow *flow, const uint8_t *data, size_t len, void *user)
{
	struct received *r = user;

	r->flow = *flow;
	r->len = len;
	memcpy(r->data, data, MIN(len, sizeof(r->data)));
}

/* What comes by the kernel's socket is answered by it. */
static void test_public_port(void **state)
{
	static const char *const addresses[] = {"::", "::ffff:127.0.0.1"};

	for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
		uint16_t number = free_port(SOCK_DGRAM);
		struct sockaddr_in to = {.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
			.sin_port = htons(number)};
		int client = socket(AF_INET, SOCK_DGRAM, 0);
		struct install *install = install_create("/nonexistent/control.sock");
		struct timeval patience = {.tv_sec = PATIENCE_US / G_USEC_PER_SEC};
		struct mr_endpoint local = {.port = htons(number)};
		gint64 end = g_get_monotonic_time() + PATIENCE_US;
		struct received r = {0};
		struct public_port *port;
		uint8_t loopback[16], answer[8];

		assert_int_equal(inet_pton(AF_INET6, addresses[i], local.addr), 1);
		inet_pton(AF_INET6, "::ffff:127.0.0.1", loopback);
		assert_int_equal(public_port_create(&port, install, &local, on_received, &r), 0);
		assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
		assert_int_equal(send(client, "ping", 4, 0), 4);
		while (r.len == 0 && g_get_monotonic_time() < end)
			g_main_context_iteration(NULL, FALSE);
		assert_int_equal(r.len, 4);
		assert_memory_equal(r.data, "ping", 4);
		assert_int_equal(r.flow.kernel, 1);
		assert_memory_equal(r.flow.local.addr, loopback, 16);
		assert_memory_equal(r.flow.remote.addr, loopback, 16);
		assert_int_equal(r.flow.local.port, htons(number));
		assert_int_equal(public_port_send(port, &r.flow, 0, "pong", 4), 0);
		setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		assert_int_equal(recv(client, answer, sizeof(answer), 0), 4);
		assert_memory_equal(answer, "pong", 4);
		public_port_destroy(port);
		install_destroy(install);
		close(client);
	}
}

/* What cannot be had is still refused: a port that is taken, an address of IPv6. */
static void test_refusals(void **state)
{
	struct sockaddr_in taken = {
		.sin_family = AF_INET, .sin_port = htons(free_port(SOCK_DGRAM))};
	struct mr_endpoint any = {.port = taken.sin_port}, ipv6 = any;
	struct install *install = install_create("/nonexistent/control.sock");
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct public_port *port = NULL;

	assert_int_equal(bind(fd, (struct sockaddr *)&taken, sizeof(taken)), 0);
	assert_int_equal(public_port_create(&port, install, &any, on_received, NULL), -EADDRINUSE);
	inet_pton(AF_INET6, "2001:db8::1", ipv6.addr);
	assert_int_equal(
		public_port_create(&port, install, &ipv6, on_received, NULL), -EAFNOSUPPORT);
	assert_null(port);
	install_destroy(install);
	close(fd);
}

static void test_http(void **state)
{
	static const char file[] =
		"{\"dataplane\":{\"ports\":[{\"name\":\"wan\",\"device\":\"net_af_xdp,iface=x0\"}],"
		"\"workers\":[1]},\"paths\":{\"cam1\":{\"source\":\"rtsp://127.0.0.1:1/x\"}}}";
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(free_port(SOCK_STREAM))};
	int client = socket(AF_INET, SOCK_STREAM, 0);
	struct mr_config_report report;
	struct http_server *server;
	struct mr_config config;

	assert_int_equal(mr_config_parse(&config, file, strlen(file), &report), 0);
	mr_config_report_fini(&report);
	memset(config.webrtc_address.addr, 0, 16);
	config.webrtc_address.port = to.sin_port;
	assert_int_equal(http_server_create(&server, &config, NULL, NULL), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
	http_server_destroy(server);
	mr_config_fini(&config);
	close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_public_port),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_http),
	};

	return cmocka_run_group_tests(tests, refuse_ipv6, NULL);
}
