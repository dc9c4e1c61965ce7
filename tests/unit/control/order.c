/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/control/order.c: what orders do to a worker's streams,
 * viewers, next hops and flows, and that a refused one changes nothing.
 */
#include "dataplane/control/order.h"

#include "tests/unit/pipeline/harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <rte_malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int carry_out(struct harness *h, struct order *o)
{
	o->status = 1;
	order_carry_out(h->w, o);
	return o->status;
}

static int set_nexthop(struct harness *h, uint32_t id, uint8_t last, bool remove)
{
	struct order o = {.type = ORDER_NEXTHOP,
		.nexthop = {.id = id, .valid = 1, .dst = {2, 0, 0, 0, 0, last}},
		.remove = remove};

	return carry_out(h, &o);
}

static void test_unknown(void **state)
{
	struct harness h;
	struct order o = {.type = (enum order_type)99};

	harness_init(&h);
	assert_int_equal(carry_out(&h, &o), -EINVAL);
	harness_fini(&h);
}

static void test_viewers(void **state)
{
	struct viewer *v[5];
	struct harness h;
	struct stream *s;

	harness_init(&h);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	for (int i = 0; i < 5; i++)
		v[i] = harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	assert_int_equal(h.w->n_viewers, 5);
	assert_int_equal(s->stats->viewers, 5);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(v[i]->position, i);
		assert_int_equal(v[i]->alive_ns, h.w->now_ns);
		assert_in_range(v[i]->next_report_ns - h.w->now_ns, 200 * MS, 500 * MS);
	}

	harness_leave(&h, v[1]); /* the last takes its place */
	assert_ptr_equal(h.w->viewers[1], v[4]);
	assert_int_equal(v[4]->position, 1);
	/* In the stream's list nobody overtakes anybody. */
	assert_int_equal(s->audience.n_tracks, 4);
	assert_ptr_equal(s->audience.tracks[0]->viewer, v[0]);
	assert_ptr_equal(s->audience.tracks[1]->viewer, v[2]);
	assert_ptr_equal(s->audience.tracks[2]->viewer, v[3]);
	assert_ptr_equal(s->audience.tracks[3]->viewer, v[4]);
	harness_leave(&h, v[4]);
	assert_int_equal(h.w->n_viewers, 3);

	struct order again = {.type = ORDER_VIEWER_UNLINK, .viewer = v[3]};
	assert_int_equal(carry_out(&h, &again), 0);
	assert_int_equal(carry_out(&h, &again), -ENOENT);
	viewer_destroy(v[3]);
	harness_fini(&h);
}

static void test_no_room(void **state)
{
	struct stream *streams[MR_VIEWER_TRACKS] = {0};
	struct mr_viewer_add add;
	struct harness h;
	struct viewer *v;
	struct stream *s;

	harness_init(&h);
	s = streams[0] = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	add = harness_viewer_add(&h, SRTP_PROFILE_GCM_128, streams);
	v = harness_join(&h, &add, streams);
	harness_leave(&h, v);

	v = viewer_create(h.w->crypto, &add,
		(struct mr_stats_viewer *)(uintptr_t)mr_stats_entry(&h.view, &h.stats->viewers, 0));
	h.w->viewers_capacity = 0;
	struct order o = {.type = ORDER_VIEWER_LINK, .viewer = v, .audience[0] = &s->audience};
	assert_int_equal(carry_out(&h, &o), -ENOSPC);
	assert_int_equal(s->audience.n_tracks, 0);
	viewer_destroy(v);
	h.w->viewers_capacity = HARNESS_VIEWERS;
	harness_fini(&h);
}

/* The main thread sends a larger array with the order and gets the old one back. */
static void test_larger_array(void **state)
{
	struct stream *streams[MR_VIEWER_TRACKS] = {0};
	struct viewer_track **small, **large;
	struct mr_viewer_add add;
	struct harness h;
	struct stream *s;
	uint32_t n;

	harness_init(&h);
	s = streams[0] = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	while (s->audience.n_tracks < s->audience.tracks_capacity)
		harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	n = s->audience.n_tracks;
	small = s->audience.tracks;
	large = rte_zmalloc("tracks", 2 * n * sizeof(large[0]), 64);
	add = harness_viewer_add(&h, SRTP_PROFILE_GCM_128, streams);
	struct order o = {.type = ORDER_VIEWER_LINK,
		.audience[0] = &s->audience,
		.larger[0] = large,
		.larger_capacity[0] = 2 * n};
	o.viewer = viewer_create(h.w->crypto, &add,
		(struct mr_stats_viewer *)(uintptr_t)mr_stats_entry(
			&h.view, &h.stats->viewers, add.viewer_id - 1));
	assert_int_equal(carry_out(&h, &o), 0);
	assert_ptr_equal(o.larger[0], small);
	assert_ptr_equal(s->audience.tracks, large);
	assert_int_equal(s->audience.n_tracks, n + 1);
	assert_int_equal(s->audience.tracks_capacity, 2 * n);
	for (uint32_t i = 0; i <= n; i++)
		assert_ptr_equal(s->audience.tracks[i]->viewer, h.w->viewers[i]);
	rte_free(o.larger[0]);
	harness_fini(&h);
}

