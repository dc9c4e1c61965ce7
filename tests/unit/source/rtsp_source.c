/* SPDX-License-Identifier: BSD-3-Clause */
/* RTSP sources against a real server on loopback, the data plane recorded. */
#include "controlplane/source/path.h"
#include "controlplane/source/path_private.h"
#include "tests/unit/source/camera.h"
#include "tests/unit/source/recorder.h"

#include <arpa/inet.h>
#include <gst/gst.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct mr_config config;
	struct mr_config_path entries[32];
	struct recorder recorder;
	struct install *install;
	struct path_table *table;
	char url[32][64];
	char host[32][32];
};

static void add_path(struct fixture *f, const char *name, const char *host, uint16_t port,
	enum mr_config_transport transport)
{
	uint32_t i = f->config.n_paths++;
	struct mr_config_path *p = &f->entries[i];

	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(f->url[i], sizeof(f->url[i]), "rtsp://%s:%u/cam", host, port);
	snprintf(f->host[i], sizeof(f->host[i]), "%s", host);
	p->source.kind = MR_SOURCE_RTSP;
	p->source.url = f->url[i];
	p->source.host = f->host[i];
	p->source.port = port;
	p->rtsp_transport = transport;
}

static void open_table(struct fixture *f, bool attach)
{
	f->install = recorder_create(&f->recorder);
	assert_int_equal(path_table_create(&f->table, &f->config, f->install), 0);
	if (attach)
		recorder_attach(f->install);
}

static struct fixture *fixture_new(void)
{
	struct fixture *f = g_new0(struct fixture, 1);

	f->config.paths = f->entries;
	f->config.udp_max_payload = 1452;
	f->config.read_timeout_ms = 10000;
	snprintf(f->config.dataplane.stats_socket, sizeof(f->config.dataplane.stats_socket),
		"/nonexistent/stats.sock");
	return f;
}

static void run_ms(unsigned int ms)
{
	gint64 end = g_get_monotonic_time() + ms * 1000;

	while (g_get_monotonic_time() < end) {
		while (g_main_context_iteration(NULL, FALSE))
			;
		g_usleep(1000);
	}
}

static void fixture_free(struct fixture *f)
{
	recorder_detach(f->install);
	run_ms(50);
	path_table_destroy(f->table);
	run_ms(50); /* what waits for the main loop to be freed */
	recorder_destroy(f->install);
	g_free(f);
}

#define WAIT_FOR(ms, condition)                                                                    \
	do {                                                                                       \
		for (int waited = 0; !(condition) && waited < (ms); waited += 10)                  \
			run_ms(10);                                                                \
		assert_true(condition);                                                            \
	} while (0)

static void plays_over(enum mr_config_transport transport, enum mr_input_kind input)
{
	struct camera *camera = camera_start(&(struct camera_options){0});
	struct fixture *f = fixture_new();
	const struct mr_stream_bind *bind;
	const struct track *video, *audio;
	struct path *path;

	add_path(f, "cam", "127.0.0.1", camera_port(camera), transport);
	open_table(f, true);
	path = path_table_lookup(f->table, "cam");
	assert_non_null(path);
	WAIT_FOR(10000, path->state == MR_PATH_READY);
	video = path_track(path, MR_KIND_VIDEO);
	audio = path_track(path, MR_KIND_AUDIO);
	assert_non_null(video);
	assert_non_null(audio);
	assert_int_equal(video->codec, MR_CODEC_H264);
	assert_true(video->has_profile_level_id);
	assert_int_equal(video->packetization_mode, 1);
	assert_int_equal(audio->codec, MR_CODEC_PCMU);
	assert_true(video->ready && audio->ready);
	bind = recorder_bind(&f->recorder, video->stream_id);
	assert_non_null(bind);
	assert_int_equal(bind->input, input);
	assert_int_equal(bind->payload_type, 96);
	assert_true(bind->parameter_sets_len > 8);
	if (input == MR_INPUT_WIRE) {
		static const uint8_t loopback[4] = {127, 0, 0, 1};

		assert_memory_equal(bind->local.addr + 12, loopback, 4);
		assert_memory_equal(bind->remote.addr + 12, loopback, 4);
		assert_int_equal(ntohs(bind->local.port) % 2, 0);
		assert_int_not_equal(bind->remote.port, 0);
	}
	WAIT_FOR(10000, f->recorder.rtp[96] > 20 && f->recorder.rtp[0] > 20);
	assert_int_equal(f->recorder.rtp_bad, 0);
	assert_int_equal(f->recorder.rtp_len[0], 12 + 160); /* not a byte more by either way */
	assert_int_equal(f->recorder.rtp_stream[96], video->stream_id);
	assert_int_equal(f->recorder.rtp_stream[0], audio->stream_id);
	/* Sender reports of both tracks. */
	WAIT_FOR(10000, recorder_count(&f->recorder, MR_COMMAND_STREAM_REPORT) >= 2);
	assert_int_equal(f->recorder.record.id, path->id);
	fixture_free(f);
	camera_stop(camera);
}

static void plays_over_tcp(void **state)
{
	plays_over(MR_TRANSPORT_TCP, MR_INPUT_RING);
}

static void plays_over_udp(void **state)
{
	plays_over(MR_TRANSPORT_UDP, MR_INPUT_WIRE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plays_over_tcp),
		cmocka_unit_test(plays_over_udp),
	};

	gst_init(&argc, &argv);
	return cmocka_run_group_tests_name("source/rtsp_source", tests, NULL, NULL);
}
