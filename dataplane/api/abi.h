/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared memory between the data plane and everybody else: basic shapes and
 * limits. libc only; nothing of ours beside this folder.
 *
 * Two objects, so that who may read the counters cannot read the keys:
 *   channel     rw for one control plane: four rings (channel.h)
 *   statistics  ro for readers (stats.h)
 *
 * Rules: fixed-width integers, no pointers, no bitfields, no bool, no enum
 * members; every struct has a static size check; what is reserved is zero.
 *
 * Each object has a version of its own, so that a new counter does not part a
 * new control plane from the data plane that runs:
 *   MR_CHANNEL_VERSION  the control socket's messages, commands, events, packets,
 *                       the rings. Both sides must have the same. A new field takes
 *                       a reserved one or raises it.
 *   MR_STATS_VERSION    the statistics. Readers take what they know (stats.h): raised
 *                       only by what they would misread, not by what is appended.
 * Records (MR_COMMAND_RECORD_PUT) are opaque here; who writes them puts a version in.
 */
#ifndef DATAPLANE_API_ABI_H
#define DATAPLANE_API_ABI_H

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#define MR_ABI_MAGIC 0x4d525031u /* "MRP1" */
#ifndef MR_CHANNEL_VERSION       /* tests build programs of other versions */
#define MR_CHANNEL_VERSION 5u
#endif
#ifndef MR_STATS_VERSION
#define MR_STATS_VERSION 7u
#endif
#define MR_CACHE_LINE 64

#define MR_NAME_MAX 128        /* bytes of a path name, the final 0 included */
#define MR_NOTE_MAX 192        /* bytes of a text for the operator, the final 0 included */
#define MR_PORTS_MAX 8         /* ports of one data plane */
#define MR_WORKERS_MAX 32      /* workers of one data plane */
#define MR_VIEWER_TRACKS 2     /* tracks of one viewer: one video, one audio */
#define MR_UFRAG_MAX 256       /* bytes: RFC 8839 5.4 */
#define MR_ICE_PWD_MAX 256     /* bytes: RFC 8839 5.4 */
#define MR_CNAME_MAX 32        /* bytes, the final 0 included */
#define MR_RECORD_MAX 1536     /* bytes of an adoption record */
#define MR_RECORD_FDS 8        /* descriptors kept beside one record */
#define MR_PARAMETER_SETS 1024 /* bytes */

/* Names of things. The control plane chooses them, never 0, and never uses one
 * twice while the data plane runs (on attaching it learns which exist). */
#define MR_VIEWER_FIXED_BASE 0x80000000u /* sessions[i] of the session file is viewer BASE + i */

/* An address as the kernel's: IPv4 is v4-mapped (RFC 4291 2.5.5.2). All zero: any. */
struct mr_endpoint {
	uint8_t addr[16];
	uint16_t port; /* network order; 0: any */
	uint16_t reserved[3];
};
static_assert(sizeof(struct mr_endpoint) == 24, "mr_endpoint");

/* Session keys of one direction (RFC 3711 4.3); unused tail bytes are zero. The
 * same layout as crypto's struct srtp_session_keys, checked where both meet. */
struct mr_srtp_keys {
	uint8_t cipher[32];
	uint8_t auth[20];
	uint8_t salt[14];
	uint8_t reserved[2];
};
static_assert(sizeof(struct mr_srtp_keys) == 68, "mr_srtp_keys");

enum mr_media_kind { MR_KIND_VIDEO = 1, MR_KIND_AUDIO = 2 };

enum mr_codec {
	MR_CODEC_NONE = 0, /* announced by the source, not carried: named to the operator */
	MR_CODEC_H264 = 1, /* RFC 6184 */
	MR_CODEC_VP8 = 2,  /* RFC 7741 */
	MR_CODEC_OPUS = 3, /* RFC 7587 */
	MR_CODEC_PCMU = 4, /* RFC 3551 */
	MR_CODEC_PCMA = 5,
};

#endif
