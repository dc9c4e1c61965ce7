/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the camera's clip. Main thread, before the server starts. */
#include "apps/camera/encode.h"

#include "apps/camera/picture.h"

#include <errno.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <stdio.h>
#include <string.h>

#define AUDIO_RATE 50 /* units per second: 20 ms each */
#define AUDIO_LEAD 1  /* seconds thrown away: the encoder has settled by then */
#define RTP_HEADER 12
#define PULL_TIMEOUT (60 * GST_SECOND)

static uint32_t read_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void encoded_unit_free(gpointer p)
{
	struct encoded_unit *unit = p;

	g_bytes_unref(unit->bytes);
	g_free(unit);
}

static int fail(GstElement *pipeline, const char *what)
{
	g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
	g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
	g_autoptr(GError) error = NULL;

	if (message != NULL)
		gst_message_parse_error(message, &error, NULL);
	fprintf(stderr, "millrace-camera: cannot encode the clip: %s\n",
		error != NULL ? error->message : what);
	return -EIO;
}

/*
 * Leaves the slices alone in an access unit: x264's SEI says nothing of use and
 * parameter sets are the payloader's to send. Gives the new size.
 */
static gsize keep_slices(guint8 *p, gsize size)
{
	gsize kept = 0;

	for (gsize at = 0; at + 5 <= size;) {
		gsize nal = MIN(4 + (gsize)read_be32(p + at), size - at);
		guint8 type = p[at + 4] & 0x1f;

		if (type == 1 || type == 5) {
			memmove(p + kept, p + at, nal);
			kept += nal;
		}
		at += nal;
	}
	return kept;
}

static struct encoded_unit *unit_from_sample(GstSample *sample, unsigned display)
{
	GstStructure *caps = gst_caps_get_structure(gst_sample_get_caps(sample), 0);
	GstBuffer *buffer = gst_sample_get_buffer(sample);
	struct encoded_unit *unit = g_new0(struct encoded_unit, 1);
	gsize size = gst_buffer_get_size(buffer);
	guint8 *bytes = g_malloc(size);

	gst_buffer_extract(buffer, 0, bytes, size);
	if (gst_structure_has_name(caps, "video/x-h264"))
		size = keep_slices(bytes, size);
	unit->bytes = g_bytes_new_take(bytes, size);
	unit->display = display;
	unit->key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
	return unit;
}

/*
 * Takes everything that comes out, dropping the first `lead` units, until n are
 * there. Encoders shift their timestamps (x264enc: by 1000 h), so that only the
 * distance from the first one says where a unit is shown.
 */
static int pull_units(struct encoded_track *track, GstElement *pipeline, unsigned lead, unsigned n)
{
	g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
	GstClockTime start = GST_CLOCK_TIME_NONE;

	track->units = g_ptr_array_new_with_free_func(encoded_unit_free);
	for (unsigned i = 0; track->units->len < n; i++) {
		g_autoptr(GstSample) sample =
			gst_app_sink_try_pull_sample(GST_APP_SINK(sink), PULL_TIMEOUT);
		GstClockTime pts;

		if (sample == NULL)
			return fail(pipeline, "the encoder gave too little");
		if (i < lead)
			continue;
		pts = GST_BUFFER_PTS(gst_sample_get_buffer(sample));
		if (start == GST_CLOCK_TIME_NONE) {
			start = pts;
			track->caps = gst_caps_to_string(gst_sample_get_caps(sample));
		}
		if (pts < start)
			return fail(pipeline, "a frame is shown before the first key frame");
		g_ptr_array_add(track->units,
			unit_from_sample(sample,
				gst_util_uint64_scale_round(pts - start, track->rate, GST_SECOND)));
	}
	return 0;
}

static GstElement *launch(const char *text)
{
	g_autoptr(GError) error = NULL;
	GstElement *pipeline = gst_parse_launch(text, &error);

	if (error != NULL) {
		fprintf(stderr, "millrace-camera: cannot encode the clip: %s\n", error->message);
		if (pipeline != NULL)
			gst_object_unref(pipeline);
		return NULL;
	}
	return pipeline;
}

static void push_pictures(GstElement *pipeline, const struct camera_options *o, unsigned n)
{
	g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
	size_t size = picture_size(o->width, o->height);

	for (unsigned i = 0; i < n; i++) {
		GstBuffer *buffer = gst_buffer_new_allocate(NULL, size, NULL);
		GstMapInfo map;

		gst_buffer_map(buffer, &map, GST_MAP_WRITE);
		picture_draw(map.data, o->width, o->height, i, n, o->fps);
		gst_buffer_unmap(buffer, &map);
		GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(i, GST_SECOND, o->fps);
		GST_BUFFER_DURATION(buffer) = GST_SECOND / o->fps;
		if (gst_app_src_push_buffer(GST_APP_SRC(source), buffer) != GST_FLOW_OK)
			return;
	}
	gst_app_src_end_of_stream(GST_APP_SRC(source));
}