/* The stream comes later, or goes and comes again: numbers are never used twice. */
static void test_track_comes_and_goes(void **state)
{
	struct stream *none[MR_VIEWER_TRACKS] = {0};
	struct mr_viewer_add add;
	struct harness h;
	struct viewer *v;
	struct stream *s;
	uint64_t used;

	harness_init(&h);
	add = harness_viewer_add(&h, SRTP_PROFILE_GCM_128, none);
	add.track[0] = (struct mr_viewer_track){.ssrc = 5, .sequence_base = 100};
	v = harness_join(&h, &add, none);
	assert_null(v->track[0].audience);
	for (int round = 0; round < 3; round++) {
		s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
		struct order o = {
			.type = ORDER_VIEWER_JOIN, .viewer = v, .audience[0] = &s->audience};
		assert_int_equal(carry_out(&h, &o), 0);
		assert_ptr_equal(v->track[0].audience, &s->audience);
		used = v->track[0].wire_base;
		for (int i = 0; i < 10; i++)
			harness_put(&h, s, "x", 1, (uint32_t)i);
		fanout_stage(h.w);
		assert_int_equal(h.w->plain.n, 10);
		for (int i = 0; i < 10; i++)
			assert_int_equal(h.w->plain.op[i].index, used + (uint64_t)i);
		harness_free_plain(&h.w->plain);
		harness_stream_end(&h, s);
		assert_null(v->track[0].audience);
		assert_true(v->track[0].wire_base >= used + 10);
	}
	harness_fini(&h);
}

static void test_streams(void **state)
{
	struct stream *s[3];
	struct harness h;

	harness_init(&h);
	for (int i = 0; i < 3; i++) {
		s[i] = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
		harness_viewer(&h, SRTP_PROFILE_GCM_128, s[i]);
		harness_put(&h, s[i], "x", 1, 0); /* all wait for fan-out */
	}
	assert_int_equal(h.w->n_streams, 3);
	assert_int_equal(h.clock.n, 3);
	harness_stream_end(&h, s[1]); /* out of the middle of the list of work */
	assert_ptr_equal(h.w->queue_head, &s[0]->audience);
	assert_ptr_equal(s[0]->audience.next_queued, &s[2]->audience);
	harness_stream_end(&h, s[2]); /* its end */
	assert_ptr_equal(h.w->queue_tail, &s[0]->audience);
	assert_null(s[0]->audience.next_queued);
	fanout_stage(h.w);
	assert_int_equal(h.w->plain.n, 1);
	harness_free_plain(&h.w->plain);
	assert_int_equal(h.clock.n, 1);
	assert_int_equal(h.w->n_streams, 1);

	h.w->streams_capacity = 1;
	struct order o = {.type = ORDER_STREAM_LINK, .stream = s[0], .path_clock = &h.clock};
	assert_int_equal(carry_out(&h, &o), -ENOSPC);
	assert_int_equal(h.clock.n, 1);
	harness_fini(&h);
}

