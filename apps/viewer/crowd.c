/* SPDX-License-Identifier: BSD-3-Clause */
/* Main loop of a share of the viewers, see crowd.h. Runs on its own thread. */
#include "apps/viewer/crowd.h"

#include "apps/viewer/timer.h"

#include <poll.h>
#include <time.h>

#define HTTP_TIMEOUT 10       /* s */
#define COALESCE_FROM 32      /* descriptors */
#define COALESCE_EACH 10000L  /* ns of pause per descriptor */
#define COALESCE_MAX 5000000L /* ns */

struct join {
	struct crowd *crowd;
	struct viewer *viewer;
	GSource *timer;
};

struct crowd {
	struct crowd_options options;
	struct viewer_shared shared;
	GMainLoop *loop;
	GThread *thread;
	GSource *end; /* --seconds is over */
	size_t count;
	size_t left;   /* viewers that are not done */
	size_t failed; /* viewers that gave up */
	struct viewer **viewers;
	struct join *joins;
};

/*
 * A turn of the main loop looks at every source, about a microsecond each, so
 * with many sockets a wake-up for each datagram or timer costs far more than
 * serving it. Pause after the first in proportion, then serve all that came.
 */
static gint poll_coalesced(GPollFD *fds, guint count, gint timeout)
{
	struct timespec pause = {.tv_nsec = count * COALESCE_EACH};
	gint ready = g_poll(fds, count, timeout);

	if (ready < 0 || count < COALESCE_FROM || timeout == 0)
		return ready;
	if (pause.tv_nsec > COALESCE_MAX)
		pause.tv_nsec = COALESCE_MAX;
	nanosleep(&pause, NULL);
	return g_poll(fds, count, 0);
}

static gboolean on_stop(gpointer user)
{
	struct crowd *crowd = user;

	timer_stop(&crowd->end);
	for (size_t i = 0; i < crowd->count; i++) {
		timer_stop(&crowd->joins[i].timer);
		viewer_leave(crowd->viewers[i]);
	}
	return G_SOURCE_REMOVE;
}

static void on_viewer_ended(void *user, enum viewer_state state)
{
	struct crowd *crowd = user;

	if (state == VIEWER_FAILED && ++crowd->failed == crowd->count)
		crowd_stop(crowd); /* nobody left to wait for */
	if (state == VIEWER_DONE && --crowd->left == 0)
		g_main_loop_quit(crowd->loop);
}

static gboolean on_join(gpointer user)
{
	struct join *join = user;

	viewer_join(join->viewer);
	return G_SOURCE_REMOVE;
}

static void schedule(struct crowd *crowd)
{
	const struct options *options = crowd->options.options;

	for (size_t i = 0; i < crowd->count; i++) {
		unsigned int index = crowd->options.index + (unsigned int)i * options->threads;

		crowd->joins[i] = (struct join){.crowd = crowd, .viewer = crowd->viewers[i]};
		crowd->joins[i].timer = timer_start(
			crowd->shared.context, index * options->ramp_ms, on_join, &crowd->joins[i]);
	}
	crowd->end = timer_start(crowd->shared.context,
		(options->viewers - 1) * options->ramp_ms + options->seconds * 1000, on_stop,
		crowd);
}

static gpointer run(gpointer user)
{
	struct crowd *crowd = user;
	const struct options *options = crowd->options.options;

	g_main_context_push_thread_default(crowd->shared.context);
	crowd->shared.signalling = signalling_create(options, HTTP_TIMEOUT);
	schedule(crowd);
	g_main_loop_run(crowd->loop);
	signalling_destroy(crowd->shared.signalling);
	/* What the libraries still have to say, closed sockets mostly. */
	for (int i = 0; i < 100 && g_main_context_iteration(crowd->shared.context, FALSE); i++)
		;
	g_main_context_pop_thread_default(crowd->shared.context);
	crowd->options.ended(crowd->options.user);
	return NULL;
}

struct crowd *crowd_start(const struct crowd_options *options)
{
	struct crowd *crowd = g_new0(struct crowd, 1);
	unsigned int viewers = options->options->viewers;
	unsigned int threads = options->options->threads;

	crowd->options = *options;
	crowd->shared.context = g_main_context_new();
	g_main_context_set_poll_func(crowd->shared.context, poll_coalesced);
	crowd->shared.options = options->options;
	crowd->shared.addresses = options->addresses;
	crowd->shared.dtls = options->dtls;
	crowd->shared.dump = options->dump;
	crowd->shared.plain_dump = options->plain_dump;
	crowd->shared.ended = on_viewer_ended;
	crowd->shared.user = crowd;
	crowd->loop = g_main_loop_new(crowd->shared.context, FALSE);
	crowd->count = (viewers - options->index + threads - 1) / threads;
	crowd->left = crowd->count;
	crowd->viewers = g_new0(struct viewer *, crowd->count);
	crowd->joins = g_new0(struct join, crowd->count);
	for (size_t i = 0; i < crowd->count; i++) {
		unsigned int index = options->index + (unsigned int)i * threads;

		crowd->viewers[i] = viewer_create(
			&crowd->shared, index, options_viewer_url(options->options, index));
	}
	crowd->thread = g_thread_new("crowd", run, crowd);
	return crowd;
}

void crowd_stop(struct crowd *crowd)
{
	GSource *source = g_idle_source_new();

	g_source_set_callback(source, on_stop, crowd, NULL);
	g_source_attach(source, crowd->shared.context);
	g_source_unref(source);
}

void crowd_join(struct crowd *crowd)
{
	if (crowd->thread)
		g_thread_join(crowd->thread);
	crowd->thread = NULL;
}

void crowd_destroy(struct crowd *crowd)
{
	crowd_join(crowd);
	timer_stop(&crowd->end);
	for (size_t i = 0; i < crowd->count; i++) {
		timer_stop(&crowd->joins[i].timer);
		viewer_destroy(crowd->viewers[i]);
	}
	g_free(crowd->viewers);
	g_free(crowd->joins);
	g_main_loop_unref(crowd->loop);
	g_main_context_unref(crowd->shared.context);
	g_free(crowd);
}

void crowd_add_progress(struct crowd *crowd, struct crowd_progress *progress)
{
	progress->connected += atomic_load_explicit(&crowd->shared.connected, memory_order_relaxed);
	progress->failed += atomic_load_explicit(&crowd->shared.failed, memory_order_relaxed);
	progress->packets += atomic_load_explicit(&crowd->shared.packets, memory_order_relaxed);
}

size_t crowd_viewer_count(const struct crowd *crowd)
{
	return crowd->count;
}

const struct viewer_figures *crowd_viewer(const struct crowd *crowd, size_t index)
{
	return viewer_figures(crowd->viewers[index]);
}
