/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feeds the clip to every mount that plays. feeder_run() is the feeder's own
 * thread; need_data() runs on the pipelines' threads, the player_*() calls on the
 * RTSP server's.
 */
#include "apps/camera/feeder.h"

#include <stdbool.h>

/* Waking up less often than this saves a third of the CPU time with 64 mounts [us]. */
#define TICK 5000
#define QUEUE_LIMIT 64 /* units that wait in a source whose pipeline is stuck */

struct player {
	struct feeder *feeder; /* borrowed */
	GstAppSrc *sources[TRACKS];

	/* under feeder->lock */
	bool playing;
	bool primed[TRACKS];              /* the clip's first unit has gone out ahead of play */
	uint64_t next[TRACKS];            /* units since the origin, over all loops */
	gint64 origin;                    /* when unit 0 is due, monotonic clock [us] */
	GstClockTime origin_running_time; /* the same instant in the pipeline's time */
};

struct feeder {
	const struct clip *clip; /* borrowed */
	GThread *thread;

	GMutex lock;
	/* under lock */
	GCond changed;
	GPtrArray *players; /* owned by who created them */
	bool stop;
};

static GstBuffer *unit_buffer(const struct clip_unit *unit, GstClockTime pts)
{
	GstBuffer *buffer = gst_buffer_new();

	gst_buffer_append_memory(buffer, gst_memory_ref(unit->memory));
	GST_BUFFER_PTS(buffer) = pts;
	if (!unit->key)
		GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
	return buffer;
}

/* Pushes what is due on one track; gives the time of its next unit [us]. */
static gint64 feed_track(struct player *player, unsigned t, gint64 now)
{
	const struct clip_track *track = &player->feeder->clip->tracks[t];

	for (;;) {
		uint64_t i = player->next[t];
		const struct clip_unit *unit = &track->units[i % track->n];
		gint64 due = player->origin +
			     (gint64)((i + track->reorder) * G_USEC_PER_SEC / track->rate);
		GstClockTime shown;

		if (due > now)
			return due;
		/* rounded up, so that the payloader's rounding down meets whole RTP ticks */
		shown = gst_util_uint64_scale_int_ceil(
			i - i % track->n + unit->display, GST_SECOND, (gint)track->rate);
		gst_app_src_push_buffer(
			player->sources[t], unit_buffer(unit, player->origin_running_time + shown));
		player->next[t]++;
	}
}

static gint64 feed_all(struct feeder *feeder, gint64 now)
{
	gint64 next = G_MAXINT64;

	for (guint i = 0; i < feeder->players->len; i++) {
		struct player *player = g_ptr_array_index(feeder->players, i);

		for (unsigned t = 0; player->playing && t < TRACKS; t++)
			if (player->sources[t] != NULL)
				next = MIN(next, feed_track(player, t, now));
	}
	return next;
}

static gpointer feeder_run(gpointer data)
{
	struct feeder *feeder = data;

	g_mutex_lock(&feeder->lock);
	while (!feeder->stop) {
		gint64 now = g_get_monotonic_time();
		gint64 next = feed_all(feeder, now);

		if (next == G_MAXINT64)
			g_cond_wait(&feeder->changed, &feeder->lock);
		else
			g_cond_wait_until(&feeder->changed, &feeder->lock, MAX(next, now + TICK));
	}
	g_mutex_unlock(&feeder->lock);
	return NULL;
}

static void need_data(GstAppSrc *source, guint length, gpointer data)
{
	struct player *player = data;
	struct feeder *feeder = player->feeder;
	unsigned t = source == player->sources[TRACK_VIDEO] ? TRACK_VIDEO : TRACK_AUDIO;
	GstClockTime now;

	g_mutex_lock(&feeder->lock);
	if (!player->playing && !player->primed[t]) {
		now = gst_element_get_current_running_time(GST_ELEMENT(source));
		player->primed[t] = true;
		gst_app_src_push_buffer(source, unit_buffer(&feeder->clip->tracks[t].units[0],
							GST_CLOCK_TIME_IS_VALID(now) ? now : 0));
	}
	g_mutex_unlock(&feeder->lock);
}

struct feeder *feeder_create(const struct clip *clip)
{
	struct feeder *feeder = g_new0(struct feeder, 1);

