/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session file's own viewers: SRTP with no signalling. Main thread, once,
 * after the workers have started.
 */
#ifndef DATAPLANE_CONTROL_FIXED_SESSIONS_H
#define DATAPLANE_CONTROL_FIXED_SESSIONS_H

#include "controlplane/config/config.h"
#include "dataplane/control/control.h"

/*
 * Reserves an SSRC for each of the file's sessions and adds its viewer; it runs
 * as soon as the control plane has given its route and its path a stream. What
 * keeps a session from starting is printed with its JSON path; the others start.
 * Returns how many did not.
 */
unsigned int fixed_sessions_add(struct control *c, const struct mr_config *config);

#endif
