/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that fail half-way leave what ran before as it was, and nothing else. */
#include "tests/unit/control/live_frame.h"

#include "dataplane/api/endpoint.h"
#include "dataplane/stream/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define GCM 0x0007

static struct live live;
static uint16_t sequence;

/* How many packets stream `id` counts more after one to each of the ports. */
static unsigned int packets_at(uint32_t id, uint16_t port)
{
	const struct mr_stats_stream *s = live_stream_stats(&live, id);
	struct mr_endpoint from = mr_endpoint_ipv4(0x0a000002, 5000);
	struct mr_endpoint to = mr_endpoint_ipv4(LIVE_GATEWAY, port);
	uint64_t before = atomic_load(&s->packets);
	uint8_t rtp[64];
	size_t len;

	sequence++;
	len = live_rtp(rtp, 96, sequence, sequence * 3000u, 7, "\x41nal", 4);
	live_send(&live, 0, &from, &to, rtp, len);
	live_settle(&live);
	return (unsigned int)(atomic_load(&s->packets) - before);
}

static uint32_t count(const struct table *t)
{
	return table_count(t);
}

/* One path with one stream, one next hop. */
static int setup(void **state)
{
	assert_int_equal(live_path(&live, 1), 0);
	assert_int_equal(live_stream(&live, 1, 1, MR_KIND_VIDEO), 0);
	assert_int_equal(live_nexthop(&live, LIVE_NEXTHOP), 0);
	live.wire.fail_after = 0;
	live.wire.deletes = 0;
	return 0;
}

static int teardown(void **state)
{
	const struct tables *t = &live.dp.control.tables;

	live.wire.fail_after = 0;
	for (uint32_t i = 0; i < table_capacity(t->viewers); i++) {
		const struct viewer_entry *e = table_at(t->viewers, i);
		if (e != NULL)
			assert_int_equal(live_viewer_del(&live, e->id), 0);
	}
	for (uint32_t i = 0; i < table_capacity(t->streams); i++) {
		const struct stream_entry *e = table_at(t->streams, i);
		if (e != NULL)
			assert_int_equal(live_stream_del(&live, e->id), 0);
	}
	for (uint32_t i = 0; i < table_capacity(t->paths); i++) {
		const struct path_entry *e = table_at(t->paths, i);
		if (e != NULL)
			assert_int_equal(live_path_del(&live, e->id), 0);
	}
	live_nexthop_del(&live, LIVE_NEXTHOP); /* unless it went with a control plane */
	assert_int_equal(count(t->nexthops), 0);
	for (unsigned int i = 0; i < live.wire.listens; i++)
		assert_int_not_equal(live.wire.listen[i].addr[11], 0xff); /* but public ports */
	return 0;
}

static void bind_to_another_streams_port(void **state)
{
	assert_int_equal(live_stream(&live, 2, 1, MR_KIND_VIDEO), 0);
	assert_int_equal(live_bind(&live, 1, MR_INPUT_WIRE, 6000), 0);
	assert_int_equal(live_bind(&live, 2, MR_INPUT_WIRE, 6002), 0);
	assert_int_equal(packets_at(1, 6000), 1);

	assert_int_equal(live_bind(&live, 2, MR_INPUT_WIRE, 6000), -EADDRINUSE);
	assert_int_equal(packets_at(1, 6000), 1); /* its own still comes to it */
	assert_int_equal(packets_at(2, 6002), 1); /* and the old binding stays */
	assert_int_equal(live.wire.listens, 2);
	assert_int_equal(live.wire.deletes, 0);
	/* The port becomes free with its owner. */
	assert_int_equal(live_bind(&live, 1, MR_INPUT_NONE, 0), 0);
	assert_int_equal(live_bind(&live, 2, MR_INPUT_WIRE, 6000), 0);
	assert_int_equal(packets_at(2, 6000), 1);
}

static void bind_that_the_port_refuses(void **state)
{
	assert_int_equal(live_bind(&live, 1, MR_INPUT_WIRE, 6000), 0);
	assert_int_equal(packets_at(1, 6000), 1);
	live.wire.fail_after = 1;
	assert_int_equal(live_bind(&live, 1, MR_INPUT_WIRE, 6002), -ENOSPC);
	assert_int_equal(packets_at(1, 6000), 1);
	assert_int_equal(packets_at(1, 6002), 0);
	assert_int_equal(live.wire.listens, 1);
	assert_int_equal(live_bind(&live, 1, MR_INPUT_WIRE, 6002), 0);
	assert_int_equal(packets_at(1, 6002), 1);
	assert_int_equal(packets_at(1, 6000), 0);
	assert_int_equal(live.wire.listens, 1);
	assert_int_equal(live.wire.deletes, 0);
}

