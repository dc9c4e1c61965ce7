/* SPDX-License-Identifier: BSD-3-Clause */
/* Samples of rounds and what they say; memory of this process. Any thread. */
#ifndef APPS_BENCH_FIGURES_H
#define APPS_BENCH_FIGURES_H

#include <stddef.h>
#include <stdint.h>

#define FIGURES_MAX 4096 /* samples */

struct figures {
	size_t n;
	double at[FIGURES_MAX];
};

void figures_add(struct figures *f, double value); /* beyond FIGURES_MAX it is ignored */
/* The value below which `share` (0 to 1) of the samples lie; 0 without any. Sorts. */
double figures_quantile(struct figures *f, double share);
static inline double figures_median(struct figures *f)
{
	return figures_quantile(f, 0.5);
}

/* [cycles, TSC] that this thread has had of its CPU: what others take of a busy machine
 * does not count. A system call. */
double thread_cycles(void);

uint64_t memory_resident(void); /* [bytes] of this process now; 0 when it cannot be read */
uint64_t memory_heap(void);     /* [bytes] that rte_malloc has given out */

/* The CPU's name into `name`; "unknown" when the kernel does not say. */
void cpu_name(char *name, size_t size);

#endif
