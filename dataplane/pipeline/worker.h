/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A media worker: one lcore, run to completion. worker_turn() in worker.c is
 * the one place that knows the order of the stages.
 */
#ifndef DATAPLANE_PIPELINE_WORKER_H
#define DATAPLANE_PIPELINE_WORKER_H

#include "dataplane/api/channel.h"
#include "dataplane/api/stats.h"
#include "dataplane/pipeline/batch.h"
#include "dataplane/pipeline/doorbell.h"
#include "dataplane/port/flow_table.h"
#include "dataplane/port/port.h"
#include "dataplane/stream/stream.h"
#include "dataplane/viewer/viewer.h"

#include <rte_mempool.h>
#include <rte_ring.h>
#include <stdatomic.h>
#include <stdbool.h>

#define WORKER_STAGING (256 * 1024) /* bytes of RTP taken from the packet ring per turn */
#define TX_BUFFER 512               /* packets waiting for one port */
#define HOUSEKEEPING_NS 100000      /* between looks at orders and timers while busy */
#define NEXTHOPS_MAX 4096
#define RTX_OSN_LEN 2     /* bytes, RFC 4588 4 */
#define HANDOFF_RING 1024 /* packets on their way from one worker to another */

/* A stream of another worker, as worker 0 knows it. */
struct stream_owner {
	uint32_t stream_id;
	uint8_t owner; /* index of the worker */
};

/* One port as one worker sees it. */
struct port_queue {
	const struct port *port; /* borrowed */
	uint16_t dpdk_id;
	uint16_t queue;
	bool udp_checksum;    /* offloaded */
	bool udp_no_checksum; /* IPv4 goes without: millrace-bench sets it, nothing else */
	bool ip_checksum;
	uint16_t n_tx;
	struct rte_mbuf *tx[TX_BUFFER];
};

enum worker_idle { WORKER_IDLE_ADAPTIVE, WORKER_IDLE_POLL };

/* Where a new viewer's video begins. */
enum worker_start {
	WORKER_START_LIVE,     /* at once, wherever the stream is */
	WORKER_START_WAIT,     /* at the next key frame */
	WORKER_START_KEYFRAME, /* at the last key frame, while the ring has it */
};

#define CATCHING_MAX 256 /* tracks that catch up at the same time; others wait */

/* A track that catches up (catch_up.c). */
struct catching {
	uint64_t due_ns; /* CLOCK_MONOTONIC: when to look at it */
	struct viewer_track *track;
};

/* The stages, in the order of worker_turn(); stats.stage_tsc has one counter each. */
#define WORKER_STAGES(X)                                                                           \
	X(port_rx)                                                                                 \
	X(classify)                                                                                \
	X(handoff)                                                                                 \
	X(consent)                                                                                 \
	X(feedback)                                                                                \
	X(stream_input)                                                                            \
	X(repair)                                                                                  \
	X(fanout)                                                                                  \
	X(catch_up)                                                                                \
	X(report)                                                                                  \
	X(protect)                                                                                 \
	X(egress)                                                                                  \
	X(punt)                                                                                    \
	X(port_tx)

enum worker_stage {
#define WORKER_STAGE_ENUM(name) STAGE_##name,
	WORKER_STAGES(WORKER_STAGE_ENUM)
#undef WORKER_STAGE_ENUM
		STAGE_COUNT
};
static_assert(STAGE_COUNT <= MR_STATS_STAGES, "a counter for each stage");

/* Repairs that a worker remembers until their packets may be sent again, by a hash of
 * viewer, track and wire index that names four places. */
#define REPAIRS_RECENT_BITS 12
#define REPAIRS_RECENT_WAYS 4

struct repair_recent {
	uint64_t tag;      /* the hash */
	uint64_t until_ns; /* CLOCK_MONOTONIC; over: the place is free */
};

/* Viewers that wait for repairs, first in first out (repair_queue.h). */
struct repair_list {
	struct viewer *head;
	struct viewer *tail;
};