static void bind_again_to_the_same_port(void **state)
{
	assert_int_equal(live_bind(&live, 1, MR_INPUT_WIRE, 6000), 0);
	assert_int_equal(packets_at(1, 6000), 1);
	live.wire.fail_after = 1; /* nothing is to be opened */
	assert_int_equal(live_bind(&live, 1, MR_INPUT_WIRE, 6000), 0);
	assert_int_equal(live.wire.fail_after, 1);
	assert_int_equal(packets_at(1, 6000), 1);
}

static void public_port_that_the_port_refuses(void **state)
{
	unsigned int before = live.wire.listens;

	live.wire.fail_after = 1;
	assert_int_equal(live_listen(&live, 8001), -ENOSPC);
	assert_int_equal(live.wire.listens, before);
	assert_int_equal(live_listen(&live, 8001), 0);
	assert_int_equal(live_listen(&live, 8001), 0); /* said again */
	assert_int_equal(live.wire.listens, before + 1);
}

static void streams_port_is_no_public_port(void **state)
{
	assert_int_equal(live_listen(&live, 8003), 0);
	assert_int_equal(live_bind(&live, 1, MR_INPUT_WIRE, 8003), -EADDRINUSE);
	assert_int_equal(live_bind(&live, 1, MR_INPUT_WIRE, 8005), 0);
	assert_int_equal(live_listen(&live, 8005), -EADDRINUSE);
}

static void refused_viewer_keeps_its_keys(void **state)
{
	struct mr_viewer_add add = live_viewer_add(1, GCM, 1, 0);
	struct mr_viewer_add other = live_viewer_add(2, GCM, 1, 0);

	assert_int_equal(live_viewer(&live, &add), 0);
	other.viewer_id = 1;
	assert_int_equal(live_viewer(&live, &other), -EEXIST);
	other.viewer_id = 2;
	assert_int_equal(live_viewer(&live, &other), 0);
}

static void keys_come_once(void **state)
{
	struct mr_viewer_add add = live_viewer_add(10, GCM, 1, 0);
	struct mr_viewer_add again = live_viewer_add(11, GCM, 1, 0);

	assert_int_equal(live_viewer(&live, &add), 0);
	assert_int_equal(live_viewer_del(&live, 10), 0);
	assert_int_equal(live_viewer(&live, &add), -EEXIST);

	again.tx_rtp = add.tx_rtp;
	assert_int_equal(live_viewer(&live, &again), -EEXIST);
	memset(&again.tx_rtp.cipher[16], 1, 16); /* AES-128 does not look there */
	assert_true(live_viewer(&live, &again) != 0);
	again = live_viewer_add(12, GCM, 1, 0);
	again.tx_rtcp = add.tx_rtcp; /* SRTCP counts from 0 as well */
	assert_int_equal(live_viewer(&live, &again), -EEXIST);
	again = live_viewer_add(13, GCM, 1, 0);
	again.tx_rtcp = again.tx_rtp;
	assert_true(live_viewer(&live, &again) != 0);
	assert_int_equal(count(live.dp.control.tables.viewers), 0);
}

/* ICE restart: what is wrong leaves the old credentials in force. */
static void new_ice_credentials(void **state)
{
	static const struct {
		uint32_t id;
		uint16_t ufrag, pwd, remote; /* lengths */
		int status;
		const char *why;
	} cases[] = {
		{50, 0, 24, 4, -EINVAL, "no user fragment of ours"},
		{50, 33, 24, 4, -EINVAL, "one that is too long"},
		{50, 12, 0, 4, -EINVAL, "no password"},
		{50, 12, 65, 4, -EINVAL, "one that is too long"},
		{50, 12, 24, 0, -EINVAL, "no user fragment of theirs"},
		{50, 12, 24, 257, -EINVAL, "one that is too long"},
		{51, 12, 24, 4, -ENOENT, "no such viewer"},
		{50, 12, 24, 4, 0, "new ones"},
	};
	struct mr_viewer_add add = live_viewer_add(50, GCM, 1, 0);
	const struct viewer_entry *e;

	assert_int_equal(live_viewer(&live, &add), 0);
	e = table_find(live.dp.control.tables.viewers, 50);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mr_command m = {.type = MR_COMMAND_VIEWER_ICE};
		int status;

		m.viewer_ice.viewer_id = cases[i].id;
		m.viewer_ice.local_ufrag_len = cases[i].ufrag;
		m.viewer_ice.local_pwd_len = cases[i].pwd;
		m.viewer_ice.remote_ufrag_len = cases[i].remote;
		memset(m.viewer_ice.local_ufrag, 'n', sizeof(m.viewer_ice.local_ufrag));
		status = command_execute(&live.dp.control, &m);
		if (status != cases[i].status)
			fail_msg("%s: %d", cases[i].why, status);
		assert_int_equal(e->viewer->local_ufrag[0] == 'n', cases[i].status == 0);
	}
	assert_int_equal(e->viewer->local_pwd_len, 24);
	assert_int_equal(live_viewer_del(&live, 50), 0);
}

