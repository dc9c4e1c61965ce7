/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control plane as a whole: its parts in the order in which they are made,
 * and unmade in reverse. Main thread.
 */
#ifndef CONTROLPLANE_LIFECYCLE_LIFECYCLE_H
#define CONTROLPLANE_LIFECYCLE_LIFECYCLE_H

#include "controlplane/config/config.h"

struct controlplane;

/* `config` is borrowed and outlives it. 0, or -errno with a line in the log. */
int controlplane_create(struct controlplane **cp, const struct mr_config *config);
/* Ends viewers and sources, gives the data plane a moment to take the orders. */
void controlplane_destroy(struct controlplane *cp);

#endif
