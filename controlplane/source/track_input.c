/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of one track on their way into the data plane, and its RTCP; main thread. */
#include "controlplane/source/track_input.h"

#include "controlplane/install.h"
#include "controlplane/log.h"
#include "controlplane/source/address.h"
#include "controlplane/source/input_stats.h"
#include "controlplane/source/path_private.h"
#include "controlplane/source/rtcp.h"
#include "controlplane/source/udp_pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RTP_HEADER 12 /* bytes: RFC 3550 5.1 */
#define KEYFRAME_INTERVAL_US 1000000
#define KEYFRAME_UNANSWERED 5 /* requests in a row; then they become rare */
#define KEYFRAME_RARE_US 60000000

struct track_input {
	struct path *path;          /* borrowed */
	unsigned int i;             /* its track */
	struct mr_stream_bind bind; /* what every binding of it says */
	struct udp_pair *pair;      /* owned; NULL: ring */
	uint8_t local[16];
	/* wire: where the source sends from; empty family: anywhere */
	struct sockaddr_storage remote;
	uint16_t remote_port[2]; /* RTP, RTCP; host order; 0: any */
	struct sockaddr_storage
		reporting; /* who sent the last sender report, if that is not said */
	/* ring: RTCP goes back by it */
	track_input_send_fn send;
	void *send_user;
	struct rtcp_reporter reporter;
	uint32_t own_ssrc;
	char cname[32];
	uint64_t bound_us;
	uint64_t arrival_us; /* of the last packet that came through here; 0: none */
	bool receiving;      /* as the data plane said last */
	/* key frames that viewers want: what was asked of the source, and how it answered */
	bool fir; /* FIR instead of PLI */
	uint8_t fir_number;
	uint8_t unanswered;         /* requests in a row after which none came within a second */
	uint64_t keyframe_asked_us; /* 0: never */
	uint64_t keyframes;         /* of the stream, at that time */
	bool loss_logged;           /* packets found no room in the ring */
};

static uint64_t now_us(void)
{
	return (uint64_t)g_get_monotonic_time();
}

static struct track_input *input_new(struct path *path, unsigned int i)
{
	struct track_input *in = g_new0(struct track_input, 1);

	in->path = path;
	in->i = i;
	in->own_ssrc = g_random_int();
	snprintf(in->cname, sizeof(in->cname), "%08x%08x", g_random_int(), g_random_int());
	return in;
}

struct track_input *track_input_create(
	struct path *path, unsigned int i, const struct sdp_track *sdp)
{
	struct track_input *in = input_new(path, i);

	in->bind.payload_type = sdp->track.payload_type;
	in->fir = sdp->fir;
	if (sdp->track.codec == MR_CODEC_H264 && sdp->track.packetization_mode == 0)
		in->bind.flags |= MR_BIND_MODE0;
	in->bind.parameter_sets_len = sdp->parameter_sets_len;
	memcpy(in->bind.parameter_sets, sdp->parameter_sets, sdp->parameter_sets_len);
	return in;
}

void track_input_destroy(struct track_input *in)
{
	if (!in)
		return;
	udp_pair_close(in->pair);
	g_free(in);
}

/* Host and, where it is known, port are those of the source. */
static bool is_from_source(
	const struct track_input *in, const struct sockaddr_storage *from, uint16_t port)
{
	uint8_t want[16], have[16];
	uint16_t have_port;

	if (!in->remote.ss_family)
		return true;
	if (address_from_sockaddr(want, NULL, &in->remote) ||
		address_from_sockaddr(have, &have_port, from))
		return false;
	return !memcmp(want, have, 16) && (!port || port == have_port);
}

/* 0 or -EAGAIN: the ring to the data plane is full. What is no packet goes nowhere. */
static int send_down(struct track_input *in, const uint8_t *data, size_t len,
	const struct sockaddr_storage *from)
{
	struct mr_packet head = {.kind = MR_PACKET_DOWN_RTP};
	uint8_t addr[16];
	uint16_t port;

	if (len < RTP_HEADER || len > MR_PACKET_TOTAL_MAX)
		return 0;
	head.stream_id = in->path->tracks[in->i].stream_id;
	if (!head.stream_id) {
		in->arrival_us = now_us();
		return 0;
	}
	if (from && !address_from_sockaddr(addr, &port, from)) {
		address_endpoint(&head.remote, addr, port);
		head.local = in->bind.local;
	}
	if (install_send_packet(in->path->table->install, &head, data, len) == -EAGAIN)
		return -EAGAIN;
	in->arrival_us = now_us();
	return 0;
}

int track_input_rtp(struct track_input *in, const uint8_t *data, size_t len)
{
	return send_down(in, data, len, NULL);
}