static void nexthop_is_free_after_a_refusal(void **state)
{
	struct mr_viewer_add add = live_viewer_add(20, GCM, 1, 0);
	struct mr_viewer_add same = live_viewer_add(21, GCM, 1, 0);
	struct nexthop_entry *n = table_find(live.dp.control.tables.nexthops, LIVE_NEXTHOP);

	same.remote = add.remote;
	assert_int_equal(live_viewer(&live, &add), 0);
	assert_int_equal(live_viewer(&live, &same), -EADDRINUSE);
	assert_int_equal(n->users, 1);
	assert_int_equal(live_nexthop_del(&live, LIVE_NEXTHOP), -EBUSY);
	assert_int_equal(live_viewer_del(&live, 20), 0);
	assert_int_equal(n->users, 0);
}

/* More viewers than a stream's array holds at first, coming and going. */
static void tracks_array_grows(void **state)
{
	const struct stream_entry *s = table_find(live.dp.control.tables.streams, 1);

	for (uint32_t i = 100; i < 180; i++) {
		struct mr_viewer_add add = live_viewer_add(i, GCM, 1, 0);
		assert_int_equal(live_viewer(&live, &add), 0);
		assert_int_equal(s->stream->audience.n_tracks + s->stream->audience.n_behind,
			s->at[s->stream->worker].n_tracks);
		assert_int_equal(
			s->stream->audience.tracks_capacity, s->at[s->stream->worker].capacity);
		if (i % 3 == 0)
			assert_int_equal(live_viewer_del(&live, i), 0);
	}
	assert_int_equal(s->stream->audience.n_tracks + s->stream->audience.n_behind,
		s->at[s->stream->worker].n_tracks);
}

/* RTP that comes down the packet ring, to streams of either worker, longer than any mbuf. */
static void ring_rtp_of_any_worker(void **state)
{
	static const size_t lens[] = {13, 1400, 2047, 2048, 2049, 20000, 65535};
	static uint8_t rtp[65535];
	struct order take = {.type = ORDER_RINGS};
	struct mr_channel data, far;

	assert_int_equal(mr_channel_create(&data), 0);
	assert_int_equal(mr_channel_attach(&far, dup(data.memfd)), 0);
	take.packets_down = &data.packets_down;
	take.packets_up = &data.packets_up;
	assert_int_equal(tell_worker(live.dp.workers.worker[0], &take, 1), 0);
	assert_int_equal(live_path(&live, 2), 0);
	assert_int_equal(live_stream(&live, 2, 2, MR_KIND_VIDEO), 0);
	assert_int_not_equal(
		live_stream_stats(&live, 1)->worker, live_stream_stats(&live, 2)->worker);
	memset(rtp, 0x41, sizeof(rtp));

	for (uint32_t id = 1; id <= 2; id++) {
		const struct mr_stats_stream *s = live_stream_stats(&live, id);
		struct mr_packet head = {.kind = MR_PACKET_DOWN_RTP, .stream_id = id};

		assert_int_equal(live_bind(&live, id, MR_INPUT_RING, 0), 0);
		for (uint16_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			uint64_t packets = atomic_load(&s->packets);
			uint64_t bytes = atomic_load(&s->bytes);

			live_rtp(rtp, 96, i, i * 3000u, 9, "", 0);
			assert_int_equal(mr_packet_put(&far.packets_down, &head, rtp, lens[i]), 0);
			live_settle(&live);
			assert_int_equal(atomic_load(&s->packets), packets + 1);
			assert_int_equal(atomic_load(&s->bytes), bytes + lens[i] - 12);
		}
	}
	/* Of a stream that has gone, or never was. */
	assert_int_equal(live_stream_del(&live, 2), 0);
	for (uint32_t id = 2; id <= 3; id++) {
		struct mr_packet head = {.kind = MR_PACKET_DOWN_RTP, .stream_id = id};
		uint64_t drops = live_drops(&live, MR_DROP_STREAM_UNBOUND);

		assert_int_equal(mr_packet_put(&far.packets_down, &head, rtp, 100), 0);
		live_settle(&live);
		assert_int_equal(live_drops(&live, MR_DROP_STREAM_UNBOUND), drops + 1);
	}
	take.packets_down = take.packets_up = NULL;
	assert_int_equal(tell_worker(live.dp.workers.worker[0], &take, 1), 0);
	mr_channel_detach(&far);
	mr_channel_destroy(&data);
}

