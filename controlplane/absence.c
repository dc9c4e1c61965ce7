/* SPDX-License-Identifier: BSD-3-Clause */
/* Why there is no data plane: see absence.h. Main thread. */
#include "controlplane/absence.h"

#include "controlplane/log.h"
#include "dataplane/api/abi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NOT_RUNNING "the data plane is not running"
#define TAKING_OVER "the control plane has just started and is taking over viewers: try again"
#define NO_ANSWER "the data plane does not answer yet: try again"
#define LOST "the connection to the data plane is lost and is being made again: try again"

void absence_init(struct absence *a)
{
	memset(a, 0, sizeof(*a));
	g_strlcpy(a->why, TAKING_OVER, sizeof(a->why));
	a->since_us = g_get_monotonic_time();
}

/* Whoever listens anew makes the file anew. */
static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool absence_wait(struct absence *a, const char *socket_path)
{
	const struct stat before = a->socket;
	gint64 now = g_get_monotonic_time();

	if (stat(socket_path, &a->socket) == 0 && a->error == -EPROTONOSUPPORT &&
		same_file(&before, &a->socket) &&
		now - a->asked_us < ABSENCE_OTHER_RETRY_MS * G_TIME_SPAN_MILLISECOND)
		return true;
	a->asked_us = now;
	return false;
}

void absence_note(struct absence *a, const char *socket_path, int rc, uint32_t version)
{
	bool known = rc == a->error;

	a->error = rc;
	if (rc == 0)
		a->since_us = g_get_monotonic_time();
	if (rc == -EPROTONOSUPPORT) {
		snprintf(a->why, sizeof(a->why),
			"the data plane is of another release (version %u, this control plane "
			"has %u): restart millrace-dataplane, which ends its viewers",
			version, MR_CHANNEL_VERSION);
		if (!known)
			log_error("-", "event=other_dataplane socket=%s error=\"%s\"", socket_path,
				a->why);
		return;
	}
	g_strlcpy(a->why,
		rc == 0              ? TAKING_OVER
		: rc == -EBUSY       ? "another control plane is at work"
		: absence_is_sure(a) ? NOT_RUNNING
				     : NO_ANSWER,
		sizeof(a->why));
	if (rc != 0 && !known)
		log_warn("-", "event=no_dataplane socket=%s error=\"%s\"", socket_path,
			g_strerror(-rc));
}

void absence_lost(struct absence *a)
{
	g_strlcpy(a->why, LOST, sizeof(a->why));
	a->since_us = g_get_monotonic_time();
}

bool absence_is_sure(const struct absence *a)
{
	return a->error != 0 && a->error != -EBUSY && a->error != -ETIMEDOUT &&
	       a->error != -ECONNRESET && a->error != -EPROTONOSUPPORT;
}

bool absence_is_brief(const struct absence *a)
{
	return a->error != -EPROTONOSUPPORT &&
	       g_get_monotonic_time() - a->since_us < ABSENCE_BRIEF_MS * G_TIME_SPAN_MILLISECOND;
}
