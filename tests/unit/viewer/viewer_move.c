/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/viewer/viewer_move.c and viewer_ice.c: the pair that a client has
 * chosen, and its new credentials. */
#include "viewer_scene.h"

#include <arpa/inet.h>
#include <string.h>

/* DTLS may come before the nomination: the pair it came by is installed. */
static void test_no_nomination_yet(void **state)
{
	struct fixture f;
	struct double_command *c;

	start(&f, true);
	check(&f, false);
	route_is(0);
	shake(&f);
	c = last_command(MR_COMMAND_VIEWER_ADD);
	c->reply(0, c->user);
	assert_int_equal(f.viewer->state, VIEWER_ESTABLISHED);
	/* then the client nominates another way: the viewer moves there */
	f.flow.remote.port = htons(50002);
	check(&f, true);
	route_is(0);
	c = last_command(MR_COMMAND_VIEWER_ROUTE);
	assert_int_equal(c->command.viewer_route.remote.port, htons(50002));
	viewer_event(f.viewer, MR_VIEWER_EXPIRED);
	assert_int_equal(f.viewer->state, VIEWER_CLOSING);
	assert_int_equal(world.ended, 1); /* the data plane has removed it already */
	stop(&f);
}

/* Every check nominates: the pair of the highest priority is meant. Later, the last one. */
static void test_aggressive_nomination(void **state)
{
	struct double_command *c;
	struct fixture f;

	start(&f, true);
	check_priority(&f, true, 100);
	route_is(0);
	f.flow.remote.port = htons(50001);
	check_priority(&f, true, 300);
	route_is(0);
	assert_int_equal(f.viewer->selected->flow.remote.port, htons(50001));
	f.flow.remote.port = htons(50002);
	check_priority(&f, true, 200);
	route_is(0);
	assert_int_equal(f.viewer->selected->flow.remote.port, htons(50001));
	shake(&f);
	c = last_command(MR_COMMAND_VIEWER_ADD);
	assert_int_equal(c->command.viewer_add.remote.port, htons(50001));
	c->reply(0, c->user);
	f.viewer->answered_us -= 60 * (gint64)G_USEC_PER_SEC;
	check_priority(&f, true, 200);
	c = last_command(MR_COMMAND_VIEWER_ROUTE);
	assert_int_equal(c->command.viewer_route.remote.port, htons(50002));
	viewer_event(f.viewer, MR_VIEWER_EXPIRED);
	stop(&f);
}

/* Chromium nominates nothing but the pair that it has chosen, and may choose a lesser one
 * than before: its reports come that way at once. */
static void test_chosen_nomination(void **state)
{
	struct double_command *c;
	struct fixture f;

	start(&f, true);
	check_priority(&f, false, 300);
	route_is(0);
	check_priority(&f, true, 300);
	shake(&f);
	c = last_command(MR_COMMAND_VIEWER_ADD);
	c->reply(0, c->user);
	f.flow.remote.port = htons(50002);
	check_priority(&f, false, 100);
	route_is(0);
	assert_int_not_equal(f.viewer->selected->flow.remote.port, htons(50002));
	check_priority(&f, true, 100);
	assert_int_equal(f.viewer->selected->flow.remote.port, htons(50002));
	c = last_command(MR_COMMAND_VIEWER_ROUTE);
	assert_int_equal(c->command.viewer_route.remote.port, htons(50002));
	viewer_event(f.viewer, MR_VIEWER_EXPIRED);
	stop(&f);
}

/* RFC 8445 9: the old credentials hold until a pair is nominated with the new ones. */
static void test_ice_restart(void **state)
{
	const struct mr_viewer_ice *ice;
	struct double_command *c;
	char old[ICE_LITE_UFRAG_LEN + 1], first[ICE_LITE_UFRAG_LEN + 1];
	struct viewer_record *r = &world.record;
	struct fixture f;

	establish(&f);
	memcpy(old, f.viewer->ufrag, sizeof(old));
	assert_int_equal(viewer_restart_ice(f.viewer, "peerA"), 0);
	memcpy(first, f.viewer->next.ufrag, sizeof(first));
	/* the client does not wait and asks again */
	assert_int_equal(viewer_restart_ice(f.viewer, "peerB"), 0);
	assert_string_not_equal(f.viewer->next.ufrag, first);
	assert_string_equal(f.viewer->ufrag, old);
	assert_string_equal(r->next_remote_ufrag, "peerB"); /* a restarted process knows it */
	assert_string_equal(r->etag, f.viewer->etag);
	check(&f, false); /* an old one */
	assert_string_equal(f.viewer->ufrag, old);

	f.flow.remote.port = htons(50007);
	check_as(&f, f.viewer->next.ufrag, f.viewer->next.pwd, "peerB", false, 1);
	route_is(0);
	assert_string_equal(f.viewer->ufrag, old);
	check_as(&f, f.viewer->next.ufrag, f.viewer->next.pwd, "peerB", true, 1);
	assert_string_not_equal(f.viewer->ufrag, old);
	assert_int_equal(f.viewer->next.ufrag[0], 0);
	assert_string_equal(f.viewer->remote_ufrag, "peerB");
	/* to the data plane: credentials, then the way */
	c = last_command(MR_COMMAND_VIEWER_ROUTE);
	assert_int_equal(c->command.viewer_route.remote.port, htons(50007));
	assert_int_equal((c - 1)->command.type, MR_COMMAND_VIEWER_ICE);
	ice = &(c - 1)->command.viewer_ice;
	assert_int_equal(ice->viewer_id, f.viewer->id);
	assert_memory_equal(ice->local_ufrag, f.viewer->ufrag, ice->local_ufrag_len);
	assert_memory_equal(ice->local_pwd, f.viewer->pwd, ice->local_pwd_len);
	assert_int_equal(ice->remote_ufrag_len, 5);
	assert_string_equal(r->ufrag, f.viewer->ufrag);
	assert_int_equal(r->remote.port, htons(50007));
	viewer_event(f.viewer, MR_VIEWER_EXPIRED);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_nomination_yet),
		cmocka_unit_test(test_aggressive_nomination),
		cmocka_unit_test(test_chosen_nomination),
		cmocka_unit_test(test_ice_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