/* Viewers that may have their next repair much later, by when: slots of PACE_NS each, one
 * behind the other and round and round. Zero at first. Private to repair_queue.c. */
#define REPAIR_SLOTS 128

struct repair_slot {
	struct repair_list list;
	uint64_t first_ns; /* CLOCK_MONOTONIC: the earliest of its viewers, where it has any */
};

struct repair_later {
	uint64_t wake_ns;       /* CLOCK_MONOTONIC: when to look at them, where there are any */
	uint64_t emptied;       /* [PACE_NS] the slots before are empty */
	uint32_t n;             /* viewers, in `due` and the slots */
	struct repair_list due; /* out of their slots, not looked at yet */
	struct repair_slot slot[REPAIR_SLOTS];
};

/* Repairs whose second copy is still to come: the first one may be lost, too. */
#define REPAIR_ECHOES 256

struct repair_echo {
	struct viewer *viewer; /* NULL: it has gone */
	uint64_t due_ns;       /* CLOCK_MONOTONIC */
	uint16_t seq;          /* on the wire */
	uint8_t track;
};

struct worker {
	/* main thread writes before the start; constant afterwards */
	uint8_t index;
	unsigned int lcore;
	enum worker_idle idle;
	uint8_t n_workers;
	uint8_t n_ports;
	enum worker_start start;
	uint32_t burst_rate; /* times the stream's rate, of who catches up; 0: the default */
	uint16_t quantum;    /* packets that one viewer gets at once; 0: no limit */
	struct port_queue port[MR_PORTS_MAX];
	uint64_t repair_window_ns;    /* how long packets are sent again; 0: never */
	uint64_t repair_bytes;        /* per second and viewer; 0: none */
	struct rte_mempool *pool;     /* mbufs for what we send */
	struct crypto_device *crypto; /* owned */
	struct flow_table *flows;     /* owned; private to the worker */
	struct rte_ring *orders;      /* main -> worker: struct order * (control/order.h) */
	struct rte_ring *orders_done; /* worker -> main: the same pointers, carried out */
	struct rte_ring *notices;     /* worker -> main: struct notice, by value */
	struct rte_ring *handoff_in[MR_WORKERS_MAX];  /* from worker i: mbufs; NULL for itself */
	struct rte_ring *handoff_out[MR_WORKERS_MAX]; /* to worker i */
	struct rte_ring *fresh_in[MR_WORKERS_MAX];    /* from worker i: audiences of ours */
	struct rte_ring *fresh_out[MR_WORKERS_MAX];   /* to worker i: audiences of its */
	struct doorbell *peer_bell[MR_WORKERS_MAX];   /* of worker i; NULL for itself */
	struct doorbell *main_bell;                   /* NULL: nobody sleeps */
	struct mr_stats_worker *stats;

	/* any thread: ends the worker's sleep */
	struct doorbell bell;

	/* main thread writes, worker reads */
	_Atomic bool stop;
	_Atomic uint64_t commands_done; /* worker 0: cookie of the last command carried out */

