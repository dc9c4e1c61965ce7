/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fixed sessions of the session file: the data plane reads their keys itself,
 * the control plane only tells it the way to each destination, after attaching
 * and whenever the kernel's route changes. Main thread.
 */
#ifndef CONTROLPLANE_VIEWER_FIXED_SESSIONS_H
#define CONTROLPLANE_VIEWER_FIXED_SESSIONS_H

#include "controlplane/config/config.h"
#include "controlplane/install.h"
#include "controlplane/routes.h"

struct fixed_sessions;

/* All borrowed. NULL: no memory for a route. */
struct fixed_sessions *fixed_sessions_create(
	const struct mr_config *config, struct install *install, struct routes *routes);
void fixed_sessions_destroy(struct fixed_sessions *sessions);

#endif
