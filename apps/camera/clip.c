/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The clip and its file. Main thread, before the server starts.
 *
 * The file is one serialised GVariant: a mark, the settings it was made with, its
 * seconds, and per track the caps, the units per second and the units.
 */
#include "apps/camera/clip.h"

#include "apps/camera/encode.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <utime.h> /* gstdio.h names it */

#define CLIP_MARK "millrace clip"
#define CLIP_REVISION 2 /* up by one when the same settings give other bytes */
#define CLIP_TYPE "(ssua(sua(ubay)))"
#define CLIPS_KEPT 16 /* in the cache */
#define SECONDS_LEAST 4
#define SECONDS_MOST 20

/*
 * The fewest seconds that hold whole groups of pictures, so that key frames keep
 * their distance across the loop; where that is too long the last group is cut.
 */
unsigned clip_seconds(const struct camera_options *o)
{
	unsigned least = SECONDS_LEAST;

	if (o->video == VIDEO_NONE)
		return least;
	for (unsigned s = least; s <= SECONDS_MOST; s++)
		if (s * o->fps % o->gop == 0)
			return s;
	return MAX(least, MIN(SECONDS_MOST, (o->gop + o->fps - 1) / o->fps));
}

/* Everything that changes the bytes of the clip. */
static char *clip_settings(const struct camera_options *o)
{
	static const char *const videos[] = {"none", "h264", "vp8"};
	static const char *const audios[] = {"none", "opus", "pcmu", "pcma"};
	static const char *const profiles[] = {"baseline", "main", "high"};
	GString *s = g_string_new(videos[o->video]);

	if (o->video != VIDEO_NONE)
		g_string_append_printf(s, "-%ux%u-%ufps-%uk-gop%u", o->width, o->height, o->fps,
			o->bitrate / 1000, o->gop);
	if (o->video == VIDEO_H264)
		g_string_append_printf(s, "-%s-b%u", profiles[o->profile], o->bframes);
	if (o->video == VIDEO_H264 && o->packetization_mode == 0)
		g_string_append_printf(s, "-nal%u", o->mtu);
	g_string_append_printf(s, "-%s-r%d", audios[o->audio], CLIP_REVISION);
	return g_string_free(s, FALSE);
}

static char *clip_path(const struct camera_options *o, const char *settings)
{
	g_autofree char *name = g_strdup_printf("%s.clip", settings);

	return o->clip != NULL ? g_strdup(o->clip)
			       : g_build_filename(g_get_user_cache_dir(), "millrace", name, NULL);
}

/* A unit is a reference into the file's bytes, which live as long as it does. */
static void unit_take(struct clip_unit *unit, GVariant *v)
{
	g_autoptr(GVariant) payload = NULL;
	gboolean key;
	GBytes *bytes;
	gconstpointer data;
	gsize size;

	g_variant_get(v, "(ub@ay)", &unit->display, &key, &payload);
	unit->key = key;
	bytes = g_variant_get_data_as_bytes(payload);
	data = g_bytes_get_data(bytes, &size);
	unit->memory = gst_memory_new_wrapped(GST_MEMORY_FLAG_READONLY, (gpointer)data, size, 0,
		size, bytes, (GDestroyNotify)g_bytes_unref);
}

static int track_take(struct clip_track *track, GVariant *v, unsigned seconds)
{
	const char *caps;
	g_autoptr(GVariant) units = NULL;

	g_variant_get(v, "(&su@a(ubay))", &caps, &track->rate, &units);
	if (caps[0] == '\0')
		return 0;
	track->n = g_variant_n_children(units);
	track->caps = gst_caps_from_string(caps);
	if (track->caps == NULL || track->rate == 0 || track->n != (uint64_t)track->rate * seconds)
		return -EINVAL;
	track->units = g_new0(struct clip_unit, track->n);
	for (unsigned i = 0; i < track->n; i++) {
		g_autoptr(GVariant) unit = g_variant_get_child_value(units, i);

		unit_take(&track->units[i], unit);
		if (track->units[i].display >= track->n)
			return -EINVAL;
		if (track->units[i].display > i)
			track->reorder = MAX(track->reorder, track->units[i].display - i);
	}
	return track->units[0].key ? 0 : -EINVAL;
}

static int clip_take(struct clip *clip, GVariant *v)
{
	g_autoptr(GVariant) tracks = NULL;
	int rc = 0;

	g_variant_get(v, "(&s&su@a(sua(ubay)))", NULL, NULL, &clip->seconds, &tracks);
	if (clip->seconds == 0 || g_variant_n_children(tracks) != TRACKS)
		return -EINVAL;
	for (unsigned i = 0; i < TRACKS && rc == 0; i++) {
		g_autoptr(GVariant) track = g_variant_get_child_value(tracks, i);

		rc = track_take(&clip->tracks[i], track, clip->seconds);
	}
	return rc;
}

/* 0: *clip is there. -ENOENT: to be made. Else: not to be overwritten. */
static int clip_read(struct clip *clip, const char *path, const char *settings, bool in_cache)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, &error);
	g_autoptr(GBytes) bytes = NULL;
	g_autoptr(GVariant) v = NULL;
	const char *mark, *made_with;
	int rc;

	if (file == NULL) {
		if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			return -ENOENT;
		fprintf(stderr, "millrace-camera: %s\n", error->message);
		return -EIO;
	}
	if (g_mapped_file_get_length(file) == 0)
		return -ENOENT;
	bytes = g_mapped_file_get_bytes(file);
	v = g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE(CLIP_TYPE), bytes, FALSE));
	g_variant_get_child(v, 0, "&s", &mark);
	g_variant_get_child(v, 1, "&s", &made_with);
	if (strcmp(mark, CLIP_MARK) != 0 && !in_cache) {
		fprintf(stderr, "millrace-camera: %s is not a clip of millrace-camera\n", path);
		return -EINVAL;
	}
	if (strcmp(mark, CLIP_MARK) != 0 || strcmp(made_with, settings) != 0 ||
		!g_variant_is_normal_form(v))
		return -ENOENT;
	rc = clip_take(clip, v);
	if (rc < 0) {
		clip_fini(clip);
		return -ENOENT;
	}
	return 0;
}

