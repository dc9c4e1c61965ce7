/* SPDX-License-Identifier: BSD-3-Clause */
/* RTSP sources against a real server on loopback, the data plane recorded. */
#include "tests/unit/source/camera.h"
#include "tests/unit/source/fixture.h"

#include <arpa/inet.h>
#include <gio/gio.h>
#include <gst/gst.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void plays_over(enum mr_config_transport transport, enum mr_input_kind input)
{
	struct camera *camera = camera_start(&(struct camera_options){0});
	struct fixture *f = fixture_new();
	const struct mr_stream_bind *bind;
	const struct track *video, *audio;
	struct path *path;

	fixture_add_rtsp(f, "cam", "127.0.0.1", camera_port(camera), transport);
	fixture_open(f, true);
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

static void refused_udp_becomes_tcp(void **state)
{
	struct camera *camera = camera_start(&(struct camera_options){.tcp_only = true});
	struct fixture *f = fixture_new();
	struct path *path;

	fixture_add_rtsp(f, "cam", "127.0.0.1", camera_port(camera), MR_TRANSPORT_AUTOMATIC);
	fixture_open(f, true);
	path = path_table_lookup(f->table, "cam");
	/* Refused, not silent: it is never ready over UDP. */
	WAIT_FOR(2500, path->state == MR_PATH_READY);
	assert_string_equal(path->note, "RTSP over TCP, 2 tracks");
	WAIT_FOR(5000, f->recorder.rtp[96] > 5);
	fixture_free(f);
	camera_stop(camera);
}

static void comes_back_after_the_camera(void **state)
{
	struct camera *camera = camera_start(&(struct camera_options){0});
	uint16_t port = camera_port(camera);
	struct fixture *f = fixture_new();
	uint32_t video, audio, before;
	struct path *path;

	fixture_add_rtsp(f, "cam", "127.0.0.1", port, MR_TRANSPORT_TCP);
	fixture_open(f, true);
	path = path_table_lookup(f->table, "cam");
	WAIT_FOR(10000, path->state == MR_PATH_READY && f->recorder.rtp[96] > 5);
	video = path_track(path, MR_KIND_VIDEO)->stream_id;
	audio = path_track(path, MR_KIND_AUDIO)->stream_id;
	camera_stop(camera);
	WAIT_FOR(3000, path->state != MR_PATH_READY);
	WAIT_FOR(3000, recorder_bind(&f->recorder, video)->input == MR_INPUT_NONE);
	assert_int_equal(recorder_bind(&f->recorder, audio)->input, MR_INPUT_NONE);
	assert_false(path_track(path, MR_KIND_VIDEO)->ready);
	WAIT_FOR(3000, strstr(path->note, "connection refused, next attempt in"));
	camera = camera_start(&(struct camera_options){.port = port});
	WAIT_FOR(15000, path->state == MR_PATH_READY);
	before = f->recorder.rtp[96];
	WAIT_FOR(5000, f->recorder.rtp[96] > before + 5);
	/* The same streams: numbering goes on. */
	assert_int_equal(path_track(path, MR_KIND_VIDEO)->stream_id, video);
	assert_int_equal(path_track(path, MR_KIND_AUDIO)->stream_id, audio);
	assert_int_equal(recorder_count(&f->recorder, MR_COMMAND_STREAM_ADD), 2);
	assert_int_equal(recorder_bind(&f->recorder, video)->input, MR_INPUT_RING);
	fixture_free(f);
	camera_stop(camera);
}

/* `note`: what the path's begins with. */
static void await_note(const struct path *path, const char *note, const char *why)
{
	for (int ms = 0; ms < 20000 && !g_str_has_prefix(path->note, note); ms += 10)
		run_ms(10);
	if (!g_str_has_prefix(path->note, note))
		fail_msg("%s: %s", why, path->note);
}

static void credentials(void **state)
{
	static const struct {
		struct camera_options camera;
		const char *user, *password;
		const char *note; /* of the path: begins with it */
		const char *why;
	} cases[] = {
		{{.basic = "user:secret"}, "user", "secret", "RTSP over", "Basic"},
		{{.digest_user = "user", .digest_password = "secret"}, "user", "secret",
			"RTSP over", "Digest"},
		{{.basic = "user:secret"}, "user", "wrong", "user or password refused (401)",
			"wrong password, Basic"},
		{{.digest_user = "user", .digest_password = "secret"}, "user", "wrong",
			"user or password refused (401)", "wrong password, Digest"},
		{{.digest_user = "user", .digest_password = "secret"}, NULL, NULL,
			"the camera wants a user and a password (401)", "none given"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct camera *camera = camera_start(&cases[i].camera);
		struct fixture *f = fixture_new();
		struct mr_config_path *p = fixture_add_rtsp(
			f, "cam", "127.0.0.1", camera_port(camera), MR_TRANSPORT_TCP);
		struct path *path;

		p->source.user = (char *)cases[i].user;
		p->source.password = (char *)cases[i].password;
		fixture_open(f, true);
		path = path_table_lookup(f->table, "cam");
		await_note(path, cases[i].note, cases[i].why);
		fixture_free(f);
		camera_stop(camera);
	}
}

/* A certificate of the camera's own, and its SHA-256. */
static void make_certificate(const char *file, uint8_t fingerprint[32])
{
	char *command = g_strdup_printf("sh -c 'openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
					"-subj /CN=camera -keyout %s -out %s.crt 2>/dev/null && "
					"cat %s.crt >>%s && rm %s.crt'",
		file, file, file, file, file);
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	GTlsCertificate *certificate;
	GByteArray *der = NULL;
	gsize len = 32;
	int status = 1;

	assert_true(g_spawn_command_line_sync(command, NULL, NULL, &status, NULL));
	assert_int_equal(status, 0);
	certificate = g_tls_certificate_new_from_file(file, NULL);
	assert_non_null(certificate);
	g_object_get(certificate, "certificate", &der, NULL);
	g_checksum_update(sum, der->data, der->len);
	g_checksum_get_digest(sum, fingerprint, &len);
	g_checksum_free(sum);
	g_byte_array_unref(der);
	g_object_unref(certificate);
	g_free(command);
}

static void plays_over_tls(void **state)
{
	static const struct {
		bool fingerprint, right;
		const char *note; /* of the path: begins with it */
	} cases[] = {
		{true, true, "RTSP over TLS, 2 tracks"},
		{true, false, "its certificate has another fingerprint"},
		{false, false, "nobody vouches for its certificate"},
	};
	char *folder, *file;
	uint8_t fingerprint[32];

#ifdef __SANITIZE_THREAD__
	/* GnuTLS is not built for it, and GIO hands its sessions from thread to thread. */
	skip();
#endif
	folder = g_dir_make_tmp("millrace-tls-XXXXXX", NULL);
	file = g_build_filename(folder, "camera.pem", NULL);
	make_certificate(file, fingerprint);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct camera *camera =
			camera_start(&(struct camera_options){.basic = "user:secret", .tls = file});
		struct fixture *f = fixture_new();
		struct mr_config_path *p = fixture_add_rtsp(
			f, "cam", "127.0.0.1", camera_port(camera), MR_TRANSPORT_TCP);
		struct path *path;

		p->source.user = (char *)"user";
		p->source.password = (char *)"secret";
		p->source.tls = true;
		p->source.has_fingerprint = cases[i].fingerprint;
		memcpy(p->source.fingerprint, fingerprint, sizeof(fingerprint));
		p->source.fingerprint[31] ^= cases[i].right ? 0 : 1;
		fixture_open(f, true);
		path = path_table_lookup(f->table, "cam");
		await_note(path, cases[i].note, cases[i].note);
		if (cases[i].right)
			WAIT_FOR(10000, f->recorder.rtp[96] > 20 && f->recorder.rtp[0] > 20);
		else
			assert_int_equal(f->recorder.rtp[96], 0);
		assert_int_equal(f->recorder.rtp_bad, 0);
		fixture_free(f);
		camera_stop(camera);
	}
	unlink(file);
	rmdir(folder);
	g_free(file);
	g_free(folder);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plays_over_tcp),
		cmocka_unit_test(plays_over_udp),
		cmocka_unit_test(plays_over_tls),
		cmocka_unit_test(refused_udp_becomes_tcp),
		cmocka_unit_test(comes_back_after_the_camera),
		cmocka_unit_test(credentials),
	};

	gst_init(&argc, &argv);
	return cmocka_run_group_tests_name("source/rtsp_source", tests, NULL, cameras_end);
}
