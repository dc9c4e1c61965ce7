/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our side's ICE candidates: the addresses under which the public port is
 * reached. Those of the data plane's ports come from the kernel, each time;
 * webrtcAdditionalHosts are resolved asynchronously and again every five
 * minutes. Main thread.
 */
#ifndef CONTROLPLANE_VIEWER_CANDIDATES_H
#define CONTROLPLANE_VIEWER_CANDIDATES_H

#include "controlplane/config/config.h"
#include "controlplane/install.h"
#include "controlplane/viewer/sdp_answer.h"

struct candidates;

/* Both are borrowed and outlive it; names begin to be resolved. */
struct candidates *candidates_create(const struct mr_config *config, struct install *install);
void candidates_destroy(struct candidates *candidates);

/* Writes at most `max`, additional hosts first; returns the number. */
size_t candidates_list(const struct candidates *candidates, struct sdp_candidate *out, size_t max);

#endif
