/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One mount of the camera. media_*() and on_*() run on the RTSP server's threads,
 * count_packets() on the pipelines'.
 */
#include "apps/camera/mount.h"

#include <stdatomic.h>
#include <string.h>

#define CAST_KEY "millrace-cast"
#define RTP_MARKER 0x80
#define TCP_QUEUE (2 << 20) /* what waits for slow TCP clients [bytes] */

struct mount {
	const struct mount_context *context; /* borrowed */
	struct feeder *feeder;               /* borrowed */
	char *path;

	GMutex lock;
	/* under lock */
	unsigned clients;
	struct mount_counters ended[TRACKS]; /* of pipelines that are gone */
	GPtrArray *casts;                    /* that run, owned by their media */
};

/* One pipeline of a mount, from its making to its end. */
struct cast {
	struct mount *mount; /* borrowed */
	struct player *player;
	struct report_rule rules[TRACKS]; /* by session: the tracks that exist, in order */
	bool played;                      /* under mount->lock */

	struct cast_track {
		struct cast *cast;
		bool video;
		/* the pipeline's thread writes, any thread reads */
		_Atomic uint64_t frames, packets, keyframe_requests, keyframes_made;
	} tracks[TRACKS];
};

/* ---- the media class: rtpbin and SDP as the options want them ---- */

#define CAMERA_TYPE_MEDIA (camera_media_get_type())
G_DECLARE_FINAL_TYPE(CameraMedia, camera_media, CAMERA, MEDIA, GstRTSPMedia)
struct _CameraMedia {
	GstRTSPMedia parent;
};
G_DEFINE_TYPE(CameraMedia, camera_media, GST_TYPE_RTSP_MEDIA)

static gboolean media_setup_rtpbin(GstRTSPMedia *media, GstElement *rtpbin)
{
	struct cast *cast = g_object_get_data(G_OBJECT(media), CAST_KEY);

	if (cast != NULL)
		reports_attach(rtpbin, cast->rules, TRACKS);
	return TRUE;
}

/* rtph264pay always announces mode 1; the clip was made to need none of it. */
static void announce_mode_0(GstSDPMessage *sdp)
{
	for (guint m = 0; m < gst_sdp_message_medias_len(sdp); m++) {
		GstSDPMedia *media = (GstSDPMedia *)gst_sdp_message_get_media(sdp, m);

		for (guint a = 0; a < gst_sdp_media_attributes_len(media); a++) {
			const GstSDPAttribute *old = gst_sdp_media_get_attribute(media, a);
			GstSDPAttribute new = {0};
			GString *value;

			if (strcmp(old->key, "fmtp") != 0)
				continue;
			value = g_string_new(old->value);
			g_string_replace(value, "packetization-mode=1", "packetization-mode=0", 1);
			gst_sdp_attribute_set(&new, old->key, value->str);
			gst_sdp_media_replace_attribute(media, a, &new);
			g_string_free(value, TRUE);
		}
	}
}

static gboolean media_setup_sdp(GstRTSPMedia *media, GstSDPMessage *sdp, GstSDPInfo *info)
{
	struct cast *cast = g_object_get_data(G_OBJECT(media), CAST_KEY);

	if (!GST_RTSP_MEDIA_CLASS(camera_media_parent_class)->setup_sdp(media, sdp, info))
		return FALSE;
	if (cast != NULL && cast->mount->context->options->packetization_mode == 0)
		announce_mode_0(sdp);
	return TRUE;
}

static void camera_media_class_init(CameraMediaClass *class)
{
	GstRTSPMediaClass *media = GST_RTSP_MEDIA_CLASS(class);

	media->setup_rtpbin = media_setup_rtpbin;
	media->setup_sdp = media_setup_sdp;
}

static void camera_media_init(CameraMedia *media)
{
}

/* ---- one pipeline ---- */

