/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The far end of the wire: camera and all viewers at once. One thread that sends
 * the stream's packets at a given rate through net_memif and takes what comes
 * back, counts it, and times the first and the last viewer's copies. What it cannot
 * send on time, because it was not run or the ring is full, it does not send later.
 */
#ifndef APPS_BENCH_WIRE_LINK_H
#define APPS_BENCH_WIRE_LINK_H

#include "apps/bench/wire_check.h"
#include "apps/bench/wire_install.h"

#define WIRE_LATENCIES_MAX (1u << 18) /* samples of a trial */

struct wire_link; /* opaque */

struct wire_latencies {
	uint32_t n;
	uint32_t *ns; /* owned by the link, WIRE_LATENCIES_MAX */
};

struct wire_trial {
	double seconds;    /* that it took to send */
	uint64_t sent;     /* packets of the stream */
	uint64_t refused;  /* that found the ring to the data plane full */
	uint64_t expected; /* viewers' packets */
	uint64_t in_time;  /* of them, that came while it was still sent */
	uint64_t received; /* ... and until nothing more came */
	/* Copies of who is sent a packet first, and last; borrowed until the next trial. */
	struct wire_latencies first;
	struct wire_latencies last;
};

/* Starts EAL with a net_memif client of `socket` on CPU `cpu`, sending `payload_len` bytes of
 * RTP payload. NULL: a text in `error`. */
struct wire_link *wire_link_create(const char *socket, unsigned int cpu, uint32_t viewers,
	uint16_t payload_len, char *error, size_t error_len);
void wire_link_destroy(struct wire_link *l);

const uint8_t *wire_link_payload(const struct wire_link *l);
const uint8_t *wire_link_mac(const struct wire_link *l); /* our own */

/* Once, when the viewers are installed: every viewer gets packets 0 and 1. 0, or -1: not so. */
int wire_link_begin(struct wire_link *l, const uint8_t gateway[6], struct wire_check *check);

/* Packets of the stream per second, for so many seconds. */
void wire_link_trial(struct wire_link *l, double rate, double seconds, struct wire_trial *t);

/* Tells the data plane that all viewers are there, where that is due again. Between trials. */
void wire_link_consent(struct wire_link *l);

#endif
