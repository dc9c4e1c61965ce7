/* SPDX-License-Identifier: BSD-3-Clause */
/* See classic.h. */
#include "apps/bench/classic.h"

#include "crypto/crypto_device.h"
#include "crypto/secret.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <rte_common.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RTP_HEADER 12 /* bytes */
#define PACKET_MAX (RTP_HEADER + RIG_PAYLOAD_MAX + SRTP_MAX_TRAILER)
#define PACKET_STRIDE 1536 /* bytes */
#define SEND_BUFFER (8 << 20)

_Static_assert(PACKET_MAX <= PACKET_STRIDE, "a packet fits");

struct classic_viewer {
	struct srtp_tx tx;
	struct sockaddr_in to;
	uint32_t ssrc;
};

struct classic {
	struct crypto_device *device; /* owned */
	int socket;
	uint32_t n_viewers;
	uint16_t payload_len;           /* bytes */
	uint64_t next;                  /* index of the stream's next packet */
	struct classic_viewer *viewers; /* owned, aligned for their keys */
	uint8_t payload[RIG_PAYLOAD_MAX];
	struct srtp_op ops[CLASSIC_BATCH];
	struct iovec iov[CLASSIC_BATCH];
	struct mmsghdr messages[CLASSIC_BATCH];
	uint8_t packets[CLASSIC_BATCH][PACKET_STRIDE];
};

/* ---- packets ---- */

static void packet_order(struct classic *c, unsigned int slot, uint32_t viewer, uint64_t index)
{
	const struct classic_viewer *v = &c->viewers[viewer];
	uint8_t *p = c->packets[slot];
	uint32_t timestamp = htonl((uint32_t)index * 3000), ssrc = htonl(v->ssrc);
	uint16_t sequence = htons((uint16_t)index);

	p[0] = 0x80;
	p[1] = 0x80 | 96;
	memcpy(&p[2], &sequence, 2);
	memcpy(&p[4], &timestamp, 4);
	memcpy(&p[8], &ssrc, 4);
	c->ops[slot] = (struct srtp_op){
		.tx = &v->tx,
		.src = c->payload,
		.dst = p,
		.index = index,
		.hdr_len = RTP_HEADER,
		.payload_len = c->payload_len,
		.ssrc = v->ssrc,
	};
}

static void packets_protect(struct classic *c, unsigned int n)
{
	srtp_protect_burst(c->device, c->ops, (uint16_t)n);
	for (unsigned int i = 0; i < n; i++) {
		c->iov[i].iov_base = c->packets[i];
		c->iov[i].iov_len = c->ops[i].out_len;
	}
}

/* ---- system calls; each returns how many packets the kernel took ---- */

static uint64_t send_each(struct classic *c, uint32_t first, unsigned int n)
{
	uint64_t sent = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct sockaddr_in *to = &c->viewers[first + i].to;

		sent += sendto(c->socket, c->packets[i], c->ops[i].out_len, 0,
				(const struct sockaddr *)to, sizeof(*to)) > 0;
	}
	return sent;
}

static uint64_t send_batch(struct classic *c, uint32_t first, unsigned int n)
{
	unsigned int done = 0;

	for (unsigned int i = 0; i < n; i++)
		c->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &c->viewers[first + i].to,
			.msg_namelen = sizeof(c->viewers[first + i].to),
			.msg_iov = &c->iov[i],
			.msg_iovlen = 1,
		};
	while (done < n) {
		int rc = sendmmsg(c->socket, &c->messages[done], n - done, 0);

		if (rc <= 0)
			break;
		done += (unsigned int)rc;
	}
	return done;
}

