/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace-camera: an RTSP camera for tests and load. The main thread runs the
 * RTSP server's connections; gst-rtsp-server has its own threads for sessions and
 * pipelines, the feeder one for all of them.
 */
#include "apps/camera/clip.h"
#include "apps/camera/feeder.h"
#include "apps/camera/mount.h"

#include <errno.h>
#include <glib-unix.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#define END_PATIENCE 3000 /* how long pipelines may take to end [ms] */
#define MOUNTS_PER_FEEDER 64
#define CLIENT_STAYS 5000 /* after its connection was closed [ms] */
#define SESSION_SWEEP 5   /* how often sessions that timed out are removed [s] */

struct camera {
	struct camera_options options;
	struct clip clip;
	struct mount_context context;
	struct feeder **feeders; /* n_feeders of them */
	unsigned n_feeders;
	struct mount **mounts; /* options.mounts of them */
	GstRTSPServer *server;
	GSource *listener;
	GMainLoop *loop;
	int port; /* that is listened on */
};

/* ---- what it says ---- */

static char *camera_url(const struct camera *camera, unsigned i)
{
	bool ipv6 = strchr(camera->options.address, ':') != NULL;

	return g_strdup_printf("%s://%s%s%s:%d%s", camera->options.tls != NULL ? "rtsps" : "rtsp",
		ipv6 ? "[" : "", camera->options.address, ipv6 ? "]" : "", camera->port,
		mount_path(camera->mounts[i]));
}

static void say(const struct camera *camera, json_t *object, const char *text)
{
	char *line = object != NULL ? json_dumps(object, JSON_COMPACT) : g_strdup(text);
	g_autofree char *ended = g_strdup_printf("%s\n", line);

	fputs(ended, stdout);
	fflush(stdout);
	if (camera->options.ready_fd >= 0 &&
		write(camera->options.ready_fd, ended, strlen(ended)) < 0)
		fprintf(stderr, "millrace-camera: --ready-fd: %s\n", g_strerror(errno));
	free(line);
}

static void say_ready(struct camera *camera)
{
	g_autofree char *first = camera_url(camera, 0);
	g_autofree char *text = g_strdup_printf("ready %s", first);
	json_t *object = NULL;

	if (camera->options.json)
		object = json_pack("{s:b, s:s, s:i, s:i, s:s}", "ready", 1, "url", first, "mounts",
			(int)camera->options.mounts, "port", camera->port, "mountPrefix",
			camera->options.mount_prefix);
	say(camera, object, text);
	json_decref(object);
	if (camera->options.mounts > 1 && isatty(STDERR_FILENO))
		fprintf(stderr, "millrace-camera: %u mounts, up to /%s%u\n", camera->options.mounts,
			camera->options.mount_prefix, camera->options.mounts);
	if (camera->options.stop_after == 0 && isatty(STDERR_FILENO))
		fputs("millrace-camera: Ctrl-C ends it\n", stderr);
	if (camera->options.ready_fd >= 0)
		close(camera->options.ready_fd);
	camera->options.ready_fd = -1;
}

static json_t *counters_json(const struct mount_counters *counters)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "framesSent", (json_int_t)counters->frames,
		"packetsSent", (json_int_t)counters->packets, "keyframeRequests",
		(json_int_t)counters->keyframe_requests, "keyframesMade",
		(json_int_t)counters->keyframes_made);
}

static void say_counters(struct camera *camera)
{
	json_t *mounts = json_array(), *object;
	struct mount_counters tracks[TRACKS];
	uint64_t frames = 0, packets = 0;
	unsigned clients, all_clients = 0;
	g_autofree char *text = NULL;

	for (unsigned i = 0; i < camera->options.mounts; i++) {
		json_t *mount;

		mount_read(camera->mounts[i], &clients, tracks);
		all_clients += clients;
		frames += tracks[TRACK_VIDEO].frames;
		packets += tracks[TRACK_VIDEO].packets + tracks[TRACK_AUDIO].packets;
		mount = json_pack("{s:s, s:i}", "path", mount_path(camera->mounts[i]), "clients",
			(int)clients);
		if (camera->options.video != VIDEO_NONE)
			json_object_set_new(mount, "video", counters_json(&tracks[TRACK_VIDEO]));
		if (camera->options.audio != AUDIO_NONE)
			json_object_set_new(mount, "audio", counters_json(&tracks[TRACK_AUDIO]));
		json_array_append_new(mounts, mount);
	}
	text = g_strdup_printf("sent %" G_GUINT64_FORMAT " frames of video, %" G_GUINT64_FORMAT
			       " packets in all, to %u clients",
		frames, packets, all_clients);
	object = json_pack("{s:i, s:I, s:o}", "clients", (int)all_clients, "packetsSent",
		(json_int_t)packets, "mounts", mounts);
	say(camera, camera->options.json ? object : NULL, text);
	json_decref(object);
}

