/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A viewer's Binding request (RFC 8489), so that the data plane takes it for alive. All
 * viewers of a benchmark have the same credentials, so one message serves them all.
 */
#ifndef APPS_BENCH_WIRE_STUN_H
#define APPS_BENCH_WIRE_STUN_H

#include <stdint.h>

#define WIRE_STUN_FRAME_MAX 160 /* bytes */

struct wire_stun {
	uint16_t len; /* [bytes] of the frame */
	uint8_t frame[WIRE_STUN_FRAME_MAX];
};

int wire_stun_init(struct wire_stun *s); /* 0, -1 */
void wire_stun_set_macs(struct wire_stun *s, const uint8_t ours[6], const uint8_t gateway[6]);

/* The whole frame, s->len bytes, from the viewer of that address. */
void wire_stun_frame(const struct wire_stun *s, uint32_t address, uint8_t *to);

#endif
