/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a viewer's media goes: the pair that its client has chosen, which may change
 * while it plays, and what the data plane was last told of it. Main thread.
 */
#ifndef CONTROLPLANE_VIEWER_VIEWER_MOVE_H
#define CONTROLPLANE_VIEWER_VIEWER_MOVE_H

#include "controlplane/viewer/viewer.h"

/* The pair that media takes: the nominated one, else the one DTLS came by; or NULL. */
struct pair *viewer_media_pair(struct viewer *v);

/* What the data plane is told of the pair, for the record. */
void viewer_note_pair(struct viewer *v, const struct pair *pair);

/* An established viewer's client chose another way, or the next hop changed. The old
 * way is kept until the new one's MAC address is known. */
void viewer_move(struct viewer *v, const struct pair *pair);

/* The client may have nominated another pair than the one installed. */
void viewer_follow(struct viewer *v);

#endif