void track_input_rtcp(struct track_input *in, const uint8_t *data, size_t len)
{
	struct rtcp_info info;

	if (rtcp_parse(&info, data, len) || !info.has_sr)
		return;
	rtcp_reporter_sender(&in->reporter, &info, now_us());
	path_report(in->path, in->i, info.ntp, info.rtp);
}

static void on_udp_rtp(
	void *user, const uint8_t *data, size_t len, const struct sockaddr_storage *from)
{
	struct track_input *in = user;

	if (!in->bound_us || !is_from_source(in, from, in->remote_port[0]))
		return;
	/* RTCP on the same port (RFC 5761 4): packet types 192 to 223. */
	if (len >= 2 && data[1] >= 192 && data[1] <= 223)
		track_input_rtcp(in, data, len);
	else if (send_down(in, data, len, from) == -EAGAIN && !in->loss_logged) {
		in->loss_logged = true;
		log_warn(in->path->name, "event=ring_full note=\"packets of the source are lost "
					 "before the data plane\"");
	}
}

static void on_udp_rtcp(
	void *user, const uint8_t *data, size_t len, const struct sockaddr_storage *from)
{
	struct track_input *in = user;
	struct rtcp_info info;

	if (!in->bound_us || !is_from_source(in, from, 0))
		return;
	/* Where nobody said where reports go to, they go back to the sender's. */
	if ((!in->remote.ss_family || !in->remote_port[1]) && !rtcp_parse(&info, data, len) &&
		info.has_sr)
		in->reporting = *from;
	track_input_rtcp(in, data, len);
}

int track_input_open_udp(
	struct track_input *in, const struct sockaddr_storage *local, uint16_t port)
{
	int err = address_from_sockaddr(in->local, NULL, local);

	if (err)
		return err;
	return udp_pair_open(&in->pair, local, port, on_udp_rtp, on_udp_rtcp, in);
}

int track_input_fd(const struct track_input *in, bool rtcp)
{
	return in->pair ? udp_pair_fd(in->pair, rtcp) : -1;
}

uint16_t track_input_port(const struct track_input *in)
{
	return udp_pair_port(in->pair);
}

int track_input_join(struct track_input *in, const uint8_t group[16])
{
	return udp_pair_join(in->pair, group);
}

static void send_to_source(struct track_input *in, bool rtcp, const void *data, size_t len)
{
	struct sockaddr_storage to = in->remote;
	uint16_t port = in->remote_port[rtcp ? 1 : 0];

	if (in->send) {
		in->send(in->send_user, in, data, len);
		return;
	}
	if (!in->pair)
		return;
	if (port && to.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&to)->sin6_port = htons(port);
	else if (port && to.ss_family == AF_INET)
		((struct sockaddr_in *)&to)->sin_port = htons(port);
	else if (rtcp && in->reporting.ss_family)
		to = in->reporting;
	else
		return;
	udp_pair_send(in->pair, rtcp, &to, data, len);
}

/* An RTP header and nothing else, from the port that media comes to. */
static void punch(struct track_input *in)
{
	uint8_t packet[RTP_HEADER] = {0x80};

	packet[8] = (uint8_t)(in->own_ssrc >> 24);
	packet[9] = (uint8_t)(in->own_ssrc >> 16);
	packet[10] = (uint8_t)(in->own_ssrc >> 8);
	packet[11] = (uint8_t)in->own_ssrc;
	send_to_source(in, false, packet, sizeof(packet));
}

/* 0 and the figures of the data plane, or -ENOENT. */
static int read_stats(struct track_input *in, struct mr_stats_stream *stats)
{
	return input_stats_read(in->path->table->stats, in->path->tracks[in->i].stream_id, stats);
}

/* Reports count from here. */
static void start_counting(struct track_input *in)
{
	struct mr_stats_stream stats;

	in->bound_us = now_us();
	if (!read_stats(in, &stats)) {
		in->reporter.expected_base = stats.expected;
		in->reporter.lost_base = stats.lost;
		in->reporter.based = true;
	}
}

static void bind_stream(struct track_input *in)
{
	start_counting(in);
	path_bind(in->path, in->i, &in->bind);
}

void track_input_bind_wire(struct track_input *in, const struct sockaddr_storage *remote,
	const uint16_t server_port[2])
{
	uint8_t addr[16];

	in->bind.input = MR_INPUT_WIRE;
	address_endpoint(&in->bind.local, in->local, track_input_port(in));
	if (remote && !address_from_sockaddr(addr, NULL, remote)) {
		in->remote = *remote;
		in->remote_port[0] = server_port[0];
		in->remote_port[1] = server_port[1];
		address_endpoint(&in->bind.remote, addr, server_port[0]);
	}
	bind_stream(in);
	if (in->remote_port[0]) {
		punch(in);
		track_input_report(in);
	}
}

