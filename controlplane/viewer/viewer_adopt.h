/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Viewers that the data plane has and this control plane does not know: a former one
 * left them. Their records are collected while the data plane tells what it has; once
 * the paths are known, each viewer is taken over, or deleted when its record cannot
 * be read or its stream is gone. Main thread.
 */
#ifndef CONTROLPLANE_VIEWER_VIEWER_ADOPT_H
#define CONTROLPLANE_VIEWER_VIEWER_ADOPT_H

#include "controlplane/viewer/viewer.h"

struct foreign_viewers;

struct foreign_viewers *foreign_viewers_create(void);
void foreign_viewers_destroy(struct foreign_viewers *f);

/* MR_EVENT_RECORD of a viewer that is not ours. Wiped after use. */
void foreign_viewers_add(struct foreign_viewers *f, const struct mr_record *record);
/* The data plane went before all was told. */
void foreign_viewers_clear(struct foreign_viewers *f);
/* Takes over what can be, calling `adopted` for each, and deletes the others. */
void foreign_viewers_settle(struct foreign_viewers *f, const struct viewer_env *env,
	struct path_table *paths, void (*adopted)(struct viewer *v, void *user), void *user);

#endif
