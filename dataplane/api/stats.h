/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The statistics region: a memfd that the data plane writes in place and that
 * readers can only map read-only (F_SEAL_FUTURE_WRITE). No key, password or
 * ICE credential is ever in it.
 *
 * Layout: struct mr_stats, then the arrays at the offsets it names, with the
 * writer's own size of an entry. Writer and reader may be of different releases: a
 * new field takes a reserved one of the header, or goes to the end of its entry (a
 * track's: into an array at the end of its viewer's), and a reader that knows more
 * than the writer finds zero there (mr_stats_read). Reasons and stages have room,
 * and go to the end, too. What changes otherwise raises MR_STATS_VERSION. Counters
 * only rise, each has one writer (the worker that owns the object, or the main
 * thread where said), written with relaxed atomics: readers may see one counter
 * newer than another. Descriptive fields (names, addresses) change only while
 * `sequence` of their entry is odd: read them with mr_stats_read().
 */
#ifndef DATAPLANE_API_STATS_H
#define DATAPLANE_API_STATS_H

#include "dataplane/api/abi.h"
#include "dataplane/api/drops.h"
#include "dataplane/api/repairs.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define MR_STATS_DROPS 64 /* room for reasons */
static_assert(MR_DROP_COUNT <= MR_STATS_DROPS, "raise MR_STATS_DROPS and MR_STATS_VERSION");

#define MR_STATS_REFUSALS 8 /* room for reasons */
static_assert(MR_REPAIR_REFUSAL_COUNT <= MR_STATS_REFUSALS,
	"raise MR_STATS_REFUSALS and MR_STATS_VERSION");

#define MR_STATS_STAGES 16 /* room for stages of a worker's turn */

struct mr_stats_array {
	uint64_t offset; /* [bytes] from the start of the region */
	uint32_t count;  /* entries */
	uint32_t stride; /* [bytes] of one: as many as the writer knows, a multiple of 8 */
};

struct mr_stats {
	uint32_t magic;   /* MR_ABI_MAGIC */
	uint32_t version; /* MR_STATS_VERSION */
	uint64_t size;    /* [bytes] of the region */
	uint64_t tsc_hz;
	uint64_t started_ns; /* CLOCK_REALTIME */
	uint32_t pid;
	uint32_t drop_count;               /* reasons that this data plane knows */
	char release[32];                  /* "0.1.0" */
	char crypto[64];                   /* what encrypts */
	_Atomic uint64_t alive_ns;         /* CLOCK_MONOTONIC, main thread, at least every 100 ms */
	_Atomic uint32_t control_attached; /* 1: a control plane is there */
	_Atomic uint32_t control_attaches; /* since the start */
	_Atomic uint64_t commands;         /* taken */
	_Atomic uint64_t commands_refused;
	_Atomic uint64_t events_lost;  /* ring full: the control plane does not read */
	struct mr_stats_array ports;   /* struct mr_stats_port */
	struct mr_stats_array workers; /* struct mr_stats_worker */
	struct mr_stats_array paths;   /* struct mr_stats_path */
	struct mr_stats_array streams; /* struct mr_stats_stream */
	struct mr_stats_array viewers; /* struct mr_stats_viewer */
	uint64_t reserved[8];
};

/* Entries with id 0 are free. */
struct mr_stats_port {
	_Atomic uint32_t sequence;
	uint32_t id; /* index + 1 */
	char name[32];
	char device[96];
	char driver[32];
	char netdev[16];
	uint8_t mac[6];
	uint8_t shared; /* 1: AF_XDP beside the kernel; 0: owned, with a tap */
	uint8_t checksum_offload;
	uint32_t queues;
	/* main thread writes, from the driver's counters, every 100 ms */
	_Atomic uint32_t link_up;
	_Atomic uint64_t rx_packets;
	_Atomic uint64_t rx_bytes;
	_Atomic uint64_t rx_missed;
	_Atomic uint64_t tx_packets;
	_Atomic uint64_t tx_bytes;
	_Atomic uint64_t tx_errors;
	_Atomic uint64_t tap_rx_packets; /* owned: from the kernel to the wire */
	_Atomic uint64_t tap_tx_packets; /* owned: from the wire to the kernel */
};