/* One that the start refused: the control plane is told why. */
static void refused_fixed_session_says_why(void **state)
{
	struct control *c = &live.dp.control;
	struct mr_viewer_add add = live_viewer_add(MR_VIEWER_FIXED_BASE + 1, GCM, 0, 0);
	const struct {
		uint32_t id;
		int error, status;
	} cases[] = {
		{MR_VIEWER_FIXED_BASE + 1, 0, -ENOENT},
		{MR_VIEWER_FIXED_BASE + 1, -EKEYREJECTED, -EKEYREJECTED},
		{MR_VIEWER_FIXED_BASE + 2, -EKEYREJECTED, -ENOENT},
		{UINT32_MAX, -EKEYREJECTED, -ENOENT},
		{1, -EKEYREJECTED, -ENOENT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mr_command route = {.type = MR_COMMAND_VIEWER_ROUTE};

		route.viewer_route.viewer_id = cases[i].id;
		route.viewer_route.nexthop_id = LIVE_NEXTHOP;
		route.viewer_route.local = add.local;
		route.viewer_route.remote = add.remote;
		c->fixed_error[1] = (int16_t)cases[i].error;
		assert_int_equal(command_execute(c, &route), cases[i].status);
	}
	c->fixed_error[1] = 0;
}

/* A fixed session outlives the stream that it plays: the path's next one takes over. */
static void fixed_session_finds_another_stream(void **state)
{
	struct control *c = &live.dp.control;
	struct mr_viewer_add add = live_viewer_add(MR_VIEWER_FIXED_BASE, GCM, 0, 0);
	struct mr_command route = {.type = MR_COMMAND_VIEWER_ROUTE};
	struct viewer_entry *e;
	uint32_t first;

	assert_int_equal(viewer_add_fixed(c, &add, "path1", MR_KIND_VIDEO, ""), 0);
	e = table_find(c->tables.viewers, MR_VIEWER_FIXED_BASE);
	assert_int_equal(live_stream(&live, 2, 1, MR_KIND_VIDEO), 0);
	assert_false(e->linked);
	route.viewer_route.viewer_id = MR_VIEWER_FIXED_BASE;
	route.viewer_route.nexthop_id = LIVE_NEXTHOP;
	route.viewer_route.local = add.local;
	route.viewer_route.remote = add.remote;
	assert_int_equal(command_execute(c, &route), 0);
	assert_true(e->linked);
	first = e->stream_id[0];
	assert_int_equal(live_stream_del(&live, first), 0);
	assert_true(e->linked);
	assert_int_equal(e->stream_id[0], 3 - first);
	assert_int_equal(live_stream_del(&live, 3 - first), 0);
	assert_false(e->linked);
	assert_int_equal(live_stream(&live, 3, 1, MR_KIND_VIDEO), 0);
	assert_true(e->linked);
	assert_int_equal(live_stream_del(&live, 3), 0);
	assert_false(e->linked);
	assert_int_equal(live_viewer_del(&live, MR_VIEWER_FIXED_BASE), -ENOENT);
	viewer_entry_free(c, e);
}

static int control_connect(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", live.config.dataplane.control_socket);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* It hangs, its ring of events runs full: it does not keep the next one away. */
static void control_plane_that_does_not_read(void **state)
{
	static const struct mr_event event = {.type = MR_EVENT_KEYFRAME_WANTED};
	struct control *c = &live.dp.control;
	int hung = control_connect();
	int next;

	while (c->channel == NULL || c->announcing)
		control_turn(c, 10);
	for (int i = 0; i < 100; i++)
		control_turn(c, 1);
	assert_non_null(c->channel); /* it has room left */
	while (control_event_space(c) > 0)
		control_event(c, &event);
	for (int i = 0; i < 1000 && c->channel != NULL; i++)
		control_turn(c, 10);
	assert_null(c->channel);
	next = control_connect();
	for (int i = 0; i < 100 && c->channel == NULL; i++)
		control_turn(c, 10);
	assert_non_null(c->channel);
	close(next);
	while (c->channel != NULL)
		control_turn(c, 10);
	close(hung);
}

static int start(void **state)
{
	live_start(&live, 2);
	return 0;
}

static int end(void **state)
{
	live_end(&live);
	return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bind_to_another_streams_port),
		TEST(bind_that_the_port_refuses),
		TEST(bind_again_to_the_same_port),
		TEST(public_port_that_the_port_refuses),
		TEST(streams_port_is_no_public_port),
		TEST(refused_viewer_keeps_its_keys),
		TEST(keys_come_once),
		TEST(new_ice_credentials),
		TEST(nexthop_is_free_after_a_refusal),
		TEST(tracks_array_grows),
		TEST(ring_rtp_of_any_worker),
		TEST(fixed_session_finds_another_stream),
		TEST(refused_fixed_session_says_why),
		TEST(control_plane_that_does_not_read),
	};

	return cmocka_run_group_tests(tests, start, end);
}
