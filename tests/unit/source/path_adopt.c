/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/source/path_adopt.c and rtsp_source_adopt.c: one control plane
 * goes without a word, the next one takes its camera over. A scripted RTSP server is
 * the camera; the recorder keeps what the data plane would. */
#include "tests/unit/source/camera.h"
#include "tests/unit/source/fixture.h"
#include "tests/unit/source/scripted.h"

#include <gst/gst.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const char sdp_h264[] =
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n"
	"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
	"a=fmtp:96 packetization-mode=1\r\na=control:trackID=0\r\n";

struct bench {
	struct script script;
	struct scripted *server;
	struct fixture *f;
	struct path *path;
};

static struct bench *bench_new(enum mr_config_transport transport)
{
	struct bench *b = g_new0(struct bench, 1);

	b->script.sdp = sdp_h264;
	b->script.media = true;
	b->server = scripted_start(&b->script);
	b->f = fixture_new();
	fixture_add_rtsp(b->f, "cam", "127.0.0.1", scripted_port(b->server), transport);
	return b;
}

static void bench_open(struct bench *b)
{
	fixture_open(b->f, true);
	b->path = path_table_at(b->f->table, 0);
}

static void bench_free(struct bench *b)
{
	fixture_free(b->f);
	scripted_stop(b->server);
	g_free(b);
}

static void tell_record(
	struct install *install, uint32_t kind, uint32_t id, const void *data, uint32_t len)
{
	struct mr_event event = {.type = MR_EVENT_RECORD};

	event.record.kind = kind;
	event.record.id = id;
	event.record.len = len;
	if (len > 0)
		memcpy(event.record.data, data, len);
	recorder_event(install, &event);
}

static void former_paths_make_room(void **state)
{
	struct bench *b = bench_new(MR_TRANSPORT_TCP);
	const struct mr_command *c;

	b->f->install = recorder_create(&b->f->recorder);
	assert_int_equal(path_table_create(&b->f->table, &b->f->config, b->f->install), 0);
	tell_record(b->f->install, MR_RECORD_PATH, 7, "not a record", 12);
	tell_record(b->f->install, MR_RECORD_STREAM, 8, NULL, 0);
	tell_record(b->f->install, MR_RECORD_STREAM, 9, NULL, 0);
	recorder_attach(b->f->install);
	c = &g_array_index(b->f->recorder.commands, struct mr_command, 0);
	assert_int_equal(c[0].type, MR_COMMAND_STREAM_DEL);
	assert_int_equal(c[1].type, MR_COMMAND_STREAM_DEL);
	assert_int_equal(c[0].object.id + c[1].object.id, 17);
	assert_int_equal(c[2].type, MR_COMMAND_PATH_DEL);
	assert_int_equal(c[2].object.id, 7);
	assert_int_equal(c[3].type, MR_COMMAND_PATH_SET);
	bench_free(b);
}

/* What the data plane would keep of a control plane that is killed now. */
struct remains {
	struct mr_record record;
	uint32_t stream_id;
	int fd[MR_RECORD_FDS];
};

/* The control plane goes without a word; the sockets live on. */
static void kill_control_plane(struct bench *b, struct remains *r)
{
	struct fixture *f = b->f;

	r->record = f->recorder.record;
	r->stream_id = b->path->tracks[0].stream_id;
	for (unsigned int i = 0; i < MR_RECORD_FDS; i++)
		r->fd[i] = f->recorder.kept[i] < 0 ? -1 : dup(f->recorder.kept[i]);
	path_table_leave(f->table);
	recorder_detach(f->install);
	path_table_destroy(f->table);
	run_ms(20);
	recorder_destroy(f->install);
}

static void start_control_plane(struct bench *b, const struct remains *r)
{
	struct fixture *f = b->f;

	f->install = recorder_create(&f->recorder);
	assert_int_equal(path_table_create(&f->table, &f->config, f->install), 0);
	b->path = path_table_at(f->table, 0);
	for (unsigned int i = 0; i < MR_RECORD_FDS; i++) {
		if (r->fd[i] >= 0)
			recorder_give(f->install, MR_RECORD_PATH, r->record.id, i, r->fd[i]);
	}
	tell_record(f->install, MR_RECORD_PATH, r->record.id, r->record.data, r->record.len);
	tell_record(f->install, MR_RECORD_STREAM, r->stream_id, NULL, 0);
	recorder_attach(f->install);
}