struct mr_stats_worker {
	_Atomic uint32_t sequence;
	uint32_t id; /* index + 1 */
	uint32_t lcore;
	uint32_t reserved;
	alignas(64) _Atomic uint64_t turns;
	_Atomic uint64_t busy_tsc; /* cycles in turns that moved at least one packet */
	_Atomic uint64_t idle_tsc; /* cycles in turns that did not, sleep excluded */
	_Atomic uint64_t sleep_tsc;
	_Atomic uint64_t rx_packets;
	_Atomic uint64_t tx_packets;    /* handed to ports */
	_Atomic uint64_t tx_bytes;      /* Ethernet frames without FCS */
	_Atomic uint64_t media_packets; /* SRTP packets to viewers, in tx_packets */
	_Atomic uint64_t stun_answered;
	_Atomic uint64_t srtcp_in;
	_Atomic uint64_t srtcp_out;
	_Atomic uint64_t punted;       /* up the packet ring */
	_Atomic uint64_t notices_lost; /* to the main thread, its ring was full */
	_Atomic uint64_t stage_tsc
		[MR_STATS_STAGES]; /* cycles per stage, in the order of worker_turn(); busy turns */
	_Atomic uint64_t drops[MR_STATS_DROPS];
	_Atomic uint64_t repairs;           /* packets sent again; not in media_packets */
	_Atomic uint64_t repair_turns_full; /* turns that put repairs off to the next one */
	_Atomic uint64_t repairs_refused[MR_STATS_REFUSALS]; /* by enum mr_repair_refusal */
	_Atomic uint64_t refreshes; /* viewers started again from a kept key frame */
};

struct mr_stats_path {
	_Atomic uint32_t sequence;
	uint32_t id;
	uint32_t state; /* enum mr_path_state */
	uint32_t reserved;
	char name[MR_NAME_MAX];
	char note[MR_NOTE_MAX];
};

struct mr_stats_stream {
	_Atomic uint32_t sequence;
	uint32_t id;
	uint32_t path_id;
	uint32_t clock_rate;
	uint32_t worker;
	uint8_t kind;  /* enum mr_media_kind */
	uint8_t codec; /* enum mr_codec */
	uint8_t input; /* enum mr_input_kind */
	uint8_t payload_type;
	char codec_name[32];
	char note[MR_NOTE_MAX];
	struct mr_endpoint local;
	/* the owning worker writes */
	alignas(64) _Atomic uint64_t packets; /* accepted */
	_Atomic uint64_t bytes;               /* of accepted packets' payloads */
	_Atomic uint64_t duplicated;
	_Atomic uint64_t late;
	_Atomic uint64_t reordered; /* accepted, but not the highest */
	_Atomic uint64_t expected;  /* RFC 3550 A.3, over all SSRCs so far */
	_Atomic uint64_t
		lost; /* expected - received, never below 0; a late arrival takes one back */
	_Atomic uint64_t restarts;    /* new SSRC, or a confirmed jump of the numbers */
	_Atomic uint64_t out_packets; /* into the plaintext ring */
	_Atomic uint64_t out_bytes;
	_Atomic uint64_t resplit;  /* packets made by re-splitting */
	_Atomic uint64_t injected; /* SPS and PPS packets of our own */
	_Atomic uint64_t keyframes;
	_Atomic uint64_t frames;
	_Atomic uint64_t last_packet_ns;   /* CLOCK_MONOTONIC; 0: none yet */
	_Atomic uint32_t ssrc;             /* of the source */
	_Atomic uint32_t extended_highest; /* RFC 3550 6.4.1, for receiver reports */
	_Atomic uint32_t jitter;           /* RFC 3550 A.8, RTP ticks */
	_Atomic uint32_t viewers;
	_Atomic uint32_t findings;     /* MR_FINDING_* */
	_Atomic uint32_t synchronized; /* 1: time follows the source's sender reports */
	_Atomic uint32_t gaps;         /* the source came again: bound anew, or silent for 3 s */
	_Atomic uint32_t last_gap_ms;  /* between the packets around the last of them */
};

