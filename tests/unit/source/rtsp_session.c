/* SPDX-License-Identifier: BSD-3-Clause */
/* RTSP sources against a scripted server: what real cameras do only on bad days. */
#include "tests/unit/source/camera.h"
#include "tests/unit/source/fixture.h"
#include "tests/unit/source/scripted.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gst/gst.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SDP(media)                                                                                 \
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 "                       \
	"0\r\na=control:*\r\n" media

static const char sdp_h264[] = SDP("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
				   "a=fmtp:96 packetization-mode=1\r\na=control:trackID=0\r\n");
static const char sdp_vp8[] = SDP("m=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
				  "a=control:trackID=0\r\n");
static const char sdp_h265[] = SDP("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\n"
				   "a=control:trackID=0\r\n");

struct bench {
	struct script script;
	struct scripted *server;
	struct fixture *f;
	struct path *path;
};

static struct bench *bench_new(const char *sdp, enum mr_config_transport transport)
{
	struct bench *b = g_new0(struct bench, 1);

	b->script.sdp = sdp;
	b->script.media = true;
	b->server = scripted_start(&b->script);
	b->f = fixture_new();
	fixture_add_rtsp(b->f, "cam", "127.0.0.1", scripted_port(b->server), transport);
	return b;
}

static void bench_open(struct bench *b, bool attach)
{
	fixture_open(b->f, attach);
	b->path = path_table_lookup(b->f->table, "cam");
}

static void bench_free(struct bench *b)
{
	fixture_free(b->f);
	scripted_stop(b->server);
	g_free(b);
}

#define LONG_TURN_US 1000000

/* How long the main loop stood, of which a busy machine explains some. */
struct turns {
	uint64_t longest_us, long_us; /* of one turn; of all long turns together */
};

static void run_and_see(struct turns *turns)
{
	uint64_t turn = run_ms(10);

	turns->longest_us = MAX(turns->longest_us, turn);
	if (turn > LONG_TURN_US)
		turns->long_us += turn;
}

static void silent_udp_becomes_tcp(void **state)
{
	struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_AUTOMATIC);
	uint32_t id;

	bench_open(b, true);
	WAIT_FOR(2000, b->path->state == MR_PATH_READY);
	assert_string_equal(b->path->note, "RTSP over UDP, 1 track");
	id = b->path->tracks[0].stream_id;
	assert_int_equal(recorder_bind(&b->f->recorder, id)->input, MR_INPUT_WIRE);
	assert_int_equal(recorder_bind(&b->f->recorder, id)->remote.port, htons(50000));
	WAIT_FOR(5000, b->f->recorder.rtp[96] > 5);
	assert_string_equal(b->path->note, "RTSP over TCP, 1 track");
	assert_int_equal(b->path->tracks[0].stream_id, id);
	assert_int_equal(recorder_bind(&b->f->recorder, id)->input, MR_INPUT_RING);
	assert_int_equal(b->script.teardowns, 1);
	bench_free(b);
}

/* The data plane says that packets arrive over UDP: it stays. */
static void udp_that_arrives_stays(void **state)
{
	struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_AUTOMATIC);
	struct mr_event event = {.type = MR_EVENT_STREAM_STATE};

	bench_open(b, true);
	WAIT_FOR(2000, b->path->state == MR_PATH_READY);
	event.stream_state.stream_id = b->path->tracks[0].stream_id;
	event.stream_state.state = MR_STREAM_RECEIVING;
	recorder_event(b->f->install, &event);
	run_ms(4500);
	assert_string_equal(b->path->note, "RTSP over UDP, 1 track");
	assert_int_equal(b->script.connections, 1);
	bench_free(b);
}

static void long_units_over_tcp(void **state)
{
	struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_TCP);

	b->script.big = 65535;
	bench_open(b, true);
	WAIT_FOR(5000, b->f->recorder.rtp[96] > 5);
	assert_int_equal(b->f->recorder.rtp_longest, 65535);
	b->script.big = 20012;
	WAIT_FOR(5000, b->f->recorder.rtp_len[96] == 20012);
	assert_int_equal(b->f->recorder.rtp_bad, 0);
	bench_free(b);
}

