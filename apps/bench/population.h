/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who lives on the rig: its streams and viewers, added by the control plane's commands.
 * The main thread. rig.h has rig_skip(), for benchmarks.
 */
#ifndef APPS_BENCH_POPULATION_H
#define APPS_BENCH_POPULATION_H

#include "apps/bench/rig.h"

#include <stddef.h>

/* Port 0 receives, port 1 sends. */
#define PORT_IN 0
#define PORT_OUT 1

/* All of r->options; notes the memory before, with one viewer and with all. 0, or
 * -errno of the command that was refused with a text in `error`. */
int population_add(struct rig *r, char *error, size_t len);

/* A stream's viewers came one behind the other: now they lie anywhere in memory, the
 * same way for the same seed. The workers stand still. */
void population_shuffle(struct rig *r);

/* The streams have been there for so long that their rings' memory is the process's: the
 * first packet in a page would pay for that. Before their first packet. */
void population_age(struct rig *r);

#endif
