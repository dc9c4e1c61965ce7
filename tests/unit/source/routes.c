/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routes and next hops against the kernel, in network namespaces of the test's
 * own: a veth whose other end a child process holds. Needs root, else skipped.
 */
#include "controlplane/routes.h"
#include "controlplane/routes_netlink.h"
#include "controlplane/source/address.h"
#include "tests/unit/source/recorder.h"
#include "tests/unit/source/wait.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PORT_INDEX 3
#define SKIPPED 77

static const uint8_t peer_mac[6] = {2, 0, 0, 0, 9, 2};

struct answer {
	struct route_info info;
	unsigned int calls;
};

struct fixture {
	struct recorder recorder;
	struct install *install;
	struct routes *routes;
};

static void sh(const char *command)
{
	assert_int_equal(system(command), 0);
}

static void on_changed(void *user, const struct route_info *info)
{
	struct answer *a = user;

	a->info = *info;
	a->calls++;
}

static struct route *resolve(struct fixture *f, const char *address, struct answer *a)
{
	uint8_t remote[16];

	memset(a, 0, sizeof(*a));
	a->info.status = 1;
	assert_int_equal(address_parse(remote, address), 0);
	return routes_resolve(f->routes, remote, on_changed, a);
}

static int setup(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);
	struct mr_port_info port = {.index = PORT_INDEX, .ifindex = if_nametoindex("mrt-a")};

	f->install = recorder_create(&f->recorder);
	assert_int_equal(routes_create(&f->routes, f->install), 0);
	recorder_add_port(f->install, &port);
	recorder_attach(f->install);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	run_ms(20);
	routes_destroy(f->routes);
	recorder_destroy(f->install);
	g_free(f);
	return 0;
}

static const struct mr_nexthop_set *last_set(const struct fixture *f, uint32_t id)
{
	for (guint i = f->recorder.commands->len; i > 0; i--) {
		const struct mr_command *c =
			&g_array_index(f->recorder.commands, struct mr_command, i - 1);

		if (c->type == MR_COMMAND_NEXTHOP_SET && c->nexthop_set.nexthop_id == id)
			return &c->nexthop_set;
	}
	return NULL;
}

static void neighbour_is_provoked_and_told(void **state)
{
	static const char *const addresses[] = {"10.99.0.2", "fd99::2"};
	static const char *const own[] = {"10.99.0.1", "fd99::1"};
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		const struct mr_nexthop_set *set;
		struct answer a;
		struct route *route = resolve(f, addresses[i], &a);
		uint8_t local[16];

		WAIT_FOR(5000, a.calls && a.info.resolved);
		assert_int_equal(a.info.status, 0);
		assert_int_equal(a.info.port, PORT_INDEX);
		address_parse(local, own[i]);
		assert_memory_equal(a.info.local, local, 16);
		set = last_set(f, a.info.nexthop_id);
		assert_non_null(set);
		assert_int_equal(set->valid, 1);
		assert_int_equal(set->port, PORT_INDEX);
		assert_memory_equal(set->mac, peer_mac, 6);
		route_release(route);
		WAIT_FOR(2000, recorder_count(&f->recorder, MR_COMMAND_NEXTHOP_DEL) == i + 1u);
	}
}

static void gateway_is_shared_and_followed(void **state)
{
	struct fixture *f = *state;
	struct answer a, b, onlink;
	struct route *ra = resolve(f, "10.100.1.1", &a), *rb = resolve(f, "10.100.2.2", &b);
	struct route *rc = resolve(f, "10.99.0.2", &onlink);
	uint32_t first;

	WAIT_FOR(5000, a.info.resolved && b.info.resolved && onlink.info.resolved);
	assert_int_equal(a.info.nexthop_id, b.info.nexthop_id);
	assert_int_equal(a.info.nexthop_id, onlink.info.nexthop_id);
	first = a.info.nexthop_id;
	/* Another gateway, which does not answer. */
	sh("ip route change 10.100.0.0/16 via 10.99.0.7");
	WAIT_FOR(5000, a.info.nexthop_id != first && b.info.nexthop_id != first);
	assert_int_equal(a.info.status, 0);
	assert_false(a.info.resolved);
	assert_int_equal(last_set(f, a.info.nexthop_id)->valid, 0);
	assert_int_equal(onlink.info.nexthop_id, first);
	/* No route at all, and back. */
	sh("ip route del 10.100.0.0/16");
	WAIT_FOR(5000, a.info.status == -ENETUNREACH);
	sh("ip route add 10.100.0.0/16 via 10.99.0.2");
	WAIT_FOR(5000, a.info.status == 0 && a.info.nexthop_id == first && a.info.resolved);
	route_release(ra);
	route_release(rb);
	route_release(rc);
}