static void keeps_alive_and_tears_down(void **state)
{
	struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_TCP);
	static struct path_record record;

	b->script.timeout_s = 2;
	bench_open(b, true);
	WAIT_FOR(6000, b->script.keep_alives >= 3 && b->script.reports >= 1);
	assert_int_equal(b->script.connections, 1);
	assert_int_equal(
		path_record_parse(&record, b->f->recorder.record.data, b->f->recorder.record.len),
		0);
	assert_true(record.has_session && record.session.tcp);
	assert_string_equal(record.session.id, "12345678");
	assert_string_equal(record.name, "cam");
	assert_true(record.session.cseq >= 6);
	assert_int_equal(record.n_tracks, 1);
	assert_int_equal(record.n_inputs, 1);
	fixture_free(b->f);
	for (int ms = 0; ms < PATIENCE_US / 1000 && !b->script.teardowns; ms++)
		g_usleep(1000);
	assert_int_equal(b->script.teardowns, 1);
	scripted_stop(b->server);
	g_free(b);
}

static void stale_nonce_is_no_refusal(void **state)
{
	struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_TCP);

	b->script.stale_nonce = true;
	b->script.timeout_s = 2;
	b->f->entries[0].source.user = (char *)"user";
	b->f->entries[0].source.password = (char *)"secret";
	bench_open(b, true);
	WAIT_FOR(8000, b->script.keep_alives >= 2);
	assert_int_equal(b->script.connections, 1);
	assert_int_equal(b->script.unauthorized, 2); /* at first, and after PLAY */
	assert_false(b->script.password_seen);
	bench_free(b);
}

static void silence_is_an_end(void **state)
{
	struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_TCP);

	b->f->config.read_timeout_ms = 1500;
	bench_open(b, true);
	WAIT_FOR(5000, b->f->recorder.rtp[96] > 5);
	b->script.media = false;
	WAIT_FOR(5000, b->path->state == MR_PATH_WAITING);
	assert_true(g_str_has_prefix(b->path->note, "no packets for 1 s, next attempt in "));
	b->script.media = true;
	WAIT_FOR(10000, b->path->state == MR_PATH_READY);
	bench_free(b);
}

struct gone {
	uint32_t stream_id;
	unsigned int changes;
};

static void on_gone(void *user, const struct path *path, uint32_t stream_id)
{
	((struct gone *)user)->stream_id = stream_id;
}

static void on_changed(void *user, const struct path *path)
{
	((struct gone *)user)->changes++;
}

static void another_codec_is_another_stream(void **state)
{
	struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_TCP);
	struct gone gone = {0};
	struct path_listener listener = {
		.changed = on_changed, .stream_gone = on_gone, .user = &gone};
	uint32_t id;

	b->script.hang_up = true;
	bench_open(b, true);
	path_listener_add(b->f->table, &listener);
	WAIT_FOR(3000, b->path->n_tracks == 1 && b->path->tracks[0].stream_id);
	id = b->path->tracks[0].stream_id;
	b->script.sdp = sdp_vp8;
	WAIT_FOR(5000, b->path->tracks[0].codec == MR_CODEC_VP8);
	assert_int_equal(gone.stream_id, id);
	assert_int_not_equal(b->path->tracks[0].stream_id, id);
	assert_int_equal(recorder_last(&b->f->recorder, MR_COMMAND_STREAM_DEL)->object.id, id);
	assert_true(gone.changes >= 3);
	path_listener_del(b->f->table, &listener);
	bench_free(b);
}

static void what_webrtc_cannot_carry_is_named(void **state)
{
	struct bench *b = bench_new(sdp_h265, MR_TRANSPORT_TCP);
	const struct mr_command *add;

	bench_open(b, true);
	WAIT_FOR(3000, b->path->state == MR_PATH_WAITING);
	assert_true(g_str_has_prefix(b->path->note, "no track that WebRTC can carry, next"));
	add = recorder_last(&b->f->recorder, MR_COMMAND_STREAM_ADD);
	assert_non_null(add);
	assert_int_equal(add->stream_add.codec, MR_CODEC_NONE);
	assert_string_equal(add->stream_add.codec_name, "H265");
	assert_non_null(strstr(add->stream_add.note, "set the camera to H.264"));
	assert_null(recorder_last(&b->f->recorder, MR_COMMAND_STREAM_BIND));
	bench_free(b);
}

static void garbage_is_survived(void **state)
{
	static const char *const garbage[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"\x16\x03\x01\x02",
		"RTSP/1.0 200 OK\r\nCSeq: 999\r\n\r\n",
		"RTSP/1.0 200 OK\r\n\r\n",
		"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 99999999\r\n\r\n",
		"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n",
		"RTSP/1.0 302 Moved \x01\x02\r\nCSeq: 1\r\n\r\nRTSP/1.0 404 \x1b[31m\r\nCSeq: "
		"2\r\n\r\n",
		"ANNOUNCE rtsp://x RTSP/1.0\r\nCSeq: 4\r\n\r\nRTSP/1.0 500 X\r\nCSeq: 1\r\n\r\n"
		"RTSP/1.0 500 X\r\nCSeq: 2\r\n\r\n",
		"RTSP/1.0 500 \xff\xfe\r\nCSeq: 1\r\n\r\nRTSP/1.0 500 \xc3\r\nCSeq: "
		"2\r\n\r\n",
		"$\x01\xff\xff",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(garbage); i++) {
		struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_TCP);

		b->script.garbage = garbage[i];
		b->f->config.read_timeout_ms = 500;
		bench_open(b, true);
		WAIT_FOR(3000, b->path->state == MR_PATH_WAITING);
		assert_non_null(strstr(b->path->note, "next attempt in"));
		for (const char *c = b->path->note; *c; c++)
			assert_true(*c >= ' ' && *c < 0x7f);
		bench_free(b);
	}
}