void track_input_set_sender(struct track_input *in, track_input_send_fn send, void *user)
{
	in->send = send;
	in->send_user = user;
}

void track_input_bind_ring(struct track_input *in, track_input_send_fn send, void *user)
{
	in->bind.input = MR_INPUT_RING;
	track_input_set_sender(in, send, user);
	bind_stream(in);
}

void track_input_save(const struct track_input *in, struct path_record_input *out)
{
	out->bind = in->bind;
	memcpy(out->remote_port, in->remote_port, sizeof(out->remote_port));
}

/* The sockets are those that the data plane's binding names. */
static int adopt_sockets(struct track_input *in, const int fd[2])
{
	int err = udp_pair_adopt(&in->pair, fd, on_udp_rtp, on_udp_rtcp, in);

	if (err)
		return err;
	if (htons(udp_pair_port(in->pair)) == in->bind.local.port)
		return 0;
	udp_pair_release(in->pair);
	in->pair = NULL;
	return -EINVAL;
}

struct track_input *track_input_adopt(struct path *path, const struct path_record_input *record,
	const int fd[2], const struct sockaddr_storage *remote)
{
	struct track_input *in = input_new(path, record->track);

	in->bind = record->bind;
	memcpy(in->local, in->bind.local.addr, sizeof(in->local));
	if (in->bind.input == MR_INPUT_WIRE && adopt_sockets(in, fd)) {
		g_free(in);
		return NULL;
	}
	if (remote && in->bind.input == MR_INPUT_WIRE) {
		in->remote = *remote;
		memcpy(in->remote_port, record->remote_port, sizeof(in->remote_port));
	}
	in->receiving = true;
	start_counting(in);
	path_bound(path, record->track, &in->bind);
	return in;
}

void track_input_set_receiving(struct track_input *in, bool receiving)
{
	in->receiving = receiving;
}

uint64_t track_input_last_us(struct track_input *in)
{
	struct mr_stats_stream stats;
	uint64_t last = in->arrival_us;

	if (!in->pair)
		return last;
	if (read_stats(in, &stats)) {
		/* Without the region the data plane's word has to do. */
		return in->receiving ? now_us() : last;
	}
	if (stats.last_packet_ns / 1000 > last)
		last = stats.last_packet_ns / 1000;
	return last >= in->bound_us ? last : 0;
}

void track_input_report(struct track_input *in)
{
	uint8_t packet[RTCP_REPORT_MAX];
	struct rtcp_received received, *block = NULL;
	struct mr_stats_stream stats;
	size_t len;

	if (!read_stats(in, &stats) && stats.ssrc && stats.last_packet_ns / 1000 >= in->bound_us) {
		received.expected = stats.expected;
		received.lost = stats.lost;
		received.extended_highest = stats.extended_highest;
		received.jitter = stats.jitter;
		received.ssrc = stats.ssrc;
		block = &received;
	}
	len = rtcp_format_report(&in->reporter, packet, in->own_ssrc, in->cname, block, now_us());
	send_to_source(in, true, packet, len);
}

/* Whether it is time to ask (again). Those who never answer are asked rarely. */
static bool keyframe_due(struct track_input *in, uint64_t keyframes, uint64_t now)
{
	uint64_t since = now - in->keyframe_asked_us;

	if (in->keyframe_asked_us != 0 && since < KEYFRAME_INTERVAL_US)
		return false;
	if (in->keyframe_asked_us != 0 && keyframes == in->keyframes &&
		in->unanswered < KEYFRAME_UNANSWERED)
		in->unanswered++;
	if (keyframes != in->keyframes)
		in->unanswered = 0;
	return in->unanswered < KEYFRAME_UNANSWERED || since >= KEYFRAME_RARE_US;
}

void track_input_want_keyframe(struct track_input *in)
{
	uint8_t packet[RTCP_REPORT_MAX];
	struct mr_stats_stream stats;
	uint64_t now = now_us();
	size_t len;

	if (read_stats(in, &stats) || !stats.ssrc || !keyframe_due(in, stats.keyframes, now))
		return;
	in->keyframe_asked_us = now;
	in->keyframes = stats.keyframes;
	len = rtcp_format_keyframe(
		packet, in->own_ssrc, in->cname, stats.ssrc, in->fir, in->fir_number++);
	send_to_source(in, true, packet, len);
}

unsigned int track_input_track(const struct track_input *in)
{
	return in->i;
}

struct track_input *track_input_find(
	struct track_input *const input[], unsigned int n, unsigned int track)
{
	for (unsigned int k = 0; k < n; k++) {
		if (track_input_track(input[k]) == track)
			return input[k];
	}
	return NULL;
}
