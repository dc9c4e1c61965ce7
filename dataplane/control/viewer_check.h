/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether what MR_COMMAND_VIEWER_ADD says can be true at all: lengths, payload types,
 * SSRCs and keys of one viewer by themselves. Any thread; knows no tables.
 */
#ifndef DATAPLANE_CONTROL_VIEWER_CHECK_H
#define DATAPLANE_CONTROL_VIEWER_CHECK_H

#include "dataplane/api/channel.h"

/* 0 or -EINVAL. */
int viewer_add_check(const struct mr_viewer_add *m);

#endif
