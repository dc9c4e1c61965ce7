/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A viewer in the data plane: one contiguous record with its keys, frame header
 * and tracks. Created (keys expanded) and freed (wiped) by the main thread;
 * between link and unlink it belongs to one worker alone, the owner of the
 * streams that it watches.
 *
 * Every packet for a viewer is a pure function of the stream's packet and of
 * constants fixed at join: a resend is the same bytes.
 */
#ifndef DATAPLANE_VIEWER_VIEWER_H
#define DATAPLANE_VIEWER_VIEWER_H

#include "crypto/crypto_device.h"
#include "crypto/hmac_sha1.h"
#include "crypto/srtcp.h"
#include "dataplane/api/command.h"
#include "dataplane/api/stats.h"
#include "dataplane/viewer/repair_state.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER_MAX 66 /* bytes: Ethernet 14, VLAN 4, IPv6 40, UDP 8 */
#define VIEWER_EXPIRY_NS (30ull * 1000 * 1000 * 1000)

struct audience;
struct viewer;

/*
 * Prebuilt Ethernet, VLAN, IP and UDP headers; egress fills in the lengths and the
 * checksums. They stand at the end of `bytes`, so that egress copies a fixed number of
 * bytes that ends there: 48 for IPv4 without a VLAN, all for the others. Those 48 and
 * what follows are one cache line where the struct begins 32 bytes behind one.
 */
#define FRAME_HEADER_ROOM 80  /* bytes: FRAME_HEADER_MAX in whole 16s */
#define FRAME_HEADER_SHORT 48 /* bytes copied where `len` is no more */
struct frame_header {
	uint8_t bytes[FRAME_HEADER_ROOM];
	uint8_t len; /* [bytes] in all */
	uint8_t l2_len;
	uint8_t l3_len;
	uint8_t port; /* index; valid: below the number of ports */
	bool ipv4;
	bool valid;             /* false: next hop unknown */
	uint16_t ip_sum;        /* of the IPv4 header, without its length and identification */
	uint32_t pseudo_sum;    /* one's complement sum: pseudo-header, without length */
	uint32_t transport_sum; /* pseudo_sum and the ports */
};
static_assert(sizeof(struct frame_header) == 96, "frame_header");

static inline const uint8_t *frame_header_bytes(const struct frame_header *h)
{
	return &h->bytes[FRAME_HEADER_ROOM - h->len];
}

/* Of a track that waits for a key frame or catches up from one (catch_up.h). */
struct catch_up {
	union {
		struct viewer_track *next; /* TRACK_WAITING: of the same audience */
		struct {
			union {
				uint32_t first_lost; /* while watched: stream index, low bits */
				uint32_t judged;     /* packets, of which some were lost */
			};
			uint32_t newest_lost; /* stream index, its low bits */
		};
	};
	union {
		uint64_t after; /* TRACK_WAITING: stream index; key frames before do not count */
		uint64_t judge_end; /* stream index: what was sent before is judged */
	};
	uint64_t since_ns;    /* CLOCK_MONOTONIC: in this state */
	uint64_t judge_ns;    /* CLOCK_MONOTONIC: when to judge the losses; 0: there are none */
	uint32_t lost;        /* packets of those that are judged */
	uint32_t stream_rate; /* [bytes/s] measured when it began */
	uint32_t rate;        /* [bytes/s] now; half of it while a full wire is judged */
	uint32_t top;         /* [bytes/s] never above */
	uint64_t rated_ns;    /* CLOCK_MONOTONIC: when `rate` was raised last */
	uint64_t paced_ns;    /* CLOCK_MONOTONIC: nothing before */
	uint64_t caught_at;   /* stream index: all before it was sent, and there was no more */
	uint64_t key_end;     /* stream index behind the key frame */
	uint64_t key_sent_ns; /* CLOCK_MONOTONIC; 0: not yet */
	uint32_t sent;        /* packets */
	uint32_t nacked;      /* packets asked for again, each time counted */
	uint32_t repaired;    /* [bytes] of repairs, which the pace is still to wait for */
	uint32_t behind;      /* packets, when `quantum` was set */
	uint16_t quantum;     /* packets at once */
	uint8_t cuts_at_floor;
	bool slow : 1;      /* the wire is known: `rate` rises slowly */
	bool watching : 1;  /* whether more is lost than by chance, until `judge_ns` */
	uint16_t delay_ms;  /* from a packet to the NACK for it, queues and all; 0: unknown */
	uint16_t mean_size; /* [1/16 byte] of what was sent lately; 0: nothing was */
};

/* Of a live track that wants a key frame (refresh.h). */
struct refresh {
	struct viewer_track *next; /* in the worker's list */
	uint64_t since_ns;         /* CLOCK_MONOTONIC: wanted */
	uint64_t wish_ns;  /* CLOCK_MONOTONIC: the camera was asked last before that; 0: never */
	uint64_t after;    /* stream index: a key frame from there on is an answer */
	uint64_t next_ns;  /* CLOCK_MONOTONIC: not started again before */
	uint32_t pause_ms; /* between the last start and that */
	bool wanted;       /* it is in the list */
};

enum track_state {
	TRACK_AWAY = 0,     /* has no stream */
	TRACK_LIVE = 1,     /* in its audience's list, at the shared cursor */
	TRACK_CATCHING = 2, /* at a cursor of its own, between key frame and live */
	TRACK_WAITING = 3,  /* gets nothing before a key frame comes */
};