static void count_buffer(struct cast_track *track, GstBuffer *buffer)
{
	guint8 marker = 0;

	if (track->video)
		gst_buffer_extract(buffer, 1, &marker, 1);
	if (!track->video || marker & RTP_MARKER)
		atomic_fetch_add_explicit(&track->frames, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&track->packets, 1, memory_order_relaxed);
}

/* The clip is encoded already: a request is told of, and obeyed by a jump in it. */
static GstPadProbeReturn count_requests(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
	struct cast_track *track = data;

	if (!gst_event_has_name(GST_PAD_PROBE_INFO_EVENT(info), "GstForceKeyUnit"))
		return GST_PAD_PROBE_OK;
	atomic_fetch_add_explicit(&track->keyframe_requests, 1, memory_order_relaxed);
	if (track->video && track->cast->mount->context->options->obey &&
		player_jump(track->cast->player))
		atomic_fetch_add_explicit(&track->keyframes_made, 1, memory_order_relaxed);
	return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn count_packets(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
	GstBufferList *list;

	if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
		count_buffer(data, GST_PAD_PROBE_INFO_BUFFER(info));
		return GST_PAD_PROBE_OK;
	}
	list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
	for (guint i = 0; i < gst_buffer_list_length(list); i++)
		count_buffer(data, gst_buffer_list_get(list, i));
	return GST_PAD_PROBE_OK;
}

/* The pipeline is down, or was never up. */
static void cast_destroy(gpointer data)
{
	struct cast *cast = data;
	struct mount *mount = cast->mount;

	player_destroy(cast->player);
	g_mutex_lock(&mount->lock);
	/* what was prepared for a client that never played has not been sent */
	for (unsigned t = 0; cast->played && t < TRACKS; t++) {
		mount->ended[t].frames += cast->tracks[t].frames;
		mount->ended[t].packets += cast->tracks[t].packets;
		mount->ended[t].keyframe_requests += cast->tracks[t].keyframe_requests;
		mount->ended[t].keyframes_made += cast->tracks[t].keyframes_made;
	}
	g_ptr_array_remove_fast(mount->casts, cast);
	g_mutex_unlock(&mount->lock);
	g_free(cast);
}

static void set_report_interval(GstRTSPMedia *media, unsigned ms)
{
	for (guint i = 0; i < gst_rtsp_media_n_streams(media); i++) {
		g_autoptr(GObject) session =
			gst_rtsp_stream_get_rtpsession(gst_rtsp_media_get_stream(media, i));

		if (session != NULL)
			g_object_set(session, "rtcp-min-interval", (guint64)ms * GST_MSECOND, NULL);
	}
}

/* Before the pipeline pauses; "new-state" says so for every client that leaves. */
static void on_target_state(GstRTSPMedia *media, gint state, gpointer data)
{
	struct cast *cast = g_object_get_data(G_OBJECT(media), CAST_KEY);

	if (cast != NULL && state != GST_STATE_PLAYING)
		player_pause(cast->player);
}

/* After the pipeline's pads have been opened. */
static void on_new_state(GstRTSPMedia *media, gint state, gpointer data)
{
	struct cast *cast = g_object_get_data(G_OBJECT(media), CAST_KEY);

	if (cast == NULL || state != GST_STATE_PLAYING)
		return;
	g_mutex_lock(&cast->mount->lock);
	cast->played = true;
	g_mutex_unlock(&cast->mount->lock);
	player_play(cast->player);
}

static void on_prepared(GstRTSPMedia *media, gpointer data)
{
	const struct mount *mount = data;

	if (mount->context->options->report_interval != 0)
		set_report_interval(media, mount->context->options->report_interval);
}

static void on_unprepared(GstRTSPMedia *media, gpointer data)
{
	g_object_set_data(G_OBJECT(media), CAST_KEY, NULL);
}

/*
 * What the feeder gives is due when it comes: sinks that looked at the clock again
 * would hold each unit back by their processing deadline (20 ms).
 *
 * gst-rtsp-server puts a queue before the sink of TCP clients. It must not hold up
 * the others when a client does not read: what is old is dropped there.
 */