	/* private to the worker */
	uint64_t now_ns;          /* CLOCK_MONOTONIC at the start of the turn */
	int64_t wall_offset_ns;   /* CLOCK_REALTIME minus CLOCK_MONOTONIC, at the start */
	int64_t wall_ns;          /* gateway time: CLOCK_REALTIME at the start + monotonic since */
	uint64_t housekeeping_ns; /* when the next is due */
	uint64_t busy_ns;         /* when a packet last moved */
	bool moved;               /* a packet moved in this turn */
	bool to_main;             /* this turn had something for the main thread */
	uint32_t to_peers;        /* ... for the workers of these bits */
	struct stream **streams;  /* linked streams that this worker owns */
	uint32_t n_streams;
	uint32_t n_holding; /* of them: with packets that wait to be put into order */
	uint32_t streams_capacity;
	struct viewer **viewers;
	uint32_t n_viewers;
	uint32_t viewers_capacity;
	uint32_t look_position;      /* next viewer to look at for reports and expiry */
	uint64_t look_ns;            /* CLOCK_MONOTONIC: when that is due */
	uint64_t silence_check_ns;   /* when the next look at the streams' silence is due */
	struct nexthop *nexthops;    /* NEXTHOPS_MAX, by id % NEXTHOPS_MAX, open addressing */
	struct audience *queue_head; /* audiences with fan-out work, first in first out */
	struct audience *queue_tail;
	struct repair_list repairs_wait; /* viewers that may have a repair, now or soon */
	struct audience *reading;        /* that hold packets of other workers' rings, this turn */
	struct stream *fresh;            /* with viewers at other workers, who are to be told */
	struct audience *waiting;        /* audiences with tracks that wait for a key frame */
	struct viewer_track *refreshing; /* live tracks that want a key frame (refresh.h) */
	uint64_t refresh_due_ns;         /* when the next look at them is due */
	uint64_t waiting_look_ns;        /* when the next look at how long they have is due */
	uint64_t due_ns; /* CLOCK_MONOTONIC: the next turn, at the latest; UINT64_MAX: any time */
	uint64_t catching_due_ns; /* CLOCK_MONOTONIC: the earliest of catching[] */
	uint32_t n_catching;
	uint32_t catching_first; /* who is served first, moves on with every turn */
	struct catching catching[CATCHING_MAX];
	struct mr_ring *packets_down; /* worker 0, while a control plane is attached; borrowed */
	struct mr_ring *packets_up;
	struct mr_packet_joiner *joiner; /* worker 0; owned */
	struct stream_owner *elsewhere;  /* worker 0; owned, streams_capacity */
	uint32_t n_elsewhere;
	uint8_t *staging; /* owned, WORKER_STAGING bytes */
	uint32_t staging_used;
	bool down_waits;        /* the joiner's datagram waits for a command */
	bool down_stuck;        /* one waited in vain: none does until a command is done */
	uint64_t down_waits_ns; /* since */
	uint64_t down_done;     /* commands_done, at the last look */
	uint8_t first_port;     /* that is polled first in the next turn */
	uint16_t ip_id;         /* IPv4 identification of the next packet, RFC 6864 */
	uint64_t punt_tokens;   /* packets that may still go up, refilled with time */
	uint64_t punt_refilled_ns;

	struct repair_recent repairs_recent[1 << REPAIRS_RECENT_BITS][REPAIRS_RECENT_WAYS];
	struct repair_later repairs_later;
	struct repair_echo echo[REPAIR_ECHOES]; /* first in first out, from echo_first on */
	uint32_t echo_first;
	uint32_t n_echoes;

	/* valid within one turn */
	struct batch rx;
	struct ingress in;
	struct plain_batch plain;
	struct batch srtcp_out;    /* protected SRTCP, to send */
	struct media_batch cipher; /* protected SRTP, as whole frames */
	struct batch raw;          /* STUN and DTLS replies: UDP payload, frame header to come */
	struct frame_batch tx;     /* whole frames of all else: they leave before media */
	/* payloads of RTX: an OSN before a copy of the shared payload */
	uint8_t rtx_payload[REPAIR_BUDGET][RTX_OSN_LEN + PLAIN_PAYLOAD_MAX];
};

#define NOTICE_CHANNEL_BROKEN 1000u /* beside the event types: the packet rings gave -EPROTO */

/* What a worker tells the main thread, by value. */
struct notice {
	uint32_t type; /* enum mr_event_type: STREAM_*, VIEWER_STATE, KEYFRAME_WANTED */
	uint32_t id;
	uint32_t value;
	uint32_t ssrc;
	uint32_t gap_ms; /* STREAM_STATE: see struct mr_stream_state */
};

int worker_main(void *worker); /* lcore function */

/* One turn through all stages; whether a packet moved. The clocks have been read. For
 * worker_main() and for who measures it: nobody else calls it while a worker runs. */
bool worker_turn(struct worker *w);

/* Sets now_ns and wall_ns. */
void worker_read_clocks(struct worker *w);

/* Whether another thread has put something into a ring of ours, or wants our end. */
bool worker_has_mail(const struct worker *w);