/* gst_rtsp_connection would read on for as long as these go on. */
static void endless_messages_hold_nobody_up(void **state)
{
	static const struct {
		const char *flood, *why;
	} cases[] = {
		{"X-Header: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", "headers"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "one line"},
		{"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", "empty lines"},
		{"RTSP/1.0 100 Continue\r\nCSeq: 1\r\n\r\n", "100 Continue"},
		{"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "requests"},
		{"$\x09\x04\x04"
		 "aaaa",
			"frames of no channel"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_TCP);
		gint64 end = g_get_monotonic_time() + PATIENCE_US;
		struct turns turns = {0};

		b->script.flood = cases[i].flood;
		b->f->config.read_timeout_ms = 1000;
		bench_open(b, true);
		while (g_get_monotonic_time() < end && b->path->state != MR_PATH_WAITING)
			run_and_see(&turns);
		if (b->path->state != MR_PATH_WAITING)
			fail_msg("%s: it goes on", cases[i].why);
		printf("%s: longest turn of the main loop: %llu us\n", cases[i].why,
			(unsigned long long)turns.longest_us);
		/* One that waits for the end waits for ever. */
		if (turns.longest_us > 20000000)
			fail_msg("%s: the loop stood for %llu us", cases[i].why,
				(unsigned long long)turns.longest_us);
		bench_free(b);
	}
}

/* Where media comes from is not the server's to choose. */
static void other_sources_are_ignored(void **state)
{
	static const char *const transports[] = {";source=192.0.2.77", ";source=10.0.0.1",
		";destination=192.0.2.77;source=192.0.2.77", ";source=224.1.1.1",
		";source=no.such.name"};

	for (size_t i = 0; i < G_N_ELEMENTS(transports); i++) {
		struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_UDP);
		const struct mr_stream_bind *bind;
		uint8_t loopback[16];

		b->script.transport = transports[i];
		bench_open(b, true);
		WAIT_FOR(2000, b->path->state == MR_PATH_READY);
		bind = recorder_bind(&b->f->recorder, b->path->tracks[0].stream_id);
		inet_pton(AF_INET6, "::ffff:127.0.0.1", loopback);
		if (memcmp(bind->remote.addr, loopback, sizeof(loopback)) != 0)
			fail_msg("%s", transports[i]);
		bench_free(b);
	}
}

static void endless_challenges_end(void **state)
{
	struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_TCP);

	b->script.new_nonces = true;
	b->f->entries[0].source.user = (char *)"user";
	b->f->entries[0].source.password = (char *)"secret";
	bench_open(b, true);
	WAIT_FOR(3000, b->path->state == MR_PATH_WAITING);
	assert_true(g_str_has_prefix(b->path->note, "user or password refused (401)"));
	assert_true(b->script.unauthorized <= 4);
	bench_free(b);
}

/* A listener whose queue is full: further SYNs are dropped. */
static int swallow_syns(uint16_t *port, int fillers[16])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	for (int i = 0; i < 16; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_true(connect(fillers[i], (struct sockaddr *)&a, len) == 0 || errno != 0);
	}
	return fd;
}