static void on_element_added(GstBin *pipeline, GstBin *bin, GstElement *element, gpointer data)
{
	GObjectClass *class = G_OBJECT_GET_CLASS(element);

	if (g_object_class_find_property(class, "sync") != NULL)
		g_object_set(element, "sync", FALSE, NULL);
	if (g_object_class_find_property(class, "leaky") != NULL)
		gst_util_set_object_arg(G_OBJECT(element), "leaky", "downstream");
	if (g_object_class_find_property(class, "max-size-buffers") != NULL)
		g_object_set(element, "max-size-bytes", TCP_QUEUE, "max-size-buffers", 0,
			"max-size-time", (guint64)0, NULL);
}

static void watch_payloader(GstElement *bin, const char *name, struct cast_track *track)
{
	g_autoptr(GstElement) payloader = gst_bin_get_by_name(GST_BIN(bin), name);
	g_autoptr(GstPad) pad = gst_element_get_static_pad(payloader, "src");

	gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
		count_packets, track, NULL);
	gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, count_requests, track, NULL);
}

static void on_media_configure(GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer data)
{
	static const char *const source_names[TRACKS] = {"video", "audio"};
	static const char *const payloader_names[TRACKS] = {"pay0", "pay1"};
	struct mount *mount = data;
	struct cast *cast = g_new0(struct cast, 1);
	g_autoptr(GstElement) bin = gst_rtsp_media_get_element(media);
	g_autoptr(GstObject) pipeline = gst_element_get_parent(bin);
	GstAppSrc *sources[TRACKS];
	unsigned session = 0;

	cast->mount = mount;
	cast->tracks[TRACK_VIDEO].video = true;
	cast->tracks[TRACK_VIDEO].cast = cast;
	for (unsigned t = 0; t < TRACKS; t++) {
		GstElement *source = gst_bin_get_by_name(GST_BIN(bin), source_names[t]);

		sources[t] = source != NULL ? GST_APP_SRC(source) : NULL;
		if (source == NULL)
			continue;
		watch_payloader(bin, payloader_names[session], &cast->tracks[t]);
		cast->rules[session++] = mount->context->rules[t];
	}
	cast->player = player_create(mount->feeder, sources);
	for (unsigned t = 0; t < TRACKS; t++)
		if (sources[t] != NULL)
			gst_object_unref(sources[t]);

	g_mutex_lock(&mount->lock);
	g_ptr_array_add(mount->casts, cast);
	g_mutex_unlock(&mount->lock);
	g_object_set_data_full(G_OBJECT(media), CAST_KEY, cast, cast_destroy);
	g_object_set_data(G_OBJECT(media), "millrace-mount", mount);
	g_signal_connect(pipeline, "deep-element-added", G_CALLBACK(on_element_added), NULL);
	g_signal_connect(media, "target-state", G_CALLBACK(on_target_state), NULL);
	g_signal_connect(media, "new-state", G_CALLBACK(on_new_state), NULL);
	g_signal_connect(media, "prepared", G_CALLBACK(on_prepared), mount);
	g_signal_connect(media, "unprepared", G_CALLBACK(on_unprepared), NULL);
}

/* ---- the mount ---- */

static char *describe_pipeline(const struct camera_options *o)
{
	static const char *const audio[] = {
		[AUDIO_OPUS] = "rtpopuspay pt=97",
		[AUDIO_PCMU] = "rtppcmupay pt=0",
		[AUDIO_PCMA] = "rtppcmapay pt=8",
	};
	/* perfect-rtptime counts samples and would hide the time between two plays */
	static const char common[] = "perfect-rtptime=false";
	GString *text = g_string_new("( ");

	if (o->video == VIDEO_H264)
		g_string_append_printf(text,
			"appsrc name=video ! rtph264pay name=pay0 pt=96 mtu=%u %s "
			"config-interval=%d ",
			o->mtu, common, o->no_parameter_sets ? 0 : -1);
	else if (o->video == VIDEO_VP8)
		g_string_append_printf(text,
			"appsrc name=video ! rtpvp8pay name=pay0 pt=96 mtu=%u %s "
			"picture-id-mode=15-bit ",
			o->mtu, common);
	if (o->audio != AUDIO_NONE)
		g_string_append_printf(text, "appsrc name=audio ! %s name=pay%d mtu=%u %s ",
			audio[o->audio], o->video == VIDEO_NONE ? 0 : 1, o->mtu, common);
	g_string_append_c(text, ')');
	return g_string_free(text, FALSE);
}