static void last_mac_outlives_the_kernels_entry(void **state)
{
	static const uint8_t other[6] = {2, 0, 0, 0, 9, 9};
	struct fixture *f = *state;
	struct answer a;
	struct route *route = resolve(f, "10.99.0.2", &a);
	uint32_t id;

	WAIT_FOR(5000, a.info.resolved);
	id = a.info.nexthop_id;
	sh("ip neigh replace 10.99.0.2 lladdr 02:00:00:00:09:09 dev mrt-a nud reachable");
	WAIT_FOR(5000, !memcmp(last_set(f, id)->mac, other, 6));
	sh("ip neigh del 10.99.0.2 dev mrt-a");
	run_ms(300);
	assert_int_equal(last_set(f, id)->valid, 1);
	assert_true(a.info.resolved);
	assert_int_equal(recorder_count(&f->recorder, MR_COMMAND_NEXTHOP_DEL), 0);
	route_release(route);
}

static void refusals_are_named(void **state)
{
	static const struct {
		const char *address;
		int status;
		const char *why;
	} cases[] = {
		{"10.99.0.1", -ELOOP, "our own address"},
		{"127.0.0.1", -ELOOP, "loopback"},
		{"fd99::1", -ELOOP, "our own address, IPv6"},
		{"10.98.0.5", -ENODEV, "by an interface that is no port"},
		{"192.0.2.1", -ENETUNREACH, "no route"},
		{"2001:db8::1", -ENETUNREACH, "no route, IPv6"},
		{"10.97.0.1", -ENETUNREACH, "an unreachable route"},
		{"255.255.255.255", -ENETUNREACH, "broadcast"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct answer a;
		struct route *route = resolve(f, cases[i].address, &a);

		WAIT_FOR(3000, a.calls);
		if (a.info.status != cases[i].status)
			fail_msg("%s: %d", cases[i].why, a.info.status);
		assert_true(strlen(route_status_text(a.info.status)) > 10);
		route_release(route);
	}
	assert_int_equal(recorder_count(&f->recorder, MR_COMMAND_NEXTHOP_SET), 0);
}

static void fresh_data_plane_is_told_again(void **state)
{
	struct fixture *f = *state;
	struct answer a;
	struct route *route = resolve(f, "10.99.0.2", &a);
	unsigned int before;

	WAIT_FOR(5000, a.info.resolved);
	recorder_detach(f->install);
	before = recorder_count(&f->recorder, MR_COMMAND_NEXTHOP_SET);
	recorder_attach(f->install);
	assert_int_equal(recorder_count(&f->recorder, MR_COMMAND_NEXTHOP_SET), before + 1);
	assert_int_equal(last_set(f, a.info.nexthop_id)->valid, 1);
	route_release(route);
}

struct releasing {
	struct route **other;
	unsigned int calls;
};

static void on_changed_release(void *user, const struct route_info *info)
{
	struct releasing *x = user;

	x->calls++;
	route_release(*x->other);
	*x->other = NULL;
}

static void handles_may_go_inside_a_callback(void **state)
{
	struct fixture *f = *state;
	struct route *a = NULL, *b = NULL;
	struct releasing xa = {.other = &b}, xb = {.other = &a};
	uint8_t remote[16];

	address_parse(remote, "10.99.0.2");
	a = routes_resolve(f->routes, remote, on_changed_release, &xa);
	b = routes_resolve(f->routes, remote, on_changed_release, &xb);
	WAIT_FOR(3000, xa.calls + xb.calls);
	run_ms(50);
	assert_true((a == NULL) != (b == NULL));
	route_release(a);
	route_release(b);
}

/* Viewers in the data plane may still use it: it is deleted when they do not. */
static void busy_nexthops_are_deleted_later(void **state)
{
	struct fixture *f = *state;
	struct answer a;
	struct route *route = resolve(f, "10.99.0.2", &a);
	unsigned int n;

	WAIT_FOR(5000, a.info.resolved);
	f->recorder.nexthop_del = -EBUSY;
	route_release(route);
	WAIT_FOR(3000, recorder_count(&f->recorder, MR_COMMAND_NEXTHOP_DEL) >= 2);
	f->recorder.nexthop_del = 0;
	n = recorder_count(&f->recorder, MR_COMMAND_NEXTHOP_DEL);
	WAIT_FOR(3000, recorder_count(&f->recorder, MR_COMMAND_NEXTHOP_DEL) > n);
	run_ms(700);
	assert_int_equal(recorder_count(&f->recorder, MR_COMMAND_NEXTHOP_DEL), n + 1);
}

/* What was sent by it last may still be in the ring: its deletion waits. */
static void unused_nexthops_linger(void **state)
{
	struct fixture *f = *state;
	struct answer a, b;
	struct route *route = resolve(f, "10.99.0.2", &a);
	unsigned int sets;

	WAIT_FOR(5000, a.info.resolved);
	sets = recorder_count(&f->recorder, MR_COMMAND_NEXTHOP_SET);
	route_release(route);
	assert_int_equal(recorder_count(&f->recorder, MR_COMMAND_NEXTHOP_DEL), 0);
	/* used again at once: it is the same one, and stays */
	route = resolve(f, "10.99.0.2", &b);
	WAIT_FOR(3000, b.info.resolved);
	if (b.info.nexthop_id == a.info.nexthop_id) {
		run_ms(300);
		assert_int_equal(recorder_count(&f->recorder, MR_COMMAND_NEXTHOP_DEL), 0);
		assert_int_equal(recorder_count(&f->recorder, MR_COMMAND_NEXTHOP_SET), sets);
	}
	route_release(route);
	assert_int_equal(recorder_last(&f->recorder, MR_COMMAND_NEXTHOP_DEL) == NULL,
		b.info.nexthop_id == a.info.nexthop_id);
	WAIT_FOR(3000, recorder_last(&f->recorder, MR_COMMAND_NEXTHOP_DEL) &&
			       recorder_last(&f->recorder, MR_COMMAND_NEXTHOP_DEL)->object.id ==
				       b.info.nexthop_id);
	/* one that lingers when all ends */
	route = resolve(f, "10.99.0.2", &b);
	WAIT_FOR(3000, b.info.resolved);
	route_release(route);
}

struct seen {
	unsigned int answers, lost, answers_when_lost;
};

static void seen_route(void *user, uint32_t seq, const struct netlink_route *route)
{
	((struct seen *)user)->answers++;
}

static void seen_lost(void *user)
{
	struct seen *seen = user;

	seen->lost++;
	seen->answers_when_lost = seen->answers;
}

static void nothing(void *user)
{
}

/* The smallest buffers that the kernel gives. */
static void shrink_netlink_sockets(void)
{
	int size = 1;

	for (int fd = 0; fd < 64; fd++) {
		int domain = 0;
		socklen_t len = sizeof(domain);

		if (!getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) && domain == AF_NETLINK)
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	}
}

