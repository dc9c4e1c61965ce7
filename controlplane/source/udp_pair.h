/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two kernel sockets, RTP on an even port and RTCP on the next: they reserve
 * the ports, receive what the data plane leaves to the kernel (RTCP, datagrams
 * that came in fragments, everything where no port of the data plane owns the
 * interface) and send. Main thread; never blocks.
 */
#ifndef CONTROLPLANE_SOURCE_UDP_PAIR_H
#define CONTROLPLANE_SOURCE_UDP_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct udp_pair;

typedef void (*udp_pair_fn)(
	void *user, const uint8_t *data, size_t len, const struct sockaddr_storage *from);

/*
 * Binds at `local` (its port is not looked at): at `port` and the next, or at
 * any free even port for 0. Neither callback may close the pair. 0 or -errno.
 */
int udp_pair_open(struct udp_pair **out, const struct sockaddr_storage *local, uint16_t port,
	udp_pair_fn rtp, udp_pair_fn rtcp, void *user);
/* The same with two sockets that are bound already and become the pair's: RTP's and
 * RTCP's, on neighbouring ports. -EINVAL: they are not; then they stay the caller's. */
int udp_pair_adopt(
	struct udp_pair **out, const int fd[2], udp_pair_fn rtp, udp_pair_fn rtcp, void *user);
/* NULL is fine. */
void udp_pair_close(struct udp_pair *pair);

/* The same, but the sockets are the caller's again. */
void udp_pair_release(struct udp_pair *pair);

/* The socket itself, borrowed. */
int udp_pair_fd(const struct udp_pair *pair, bool rtcp);
uint16_t udp_pair_port(const struct udp_pair *pair); /* of RTP, host order */
/* Joins the multicast group that the pair is bound to, on the interface of its route.
 * 0 or -errno. */
int udp_pair_join(struct udp_pair *pair, const uint8_t group[16]);
/* From the RTP or the RTCP socket. 0 or -errno. */
int udp_pair_send(struct udp_pair *pair, bool rtcp, const struct sockaddr_storage *to,
	const void *data, size_t len);

#endif