struct mr_stats_track {
	_Atomic uint64_t packets;
	_Atomic uint64_t bytes;   /* SRTP payload */
	_Atomic uint64_t reports; /* receiver reports taken in */
	_Atomic uint32_t ssrc;
	_Atomic uint32_t stream_id;
	_Atomic uint32_t jitter;        /* reported, RTP ticks */
	_Atomic uint32_t fraction_lost; /* reported, 1/256 */
	_Atomic int32_t cumulative_lost;
	_Atomic uint32_t round_trip_us; /* 0: unknown */
	_Atomic uint64_t nacks;         /* packets asked for again */
	_Atomic uint64_t plis;
	_Atomic uint64_t repaired;                           /* packets sent again */
	_Atomic uint64_t repaired_bytes;                     /* of their SRTP payloads */
	_Atomic uint64_t repairs_refused[MR_STATS_REFUSALS]; /* by enum mr_repair_refusal */
	_Atomic uint64_t bursts_given_up;   /* on the way from the last key frame to live */
	_Atomic uint32_t join;              /* enum mr_join */
	_Atomic uint32_t burst_ms;          /* from joining to live, of the last one; 0: none yet */
	_Atomic uint64_t burst_bytes;       /* kept since the key frame when it began */
	_Atomic uint32_t refreshes;         /* starts from the last key frame, after a PLI or FIR */
	_Atomic uint32_t refreshes_refused; /* too soon, or no key frame is kept */
};

/* Where a viewer's track began. */
enum mr_join {
	MR_JOIN_NONE = 0,   /* no stream yet */
	MR_JOIN_LIVE = 1,   /* wherever the stream was */
	MR_JOIN_CACHE = 2,  /* at the last key frame */
	MR_JOIN_WAITED = 3, /* at the next key frame, or waits for it */
};

enum mr_viewer_life {
	MR_LIFE_WAITING = 1, /* fixed session: no stream or next hop yet */
	MR_LIFE_RUNNING = 2,
};

struct mr_stats_viewer {
	_Atomic uint32_t sequence;
	uint32_t id;
	uint32_t path_id;
	uint32_t worker;
	uint32_t state; /* enum mr_viewer_life */
	uint16_t srtp_profile;
	uint8_t fixed; /* 1: of the session file */
	uint8_t reserved;
	struct mr_endpoint local;
	struct mr_endpoint remote;
	uint64_t since_ns; /* CLOCK_REALTIME */
	char note[64];     /* why it waits */
	/* the owning worker writes */
	alignas(64) _Atomic uint64_t alive_ns; /* CLOCK_MONOTONIC: last authenticated packet */
	_Atomic uint64_t stun_answered;
	_Atomic uint64_t srtcp_in;
	_Atomic uint64_t srtcp_out;
	struct mr_stats_track track[MR_VIEWER_TRACKS];
};

/* A reader's mapping (client.h: mr_stats_open). */
struct mr_stats_view {
	const struct mr_stats *stats;
	size_t size;
	uint32_t version; /* of the region, also of one that is not mapped because of it */
};

/* How many of each a new region has room for. */
struct mr_stats_geometry {
	uint32_t ports;
	uint32_t workers;
	uint32_t paths;
	uint32_t streams;
	uint32_t viewers;
};

/* Data plane: creates, maps rw and seals. 0 or -errno; `*memfd` is owned by the caller. */
int mr_stats_create(const struct mr_stats_geometry *g, struct mr_stats **stats, int *memfd);
void mr_stats_destroy(struct mr_stats *stats); /* unmaps; NULL is fine */

/* Reader: checks and maps `memfd` (borrowed) read-only. 0, -EPROTO,
 * -EPROTONOSUPPORT or -errno. */
int mr_stats_map(struct mr_stats_view *v, int memfd);
void mr_stats_close(struct mr_stats_view *v); /* also after mr_stats_open() */

/* The i-th entry of an array, which may be shorter than ours (stride); NULL beyond
 * the array's end. Readers pass a view whose header mr_stats_open() has checked
 * against the region's size. */
const void *mr_stats_entry(
	const struct mr_stats_view *v, const struct mr_stats_array *a, uint32_t i);

/* Writer: the entry's descriptive fields change between the two. `sequence` is
 * the first member of every entry. */
void mr_stats_write_begin(_Atomic uint32_t *sequence);
void mr_stats_write_end(_Atomic uint32_t *sequence);
/* Reader: copies the first `len` bytes of the i-th entry, whole; what the writer does
 * not know is zero. 0; -ENOENT beyond the array's end; -EAGAIN after 1,000 tries. */
int mr_stats_read(const struct mr_stats_view *v, const struct mr_stats_array *a, uint32_t i,
	void *copy, size_t len);

/* The single writer's increment: no lock prefix. */
static inline void mr_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

/* Ditto, of 32 bits: what does not happen more than once in a second. */
static inline void mr_count_rare(_Atomic uint32_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
		memory_order_relaxed);
}

#endif