/* ---- the server ---- */

static void on_play(GstRTSPClient *client, GstRTSPContext *context, gpointer data)
{
	if (context->media != NULL)
		mount_count_client(context->media);
}

static gboolean let_go(gpointer data)
{
	g_object_unref(data);
	return G_SOURCE_REMOVE;
}

/*
 * A pipeline that finds the connection gone has the main loop close it, and names the
 * client without holding it (gst-rtsp-server 1.22): so it stays until that is over.
 */
static void on_closed(GstRTSPClient *client, gpointer data)
{
	g_timeout_add(CLIENT_STAYS, let_go, g_object_ref(client));
}

static void on_client(GstRTSPServer *server, GstRTSPClient *client, gpointer data)
{
	g_signal_connect(client, "play-request", G_CALLBACK(on_play), NULL);
	g_signal_connect(client, "closed", G_CALLBACK(on_closed), NULL);
}

static gboolean on_sweep(gpointer data)
{
	g_autoptr(GstRTSPSessionPool) pool = gst_rtsp_server_get_session_pool(data);

	gst_rtsp_session_pool_cleanup(pool);
	return G_SOURCE_CONTINUE;
}

static gboolean on_watch(gpointer data)
{
	struct camera *camera = data;

	for (unsigned i = 0; i < camera->n_feeders; i++)
		feeder_watch(camera->feeders[i]);
	return G_SOURCE_CONTINUE;
}

static gboolean on_end(gpointer data)
{
	struct camera *camera = data;

	g_main_loop_quit(camera->loop);
	return G_SOURCE_CONTINUE;
}

static int server_ask_user(GstRTSPServer *server, const struct camera_options *o)
{
	GTlsCertificate *certificate = NULL;
	g_autoptr(GError) error = NULL;
	GstRTSPAuth *auth = gst_rtsp_auth_new();
	GstRTSPToken *token =
		gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, o->user, NULL);
	g_autofree char *basic = NULL;

	gst_rtsp_auth_set_realm(auth, "millrace-camera");
	if (o->auth == AUTH_BASIC) {
		basic = gst_rtsp_auth_make_basic(o->user, o->password);
		gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_BASIC);
		gst_rtsp_auth_add_basic(auth, basic, token);
	} else {
		gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_DIGEST);
		gst_rtsp_auth_add_digest(auth, o->user, o->password, token);
	}
	gst_rtsp_token_unref(token);
	if (o->tls != NULL)
		certificate = g_tls_certificate_new_from_file(o->tls, &error);
	if (certificate != NULL) {
		gst_rtsp_auth_set_tls_certificate(auth, certificate);
		g_object_unref(certificate);
	}
	gst_rtsp_server_set_auth(server, auth);
	g_object_unref(auth);
	if (error != NULL) {
		fprintf(stderr, "millrace-camera: --tls: %s\n", error->message);
		return -EINVAL;
	}
	return 0;
}

static int server_start(struct camera *camera)
{
	const struct camera_options *o = &camera->options;
	g_autoptr(GstRTSPThreadPool) pool = NULL;
	g_autoptr(GstRTSPMountPoints) points = NULL;
	g_autoptr(GError) error = NULL;

	camera->server = gst_rtsp_server_new();
	gst_rtsp_server_set_address(camera->server, o->address);
	gst_rtsp_server_set_service(camera->server, o->service);
	gst_rtsp_server_set_backlog(camera->server, 256);
	/*
	 * All connections on the main thread: on threads of their own a client that
	 * comes while the last one leaves finds a pipeline half taken down (503).
	 */
	pool = gst_rtsp_server_get_thread_pool(camera->server);
	gst_rtsp_thread_pool_set_max_threads(pool, 0);
	if (o->user != NULL && server_ask_user(camera->server, o) < 0)
		return -EINVAL;
	points = gst_rtsp_server_get_mount_points(camera->server);
	camera->mounts = g_new0(struct mount *, o->mounts);
	for (unsigned i = 0; i < o->mounts; i++) {
		g_autofree char *path = g_strdup_printf("/%s%u", o->mount_prefix, i + 1);

		camera->mounts[i] = mount_create(
			&camera->context, camera->feeders[i % camera->n_feeders], points, path);
	}
	g_signal_connect(camera->server, "client-connected", G_CALLBACK(on_client), NULL);
	camera->listener = gst_rtsp_server_create_source(camera->server, NULL, &error);
	if (camera->listener == NULL) {
		fprintf(stderr, "millrace-camera: cannot listen on %s port %s: %s\n", o->address,
			o->service, error->message);
		return -EADDRNOTAVAIL;
	}
	g_source_attach(camera->listener, NULL);
	camera->port = gst_rtsp_server_get_bound_port(camera->server);
	return 0;
}