/* All packets in c->iov are this viewer's and of one size. */
static uint64_t send_segments(struct classic *c, uint32_t viewer, unsigned int n)
{
	alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
	struct msghdr m = {
		.msg_name = &c->viewers[viewer].to,
		.msg_namelen = sizeof(c->viewers[viewer].to),
		.msg_iov = c->iov,
		.msg_iovlen = n,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *segment = CMSG_FIRSTHDR(&m);

	segment->cmsg_level = IPPROTO_UDP;
	segment->cmsg_type = UDP_SEGMENT;
	segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
	memcpy(CMSG_DATA(segment), &c->ops[0].out_len, sizeof(uint16_t));
	return sendmsg(c->socket, &m, 0) > 0 ? n : 0;
}

/* ---- rounds of all viewers ---- */

/* One packet of the stream for everybody. */
static uint64_t round_batches(struct classic *c, enum classic_method method)
{
	uint64_t sent = 0;

	for (uint32_t first = 0; first < c->n_viewers; first += CLASSIC_BATCH) {
		unsigned int n = RTE_MIN(c->n_viewers - first, (uint32_t)CLASSIC_BATCH);

		for (unsigned int i = 0; i < n; i++)
			packet_order(c, i, first + i, c->next);
		packets_protect(c, n);
		sent += method == CLASSIC_SENDTO ? send_each(c, first, n) : send_batch(c, first, n);
	}
	c->next++;
	return sent;
}

/* CLASSIC_SEGMENTS packets of the stream for everybody. */
static uint64_t round_segments(struct classic *c)
{
	uint64_t sent = 0;

	for (uint32_t viewer = 0; viewer < c->n_viewers; viewer++) {
		for (unsigned int i = 0; i < CLASSIC_SEGMENTS; i++)
			packet_order(c, i, viewer, c->next + i);
		packets_protect(c, CLASSIC_SEGMENTS);
		sent += send_segments(c, viewer, CLASSIC_SEGMENTS);
	}
	c->next += CLASSIC_SEGMENTS;
	return sent;
}

uint64_t classic_run(struct classic *c, enum classic_method method, uint64_t packets)
{
	uint64_t sent = 0;

	while (sent < packets) {
		uint64_t now = method == CLASSIC_GSO ? round_segments(c) : round_batches(c, method);

		if (now == 0)
			return 0;
		sent += now;
	}
	return sent;
}

/* ---- start and end ---- */

static int viewer_init(struct classic *c, const struct rig_options *o, uint32_t i, uint64_t *state)
{
	struct classic_viewer *v = &c->viewers[i];
	struct srtp_master master = {0};
	struct srtp_session_keys rtp;
	int rc;

	for (unsigned int k = 0; k < o->profile->key_len; k++)
		master.key[k] = (uint8_t)(rig_random(state) >> 24);
	for (unsigned int k = 0; k < o->profile->salt_len; k++)
		master.salt[k] = (uint8_t)(rig_random(state) >> 24);
	v->ssrc = i + 1;
	v->to = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(RIG_VIEWER_PORT),
		.sin_addr.s_addr = htonl(RIG_VIEWER + i),
	};
	rc = srtp_keys_derive(o->profile, &master, &rtp, NULL);
	if (rc == 0)
		rc = srtp_tx_init(c->device, &v->tx, o->profile, &rtp);
	secret_wipe(&rtp, sizeof(rtp));
	return rc;
}

static int socket_open(uint32_t address)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = SEND_BUFFER;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0)
		return fd;
	close(fd);
	return -1;
}

struct classic *classic_create(const struct rig_options *o)
{
	struct classic *c = calloc(1, sizeof(*c));
	uint64_t state = o->seed;

	if (c == NULL)
		return NULL;
	c->socket = -1;
	c->device = crypto_device_create(o->backend);
	if (c->device == NULL)
		goto err;
	c->viewers = aligned_alloc(64, o->viewers * sizeof(c->viewers[0]));
	if (c->viewers == NULL)
		goto err;
	memset(c->viewers, 0, o->viewers * sizeof(c->viewers[0]));
	c->n_viewers = o->viewers;
	c->payload_len = (uint16_t)o->payload;
	for (uint32_t i = 0; i < o->payload; i++)
		c->payload[i] = (uint8_t)(rig_random(&state) >> 32);
	for (uint32_t i = 0; i < o->viewers; i++)
		if (viewer_init(c, o, i, &state) != 0)
			goto err;
	c->socket = socket_open(o->gateway);
	if (c->socket < 0)
		goto err;
	return c;
err:
	classic_destroy(c);
	return NULL;
}

void classic_destroy(struct classic *c)
{
	if (c == NULL)
		return;
	if (c->socket >= 0)
		close(c->socket);
	for (uint32_t i = 0; i < c->n_viewers; i++)
		srtp_tx_fini(&c->viewers[i].tx);
	free(c->viewers);
	crypto_device_destroy(c->device);
	free(c);
}

const char *classic_method_name(enum classic_method method)
{
	static const char *const names[CLASSIC_METHODS] = {
		[CLASSIC_SENDTO] = "sendto",
		[CLASSIC_SENDMMSG] = "sendmmsg",
		[CLASSIC_GSO] = "gso",
	};

	return names[method];
}