static void test_nexthops(void **state)
{
	struct harness h;
	struct viewer *v;
	struct stream *s;

	harness_init(&h);
	harness_nexthop(&h, false);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	v = harness_viewer(&h, SRTP_PROFILE_GCM_128, s); /* by next hop 1 */
	assert_false(v->header.valid);
	assert_null(worker_nexthop(h.w, 1));
	assert_null(worker_nexthop(h.w, 0));
	assert_int_equal(set_nexthop(&h, 1, 11, false), 0);
	assert_true(v->header.valid); /* viewers that waited for it have a header now */
	assert_int_equal(frame_header_bytes(&v->header)[5], 11);
	assert_int_equal(set_nexthop(&h, 1, 12, false), 0);
	assert_int_equal(frame_header_bytes(&v->header)[5], 12);

	/* Three in one run of the index; the first goes, the others are still found. */
	assert_int_equal(set_nexthop(&h, 1 + NEXTHOPS_MAX, 13, false), 0);
	assert_int_equal(set_nexthop(&h, 1 + 2 * NEXTHOPS_MAX, 14, false), 0);
	assert_int_equal(set_nexthop(&h, 1, 0, true), 0);
	assert_null(worker_nexthop(h.w, 1));
	assert_int_equal(worker_nexthop(h.w, 1 + NEXTHOPS_MAX)->dst[5], 13);
	assert_int_equal(worker_nexthop(h.w, 1 + 2 * NEXTHOPS_MAX)->dst[5], 14);
	assert_int_equal(set_nexthop(&h, 1 + 2 * NEXTHOPS_MAX, 15, false), 0);
	assert_int_equal(worker_nexthop(h.w, 1 + 2 * NEXTHOPS_MAX)->dst[5], 15);
	assert_null(worker_nexthop(h.w, UINT32_MAX));
	harness_fini(&h);
}

/* Added and removed over and over: freed places are used again. */
static void test_nexthops_churn(void **state)
{
	struct harness h;
	uint32_t id = 0;

	harness_init(&h);
	harness_nexthop(&h, false);
	for (uint32_t i = 0; i < NEXTHOPS_MAX; i++)
		assert_int_equal(set_nexthop(&h, ++id, 1, false), 0);
	assert_int_equal(set_nexthop(&h, id + 1, 1, false), -ENOSPC);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(set_nexthop(&h, id - i, 0, true), 0);
		assert_int_equal(set_nexthop(&h, id + 1 + i, 2, false), 0);
		assert_non_null(worker_nexthop(h.w, id + 1 + i));
		assert_null(worker_nexthop(h.w, id - i));
	}
	harness_fini(&h);
}

static void test_route(void **state)
{
	struct harness h;
	struct viewer *v;
	struct stream *s;

	harness_init(&h);
	s = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	v = harness_viewer(&h, SRTP_PROFILE_GCM_128, s);
	set_nexthop(&h, 2, 22, false);
	struct order o = {.type = ORDER_VIEWER_ROUTE,
		.viewer = v,
		.local = v->local,
		.remote = v->remote,
		.nexthop_id = 2};
	o.remote.port = htons(4242);
	assert_int_equal(carry_out(&h, &o), 0);
	assert_int_equal(v->remote.port, htons(4242));
	assert_true(v->header.valid);
	assert_int_equal(frame_header_bytes(&v->header)[5], 22);
	harness_fini(&h);
}

static void test_flows(void **state)
{
	const struct mr_endpoint local = {
		.addr = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}, .port = htons(8189)};
	struct mr_endpoint remote = local;
	struct flow_value value;
	struct harness h;
	int object;

	harness_init(&h);
	remote.addr[15] = 99;
	h.w->flows = flow_table_create("test", 8, 8, SOCKET_ID_ANY);
	assert_non_null(h.w->flows);
	struct order o = {.type = ORDER_FLOW_ADD_VIEWER,
		.local = local,
		.remote = remote,
		.flow = {.object = &object, .owner = 3}};
	assert_int_equal(carry_out(&h, &o), 0);
	assert_int_equal(carry_out(&h, &o), -EEXIST);
	assert_true(flow_table_lookup_viewer(h.w->flows, &local, &remote, &value));
	assert_ptr_equal(value.object, &object);
	assert_int_equal(value.owner, 3);
	o.type = ORDER_FLOW_DEL_VIEWER;
	assert_int_equal(carry_out(&h, &o), 0);
	assert_int_equal(carry_out(&h, &o), -ENOENT);
	assert_false(flow_table_lookup_viewer(h.w->flows, &local, &remote, &value));

	o.type = ORDER_FLOW_ADD_SOURCE;
	assert_int_equal(carry_out(&h, &o), 0);
	assert_true(flow_table_lookup_source(h.w->flows, &local, &value));
	o.type = ORDER_FLOW_DEL_SOURCE;
	assert_int_equal(carry_out(&h, &o), 0);
	assert_false(flow_table_lookup_source(h.w->flows, &local, &value));

	o.type = ORDER_PUBLIC;
	assert_int_equal(carry_out(&h, &o), 0);
	assert_true(flow_table_is_public(h.w->flows, &local));
	flow_table_destroy(h.w->flows);
	harness_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_viewers),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_larger_array),
		cmocka_unit_test(test_track_comes_and_goes),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_nexthops),
		cmocka_unit_test(test_nexthops_churn),
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_flows),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
