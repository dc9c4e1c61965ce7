/* SPDX-License-Identifier: BSD-3-Clause */
/* gst-rtsp-server as the camera of a test; its own thread. */
#include "tests/unit/source/camera.h"

#include <gst/rtsp-server/rtsp-server.h>

#include <stdio.h>

/* The first, GLib's worker ("gmain"), and the sanitizer's own. */
#ifdef __SANITIZE_THREAD__
#define THREADS_STAY 3
#else
#define THREADS_STAY 2
#endif

static const char launch_default[] =
	"( videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=15/1"
	" ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15"
	" ! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96 config-interval=0"
	" audiotestsrc is-live=true samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 ! "
	"mulawenc"
	" ! rtppcmupay name=pay1 pt=0 )";

struct camera {
	GMainContext *context;
	GMainLoop *loop;
	GThread *thread;
	GstRTSPServer *server;
	GPtrArray *clients; /* owned: pipelines name them without holding them */
	guint source;
	uint16_t port;
};

static gpointer run(gpointer data)
{
	struct camera *c = data;

	g_main_context_push_thread_default(c->context);
	g_main_loop_run(c->loop);
	g_main_context_pop_thread_default(c->context);
	return NULL;
}

static void require_auth(
	struct camera *c, GstRTSPMediaFactory *factory, const struct camera_options *o)
{
	GstRTSPAuth *auth = gst_rtsp_auth_new();
	GstRTSPToken *token = gst_rtsp_token_new(
		GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "viewer", NULL);

	gst_rtsp_media_factory_add_role(factory, "viewer", GST_RTSP_PERM_MEDIA_FACTORY_ACCESS,
		G_TYPE_BOOLEAN, TRUE, GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE,
		NULL);
	if (o->basic) {
		char *basic = g_base64_encode((const guchar *)o->basic, strlen(o->basic));

		gst_rtsp_auth_add_basic(auth, basic, token);
		g_free(basic);
	}
	if (o->tls) {
		GTlsCertificate *certificate = g_tls_certificate_new_from_file(o->tls, NULL);

		g_assert_nonnull(certificate);
		gst_rtsp_auth_set_tls_certificate(auth, certificate);
		g_object_unref(certificate);
	}
	if (o->digest_user) {
		gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_DIGEST);
		gst_rtsp_auth_add_digest(auth, o->digest_user, o->digest_password, token);
	}
	gst_rtsp_server_set_auth(c->server, auth);
	gst_rtsp_token_unref(token);
	g_object_unref(auth);
}

static void keep_client(GstRTSPServer *server, GstRTSPClient *client, gpointer user_data)
{
	struct camera *c = user_data;

	g_ptr_array_add(c->clients, g_object_ref(client));
}

struct camera *camera_start(const struct camera_options *o)
{
	struct camera *c = g_new0(struct camera, 1);
	GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
	GstRTSPMountPoints *mounts;
	char service[8];
	guint id;
	GSource *source;

	c->context = g_main_context_new();
	c->loop = g_main_loop_new(c->context, FALSE);
	c->clients = g_ptr_array_new_with_free_func(g_object_unref);
	c->server = gst_rtsp_server_new();
	g_signal_connect(c->server, "client-connected", G_CALLBACK(keep_client), c);
	snprintf(service, sizeof(service), "%u", o->port);
	gst_rtsp_server_set_address(c->server, "127.0.0.1");
	gst_rtsp_server_set_service(c->server, service);
	gst_rtsp_media_factory_set_launch(factory, o->launch ? o->launch : launch_default);
	gst_rtsp_media_factory_set_shared(factory, TRUE);
	if (o->tcp_only)
		gst_rtsp_media_factory_set_protocols(factory, GST_RTSP_LOWER_TRANS_TCP);
	if (o->basic || o->digest_user)
		require_auth(c, factory, o);
	mounts = gst_rtsp_server_get_mount_points(c->server);
	gst_rtsp_mount_points_add_factory(mounts, "/cam", factory);
	g_object_unref(mounts);
	source = gst_rtsp_server_create_source(c->server, NULL, NULL);
	g_assert_nonnull(source);
	id = g_source_attach(source, c->context);
	g_assert_cmpuint(id, !=, 0);
	g_source_unref(source);
	c->source = id;
	c->port = (uint16_t)gst_rtsp_server_get_bound_port(c->server);
	c->thread = g_thread_new("camera", run, c);
	return c;
}

uint16_t camera_port(const struct camera *c)
{
	return c->port;
}

static GstRTSPFilterResult remove_client(
	GstRTSPServer *server, GstRTSPClient *client, gpointer user_data)
{
	return GST_RTSP_FILTER_REMOVE;
}

static gboolean stop_now(gpointer data)
{
	struct camera *c = data;
	GSource *source = g_main_context_find_source_by_id(c->context, c->source);

	if (source)
		g_source_destroy(source);
	gst_rtsp_server_client_filter(c->server, remove_client, NULL);
	return G_SOURCE_REMOVE;
}

static gboolean quit(gpointer data)
{
	g_main_loop_quit(data);
	return G_SOURCE_REMOVE;
}

void camera_stop(struct camera *c)
{
	GSource *later = g_timeout_source_new(100);

	g_main_context_invoke(c->context, stop_now, c);
	g_source_set_callback(later, quit, c->loop, NULL);
	g_source_attach(later, c->context);
	g_source_unref(later);
	g_thread_join(c->thread);
	g_object_unref(c->server);
	g_ptr_array_unref(c->clients);
	g_main_loop_unref(c->loop);
	g_main_context_unref(c->context);
	g_free(c);
}

static unsigned int count_threads(void)
{
	GDir *tasks = g_dir_open("/proc/self/task", 0, NULL);
	unsigned int n = 0;

	g_assert_nonnull(tasks);
	while (g_dir_read_name(tasks))
		n++;
	g_dir_close(tasks);
	return n;
}

int cameras_end(void **state)
{
	gst_rtsp_thread_pool_cleanup();
	gst_deinit();
	for (int ms = 0; ms < 5000 && count_threads() > THREADS_STAY; ms += 10) {
		g_thread_pool_stop_unused_threads();
		g_usleep(10000);
	}
	return 0;
}
