/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands: control plane -> data plane, one ring. Each is answered by exactly
 * one MR_EVENT_REPLY with the same cookie, in order. The data plane's main
 * thread takes them; it validates every field as if a stranger had written it.
 *
 * Order that a path goes through:
 *   PATH_SET, STREAM_ADD per track, STREAM_BIND when the source is connected,
 *   STREAM_BIND again (kind NONE, later new) when it goes and comes back;
 *   output numbering continues. STREAM_DEL, PATH_DEL.
 * Order that a viewer goes through:
 *   NEXTHOP_SET, VIEWER_ADD (after DTLS has finished and the fingerprint
 *   matched), VIEWER_ROUTE when it moves, VIEWER_ICE when its checks come with other
 *   credentials, VIEWER_DEL.
 */
#ifndef DATAPLANE_API_COMMAND_H
#define DATAPLANE_API_COMMAND_H

#include "dataplane/api/abi.h"

enum mr_command_type {
	MR_COMMAND_LISTEN = 1,        /* mr_listen */
	MR_COMMAND_PATH_SET = 2,      /* mr_path_set: adds or changes */
	MR_COMMAND_PATH_DEL = 3,      /* mr_object; its streams must be gone (-EBUSY) */
	MR_COMMAND_STREAM_ADD = 4,    /* mr_stream_add */
	MR_COMMAND_STREAM_BIND = 5,   /* mr_stream_bind: where its packets come from */
	MR_COMMAND_STREAM_REPORT = 6, /* mr_stream_report: the source's RTCP SR */
	MR_COMMAND_STREAM_DEL = 7,    /* mr_object; viewers lose the track */
	MR_COMMAND_VIEWER_ADD = 8,    /* mr_viewer_add */
	MR_COMMAND_VIEWER_ROUTE = 9,  /* mr_viewer_route: another address or next hop */
	MR_COMMAND_VIEWER_DEL = 10,   /* mr_object */
	MR_COMMAND_NEXTHOP_SET = 11,  /* mr_nexthop_set: adds or changes */
	MR_COMMAND_NEXTHOP_DEL = 12,  /* mr_object; -EBUSY while viewers use it */
	MR_COMMAND_RECORD_PUT = 13,   /* mr_record: opaque, given back on attaching */
	MR_COMMAND_VIEWER_ICE = 14,   /* mr_viewer_ice: ICE has been restarted */
};

/*
 * Status of a reply: 0 or one of
 *   -EINVAL   a field is out of its range        -EEXIST  the id is in use
 *   -ENOENT   no such object                     -ENOSPC  a limit is reached
 *   -EBUSY    still in use                       -ENOMEM  no memory
 *   -ENOTSUP  the port or CPU cannot do it       -EADDRINUSE  the endpoint is taken
 */

/* PATH_DEL, STREAM_DEL, VIEWER_DEL, NEXTHOP_DEL */
struct mr_object {
	uint32_t id;
	uint32_t reserved;
};

/* The public UDP port: all datagrams to `local` are the data plane's (addr all
 * zero: every address of the ports). */
struct mr_listen {
	struct mr_endpoint local;
};

enum mr_path_state {
	MR_PATH_CONNECTING = 1, /* the source has not answered yet */
	MR_PATH_READY = 2,
	MR_PATH_WAITING = 3, /* for the next attempt; the note says why */
	MR_PATH_OFF = 4,     /* nobody wants it */
};

/* "ready": for people and logs. */
static inline const char *mr_path_state_name(uint32_t state)
{
	switch (state) {
	case MR_PATH_CONNECTING:
		return "connecting";
	case MR_PATH_READY:
		return "ready";
	case MR_PATH_WAITING:
		return "waiting";
	case MR_PATH_OFF:
		return "off";
	default:
		return "unknown";
	}
}

struct mr_path_set {
	uint32_t path_id;
	uint32_t state; /* enum mr_path_state */
	char name[MR_NAME_MAX];
	char note[MR_NOTE_MAX]; /* for the CLI: "connection refused, next attempt in 4 s" */
};

struct mr_stream_add {
	uint32_t stream_id;
	uint32_t path_id;
	uint32_t clock_rate;    /* [Hz] */
	uint16_t max_payload;   /* [bytes] RTP payload that a packet to viewers may have */
	uint8_t kind;           /* enum mr_media_kind */
	uint8_t codec;          /* enum mr_codec; NONE: only shown */
	uint32_t ring_packets;  /* of the plaintext ring, power of two; 0: the default */
	uint32_t ring_bytes;    /* 0: the default */
	char codec_name[32];    /* as the source spells it: "H264", "H265" */
	char note[MR_NOTE_MAX]; /* why it is not carried, or empty */
};

enum mr_input_kind {
	MR_INPUT_NONE = 0, /* the source is away */
	MR_INPUT_WIRE = 1, /* RTP over UDP, at `local` of a port */
	MR_INPUT_RING = 2, /* the control plane sends it down the packet ring (RTSP over TCP) */
};

#define MR_BIND_SSRC 0x1u  /* only packets with `ssrc` are the stream's */
#define MR_BIND_MODE0 0x2u /* H.264 packetization-mode 0 in the source's SDP */

