/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fan-out the classic way: the same packets for the same viewers, encrypted
 * by the same crypto_device, sent by the kernel through one UDP socket. What a
 * media server without a data plane could do at best. One thread.
 */
#ifndef APPS_BENCH_CLASSIC_H
#define APPS_BENCH_CLASSIC_H

#include "apps/bench/rig.h"

enum classic_method {
	CLASSIC_SENDTO,   /* a system call for each packet */
	CLASSIC_SENDMMSG, /* one for CLASSIC_BATCH packets */
	CLASSIC_GSO,      /* one for CLASSIC_SEGMENTS packets of one viewer, which wait for it */
	CLASSIC_METHODS
};

#define CLASSIC_BATCH 64
#define CLASSIC_SEGMENTS 10

struct classic; /* opaque */

/* Viewers, payload, profile and addresses as `o` says. NULL: errno. Any thread. */
struct classic *classic_create(const struct rig_options *o);
void classic_destroy(struct classic *c);

/* Sends about `packets` viewers' packets, whole rounds of all viewers; returns how many the
 * kernel took, 0 when it refuses. */
uint64_t classic_run(struct classic *c, enum classic_method method, uint64_t packets);

const char *classic_method_name(enum classic_method method);

#endif