	feeder->clip = clip;
	g_mutex_init(&feeder->lock);
	g_cond_init(&feeder->changed);
	feeder->players = g_ptr_array_new();
	feeder->thread = g_thread_try_new("feeder", feeder_run, feeder, NULL);
	if (feeder->thread == NULL) {
		feeder_destroy(feeder);
		return NULL;
	}
	return feeder;
}

void feeder_destroy(struct feeder *feeder)
{
	if (feeder->thread != NULL) {
		g_mutex_lock(&feeder->lock);
		feeder->stop = true;
		g_cond_signal(&feeder->changed);
		g_mutex_unlock(&feeder->lock);
		g_thread_join(feeder->thread);
	}
	g_ptr_array_unref(feeder->players);
	g_cond_clear(&feeder->changed);
	g_mutex_clear(&feeder->lock);
	g_free(feeder);
}

unsigned feeder_players(struct feeder *feeder)
{
	unsigned n;

	g_mutex_lock(&feeder->lock);
	n = feeder->players->len;
	g_mutex_unlock(&feeder->lock);
	return n;
}

struct player *player_create(struct feeder *feeder, GstAppSrc *const sources[TRACKS])
{
	struct player *player = g_new0(struct player, 1);
	GstAppSrcCallbacks callbacks = {.need_data = need_data};

	player->feeder = feeder;
	for (unsigned t = 0; t < TRACKS; t++)
		if (sources[t] != NULL)
			player->sources[t] = gst_object_ref(sources[t]);
	for (unsigned t = 0; t < TRACKS; t++) {
		if (sources[t] == NULL)
			continue;
		g_object_set(sources[t], "format", GST_FORMAT_TIME, "is-live", TRUE, "max-bytes",
			G_GUINT64_CONSTANT(0), "max-buffers", (guint64)QUEUE_LIMIT, "leaky-type",
			GST_APP_LEAKY_TYPE_DOWNSTREAM, NULL);
		gst_app_src_set_caps(sources[t], feeder->clip->tracks[t].caps);
		gst_app_src_set_callbacks(sources[t], &callbacks, player, NULL);
	}
	g_mutex_lock(&feeder->lock);
	g_ptr_array_add(feeder->players, player);
	g_mutex_unlock(&feeder->lock);
	return player;
}

void player_play(struct player *player)
{
	struct feeder *feeder = player->feeder;
	GstClockTime now = GST_CLOCK_TIME_NONE, origin;

	for (unsigned t = 0; t < TRACKS && !GST_CLOCK_TIME_IS_VALID(now); t++)
		if (player->sources[t] != NULL)
			now = gst_element_get_current_running_time(GST_ELEMENT(player->sources[t]));
	if (!GST_CLOCK_TIME_IS_VALID(now))
		now = 0;
	/* a whole millisecond is a whole number of RTP ticks at 90, 48 and 8 kHz */
	origin = (now + GST_MSECOND - 1) / GST_MSECOND * GST_MSECOND;

	g_mutex_lock(&feeder->lock);
	if (!player->playing) {
		player->playing = true;
		player->origin = g_get_monotonic_time() + (gint64)((origin - now) / 1000);
		player->origin_running_time = origin;
		for (unsigned t = 0; t < TRACKS; t++) {
			/* what was sent ahead is not sent again; after a pause all is anew */
			player->next[t] = player->primed[t] ? 1 : 0;
			player->primed[t] = false;
		}
		g_cond_signal(&feeder->changed);
	}
	g_mutex_unlock(&feeder->lock);
}

void player_pause(struct player *player)
{
	g_mutex_lock(&player->feeder->lock);
	player->playing = false;
	g_mutex_unlock(&player->feeder->lock);
}

void player_destroy(struct player *player)
{
	static GstAppSrcCallbacks none;
	struct feeder *feeder = player->feeder;

	g_mutex_lock(&feeder->lock);
	g_ptr_array_remove_fast(feeder->players, player);
	g_mutex_unlock(&feeder->lock);
	for (unsigned t = 0; t < TRACKS; t++) {
		if (player->sources[t] == NULL)
			continue;
		gst_app_src_set_callbacks(player->sources[t], &none, NULL, NULL);
		gst_object_unref(player->sources[t]);
	}
	g_free(player);
}
