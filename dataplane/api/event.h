/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: data plane -> control plane, one ring. On attaching the data plane
 * first sends one PORT per port, one RECORD per path, viewer, stream and next hop
 * that is there (with len 0 where none was put) and the global one, then TABLE_END; the
 * descriptors kept beside records come over the socket (client.h).
 */
#ifndef DATAPLANE_API_EVENT_H
#define DATAPLANE_API_EVENT_H

#include "dataplane/api/command.h"

enum mr_event_type {
	MR_EVENT_REPLY = 1,           /* mr_reply */
	MR_EVENT_PORT = 2,            /* mr_port_info */
	MR_EVENT_RECORD = 3,          /* mr_record */
	MR_EVENT_TABLE_END = 4,       /* nothing */
	MR_EVENT_STREAM_STATE = 5,    /* mr_stream_state: first packet, silence */
	MR_EVENT_STREAM_FINDING = 6,  /* mr_stream_finding: what WebRTC cannot carry */
	MR_EVENT_VIEWER_STATE = 7,    /* mr_viewer_state */
	MR_EVENT_KEYFRAME_WANTED = 8, /* mr_object: a stream whose viewers sent PLI or FIR */
};

struct mr_reply {
	uint32_t command; /* enum mr_command_type */
	int32_t status;   /* 0 or -errno, see command.h */
};

struct mr_port_info {
	uint32_t index;
	uint32_t ifindex; /* of the kernel's interface: the shared one, or an owned port's tap */
	uint32_t shared;  /* 1: the kernel keeps the interface */
	uint32_t mtu;     /* [bytes] */
	uint8_t mac[6];
	uint8_t reserved[2];
	char name[32];   /* of the session file */
	char netdev[16]; /* of the kernel */
};

enum mr_stream_state_value {
	MR_STREAM_RECEIVING = 1, /* packets arrive (again) */
	MR_STREAM_SILENT = 2,    /* none for 3 s */
};

struct mr_stream_state {
	uint32_t stream_id;
	uint32_t state;  /* enum mr_stream_state_value */
	uint32_t ssrc;   /* of the source */
	uint32_t gap_ms; /* RECEIVING: since the packet before; 0: it is the first */
};

/* Bits, also shown in mr_stats_stream.findings. */
#define MR_FINDING_B_FRAMES 0x1u       /* H.264 B slices: browsers show them late or not at all */
#define MR_FINDING_INTERLEAVED 0x2u    /* H.264 interleaved packetization (STAP-B, MTAP, FU-B) */
#define MR_FINDING_NOT_SPLITTABLE 0x4u /* a payload that does not fit and cannot be re-split */
#define MR_FINDING_PAYLOAD_TYPE 0x8u   /* packets with another payload type than the SDP's */

struct mr_stream_finding {
	uint32_t stream_id;
	uint32_t finding; /* one MR_FINDING_* */
};

enum mr_viewer_state_value {
	MR_VIEWER_ALIVE = 1,   /* the first authenticated Binding request or SRTCP arrived */
	MR_VIEWER_EXPIRED = 2, /* 30 s without either; the data plane has removed it */
	MR_VIEWER_BYE = 3,     /* RTCP BYE; the data plane has removed it */
	MR_VIEWER_RTCP = 4,    /* the first authenticated SRTCP: DTLS state may go */
};

struct mr_viewer_state {
	uint32_t viewer_id;
	uint32_t state; /* enum mr_viewer_state_value */
};

#define MR_EVENT_SIZE 2048

struct mr_event {
	uint32_t type; /* enum mr_event_type */
	uint32_t reserved;
	uint64_t cookie; /* of the command, in a reply */
	union {
		struct mr_reply reply;
		struct mr_port_info port;
		struct mr_record record;
		struct mr_stream_state stream_state;
		struct mr_stream_finding stream_finding;
		struct mr_viewer_state viewer_state;
		struct mr_object object;
		uint8_t bytes[MR_EVENT_SIZE - 16];
	};
};
static_assert(sizeof(struct mr_event) == MR_EVENT_SIZE, "mr_event");

#endif
