/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread with one main loop and its share of the viewers. Created, stopped
 * and joined by main(); what runs in between runs on the crowd's own thread.
 */
#ifndef APPS_VIEWER_CROWD_H
#define APPS_VIEWER_CROWD_H

#include "apps/viewer/viewer.h"

struct crowd;

struct crowd_options {
	const struct options *options; /* all borrowed, outlive the crowd */
	const struct ice_addresses *addresses;
	const struct dtls_context *dtls;
	FILE *dump;
	FILE *plain_dump;
	unsigned int index;        /* this one takes viewers index, index + threads, ... */
	void (*ended)(void *user); /* all have left; called on the crowd's thread */
	void *user;
};

struct crowd_progress {
	unsigned int connected;
	unsigned int failed;
	uint64_t packets;
};

struct crowd *crowd_start(const struct crowd_options *options);

/* Everybody leaves now; from any thread, more than once is fine. */
void crowd_stop(struct crowd *crowd);

/* Waits for the thread's end; afterwards the viewers' figures may be read. */
void crowd_join(struct crowd *crowd);
void crowd_destroy(struct crowd *crowd);

/* Any thread, at any time; adds to *progress. */
void crowd_add_progress(struct crowd *crowd, struct crowd_progress *progress);

size_t crowd_viewer_count(const struct crowd *crowd);
const struct viewer_figures *crowd_viewer(const struct crowd *crowd, size_t index);

#endif
