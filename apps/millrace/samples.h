/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Samples of the statistics region: private copies, two of which make rates.
 * Main thread.
 */
#ifndef APPS_MILLRACE_SAMPLES_H
#define APPS_MILLRACE_SAMPLES_H

#include "dataplane/api/client.h"
#include "dataplane/api/stats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Entries in use of one array of the region. */
struct sample_table {
	uint8_t *entries; /* owned; count times stride */
	uint32_t *slots;  /* owned; each entry's place in the region, rising */
	size_t stride;    /* [bytes] */
	uint32_t count;
};

struct sample {
	uint64_t at_ns;    /* CLOCK_MONOTONIC */
	uint64_t clock_ns; /* CLOCK_REALTIME, the same moment */
	struct mr_stats head;
	struct sample_table ports;
	struct sample_table workers;
	struct sample_table paths;
	struct sample_table streams;
	struct sample_table viewers;
};

#define SAMPLE_STALE_NS 2000000000ull /* the data plane says it lives every 100 ms */

/* Copies everything. 0 or -errno; an entry that keeps changing is left out. */
int sample_take(struct sample *s, const struct mr_stats_view *view);
void sample_fini(struct sample *s);

/* The i-th entry; `i` below count. */
static inline const void *sample_entry(const struct sample_table *t, uint32_t i)
{
	return t->entries + i * t->stride;
}

/* The same object (slot and id) in an earlier sample; NULL: it was not there. */
const void *sample_peer(
	const struct sample_table *now, uint32_t i, const struct sample_table *before);

/* Nanoseconds since the data plane last said that it lives. */
uint64_t sample_silence_ns(const struct sample *s);
static inline bool sample_stale(const struct sample *s)
{
	return sample_silence_ns(s) > SAMPLE_STALE_NS;
}

/* Objects by id; NULL: none. */
const struct mr_stats_path *sample_path(const struct sample *s, uint32_t id);
const struct mr_stats_stream *sample_stream(const struct sample *s, uint32_t id);

/* Two samples of the same data plane, or one. What a command shows. */
struct frame {
	const struct sample *now;
	const struct sample *before; /* NULL: no rates */
	double seconds;              /* between the two */
};

/* Growth per second of a counter; NAN without an earlier value. */
double frame_rate(const struct frame *f, uint64_t now, const _Atomic uint64_t *before);

#endif