static void session_is_taken_over(void **state)
{
	struct bench *b = bench_new(MR_TRANSPORT_TCP);
	struct remains r;
	unsigned int alive;

	bench_open(b);
	WAIT_FOR(3000, b->f->recorder.rtp[96] > 5 && b->f->recorder.kept[0] >= 0);
	for (unsigned int kill = 0; kill < 3; kill++) {
		kill_control_plane(b, &r);
		run_ms(100); /* what it sends meanwhile waits in the socket */
		alive = b->script.keep_alives;
		start_control_plane(b, &r);
		assert_int_equal(recorder_count(&b->f->recorder, MR_COMMAND_STREAM_ADD), 0);
		assert_int_equal(recorder_count(&b->f->recorder, MR_COMMAND_STREAM_BIND), 0);
		assert_int_equal(recorder_count(&b->f->recorder, MR_COMMAND_STREAM_DEL), 0);
		assert_int_equal(b->path->state, MR_PATH_READY);
		assert_int_equal(b->path->tracks[0].stream_id, r.stream_id);
		assert_true(b->path->tracks[0].ready);
		WAIT_FOR(3000, b->f->recorder.rtp[96] > 5 && b->script.keep_alives > alive);
		assert_int_equal(b->f->recorder.rtp_stream[96], r.stream_id);
		assert_int_equal(b->f->recorder.rtp_bad, 0);
	}
	assert_int_equal(b->script.connections, 1);
	assert_int_equal(b->script.teardowns, 0);
	bench_free(b);
}

/* While the data plane has no room, packets wait where they are, and none is lost. */
static void backlog_waits_for_room(void **state)
{
	struct bench *b = bench_new(MR_TRANSPORT_TCP);
	struct remains r;

	bench_open(b);
	WAIT_FOR(3000, b->f->recorder.rtp[96] > 5 && b->f->recorder.kept[0] >= 0);
	kill_control_plane(b, &r);
	run_ms(1000); /* 50 packets: more than one part of a backlog */
	start_control_plane(b, &r);
	b->f->recorder.full = 100;
	WAIT_FOR(3000, b->f->recorder.rtp[96] > 60);
	assert_int_equal(b->f->recorder.full, 0);
	assert_int_equal(b->f->recorder.rtp_gaps, 0);
	b->f->recorder.full = 30;
	b->f->recorder.rtp[96] = 0;
	WAIT_FOR(3000, b->f->recorder.rtp[96] > 20);
	assert_int_equal(b->f->recorder.rtp_gaps, 0);
	assert_int_equal(b->f->recorder.rtp_bad, 0);
	assert_int_equal(b->script.connections, 1);
	bench_free(b);
}

/* The streams, and with them the viewers, stay; the session is ended and begun anew. */
static void another_source_takes_the_streams(void **state)
{
	struct bench *b = bench_new(MR_TRANSPORT_TCP);
	struct remains r;

	bench_open(b);
	WAIT_FOR(3000, b->f->recorder.rtp[96] > 5 && b->f->recorder.kept[0] >= 0);
	kill_control_plane(b, &r);
	g_strlcat(b->f->url[0], "?other", sizeof(b->f->url[0]));
	start_control_plane(b, &r);
	assert_int_equal(recorder_count(&b->f->recorder, MR_COMMAND_STREAM_DEL), 0);
	assert_int_equal(recorder_bind(&b->f->recorder, r.stream_id)->input, MR_INPUT_NONE);
	WAIT_FOR(3000, b->path->state == MR_PATH_READY && b->f->recorder.rtp[96] > 5);
	assert_int_equal(b->path->tracks[0].stream_id, r.stream_id);
	assert_int_equal(recorder_count(&b->f->recorder, MR_COMMAND_STREAM_ADD), 0);
	assert_int_equal(b->script.teardowns, 1);
	assert_int_equal(b->script.connections, 2);
	bench_free(b);
}

