/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands in for controlplane/install.c at link time: takes every command and
 * packet down, and keeps them for the test to look at. Main thread.
 */
#ifndef TESTS_UNIT_SOURCE_RECORDER_H
#define TESTS_UNIT_SOURCE_RECORDER_H

#include "controlplane/install.h"

#include <glib.h>

struct recorder {
	GArray *commands;         /* struct mr_command, in order */
	int stream_add;           /* what STREAM_ADD is answered with */
	int nexthop_del;          /* what NEXTHOP_DEL is answered with */
	unsigned int rtp[128];    /* packets down per payload type */
	unsigned int rtp_gaps;    /* packets of any type that do not follow the one before */
	uint16_t rtp_next[128];   /* sequence number that would follow */
	unsigned int full;        /* so many packets find no room from now on */
	unsigned int rtp_bad;     /* not RTP version 2, or of no stream */
	size_t rtp_longest;       /* [bytes] */
	size_t rtp_len[128];      /* [bytes] of the last one */
	uint32_t rtp_stream[128]; /* the stream that they came for */
	struct mr_record record;  /* the last one put */
	int kept[MR_RECORD_FDS];  /* descriptors of any object; -1: none */
};

struct install *recorder_create(struct recorder *r);
void recorder_destroy(struct install *install);
/* What a data plane would do. */
void recorder_attach(struct install *install);
void recorder_detach(struct install *install);
void recorder_absent(struct install *install);
void recorder_give(struct install *install, uint32_t kind, uint32_t id, uint32_t slot, int fd);
void recorder_event(struct install *install, const struct mr_event *event);
void recorder_add_port(struct install *install, const struct mr_port_info *port);

unsigned int recorder_count(const struct recorder *r, uint32_t type);
/* The last command of a type; NULL: none. */
const struct mr_command *recorder_last(const struct recorder *r, uint32_t type);
/* The last STREAM_BIND of a stream; NULL: none. */
const struct mr_stream_bind *recorder_bind(const struct recorder *r, uint32_t stream_id);

#endif