static void dead_cameras_do_not_block(void **state)
{
	int fillers[16], listener;
	uint16_t port;
	struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_TCP);
	struct turns turns = {0};
	struct path *dead;
	gint64 begin, end;
	char name[16];

	listener = swallow_syns(&port, fillers);
	b->f->config.read_timeout_ms = 1500;
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "dead%d", i);
		fixture_add_rtsp(b->f, name, "127.0.0.1", port, MR_TRANSPORT_AUTOMATIC);
	}
	fixture_add_rtsp(b->f, "nameless", "no-such-host.invalid", 554, MR_TRANSPORT_AUTOMATIC);
	begin = g_get_monotonic_time();
	end = begin + PATIENCE_US;
	bench_open(b, true);
	dead = path_table_lookup(b->f->table, "dead19");
	/* The living one plays while the others wait for an answer. */
	while (g_get_monotonic_time() < end && b->path->state != MR_PATH_READY)
		run_and_see(&turns);
	assert_int_equal(b->path->state, MR_PATH_READY);
	if (g_get_monotonic_time() - begin < 1500000)
		assert_int_equal(dead->state, MR_PATH_CONNECTING);
	while (g_get_monotonic_time() < end && dead->state != MR_PATH_WAITING)
		run_and_see(&turns);
	assert_true(g_str_has_prefix(dead->note, "no answer within 2 s, next attempt in"));
	printf("longest turn of the main loop: %llu us\n", (unsigned long long)turns.longest_us);
	/* Connects that blocked would take 1.5 s each, 30 s together. */
	assert_true(turns.long_us < 20000000);
	bench_free(b);
	for (int i = 0; i < 16; i++)
		close(fillers[i]);
	close(listener);
}

static void is_announced_to_every_data_plane(void **state)
{
	struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_TCP);
	uint32_t path_id, stream_id;

	/* The camera plays before there is a data plane. */
	bench_open(b, false);
	WAIT_FOR(3000, b->path->state == MR_PATH_READY);
	assert_int_equal(b->path->id, 0);
	assert_int_equal(b->f->recorder.commands->len, 0);
	recorder_attach(b->f->install);
	path_id = b->path->id;
	stream_id = b->path->tracks[0].stream_id;
	assert_int_not_equal(path_id, 0);
	assert_int_not_equal(stream_id, 0);
	WAIT_FOR(3000, b->f->recorder.rtp[96] > 5);
	recorder_detach(b->f->install);
	g_array_set_size(b->f->recorder.commands, 0);
	run_ms(100);
	recorder_attach(b->f->install);
	assert_int_equal(b->f->recorder.commands->len, 3);
	assert_int_equal(g_array_index(b->f->recorder.commands, struct mr_command, 0).type,
		MR_COMMAND_PATH_SET);
	assert_int_equal(g_array_index(b->f->recorder.commands, struct mr_command, 1).type,
		MR_COMMAND_STREAM_ADD);
	assert_int_equal(recorder_bind(&b->f->recorder, stream_id)->input, MR_INPUT_RING);
	assert_int_equal(b->path->id, path_id);
	assert_int_equal(b->script.connections, 1); /* the session ran on */
	bench_free(b);
}

static void on_demand_follows_its_viewers(void **state)
{
	struct bench *b = bench_new(sdp_h264, MR_TRANSPORT_TCP);
	gint64 left;

	b->f->entries[0].source_on_demand = true;
	bench_open(b, true);
	run_ms(200);
	assert_int_equal(b->path->state, MR_PATH_OFF);
	assert_int_equal(b->script.connections, 0);
	path_want(b->path);
	path_want(b->path);
	WAIT_FOR(3000, b->path->state == MR_PATH_READY);
	left = g_get_monotonic_time();
	path_unwant(b->path);
	path_unwant(b->path);
	run_ms(8000);
	if (g_get_monotonic_time() - left > 9900000) { /* the machine has slept through it */
		bench_free(b);
		return;
	}
	assert_int_equal(b->path->state, MR_PATH_READY);
	path_want(b->path); /* back in time */
	run_ms(3000);
	assert_int_equal(b->path->state, MR_PATH_READY);
	assert_int_equal(b->script.connections, 1);
	path_unwant(b->path);
	WAIT_FOR(12000, b->path->state == MR_PATH_OFF);
	WAIT_FOR(3000, b->script.teardowns > 0); /* it is on its way */
	assert_int_equal(b->script.teardowns, 1);
	bench_free(b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silent_udp_becomes_tcp),
		cmocka_unit_test(udp_that_arrives_stays),
		cmocka_unit_test(long_units_over_tcp),
		cmocka_unit_test(keeps_alive_and_tears_down),
		cmocka_unit_test(stale_nonce_is_no_refusal),
		cmocka_unit_test(silence_is_an_end),
		cmocka_unit_test(another_codec_is_another_stream),
		cmocka_unit_test(what_webrtc_cannot_carry_is_named),
		cmocka_unit_test(garbage_is_survived),
		cmocka_unit_test(endless_messages_hold_nobody_up),
		cmocka_unit_test(other_sources_are_ignored),
		cmocka_unit_test(endless_challenges_end),
		cmocka_unit_test(dead_cameras_do_not_block),
		cmocka_unit_test(is_announced_to_every_data_plane),
		cmocka_unit_test(on_demand_follows_its_viewers),
	};

	gst_init(&argc, &argv);
	return cmocka_run_group_tests_name("source/rtsp_session", tests, NULL, cameras_end);
}
