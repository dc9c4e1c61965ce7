/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feeds the clip to the mounts that play. feeder_run() is a feeder's own thread;
 * need_data() runs on the pipelines' threads, the player_*() calls on the RTSP
 * server's.
 */
#include "apps/camera/feeder.h"

#define TICK 5000        /* units wait for each other so long, to save wake-ups [us] */
#define HELD_UP 250000   /* a push that takes longer has its thread for itself [us] */
#define TOO_LATE 500000  /* what is due for longer is left out [us] */
#define PAUSE_WAIT 50000 /* for a push that is on its way [us] */

struct player {
	struct feeder *feeder; /* borrowed */
	GstAppSrc *sources[TRACKS];
	GstPad *pads[TRACKS]; /* of the sources */

	/* under feeder->lock */
	bool playing;
	bool held_up;                     /* a thread of its own is busy with it */
	bool primed[TRACKS];              /* the clip's first unit has gone out ahead of play */
	uint64_t next[TRACKS];            /* units since the origin, over all loops */
	uint64_t skipped[TRACKS];         /* units of the clip that jumps have left out */
	gint64 origin;                    /* when unit 0 is due, monotonic clock [us] */
	GstClockTime origin_running_time; /* the same instant in the pipeline's time */
};

struct feeder {
	const struct clip *clip; /* borrowed */

	GMutex lock;
	/* under lock */
	GCond changed;       /* something to do, or a push has come back */
	GPtrArray *players;  /* each with a reference of the array */
	unsigned threads;    /* that run: one, and those that are held up */
	unsigned generation; /* of the thread that feeds */
	struct player *busy; /* whom that one pushes for right now, or NULL */
	gint64 busy_since;   /* [us] */
	bool stop;
};

struct feeder_thread {
	struct feeder *feeder;
	unsigned generation;
};

/* ---- players are held by the array and by a push on its way ---- */

static void player_clear(gpointer data)
{
	struct player *player = data;

	for (unsigned t = 0; t < TRACKS; t++) {
		gst_clear_object(&player->pads[t]);
		gst_clear_object(&player->sources[t]);
	}
}

static void player_unref(gpointer data)
{
	g_atomic_rc_box_release_full(data, player_clear);
}

static GstBuffer *unit_buffer(const struct clip_unit *unit, GstClockTime pts)
{
	GstBuffer *buffer = gst_buffer_new();

	gst_buffer_append_memory(buffer, gst_memory_ref(unit->memory));
	GST_BUFFER_PTS(buffer) = pts;
	if (!unit->key)
		GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
	return buffer;
}

/* ---- the feeding thread ---- */

static gint64 unit_due(const struct player *player, unsigned t)
{
	const struct clip_track *track = &player->feeder->clip->tracks[t];

	return player->origin +
	       (gint64)((player->next[t] + track->reorder) * G_USEC_PER_SEC / track->rate);
}

static const struct clip_unit *unit_next(const struct player *player, unsigned t)
{
	const struct clip_track *track = &player->feeder->clip->tracks[t];

	return &track->units[(player->next[t] + player->skipped[t]) % track->n];
}

/* After a stop: on from a key frame that is still to come, not all at once. */
static void skip_late(struct player *player, unsigned t, gint64 now)
{
	if (unit_due(player, t) + TOO_LATE > now)
		return;
	while (unit_due(player, t) < now || !unit_next(player, t)->key)
		player->next[t]++;
}

static GstBuffer *take_next(struct player *player, unsigned t)
{
	const struct clip_track *track = &player->feeder->clip->tracks[t];
	const struct clip_unit *unit = unit_next(player, t);
	uint64_t i = player->next[t]++ + player->skipped[t];
	/* rounded up, so that the payloader's rounding down meets whole RTP ticks */
	GstClockTime shown = gst_util_uint64_scale_int_ceil(
		i - i % track->n + unit->display - player->skipped[t], GST_SECOND,
		(gint)track->rate);

	return unit_buffer(unit, player->origin_running_time + shown);
}

/* Pushes without the lock. False: held up so long that this thread was replaced. */
static bool push(const struct feeder_thread *self, struct player *player, unsigned t)
{
	struct feeder *feeder = self->feeder;
	GstBuffer *buffer = take_next(player, t);
	bool replaced;

	feeder->busy = g_atomic_rc_box_acquire(player);
	feeder->busy_since = g_get_monotonic_time();
	g_mutex_unlock(&feeder->lock);
	gst_pad_push(player->pads[t], buffer);
	g_mutex_lock(&feeder->lock);
	replaced = self->generation != feeder->generation;
	if (replaced)
		player->held_up = false;
	else
		feeder->busy = NULL;
	g_cond_broadcast(&feeder->changed);
	player_unref(player);
	return !replaced;
}

/*
 * Pushes one unit of each track that is due. Gives the time when the next unit is [us], or -1 when
 * this thread was replaced. Players may come and go while a push is on its way;
 * one that is passed over for that gets its turn a tick later.
 */