struct kept {
	char *path;
	gint64 used; /* [s] since 1970 */
};

static gint last_used_first(gconstpointer a, gconstpointer b)
{
	const struct kept *x = a, *y = b;

	return (x->used < y->used) - (x->used > y->used);
}

/* The clips that were last used stay; one that is being played lives on without its name. */
static void cache_tidy(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	GArray *clips = g_array_new(FALSE, FALSE, sizeof(struct kept));
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		struct kept k = {.path = g_build_filename(folder, name, NULL)};
		GStatBuf info;

		if (g_str_has_suffix(name, ".clip") && g_lstat(k.path, &info) == 0 &&
			S_ISREG(info.st_mode)) {
			k.used = info.st_mtime;
			g_array_append_val(clips, k);
		} else {
			g_free(k.path);
		}
	}
	g_array_sort(clips, last_used_first);
	for (guint i = 0; i < clips->len; i++) {
		struct kept *k = &g_array_index(clips, struct kept, i);

		if (i >= CLIPS_KEPT)
			g_unlink(k->path);
		g_free(k->path);
	}
	g_array_free(clips, TRUE);
}

static void clip_write(GVariant *v, const char *path)
{
	g_autofree char *dir = g_path_get_dirname(path);
	g_autoptr(GError) error = NULL;

	/* g_file_set_contents() renames: a second camera never reads half a clip */
	if (g_mkdir_with_parents(dir, 0700) < 0)
		fprintf(stderr, "millrace-camera: %s: %s; the clip is not kept\n", dir,
			g_strerror(errno));
	else if (!g_file_set_contents(
			 path, g_variant_get_data(v), (gssize)g_variant_get_size(v), &error))
		fprintf(stderr, "millrace-camera: %s; the clip is not kept\n", error->message);
}

/* Caps, units per second and units as the file has them. Takes the units. */
static GVariant *pack_track(const struct encoded_track *track)
{
	GVariantBuilder units;

	g_variant_builder_init(&units, G_VARIANT_TYPE("a(ubay)"));
	for (unsigned i = 0; track->units != NULL && i < track->units->len; i++) {
		const struct encoded_unit *unit = g_ptr_array_index(track->units, i);

		g_variant_builder_add(&units, "(ub@ay)", unit->display, (gboolean)unit->key,
			g_variant_new_from_bytes(G_VARIANT_TYPE("ay"), unit->bytes, TRUE));
	}
	return g_variant_new(
		"(sua(ubay))", track->caps != NULL ? track->caps : "", track->rate, &units);
}

static int clip_make(
	struct clip *clip, const struct camera_options *o, const char *settings, const char *path)
{
	struct encoded_track tracks[TRACKS] = {0};
	unsigned seconds = clip_seconds(o);
	GVariantBuilder packed;
	g_autoptr(GVariant) v = NULL;
	int rc = 0;

	if (o->video != VIDEO_NONE)
		rc = encode_video(&tracks[TRACK_VIDEO], o, seconds);
	if (rc == 0 && o->audio != AUDIO_NONE)
		rc = encode_audio(&tracks[TRACK_AUDIO], o->audio, seconds);
	if (rc < 0)
		goto out;

	g_variant_builder_init(&packed, G_VARIANT_TYPE("a(sua(ubay))"));
	for (unsigned i = 0; i < TRACKS; i++)
		g_variant_builder_add_value(&packed, pack_track(&tracks[i]));
	v = g_variant_ref_sink(
		g_variant_new("(ssua(sua(ubay)))", CLIP_MARK, settings, seconds, &packed));
	clip_write(v, path);
	rc = clip_take(clip, v);
	if (rc < 0) {
		fprintf(stderr, "millrace-camera: the encoder's clip cannot be looped\n");
		clip_fini(clip);
	}
out:
	for (unsigned i = 0; i < TRACKS; i++)
		encoded_track_fini(&tracks[i]);
	return rc;
}

int clip_open(struct clip *clip, const struct camera_options *o)
{
	g_autofree char *settings = clip_settings(o);
	g_autofree char *path = clip_path(o, settings);
	int rc;

	*clip = (struct clip){0};
	rc = clip_read(clip, path, settings, o->clip == NULL);
	if (rc == 0 && o->clip == NULL)
		g_utime(path, NULL); /* used: see cache_tidy() */
	if (rc != -ENOENT)
		return rc;
	rc = clip_make(clip, o, settings, path);
	if (o->clip == NULL)
		cache_tidy(path);
	return rc;
}

void clip_fini(struct clip *clip)
{
	for (unsigned t = 0; t < TRACKS; t++) {
		struct clip_track *track = &clip->tracks[t];

		for (unsigned i = 0; track->units != NULL && i < track->n; i++)
			if (track->units[i].memory != NULL)
				gst_memory_unref(track->units[i].memory);
		g_free(track->units);
		gst_clear_caps(&track->caps);
	}
	*clip = (struct clip){0};
}
