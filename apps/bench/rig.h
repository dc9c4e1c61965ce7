/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rig: a whole data plane in this process, made by its own steps
 * (dataplane/lifecycle/dataplane.h), its viewers added by the control plane's
 * commands; they are live at once, whatever the time. Port 0 receives from rings
 * that the benchmark fills (net_ring), port 1 sends to net_null, or to a device of
 * the benchmark's choice. Afterwards its workers stand still and each lcore does
 * what the benchmark wants: turns, or something to compare them with.
 */
#ifndef APPS_BENCH_RIG_H
#define APPS_BENCH_RIG_H

#include "crypto/srtp_profile.h"
#include "dataplane/lifecycle/dataplane.h"

#include <stdbool.h>
#include <stdint.h>

#define RIG_VIEWERS_MAX 100000
#define RIG_STREAMS_MAX 512
#define RIG_PAYLOAD_MAX 1400    /* [bytes] of RTP payload */
#define RIG_RX_RING 1024        /* frames */
#define RIG_RTP_PORT 20000      /* of stream 0 */
#define RIG_GATEWAY 0xc0000201u /* 192.0.2.1 */
#define RIG_CAMERA 0xc0000202u
#define RIG_VIEWER 0x0a000001u /* 10.0.0.1, of the first viewer; the others follow */
#define RIG_VIEWER_PORT 40000

enum rig_checksum { RIG_CHECKSUM_OFFLOAD, RIG_CHECKSUM_SOFTWARE, RIG_CHECKSUM_ZERO };

struct rig_options {
	uint32_t workers;
	uint32_t streams; /* video; each has an audio stream beside it */
	uint32_t viewers; /* in all, spread evenly over the streams */
	bool lone;        /* but for the last stream, which has one */
	uint32_t payload; /* [bytes] of RTP payload */
	bool random;      /* a stream's viewers do not lie in memory in the order of sending */
	enum rig_checksum checksum;
	const struct srtp_profile *profile;
	const char *backend; /* of the session file's `crypto` */
	uint64_t seed;
	bool poll;  /* `idle` of the session file */
	bool paced; /* viewers get no long bursts: `maxBurstPackets` as it is by default */
	/* Where port 1 sends; NULL: net_null. As the session file names it. */
	const char *device;
	const char *xdp_object; /* NULL: the program's own */
	uint32_t gateway;       /* our address, 0: RIG_GATEWAY */
	uint8_t nexthop[6];     /* MAC */
};

struct rig_stream {
	uint32_t id;
	uint32_t viewers;
	uint32_t viewers_at[MR_WORKERS_MAX]; /* of them, at each worker */
	uint8_t worker;                      /* index of the owner */
	uint16_t port;                       /* UDP, ours: where its RTP goes */
};

struct rig {
	struct rig_options options;
	struct mr_config config;
	struct dataplane dp;
	struct rte_ring *rx[MR_WORKERS_MAX]; /* frames to each worker */
	struct rte_mempool *frames;          /* of the frames fed */
	struct port_config out;              /* of options.device */
	char *out_args[4];                   /* owned: EAL's, ditto */
	struct rig_stream *streams;          /* owned, options.streams */
	uint64_t resident_idle;              /* [bytes] before the first viewer */
	uint64_t resident_one;               /* with one viewer */
	uint64_t resident_all;               /* with all */
	uint64_t heap_one;                   /* [bytes] of rte_malloc, ditto */
	uint64_t heap_all;
	char directory[64];
};

/* Starts EAL and the data plane, adds streams and viewers, stops the workers. 0, or -1
 * with a text in `error`. rig_stop() also after a failure. */
int rig_start(struct rig *r, const struct rig_options *o, char *error, size_t error_len);
void rig_stop(struct rig *r);

/* Viewers at other workers than their streams go on with what comes from now on. The
 * workers stand still. */
void rig_skip(struct rig *r);

/* Runs `f` on workers' lcores (the first `n`) at once, with args[i], and waits. 0 or -1. */
int rig_run(struct rig *r, unsigned int n, int (*f)(void *), void *const *args);

/* Numbers that look random and are the same in every run. */
static inline uint64_t rig_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

#endif