static gint64 feed_all(const struct feeder_thread *self)
{
	struct feeder *feeder = self->feeder;
	gint64 now = g_get_monotonic_time(), next = G_MAXINT64;

	for (guint i = 0; i < feeder->players->len; i++) {
		for (unsigned t = 0; t < TRACKS && i < feeder->players->len; t++) {
			struct player *player = g_ptr_array_index(feeder->players, i);
			gint64 due;

			if (!player->playing || player->held_up || player->pads[t] == NULL)
				continue;
			skip_late(player, t, now);
			due = unit_due(player, t);
			if (due <= now) {
				due += G_USEC_PER_SEC / feeder->clip->tracks[t].rate;
				if (!push(self, player, t))
					return -1;
			}
			next = MIN(next, due);
		}
	}
	return next;
}

static gpointer feeder_run(gpointer data)
{
	struct feeder_thread *self = data;
	struct feeder *feeder = self->feeder;
	gint64 next = 0;

	g_mutex_lock(&feeder->lock);
	while (!feeder->stop && next >= 0) {
		gint64 now = g_get_monotonic_time();

		next = feed_all(self);
		if (next == G_MAXINT64)
			g_cond_wait(&feeder->changed, &feeder->lock);
		else if (next >= 0)
			g_cond_wait_until(&feeder->changed, &feeder->lock, MAX(next, now + TICK));
	}
	feeder->threads--;
	g_cond_broadcast(&feeder->changed);
	g_mutex_unlock(&feeder->lock);
	g_free(self);
	return NULL;
}

/* Under the lock. */
static bool start_thread(struct feeder *feeder)
{
	struct feeder_thread *self = g_new(struct feeder_thread, 1);
	GThread *thread;

	*self = (struct feeder_thread){feeder, feeder->generation + 1};
	thread = g_thread_try_new("feeder", feeder_run, self, NULL);
	if (thread == NULL) {
		g_free(self);
		return false;
	}
	g_thread_unref(thread);
	feeder->generation++;
	feeder->threads++;
	return true;
}

/* ---- the feeder ---- */

struct feeder *feeder_create(const struct clip *clip)
{
	struct feeder *feeder = g_new0(struct feeder, 1);
	bool started;

	feeder->clip = clip;
	g_mutex_init(&feeder->lock);
	g_cond_init(&feeder->changed);
	feeder->players = g_ptr_array_new_with_free_func(player_unref);
	g_mutex_lock(&feeder->lock);
	started = start_thread(feeder);
	g_mutex_unlock(&feeder->lock);
	if (!started) {
		feeder_destroy(feeder);
		return NULL;
	}
	return feeder;
}

void feeder_destroy(struct feeder *feeder)
{
	g_mutex_lock(&feeder->lock);
	feeder->stop = true;
	g_cond_broadcast(&feeder->changed);
	while (feeder->threads > 0)
		g_cond_wait(&feeder->changed, &feeder->lock);
	g_mutex_unlock(&feeder->lock);
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

void feeder_watch(struct feeder *feeder)
{
	g_mutex_lock(&feeder->lock);
	if (feeder->busy != NULL && g_get_monotonic_time() - feeder->busy_since > HELD_UP &&
		start_thread(feeder)) {
		feeder->busy->held_up = true;
		feeder->busy = NULL;
	}
	g_mutex_unlock(&feeder->lock);
}

/* ---- players ---- */

/* A pipeline asks for its first unit; the sources' own threads have no other work. */
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

struct player *player_create(struct feeder *feeder, GstAppSrc *const sources[TRACKS])
{
	struct player *player = g_atomic_rc_box_new0(struct player);
	GstAppSrcCallbacks callbacks = {.need_data = need_data};

	player->feeder = feeder;
	for (unsigned t = 0; t < TRACKS; t++) {
		if (sources[t] == NULL)
			continue;
		player->sources[t] = gst_object_ref(sources[t]);
		player->pads[t] = gst_element_get_static_pad(GST_ELEMENT(sources[t]), "src");
	}
	for (unsigned t = 0; t < TRACKS; t++) {
		if (sources[t] == NULL)
			continue;
		g_object_set(sources[t], "format", GST_FORMAT_TIME, "is-live", TRUE, NULL);
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
			player->skipped[t] = 0;
		}
		g_cond_broadcast(&feeder->changed);
	}
	g_mutex_unlock(&feeder->lock);
}

bool player_jump(struct player *player)
{
	struct feeder *feeder = player->feeder;
	bool jumped = false;

	g_mutex_lock(&feeder->lock);
	/* A clip begins with a key frame, so there is one. */
	for (; player->playing && !unit_next(player, TRACK_VIDEO)->key; jumped = true)
		player->skipped[TRACK_VIDEO]++;
	g_mutex_unlock(&feeder->lock);
	return jumped;
}

void player_pause(struct player *player)
{
	struct feeder *feeder = player->feeder;
	gint64 patience = g_get_monotonic_time() + PAUSE_WAIT;

	g_mutex_lock(&feeder->lock);
	player->playing = false;
	while (feeder->busy == player &&
		g_cond_wait_until(&feeder->changed, &feeder->lock, patience))
		;
	g_mutex_unlock(&feeder->lock);
}

void player_destroy(struct player *player)
{
	static GstAppSrcCallbacks none;
	struct feeder *feeder = player->feeder;

	for (unsigned t = 0; t < TRACKS; t++)
		if (player->sources[t] != NULL)
			gst_app_src_set_callbacks(player->sources[t], &none, NULL, NULL);
	g_mutex_lock(&feeder->lock);
	player->playing = false;
	g_ptr_array_remove_fast(feeder->players, player);
	g_mutex_unlock(&feeder->lock);
}
