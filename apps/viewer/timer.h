/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One-shot and repeating timers on a given main context (g_timeout_add() knows
 * only the default one). Called on that context's thread.
 */
#ifndef APPS_VIEWER_TIMER_H
#define APPS_VIEWER_TIMER_H

#include <glib.h>

/* Calls `function` every `ms` milliseconds while it returns G_SOURCE_CONTINUE. */
static inline GSource *timer_start(
	GMainContext *context, guint ms, GSourceFunc function, gpointer data)
{
	GSource *source = g_timeout_source_new(ms);

	g_source_set_callback(source, function, data, NULL);
	g_source_attach(source, context);
	return source;
}

/* Stops and forgets; *source may be NULL, or have run out. */
static inline void timer_stop(GSource **source)
{
	if (*source == NULL)
		return;
	g_source_destroy(*source);
	g_source_unref(*source);
	*source = NULL;
}

#endif
