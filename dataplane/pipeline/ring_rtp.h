/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RTP that comes down the packet ring (RTSP over TCP): into the stream input's
 * batch where its stream is this worker's, else over to the owner, by the
 * stream's id. Longer than any mbuf, it lies in the worker's staging area for
 * the turn. Runs on the worker's lcore.
 */
#ifndef DATAPLANE_PIPELINE_RING_RTP_H
#define DATAPLANE_PIPELINE_RING_RTP_H

#include "dataplane/pipeline/worker.h"

/* Whether the batch and the staging area have room for `len` bytes more. */
bool ring_rtp_fits(const struct worker *w, uint32_t len);

/* Worker 0: what the joiner has put together; it fits. */
void ring_rtp_receive(struct worker *w, const struct mr_packet_joiner *j);

/* The owner: takes a packet (PACKET_DOWN_RTP) that worker 0 handed over and that
 * fits. Frees it. */
void ring_rtp_take(struct worker *w, struct rte_mbuf *m);

#endif
