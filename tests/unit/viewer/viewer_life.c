/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/viewer/viewer.c: one viewer from its answer to its end. */
#include "viewer_scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void test_life(void **state)
{
	struct srtp_session_keys keys;
	struct srtp_master client, server;
	uint8_t material[128];
	const struct mr_viewer_add *add;
	struct double_command *c;
	struct fixture f;

	establish(&f);
	add = &world.commands[0].command.viewer_add;
	assert_int_equal(add->viewer_id, 7);
	assert_int_equal(add->nexthop_id, 3);
	assert_int_equal(add->srtp_profile, SRTP_PROFILE_GCM_128);
	assert_int_equal(add->remote.port, htons(50000));
	assert_int_equal(add->track[0].stream_id, 5);
	assert_int_equal(add->track[0].payload_type, 96);
	assert_true(add->track[0].sequence_base < 0x8000);
	assert_int_equal(add->track[1].stream_id, 0);
	assert_int_equal(add->local_ufrag_len, ICE_LITE_UFRAG_LEN);
	assert_memory_equal(add->local_pwd, f.viewer->pwd, add->local_pwd_len);
	/* the client derives the same keys: what it reads with is what we write with */
	SSL_export_keying_material(f.ssl, material, 56, "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0);
	srtp_exporter_split(
		srtp_profile_by_id(SRTP_PROFILE_GCM_128), material, 56, &client, &server);
	srtp_keys_derive(srtp_profile_by_id(SRTP_PROFILE_GCM_128), &server, &keys, NULL);
	assert_memory_equal(&add->tx_rtp, &keys, sizeof(keys));
	srtp_keys_derive(srtp_profile_by_id(SRTP_PROFILE_GCM_128), &client, NULL, &keys);
	assert_memory_equal(&add->rx_rtcp, &keys, sizeof(keys));
	assert_int_equal(world.records, 1);

	/* DTLS state lives until the first SRTCP and 30 s */
	viewer_tick(f.viewer, g_get_monotonic_time() + 3600 * (gint64)G_USEC_PER_SEC);
	assert_non_null(f.viewer->dtls);
	viewer_event(f.viewer, MR_VIEWER_RTCP);
	viewer_tick(f.viewer, g_get_monotonic_time() + 20 * G_USEC_PER_SEC);
	assert_non_null(f.viewer->dtls);
	viewer_tick(f.viewer, g_get_monotonic_time() + 31 * G_USEC_PER_SEC);
	assert_null(f.viewer->dtls);
	assert_int_equal(f.viewer->state, VIEWER_ESTABLISHED);

	viewer_close(f.viewer, "test");
	assert_int_equal(world.ended, 0); /* not before the data plane has let go */
	c = last_command(MR_COMMAND_VIEWER_DEL);
	assert_int_equal(c->command.object.id, 7);
	c->reply(0, c->user);
	assert_int_equal(world.ended, 1);
	stop(&f);
}

static void test_wrong_fingerprint(void **state)
{
	struct fixture f;

	start(&f, false);
	check(&f, true);
	route_is(0);
	shake(&f);
	assert_int_equal(f.viewer->state, VIEWER_CLOSING);
	assert_int_equal(world.n_commands, 0); /* no key ever left */
	assert_int_equal(world.ended, 1);
	stop(&f);
}

static void test_dtls_needs_a_check(void **state)
{
	struct fixture f;
	struct public_flow other;

	start(&f, true);
	shake(&f);
	assert_int_equal(f.viewer->state, VIEWER_NEW);
	check(&f, false);
	route_is(0);
	other = f.flow;
	f.flow.remote.port = htons(50001); /* an address that no check came from */
	shake(&f);
	assert_int_equal(f.viewer->state, VIEWER_CHECKED);
	f.flow = other;
	viewer_close(f.viewer, "test");
	stop(&f);
}

/* The record is all that a new process has; the viewer goes on from there. */
static void test_taken_over(void **state)
{
	struct viewer_record record;
	struct double_command *c;
	unsigned int commands;
	struct fixture f;

	establish(&f);
	record = world.record;
	viewer_event(f.viewer, MR_VIEWER_EXPIRED);
	viewer_free(f.viewer);
	world.n_commands = 0;
	f.viewer = viewer_adopt(&f.env, 7, &f.path, &record);
	assert_non_null(f.viewer);
	assert_int_equal(f.viewer->state, VIEWER_ESTABLISHED);
	assert_int_equal(world.wanted, 1);
	/* the data plane keeps the old way until the new one's MAC address is known */
	world.route = (struct route_info){.nexthop_id = 9};
	world.route_changed(world.route_user, &world.route);
	assert_int_equal(world.n_commands, 0);
	world.route.resolved = true;
	world.route_changed(world.route_user, &world.route);
	c = last_command(MR_COMMAND_VIEWER_ROUTE);
	assert_int_equal(c->command.viewer_route.nexthop_id, 9);
	assert_memory_equal(&c->command.viewer_route.remote, &record.remote, sizeof(record.remote));
	/* another address of the client's */
	f.flow.remote.port = htons(50011);
	check(&f, true);
	route_is(0);
	c = last_command(MR_COMMAND_VIEWER_ROUTE);
	assert_int_equal(c->command.viewer_route.remote.port, htons(50011));
	assert_int_equal(world.record.remote.port, htons(50011));
	/* DTLS of before the restart means nothing to it */
	commands = world.n_commands;
	viewer_dtls(f.viewer, &f.flow, (const uint8_t *)"\x15\xfe\xfd", 3);
	viewer_event(f.viewer, MR_VIEWER_RTCP);
	viewer_tick(f.viewer, g_get_monotonic_time() + 3600 * (gint64)G_USEC_PER_SEC);
	assert_int_equal(world.n_commands, commands);
	viewer_close(f.viewer, "test");
	c = last_command(MR_COMMAND_VIEWER_DEL);
	assert_int_equal(c->command.object.id, 7);
	c->reply(0, c->user);
	stop(&f);
}

static void test_timeouts(void **state)
{
	static const struct {
		bool checked, handshake;
		int seconds;
		const char *why;
	} cases[] = {
		{false, false, 16, "nothing arrives"},
		{true, false, 16, "checks end"},
		{true, true, 11, "the handshake hangs"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		uint8_t buffer[4096];
		gint64 now;

		start(&f, true);
		if (cases[i].checked) {
			check(&f, true);
			route_is(0);
		}
		if (cases[i].handshake) {
			int n;

			SSL_do_handshake(f.ssl);
			n = BIO_read(f.out, buffer, sizeof(buffer));
			viewer_dtls(f.viewer, &f.flow, buffer, n);
			assert_int_equal(f.viewer->state, VIEWER_HANDSHAKE);
		}
		now = g_get_monotonic_time();
		viewer_tick(f.viewer, now + (cases[i].seconds - 2) * G_USEC_PER_SEC);
		if (world.ended != 0)
			fail_msg("%s: too early", cases[i].why);
		viewer_tick(f.viewer, now + cases[i].seconds * G_USEC_PER_SEC);
		if (world.ended != 1)
			fail_msg("%s: still there", cases[i].why);
		stop(&f);
	}
}

/* What the log says of the end, with what did not authenticate before. */
static void test_failed_checks_are_told(void **state)
{
	static const struct {
		bool good, timeout;
		const char *said, *not_said;
		unsigned int failed;
	} cases[] = {
		{false, true, "no connectivity check arrived", "password", 0},
		{false, true, "no check was good: 12 with a wrong password", "arrived", 12},
		{false, false, "why=\"test; no check was good: 3 with a wrong", "arrived", 3},
		{true, false, "why=\"test\"", "password", 3},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int saved = dup(STDERR_FILENO), fd = memfd_create("log", MFD_CLOEXEC);
		char log[4096] = {0};
		struct fixture f;

		dup2(fd, STDERR_FILENO);
		start(&f, true);
		for (unsigned int n = 0; n < cases[i].failed; n++)
			viewer_check_failed(f.viewer);
		if (cases[i].good) {
			check(&f, true);
			route_is(0);
		}
		if (cases[i].timeout)
			viewer_tick(f.viewer, g_get_monotonic_time() + 16 * G_USEC_PER_SEC);
		else
			viewer_close(f.viewer, "test");
		dup2(saved, STDERR_FILENO);
		close(saved);
		assert_true(pread(fd, log, sizeof(log) - 1, 0) > 0);
		close(fd);
		if (!strstr(log, cases[i].said) || strstr(log, cases[i].not_said))
			fail_msg("%zu: %s", i, log);
		stop(&f);
	}
}

/* Who only ever checks does not hold its place among those that connect. */
static void test_checks_alone_do_not_last(void **state)
{
	struct fixture f;
	gint64 now;

	start(&f, true);
	now = g_get_monotonic_time();
	f.viewer->answered_us = now - 25 * (gint64)G_USEC_PER_SEC;
	check(&f, true);
	route_is(0);
	check(&f, true);
	viewer_tick(f.viewer, now + 4 * G_USEC_PER_SEC);
	assert_int_equal(world.ended, 0);
	viewer_tick(f.viewer, now + 6 * G_USEC_PER_SEC);
	assert_int_equal(world.ended, 1);
	stop(&f);
}

static void test_data_plane(void **state)
{
	struct double_command *c;
	struct fixture f;

	/* it refuses */
	start(&f, true);
	check(&f, true);
	route_is(0);
	shake(&f);
	c = last_command(MR_COMMAND_VIEWER_ADD);
	c->reply(-ENOSPC, c->user);
	assert_int_equal(f.viewer->state, VIEWER_CLOSING);
	assert_int_equal(world.ended, 1);
	stop(&f);

	/* the route leaves by no port of it */
	start(&f, true);
	check(&f, true);
	route_is(-ENODEV);
	shake(&f);
	assert_int_equal(world.n_commands, 0);
	viewer_close(f.viewer, "test");
	stop(&f);

	/* it goes */
	establish(&f);
	viewer_detached(f.viewer);
	assert_int_equal(world.ended, 1);
	assert_int_equal(world.n_commands, 1);
	stop(&f);

	/* deleted while VIEWER_ADD is on its way */
	start(&f, true);
	check(&f, true);
	route_is(0);
	shake(&f);
	viewer_close(f.viewer, "test");
	assert_int_equal(world.n_commands, 2);
	world.commands[0].reply(0, world.commands[0].user);
	assert_int_equal(world.ended, 0);
	world.commands[1].reply(0, world.commands[1].user);
	assert_int_equal(world.ended, 1);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_wrong_fingerprint),
		cmocka_unit_test(test_dtls_needs_a_check),
		cmocka_unit_test(test_taken_over),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_failed_checks_are_told),
		cmocka_unit_test(test_checks_alone_do_not_last),
		cmocka_unit_test(test_data_plane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