/* The camera hung up while nobody was there. */
static void lost_connection_is_made_again(void **state)
{
	struct bench *b = bench_new(MR_TRANSPORT_TCP);
	struct remains r;

	bench_open(b);
	WAIT_FOR(3000, b->f->recorder.rtp[96] > 5 && b->f->recorder.kept[0] >= 0);
	kill_control_plane(b, &r);
	close(r.fd[0]);
	r.fd[0] = -1;
	start_control_plane(b, &r);
	WAIT_FOR(3000, b->path->state == MR_PATH_READY && b->f->recorder.rtp[96] > 5);
	assert_int_equal(b->path->tracks[0].stream_id, r.stream_id);
	assert_int_equal(recorder_count(&b->f->recorder, MR_COMMAND_STREAM_ADD), 0);
	assert_int_equal(b->script.connections, 2);
	bench_free(b);
}

/* Over UDP the data plane receives: the sockets alone come back, and the session. */
static void udp_sockets_are_taken_over(void **state)
{
	struct bench *b = bench_new(MR_TRANSPORT_UDP);
	struct remains r;
	struct sockaddr_storage before = {0}, after = {0};
	socklen_t len = sizeof(before);
	unsigned int alive;

	bench_open(b);
	WAIT_FOR(3000, b->path->state == MR_PATH_READY && b->f->recorder.kept[2] >= 0);
	kill_control_plane(b, &r);
	assert_int_equal(getsockname(r.fd[1], (struct sockaddr *)&before, &len), 0);
	alive = b->script.keep_alives;
	start_control_plane(b, &r);
	assert_int_equal(recorder_count(&b->f->recorder, MR_COMMAND_STREAM_ADD), 0);
	assert_int_equal(recorder_count(&b->f->recorder, MR_COMMAND_STREAM_BIND), 0);
	assert_int_equal(b->path->state, MR_PATH_READY);
	assert_string_equal(b->path->note, "RTSP over UDP, 1 track");
	WAIT_FOR(3000, b->script.keep_alives > alive);
	assert_int_equal(getsockname(b->f->recorder.kept[1], (struct sockaddr *)&after, &len), 0);
	assert_memory_equal(&before, &after, len);
	assert_int_equal(b->script.connections, 1);
	bench_free(b);
}

/* A descriptor of another connection: nothing of it is believed. */
static void wrong_descriptors_are_refused(void **state)
{
	struct bench *b = bench_new(MR_TRANSPORT_UDP);
	struct remains r;

	bench_open(b);
	WAIT_FOR(3000, b->path->state == MR_PATH_READY && b->f->recorder.kept[2] >= 0);
	kill_control_plane(b, &r);
	dup2(r.fd[0], r.fd[1]); /* the connection where RTP's socket should be */
	start_control_plane(b, &r);
	assert_int_equal(b->path->tracks[0].stream_id, r.stream_id);
	assert_int_equal(recorder_bind(&b->f->recorder, r.stream_id)->input, MR_INPUT_NONE);
	WAIT_FOR(3000, b->path->state == MR_PATH_READY);
	assert_int_equal(recorder_bind(&b->f->recorder, r.stream_id)->input, MR_INPUT_WIRE);
	assert_int_equal(b->script.connections, 2);
	bench_free(b);
}

/* Nothing starts before it is known whether there is something to take over. */
static void waits_for_the_data_plane(void **state)
{
	struct bench *b = bench_new(MR_TRANSPORT_TCP);
	struct fixture *f = b->f;

	f->install = recorder_create(&f->recorder);
	assert_int_equal(path_table_create(&f->table, &f->config, f->install), 0);
	run_ms(200);
	assert_int_equal(b->script.connections, 0);
	recorder_absent(f->install);
	WAIT_FOR(3000, b->script.connections == 1);
	bench_free(b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(former_paths_make_room),
		cmocka_unit_test(session_is_taken_over),
		cmocka_unit_test(udp_sockets_are_taken_over),
		cmocka_unit_test(backlog_waits_for_room),
		cmocka_unit_test(another_source_takes_the_streams),
		cmocka_unit_test(lost_connection_is_made_again),
		cmocka_unit_test(wrong_descriptors_are_refused),
		cmocka_unit_test(waits_for_the_data_plane),
	};

	gst_init(&argc, &argv);
	return cmocka_run_group_tests_name("source/path_adopt", tests, NULL, cameras_end);
}