/*
 * A copy is a pure function of the stream's packet and of the track's epoch: the
 * constants join_index, wire_base, shift and live_index. An epoch begins when the
 * track joins a stream, or starts again from a key frame; the next one begins at
 * the wire index after the last one sent. live_index
 * alone changes within an epoch, once, before any packet from there on was sent.
 */
struct viewer_track {
	/* read for every copy: one line */
	alignas(64) struct viewer *viewer; /* borrowed: the record this lies in */
	uint32_t ssrc;
	uint32_t timestamp_base; /* RTP ticks */
	uint64_t join_index;     /* stream index of the epoch's first packet */
	uint64_t wire_base;      /* 48-bit wire index of that packet; below 2^15 at first */
	uint64_t live_index;     /* packets before it are shifted; UINT64_MAX: not known yet */
	uint32_t shift;          /* RTP ticks that they are shifted back by */
	uint32_t packets_sent;   /* for sender reports, RFC 3550 6.4.1 */
	uint32_t octets_sent;    /* ditto */
	uint8_t payload_type;
	uint8_t tag_len;              /* [bytes] of the viewer's profile, behind each payload */
	uint8_t kind;                 /* enum mr_media_kind */
	uint8_t state;                /* enum track_state */
	struct mr_stats_track *stats; /* borrowed */

	struct audience *audience; /* borrowed; NULL: TRACK_AWAY */
	uint32_t rtx_ssrc;         /* 0: RFC 4588 was not negotiated */
	uint8_t rtx_payload_type;
	uint64_t rtx_next;   /* 48-bit wire index of the next RTX packet; each is used once */
	uint64_t next_index; /* TRACK_CATCHING: stream index of the next packet that it gets */
	struct catch_up catch_up;
	struct refresh refresh;
};
static_assert(sizeof(struct viewer_track) == 256, "two of them in a viewer's 4 KiB");

#define REPORTS_REMEMBERED 4 /* round trips of up to so many seconds are seen */

/* What goes back and forth about one track: reports sent and received. */
struct viewer_feedback {
	uint32_t sent_ntp[REPORTS_REMEMBERED]; /* middle bits of the last SRs' NTP times; 0: none */
	uint8_t sent_next;
	bool reported;     /* a receiver reports on the track */
	uint32_t reporter; /* its SSRC; a BYE names it */
};

struct viewer {
	/* private to the worker: what reports look at, and what makes 32 bytes */
	uint64_t alive_ns;       /* CLOCK_MONOTONIC: last authenticated packet */
	uint64_t next_report_ns; /* CLOCK_MONOTONIC */
	uint32_t position;       /* in the worker's array of viewers */
	uint32_t id;
	bool alive_told;
	bool rtcp_told;
	bool expired; /* or said BYE: told; waits for its removal */
	bool fixed;   /* of the session file: no ICE, no expiry */
	bool rtcp;    /* sends reports */
	uint8_t worker;
	uint16_t profile; /* RFC 5764 code point */

	/* hot: read for every packet, a line each but for the key */
	struct frame_header header;
	struct viewer_track track[MR_VIEWER_TRACKS];
	struct srtp_tx rtp_key;

	/* private to the worker */
	uint64_t expiry_told_ns; /* CLOCK_MONOTONIC */
	uint64_t consent_due_ns; /* CLOCK_MONOTONIC: rate limit of replies to checks */
	struct viewer_feedback feedback[MR_VIEWER_TRACKS];
	struct viewer_repair repair;

	/* main thread writes before link; constant afterwards */
	uint32_t path_id;
	uint32_t nexthop_id; /* worker: changed by VIEWER_ROUTE */
	struct mr_endpoint local;
	struct mr_endpoint remote;
	char cname[MR_CNAME_MAX];
	uint8_t local_ufrag_len;
	uint16_t remote_ufrag_len;
	uint16_t local_pwd_len;
	char local_ufrag[MR_CNAME_MAX];
	struct hmac_sha1_key integrity; /* of local_pwd: requests to us and our replies */
	struct mr_stats_viewer *stats;  /* borrowed */

	/* sparse */
	struct srtcp_tx rtcp_tx;
	struct srtcp_rx rtcp_rx;
	char *remote_ufrag; /* owned, by malloc: remote_ufrag_len bytes */
};

static_assert(offsetof(struct viewer, header) % 64 == 32, "the short header is one line");
static_assert(offsetof(struct viewer, track) % 64 == 0, "a track begins a line");

struct nexthop {
	uint32_t id;
	uint8_t port;
	uint8_t valid;
	uint8_t dst[6];
	uint8_t src[6];    /* of the port */
	uint16_t vlan_tci; /* 0: untagged */
};

/* Main thread. NULL and errno. `add` has been validated; keys are expanded here
 * and the caller wipes `add`. */
struct viewer *viewer_create(const struct crypto_device *crypto, const struct mr_viewer_add *add,
	struct mr_stats_viewer *stats);
void viewer_destroy(struct viewer *v); /* wipes */

/* Worker: (re)builds the frame header. */
void frame_header_build(struct frame_header *h, const struct nexthop *nexthop,
	const struct mr_endpoint *local, const struct mr_endpoint *remote);

#endif
