/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finishing a frame: the prebuilt header goes in front of the UDP payload that
 * `m` holds, lengths and checksums (offloaded where the port can) are filled
 * in. Runs on the worker's lcore.
 */
#ifndef DATAPLANE_PIPELINE_EGRESS_H
#define DATAPLANE_PIPELINE_EGRESS_H

#include "dataplane/pipeline/worker.h"

/* Takes `m`: it is in w->tx then, or was dropped by name. */
void egress_frame(struct worker *w, struct rte_mbuf *m, const struct frame_header *h);

#endif
