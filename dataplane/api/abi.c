/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The layout that both processes rely on, checked by the compiler: a size that
 * changes here is a new version (abi.h). No code.
 */
#include "dataplane/api/channel.h"
#include "dataplane/api/client.h"
#include "dataplane/api/stats.h"

/* Atomics are shared between processes, so they must be the plain integer. */
static_assert(sizeof(_Atomic uint32_t) == 4 && ATOMIC_INT_LOCK_FREE == 2, "32-bit atomics");
static_assert(sizeof(_Atomic uint64_t) == 8 && ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics");

/* commands */
static_assert(sizeof(struct mr_object) == 8, "mr_object");
static_assert(sizeof(struct mr_listen) == 24, "mr_listen");
static_assert(sizeof(struct mr_path_set) == 8 + MR_NAME_MAX + MR_NOTE_MAX, "mr_path_set");
static_assert(sizeof(struct mr_stream_add) == 56 + MR_NOTE_MAX, "mr_stream_add");
static_assert(sizeof(struct mr_stream_bind) == 64 + MR_PARAMETER_SETS, "mr_stream_bind");
static_assert(sizeof(struct mr_stream_report) == 16, "mr_stream_report");
static_assert(sizeof(struct mr_nexthop_set) == 16, "mr_nexthop_set");
static_assert(sizeof(struct mr_viewer_add) == 712, "mr_viewer_add");
static_assert(sizeof(struct mr_viewer_route) == 56, "mr_viewer_route");
static_assert(sizeof(struct mr_record) == 16 + MR_RECORD_MAX, "mr_record");
static_assert(offsetof(struct mr_command, object) == 16, "mr_command's body");
static_assert(sizeof(struct mr_command) % MR_CACHE_LINE == 0, "mr_command");

/* events */
static_assert(sizeof(struct mr_reply) == 8, "mr_reply");
static_assert(sizeof(struct mr_port_info) == 72, "mr_port_info");
static_assert(sizeof(struct mr_stream_state) == 16, "mr_stream_state");
static_assert(sizeof(struct mr_stream_finding) == 8, "mr_stream_finding");
static_assert(sizeof(struct mr_viewer_state) == 8, "mr_viewer_state");
static_assert(offsetof(struct mr_event, reply) == 16, "mr_event's body");
static_assert(sizeof(struct mr_event) % MR_CACHE_LINE == 0, "mr_event");

/* packets */
static_assert(offsetof(struct mr_packet, data) == 96, "mr_packet's data");
static_assert(sizeof(struct mr_packet) % MR_CACHE_LINE == 0, "mr_packet");
static_assert(
	MR_PACKET_TOTAL_MAX / MR_PACKET_DATA < MR_CHANNEL_PACKETS, "a datagram fits the ring");

/* statistics: `sequence` first, `id` second in every entry */
#define CHECK_ENTRY(type)                                                                          \
	static_assert(offsetof(struct type, sequence) == 0 && offsetof(struct type, id) == 4 &&    \
			      sizeof(struct type) % 8 == 0,                                        \
		#type)
CHECK_ENTRY(mr_stats_port);
CHECK_ENTRY(mr_stats_worker);
CHECK_ENTRY(mr_stats_path);
CHECK_ENTRY(mr_stats_stream);
CHECK_ENTRY(mr_stats_viewer);