static void allow_user(GstRTSPMediaFactory *factory, const char *user)
{
	GstRTSPPermissions *permissions = gst_rtsp_permissions_new();

	gst_rtsp_permissions_add_role(permissions, user, GST_RTSP_PERM_MEDIA_FACTORY_ACCESS,
		G_TYPE_BOOLEAN, TRUE, GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE,
		NULL);
	gst_rtsp_media_factory_set_permissions(factory, permissions);
	gst_rtsp_permissions_unref(permissions);
}

struct mount *mount_create(const struct mount_context *context, struct feeder *feeder,
	GstRTSPMountPoints *points, const char *path)
{
	static const GstRTSPLowerTrans transports[] = {
		[TRANSPORT_ANY] = GST_RTSP_LOWER_TRANS_UDP | GST_RTSP_LOWER_TRANS_TCP,
		[TRANSPORT_UDP] = GST_RTSP_LOWER_TRANS_UDP,
		[TRANSPORT_TCP] = GST_RTSP_LOWER_TRANS_TCP,
	};
	struct mount *mount = g_new0(struct mount, 1);
	GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
	g_autofree char *pipeline = describe_pipeline(context->options);

	mount->context = context;
	mount->feeder = feeder;
	mount->path = g_strdup(path);
	mount->casts = g_ptr_array_new();
	g_mutex_init(&mount->lock);

	gst_rtsp_media_factory_set_launch(factory, pipeline);
	gst_rtsp_media_factory_set_media_gtype(factory, CAMERA_TYPE_MEDIA);
	gst_rtsp_media_factory_set_shared(factory, TRUE);
	gst_rtsp_media_factory_set_protocols(factory, transports[context->options->transport]);
	if (context->options->user != NULL)
		allow_user(factory, context->options->user);
	g_signal_connect(factory, "media-configure", G_CALLBACK(on_media_configure), mount);
	gst_rtsp_mount_points_add_factory(points, path, factory); /* takes the factory */
	return mount;
}

void mount_destroy(struct mount *mount)
{
	g_ptr_array_unref(mount->casts);
	g_mutex_clear(&mount->lock);
	g_free(mount->path);
	g_free(mount);
}

const char *mount_path(const struct mount *mount)
{
	return mount->path;
}

void mount_count_client(GstRTSPMedia *media)
{
	struct mount *mount = g_object_get_data(G_OBJECT(media), "millrace-mount");

	if (mount == NULL)
		return;
	g_mutex_lock(&mount->lock);
	mount->clients++;
	g_mutex_unlock(&mount->lock);
}

void mount_read(struct mount *mount, unsigned *clients, struct mount_counters tracks[TRACKS])
{
	g_mutex_lock(&mount->lock);
	*clients = mount->clients;
	for (unsigned t = 0; t < TRACKS; t++) {
		tracks[t] = mount->ended[t];
		for (guint i = 0; i < mount->casts->len; i++) {
			const struct cast *cast = g_ptr_array_index(mount->casts, i);

			tracks[t].frames += cast->played ? cast->tracks[t].frames : 0;
			tracks[t].packets += cast->played ? cast->tracks[t].packets : 0;
			tracks[t].keyframe_requests += cast->tracks[t].keyframe_requests;
			tracks[t].keyframes_made += cast->tracks[t].keyframes_made;
		}
	}
	g_mutex_unlock(&mount->lock);
}
