/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICE restarts of a viewer (RFC 8445 9, RFC 9725 4.4): its second set of credentials,
 * from WHEP's PATCH until a pair is nominated with it. viewer_restart_ice() is in
 * viewer.h. Main thread.
 */
#ifndef CONTROLPLANE_VIEWER_VIEWER_ICE_H
#define CONTROLPLANE_VIEWER_VIEWER_ICE_H

#include "controlplane/viewer/viewer.h"

/* A pair was nominated by a check with the next credentials: they replace the old
 * ones, here, in the data plane and in the record. */
void viewer_ice_commit(struct viewer *v);

#endif