static GstRTSPFilterResult close_client(GstRTSPServer *server, GstRTSPClient *client, gpointer data)
{
	return GST_RTSP_FILTER_REMOVE;
}

static GstRTSPFilterResult close_session(
	GstRTSPSessionPool *pool, GstRTSPSession *session, gpointer data)
{
	return GST_RTSP_FILTER_REMOVE;
}

static unsigned count_players(const struct camera *camera)
{
	unsigned n = 0;

	for (unsigned i = 0; i < camera->n_feeders; i++)
		n += feeder_players(camera->feeders[i]);
	return n;
}

/* Pipelines end on threads of their own; what they counted is whole only then. */
static void server_stop(struct camera *camera)
{
	g_autoptr(GstRTSPSessionPool) pool = gst_rtsp_server_get_session_pool(camera->server);
	gint64 patience = g_get_monotonic_time() + END_PATIENCE * 1000;

	if (camera->listener != NULL) {
		g_source_destroy(camera->listener);
		g_source_unref(camera->listener);
	}
	g_list_free(gst_rtsp_server_client_filter(camera->server, close_client, NULL));
	g_list_free(gst_rtsp_session_pool_filter(pool, close_session, NULL));
	while (count_players(camera) > 0 && g_get_monotonic_time() < patience) {
		while (g_main_context_iteration(NULL, FALSE))
			;
		g_usleep(5000);
	}
}

/* ---- the whole ---- */

static void context_init(struct camera *camera)
{
	guint32 set_back = camera->options.clock == CLOCK_1970
				   ? (guint32)(g_get_real_time() / G_USEC_PER_SEC)
				   : 0;

	camera->context.options = &camera->options;
	for (unsigned t = 0; t < TRACKS; t++)
		camera->context.rules[t] =
			(struct report_rule){camera->options.no_reports[t], set_back};
}

static void feeders_fini(struct camera *camera)
{
	while (camera->n_feeders > 0)
		feeder_destroy(camera->feeders[--camera->n_feeders]);
	g_free(camera->feeders);
}

static int feeders_init(struct camera *camera)
{
	unsigned most = 1 + (camera->options.mounts - 1) / MOUNTS_PER_FEEDER;

	camera->feeders = g_new0(struct feeder *, most);
	while (camera->n_feeders < MIN(most, g_get_num_processors())) {
		struct feeder *feeder = feeder_create(&camera->clip);

		if (feeder == NULL) {
			fprintf(stderr, "millrace-camera: cannot start a thread\n");
			feeders_fini(camera);
			return -EAGAIN;
		}
		camera->feeders[camera->n_feeders++] = feeder;
	}
	return 0;
}

static int camera_run(struct camera *camera)
{
	int rc = server_start(camera);

	if (rc < 0)
		return rc;
	camera->loop = g_main_loop_new(NULL, FALSE);
	g_unix_signal_add(SIGINT, on_end, camera);
	g_unix_signal_add(SIGTERM, on_end, camera);
	if (camera->options.stop_after > 0)
		g_timeout_add_seconds(camera->options.stop_after, on_end, camera);
	g_timeout_add(FEEDER_WATCH, on_watch, camera);
	g_timeout_add_seconds(SESSION_SWEEP, on_sweep, camera->server);
	say_ready(camera);
	g_main_loop_run(camera->loop);
	g_main_loop_unref(camera->loop);
	return 0;
}

int main(int argc, char **argv)
{
	struct camera camera = {0};
	int rc = camera_options_parse(&camera.options, argc, argv);

	if (rc != 0)
		return rc < 0 ? 2 : 0;
	gst_init(NULL, NULL);
	rc = clip_open(&camera.clip, &camera.options);
	if (rc < 0)
		goto err_clip;
	context_init(&camera);
	rc = feeders_init(&camera);
	if (rc < 0)
		goto err_feeders;
	rc = camera_run(&camera);
	server_stop(&camera);
	if (rc == 0)
		say_counters(&camera);
	/* a pipeline that would not end still refers to all this: leave it to the kernel */
	if (count_players(&camera) > 0)
		_exit(rc < 0 ? 1 : 0);
	g_object_unref(camera.server);
	for (unsigned i = 0; i < camera.options.mounts; i++)
		mount_destroy(camera.mounts[i]);
	g_free(camera.mounts);
	feeders_fini(&camera);
err_feeders:
	clip_fini(&camera.clip);
err_clip:
	camera_options_fini(&camera.options);
	return rc < 0;
}
