/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the packets of one track get into the data plane while its source is
 * connected, and the RTCP that goes with them:
 *   wire  RTP over UDP, received by the data plane; what the kernel gets of it
 *         (fragments, or all of it) is sent down the packet ring
 *   ring  all of it is sent down the packet ring (RTSP over TCP)
 * Main thread.
 */
#ifndef CONTROLPLANE_SOURCE_TRACK_INPUT_H
#define CONTROLPLANE_SOURCE_TRACK_INPUT_H

#include "controlplane/source/path.h"
#include "controlplane/source/path_record.h"
#include "controlplane/source/sdp_tracks.h"

#include <sys/socket.h>

#define TRACK_REPORT_S 5 /* between receiver reports */

struct track_input;

/* RTCP to the source of a ring input. */
typedef void (*track_input_send_fn)(
	void *user, const struct track_input *input, const uint8_t *data, size_t len);

/* For track i of the path, with what its SDP says (borrowed for the call). */
struct track_input *track_input_create(
	struct path *path, unsigned int i, const struct sdp_track *sdp);
/* Does not unbind: the path does so for all its tracks. NULL is fine. */
void track_input_destroy(struct track_input *in);

/* Reserves ports at `local`: `port` and the next, or any for 0. 0 or -errno. */
int track_input_open_udp(
	struct track_input *in, const struct sockaddr_storage *local, uint16_t port);
/* Host order; RTP, the next is RTCP's. */
/* One of its two sockets, borrowed; -1: it has none. */
int track_input_fd(const struct track_input *in, bool rtcp);
uint16_t track_input_port(const struct track_input *in);
/* 0 or -errno. */
int track_input_join(struct track_input *in, const uint8_t group[16]);

/*
 * Binds the stream to the ports of track_input_open_udp(). `remote` NULL: from
 * anywhere; else the source's address with its RTP and RTCP ports (0: any). A
 * known port gets a small datagram now and then, for the firewalls between.
 */
void track_input_bind_wire(struct track_input *in, const struct sockaddr_storage *remote,
	const uint16_t server_port[2]);
void track_input_bind_ring(struct track_input *in, track_input_send_fn send, void *user);

/* How it is bound, for the record: all but `track` and `channel`. */
void track_input_save(const struct track_input *in, struct path_record_input *out);
/*
 * The input that a former control plane has bound and that the data plane still
 * receives. Its two sockets are `fd` (RTP, RTCP; -1 for a ring), the new input's from
 * here on; `remote` is the source's address or NULL. NULL: the sockets are not the
 * record's, and stay the caller's.
 */
struct track_input *track_input_adopt(struct path *path, const struct path_record_input *record,
	const int fd[2], const struct sockaddr_storage *remote);
/* After track_input_adopt() of a ring. */
void track_input_set_sender(struct track_input *in, track_input_send_fn send, void *user);

/* A packet that arrived by the session's own connection. 0, or -EAGAIN: the ring to the
 * data plane has no room now. */
int track_input_rtp(struct track_input *in, const uint8_t *data, size_t len);
void track_input_rtcp(struct track_input *in, const uint8_t *data, size_t len);

/* The data plane said so (MR_EVENT_STREAM_STATE). */
void track_input_set_receiving(struct track_input *in, bool receiving);
/* When the last packet arrived, wherever; 0: none since the binding. [us], monotonic clock. */
uint64_t track_input_last_us(struct track_input *in);
/* Sends a receiver report: every TRACK_REPORT_S. */
void track_input_report(struct track_input *in);

/*
 * A viewer cannot go on without a key frame: asks the source for one by PLI or FIR,
 * at most once per second; once per minute where five in a row had no answer. A
 * source that knows neither overlooks it.
 */
void track_input_want_keyframe(struct track_input *in);

unsigned int track_input_track(const struct track_input *in);
/* The one of `n` that carries that track; NULL: none does. */
struct track_input *track_input_find(
	struct track_input *const input[], unsigned int n, unsigned int track);

#endif
