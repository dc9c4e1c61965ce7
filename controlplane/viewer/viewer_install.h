/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the data plane is told of a viewer: numbers chosen at random, keys out of
 * the DTLS exporter, the adoption record. Main thread.
 */
#ifndef CONTROLPLANE_VIEWER_VIEWER_INSTALL_H
#define CONTROLPLANE_VIEWER_VIEWER_INSTALL_H

#include "controlplane/viewer/viewer.h"

/* SSRC, sequence and timestamp bases and payload types of v->tracks; with
 * `repairs` also of RTX, where the offer has it. 0 or -EIO. */
int viewer_install_tracks(struct viewer *v, const struct sdp_choices *choices, bool repairs);

/* Fills a VIEWER_ADD for the pair; secret, the caller wipes it. 0 or as dtls_export(). */
int viewer_install_fill(const struct viewer *v, const struct pair *pair, struct mr_viewer_add *add,
	const char **profile_name);

/* Leaves the record that a later control plane may carry on with. */
void viewer_install_record(const struct viewer *v);

/* `characters` (even, at most 64) of random hex and a final 0. 0 or -EIO. */
int viewer_random_hex(char *out, size_t characters);

#endif
