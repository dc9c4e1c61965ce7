/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes into the rings of live.h and comes out of them: whole frames, and what is in
 * them. Any thread. */
#ifndef TESTS_UNIT_CONTROL_LIVE_FRAME_H
#define TESTS_UNIT_CONTROL_LIVE_FRAME_H

#include "tests/unit/control/live.h"

/* Ethernet, IPv4 and UDP around `data`; sums left out. Aborts without memory. */
struct rte_mbuf *live_frame(struct live *l, const struct mr_endpoint *from,
	const struct mr_endpoint *to, const void *data, size_t len);
/* The same into queue `queue`; waits for room. Any thread. */
void live_send(struct live *l, unsigned int queue, const struct mr_endpoint *from,
	const struct mr_endpoint *to, const void *data, size_t len);
/* An RTP packet with `payload`; returns its length. */
size_t live_rtp(uint8_t *to, uint8_t payload_type, uint16_t sequence, uint32_t timestamp,
	uint32_t ssrc, const void *payload, size_t len);
/* The UDP payload of a frame that a worker sent, and whereto; NULL: no UDP. */
uint8_t *live_payload(struct rte_mbuf *m, struct mr_endpoint *to, size_t *len);

#endif
