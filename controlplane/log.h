/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control plane's log: one line per event on standard error,
 *
 *   2026-01-31T12:00:00.123Z INF session=cam1 event=ready tracks=2
 *
 * the session (a path's name, a viewer's number, "-" for the process) first,
 * then key=value. What peers wrote is only ever a value; control bytes in it
 * are shown as '?'. Never a secret: no key, password, ICE credential or URL
 * with user information (log_url() hides it). Any thread.
 */
#ifndef CONTROLPLANE_LOG_H
#define CONTROLPLANE_LOG_H

#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* -EINVAL for a name that is none of "error", "warn", "info", "debug". */
int log_level_by_name(const char *name, enum log_level *level);
/* Set once at start; "info" before. */
void log_set_level(enum log_level level);

void log_write(enum log_level level, const char *session, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(session, ...) log_write(LOG_LEVEL_ERROR, session, __VA_ARGS__)
#define log_warn(session, ...) log_write(LOG_LEVEL_WARN, session, __VA_ARGS__)
#define log_info(session, ...) log_write(LOG_LEVEL_INFO, session, __VA_ARGS__)
#define log_debug(session, ...) log_write(LOG_LEVEL_DEBUG, session, __VA_ARGS__)

/* Copies `url` without user and password into `out`; returns `out`. */
const char *log_url(const char *url, char *out, size_t size);

#endif