/*
 * Packetization mode 0 knows no fragments: every NAL unit has to fit a packet.
 * x264 keeps slices below the size asked for, save for a single macroblock that
 * alone is larger; then the clip is refused rather than announced wrongly.
 */
static int check_nal_sizes(const struct encoded_track *track, unsigned mtu)
{
	for (unsigned i = 0; i < track->units->len; i++) {
		const struct encoded_unit *unit = g_ptr_array_index(track->units, i);
		gsize size;
		const uint8_t *p = g_bytes_get_data(unit->bytes, &size);

		for (gsize at = 0; at + 4 <= size;) {
			uint32_t nal = read_be32(p + at);

			if (nal > mtu - RTP_HEADER) {
				fprintf(stderr,
					"millrace-camera: --packetization-mode 0: a NAL unit of "
					"%u bytes does not fit --mtu %u\n",
					nal, mtu);
				return -EMSGSIZE;
			}
			at += 4 + (gsize)nal;
		}
	}
	return 0;
}

static char *describe_video(const struct camera_options *o)
{
	static const char *const profiles[] = {"constrained-baseline", "main", "high"};
	g_autofree char *source = g_strdup_printf(
		"appsrc name=source format=time block=true max-bytes=33554432 caps=video/x-raw,"
		"format=I420,width=%u,height=%u,framerate=%u/1,colorimetry=bt601",
		o->width, o->height, o->fps);
	g_autofree char *slices = o->packetization_mode == 0 ? g_strdup_printf(":slice-max-size=%u",
								       o->mtu - RTP_HEADER - 8)
							     : g_strdup("");

	if (o->video == VIDEO_VP8)
		return g_strdup_printf("%s ! vp8enc deadline=1 cpu-used=8 threads=2 end-usage=cbr "
				       "target-bitrate=%u keyframe-max-dist=%u lag-in-frames=0 "
				       "! appsink name=sink sync=false",
			source, o->bitrate, o->gop);
	return g_strdup_printf(
		"%s ! x264enc pass=cbr bitrate=%u vbv-buf-capacity=600 key-int-max=%u bframes=%u "
		"b-adapt=false speed-preset=veryfast sliced-threads=false threads=2 "
		"option-string=scenecut=0:open-gop=0:keyint-min=%u:b-pyramid=0%s "
		"! video/x-h264,stream-format=avc,alignment=au,profile=%s "
		"! appsink name=sink sync=false",
		source, o->bitrate / 1000, o->gop, o->bframes, o->gop, slices,
		profiles[o->profile]);
}

int encode_video(struct encoded_track *track, const struct camera_options *o, unsigned seconds)
{
	g_autofree char *text = describe_video(o);
	GstElement *pipeline = launch(text);
	unsigned n = seconds * o->fps;
	int rc;

	if (pipeline == NULL)
		return -EIO;
	track->rate = o->fps;
	gst_element_set_state(pipeline, GST_STATE_PLAYING);
	push_pictures(pipeline, o, n);
	rc = pull_units(track, pipeline, 0, n);
	gst_element_set_state(pipeline, GST_STATE_NULL);
	gst_object_unref(pipeline);
	if (rc == 0 && o->video == VIDEO_H264 && o->packetization_mode == 0)
		rc = check_nal_sizes(track, o->mtu);
	return rc;
}

int encode_audio(struct encoded_track *track, enum audio_codec codec, unsigned seconds)
{
	static const struct {
		unsigned rate;
		const char *encoder;
	} codecs[] = {
		[AUDIO_OPUS] = {48000, "opusenc frame-size=20 bitrate=64000"},
		[AUDIO_PCMU] = {8000, "mulawenc"},
		[AUDIO_PCMA] = {8000, "alawenc"},
	};
	unsigned n = seconds * AUDIO_RATE, lead = AUDIO_LEAD * AUDIO_RATE;
	/* A beep at every full second: tests of lip-sync find it again in what they receive. */
	g_autofree char *text = g_strdup_printf(
		"audiotestsrc wave=ticks sine-periods-per-tick=44 freq=440 volume=0.3 "
		"num-buffers=%u samplesperbuffer=%u "
		"! audio/x-raw,rate=%u,channels=1,format=S16LE ! %s ! appsink name=sink sync=false",
		n + lead, codecs[codec].rate / AUDIO_RATE, codecs[codec].rate,
		codecs[codec].encoder);
	GstElement *pipeline = launch(text);
	int rc;

	if (pipeline == NULL)
		return -EIO;
	track->rate = AUDIO_RATE;
	gst_element_set_state(pipeline, GST_STATE_PLAYING);
	rc = pull_units(track, pipeline, lead, n);
	gst_element_set_state(pipeline, GST_STATE_NULL);
	gst_object_unref(pipeline);
	/* every unit of audio stands alone */
	for (unsigned i = 0; rc == 0 && i < n; i++)
		((struct encoded_unit *)g_ptr_array_index(track->units, i))->key = true;
	return rc;
}

void encoded_track_fini(struct encoded_track *track)
{
	g_free(track->caps);
	g_clear_pointer(&track->units, g_ptr_array_unref);
	track->caps = NULL;
}