struct mr_stream_bind {
	uint32_t stream_id;
	uint32_t flags; /* MR_BIND_* */
	struct mr_endpoint local;
	struct mr_endpoint remote; /* addr or port zero: any */
	uint32_t ssrc;
	uint8_t input;        /* enum mr_input_kind */
	uint8_t payload_type; /* of the source, 0 to 127 */
	uint16_t parameter_sets_len;
	/* H.264: SPS and PPS of the SDP, each as a 16-bit big-endian length and a NAL. */
	uint8_t parameter_sets[MR_PARAMETER_SETS];
};

/* What a sender report of the source says (RFC 3550 6.4.1). */
struct mr_stream_report {
	uint32_t stream_id;
	uint32_t rtp;
	uint64_t ntp; /* 32.32 */
};

struct mr_nexthop_set {
	uint32_t nexthop_id;
	uint16_t port;     /* index of the port, as MR_EVENT_PORT told */
	uint16_t vlan_tci; /* 0: untagged */
	uint8_t mac[6];
	uint8_t valid; /* 0: not resolved yet, packets are dropped by name */
	uint8_t reserved;
};

struct mr_viewer_track {
	uint32_t stream_id; /* 0: this track is not there */
	uint32_t ssrc;
	uint32_t rtx_ssrc;       /* 0: RFC 4588 was not negotiated */
	uint32_t timestamp_base; /* added to the stream's output timestamp */
	uint16_t sequence_base;  /* wire number of the first packet, below 2^15; ROC 0 */
	uint8_t payload_type;
	uint8_t rtx_payload_type;
	uint32_t reserved;
};
static_assert(sizeof(struct mr_viewer_track) == 24, "mr_viewer_track");

struct mr_viewer_add {
	uint32_t viewer_id;
	uint32_t nexthop_id;
	struct mr_endpoint local; /* our public address and port: the source of what we send */
	struct mr_endpoint remote;
	uint16_t srtp_profile; /* RFC 5764 4.1.2 code point */
	uint8_t local_ufrag_len;
	uint8_t reserved[3];
	uint16_t remote_ufrag_len; /* [bytes] */
	uint16_t local_pwd_len;
	uint16_t reserved2[3];
	char local_ufrag[MR_CNAME_MAX];
	char local_pwd[64];
	char remote_ufrag[MR_UFRAG_MAX];
	char cname[MR_CNAME_MAX]; /* of our SDES, one for all tracks of the viewer */
	struct mr_viewer_track track[MR_VIEWER_TRACKS];
	struct mr_srtp_keys tx_rtp;
	struct mr_srtp_keys tx_rtcp;
	struct mr_srtp_keys rx_rtcp;
	uint32_t reserved3;
};

struct mr_viewer_route {
	/* Also MR_VIEWER_FIXED_BASE + i. One that has not started is answered with the reason:
	 * -EKEYREJECTED: its `ssrc` was used with its key before. */
	uint32_t viewer_id;
	uint32_t nexthop_id;
	struct mr_endpoint local;
	struct mr_endpoint remote;
};

/* From here on checks are the viewer's that come with these (RFC 8445 9). */
struct mr_viewer_ice {
	uint32_t viewer_id;
	uint16_t local_ufrag_len; /* [bytes], each at least 1 */
	uint16_t local_pwd_len;
	uint16_t remote_ufrag_len;
	uint16_t reserved[3];
	char local_ufrag[MR_CNAME_MAX];
	char local_pwd[64];
	char remote_ufrag[MR_UFRAG_MAX];
};
static_assert(sizeof(struct mr_viewer_ice) == 368, "mr_viewer_ice");

enum mr_record_kind {
	MR_RECORD_GLOBAL = 0, /* id 0: one for the whole control plane */
	MR_RECORD_PATH = 1,
	MR_RECORD_VIEWER = 2,
	MR_RECORD_STREAM = 3,  /* announced only: the id is in use */
	MR_RECORD_NEXTHOP = 4, /* ditto */
};

/* Also the body of MR_EVENT_RECORD. */
struct mr_record {
	uint32_t kind; /* enum mr_record_kind */
	uint32_t id;
	uint32_t len; /* [bytes] */
	uint32_t reserved;
	uint8_t data[MR_RECORD_MAX];
};

#define MR_COMMAND_SIZE 2048

struct mr_command {
	uint32_t type; /* enum mr_command_type */
	uint32_t reserved;
	uint64_t cookie; /* echoed in the reply; rises from command to command (mr_packet.after) */
	union {
		struct mr_object object;
		struct mr_listen listen;
		struct mr_path_set path_set;
		struct mr_stream_add stream_add;
		struct mr_stream_bind stream_bind;
		struct mr_stream_report stream_report;
		struct mr_viewer_add viewer_add;
		struct mr_viewer_route viewer_route;
		struct mr_viewer_ice viewer_ice;
		struct mr_nexthop_set nexthop_set;
		struct mr_record record;
		uint8_t bytes[MR_COMMAND_SIZE - 16];
	};
};
static_assert(sizeof(struct mr_command) == MR_COMMAND_SIZE, "mr_command");

#endif
