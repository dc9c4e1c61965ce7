/* SPDX-License-Identifier: BSD-3-Clause */
/* The other direction of punt.c: what comes down the packet ring. */
#ifndef DATAPLANE_PIPELINE_PUNT_H
#define DATAPLANE_PIPELINE_PUNT_H

#include "dataplane/pipeline/worker.h"

/* Worker 0, at the start of its turn: datagrams to send go to w->tx as whole
 * frames, RTP goes to w->in.rtp. Bounded per turn. */
void punt_receive(struct worker *w);

#endif