/* ---- the stages, one file each in this folder ---- */
void port_rx_stage(struct worker *w);      /* ports -> rx; packets down -> raw, in.rtp */
void classify_stage(struct worker *w);     /* rx -> in.* */
void handoff_stage(struct worker *w);      /* in.handoff -> other workers; theirs -> in.* */
void consent_stage(struct worker *w);      /* in.stun -> raw */
void feedback_stage(struct worker *w);     /* in.srtcp -> viewers' figures */
void stream_input_stage(struct worker *w); /* in.rtp -> plaintext rings */
void repair_stage(struct worker *w);       /* what viewers ask for again -> plain */
void fanout_stage(struct worker *w);       /* plaintext rings -> plain */
void catch_up_stage(struct worker *w);     /* plaintext rings -> plain */
void report_stage(struct worker *w);       /* timers -> srtcp_out */
void protect_stage(struct worker *w);      /* plain -> cipher */
void egress_stage(struct worker *w);       /* raw, srtcp_out -> tx; checksums of cipher */
void punt_stage(struct worker *w);         /* in.punt -> packets up; in.kernel -> taps */
void port_tx_stage(struct worker *w);      /* tx, cipher -> ports */

/* ---- for stages ---- */
static inline void worker_drop(struct worker *w, enum mr_drop reason, uint64_t n)
{
	mr_count(&w->stats->drops[reason], n);
}

static inline void worker_drop_mbuf(struct worker *w, enum mr_drop reason, struct rte_mbuf *m)
{
	worker_drop(w, reason, 1);
	rte_pktmbuf_free(m);
}

/* From where to where a received frame went; classify has checked its headers. */
void packet_endpoints(struct rte_mbuf *m, struct mr_endpoint *local, struct mr_endpoint *remote);

/* Gives out what a stream holds to put it into order, before it is bound anew.
 * Between two turns. */
void stream_input_flush(struct worker *w, struct stream *s);

/* An object is about to be unlinked from its owner: packets that other workers
 * handed over for it are dropped. Between two turns. */
void handoff_forget(struct worker *w, const void *object);

/* Something lies in a ring to worker `to`: its sleep ends after this turn. */
static inline void worker_wakes(struct worker *w, uint8_t to)
{
	w->to_peers |= UINT32_C(1) << to;
}

/* Tells the main thread; lost when the ring is full (counted by the main thread's side). */
void worker_tell(struct worker *w, struct notice *n);
void worker_notify(struct worker *w, uint32_t type, uint32_t id, uint32_t value, uint32_t ssrc);

const struct nexthop *worker_nexthop(const struct worker *w, uint32_t id); /* NULL: unknown */

/* Puts an audience whose stream has new packets into the fan-out's list, once. */
static inline void worker_queue_audience(struct worker *w, struct audience *a)
{
	if (a->queued)
		return;
	a->queued = true;
	a->next_queued = NULL;
	if (w->queue_tail != NULL)
		w->queue_tail->next_queued = a;
	else
		w->queue_head = a;
	w->queue_tail = a;
}

/* Before packets from index `from` on are read in this turn (audience.h). */
static inline void worker_read_begin(struct worker *w, struct audience *a, uint64_t from)
{
	audience_read_begin(a, from);
	if (!a->remote || a->reading)
		return;
	a->reading = true;
	a->next_reading = w->reading;
	w->reading = a;
}

/* Protect: all that was read in this turn is encrypted. */
static inline void worker_read_end(struct worker *w)
{
	for (; w->reading != NULL; w->reading = w->reading->next_reading) {
		w->reading->reading = false;
		audience_read_end(w->reading);
	}
}

/* A stream of ours has new packets: its viewers here, and (spread.h) elsewhere. */
static inline void worker_fresh_stream(struct worker *w, struct stream *s)
{
	worker_queue_audience(w, &s->audience);
	if (s->n_remote == 0 || s->fresh)
		return;
	s->fresh = true;
	s->next_fresh = w->fresh;
	w->fresh = s;
}

#endif