/* Said after the answers that did find room, so that what is open then was lost. */
static void lost_answers_are_told_of(void **state)
{
	static const struct netlink_events events = {
		.route = seen_route, .lost = seen_lost, .changed = nothing};
	struct routes_netlink *nl;
	struct seen seen = {0};
	uint8_t remote[16];

	assert_int_equal(netlink_open(&nl, &events, &seen), 0);
	shrink_netlink_sockets();
	address_parse(remote, "10.99.0.2");
	for (uint32_t seq = 1; seq <= 100; seq++)
		assert_int_equal(netlink_ask_route(nl, remote, seq), 0);
	WAIT_FOR(3000, seen.lost);
	run_ms(50);
	assert_int_equal(seen.lost, 1);
	assert_in_range(seen.answers, 1, 99);
	assert_int_equal(seen.answers, seen.answers_when_lost);
	netlink_close(nl);
}

static void lost_answers_are_asked_for_again(void **state)
{
	enum { MANY = 300 };
	struct fixture *f = *state;
	struct route *routes[MANY];
	struct answer a[MANY];

	shrink_netlink_sockets();
	for (int i = 0; i < MANY; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.100.%d.%d", i / 200, 1 + i % 200);
		routes[i] = resolve(f, text, &a[i]);
	}
	for (int i = 0; i < MANY; i++) {
		WAIT_FOR(5000, a[i].calls);
		assert_int_equal(a[i].info.status, 0);
		route_release(routes[i]);
	}
}

