/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines on standard error: see log.h. Any thread; one write per line. */
#include "controlplane/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 2048 /* bytes */

/* Written once at start, read by every thread. */
static _Atomic int threshold = LOG_LEVEL_INFO;

static const char *const names[] = {"error", "warn", "info", "debug"};
static const char *const tags[] = {"ERR", "WAR", "INF", "DEB"};

int log_level_by_name(const char *name, enum log_level *level)
{
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			*level = i;
			return 0;
		}
	}
	return -EINVAL;
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&threshold, level, memory_order_relaxed);
}

static size_t clamp(int wanted, size_t room)
{
	if (wanted < 0)
		return 0;
	return (size_t)wanted < room ? (size_t)wanted : room - 1;
}

void log_write(enum log_level level, const char *session, const char *format, ...)
{
	char line[LINE_MAX_LEN];
	struct timespec now;
	struct tm tm;
	va_list args;
	size_t n;

	if ((int)level > atomic_load_explicit(&threshold, memory_order_relaxed))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
	n += clamp(snprintf(line + n, sizeof(line) - n, ".%03ldZ %s session=%s ",
			   now.tv_nsec / 1000000, tags[level], session),
		sizeof(line) - n);
	va_start(args, format);
	n += clamp(vsnprintf(line + n, sizeof(line) - n, format, args), sizeof(line) - n);
	va_end(args);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
	line[n++] = '\n'; /* over the final 0 */
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nowhere left to say it */
}

const char *log_url(const char *url, char *out, size_t size)
{
	const char *authority = strstr(url, "://");
	size_t scheme = authority ? (size_t)(authority - url) + 3 : 0;
	/* The last '@' anywhere: a password may hold a '/'. */
	const char *at = strrchr(url + scheme, '@');

	snprintf(out, size, "%.*s%s", (int)scheme, url, at ? at + 1 : url + scheme);
	return out;
}