/* Holds the far end of the veth until the test is over. */
static pid_t start_peer(int ready[2])
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) || write(ready[1], "x", 1) != 1)
		_exit(1);
	while (if_nametoindex("mrt-b") == 0)
		usleep(1000);
	if (system("ip link set lo up && ip link set mrt-b address 02:00:00:00:09:02 up"
		   " && ip addr add 10.99.0.2/24 dev mrt-b && ip addr add fd99::2/64 dev mrt-b "
		   "nodad"
		   " && ip route add 10.98.0.0/15 via 10.99.0.1"))
		_exit(1);
	if (write(ready[1], "x", 1) != 1)
		_exit(1);
	pause();
	_exit(0);
}

static int make_network(pid_t *peer)
{
	int ready[2];
	char byte, command[512];

	if (geteuid() != 0 || unshare(CLONE_NEWNET) || pipe(ready))
		return SKIPPED;
	*peer = start_peer(ready);
	if (read(ready[0], &byte, 1) != 1)
		return 1;
	snprintf(command, sizeof(command),
		"ip link set lo up && ip link add mrt-a type veth peer name mrt-b netns %d"
		" && ip link set mrt-a up && ip addr add 10.99.0.1/24 dev mrt-a"
		" && ip addr add fd99::1/64 dev mrt-a nodad"
		" && ip link add mrt-d type veth peer name mrt-e && ip link set mrt-d up"
		" && ip addr add 10.98.0.1/24 dev mrt-d"
		" && ip route add unreachable 10.97.0.0/16",
		(int)*peer);
	if (system(command))
		return 1;
	if (read(ready[0], &byte, 1) != 1)
		return 1;
	return system("ip route add 10.100.0.0/16 via 10.99.0.2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(neighbour_is_provoked_and_told, setup, teardown),
		cmocka_unit_test_setup_teardown(gateway_is_shared_and_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			last_mac_outlives_the_kernels_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(fresh_data_plane_is_told_again, setup, teardown),
		cmocka_unit_test_setup_teardown(handles_may_go_inside_a_callback, setup, teardown),
		cmocka_unit_test_setup_teardown(busy_nexthops_are_deleted_later, setup, teardown),
		cmocka_unit_test_setup_teardown(unused_nexthops_linger, setup, teardown),
		cmocka_unit_test(lost_answers_are_told_of),
		cmocka_unit_test_setup_teardown(lost_answers_are_asked_for_again, setup, teardown),
	};
	pid_t peer = 0;
	int result;

	result = make_network(&peer);
	if (result) {
		fprintf(stderr, "%s\n",
			result == SKIPPED ? "needs root: skipped" : "no test network");

	} else {
		result = cmocka_run_group_tests_name("routes", tests, NULL, NULL);
	}
	if (peer > 0) {
		kill(peer, SIGKILL);
		waitpid(peer, NULL, 0);
	}
	return result;
}
