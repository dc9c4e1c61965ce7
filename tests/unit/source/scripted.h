/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An RTSP server that does what a test says, one connection at a time, on
 * 127.0.0.1 and a thread of its own: for what a real camera does not do when
 * asked to.
 */
#ifndef TESTS_UNIT_SOURCE_SCRIPTED_H
#define TESTS_UNIT_SOURCE_SCRIPTED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct script {
	_Atomic(const char *) sdp;
	_Atomic bool refuse_udp;  /* 461 */
	_Atomic bool media;       /* over TCP: a packet of type 96 each 20 ms; over UDP: never */
	_Atomic unsigned int big; /* [bytes] of those packets, 0: 100 */
	_Atomic int timeout_s;    /* of the session */
	_Atomic(const char *) garbage;   /* the answer to everything */
	_Atomic(const char *) transport; /* said behind the Transport header over UDP */
	_Atomic(const char *) flood;     /* behind the answer to everything, without end */
	_Atomic bool new_nonces;         /* every request gets 401, with a nonce said to be new */
	_Atomic bool stale_nonce;        /* Digest; the nonce changes with every PLAY */
	_Atomic bool hang_up;            /* after PLAY, once */
	/* what was asked */
	_Atomic unsigned int connections, described, keep_alives, teardowns, played, reports;
	_Atomic unsigned int unauthorized; /* 401 sent */
	_Atomic bool password_seen;        /* in a URL */
};

struct scripted;

struct scripted *scripted_start(struct script *script);
uint16_t scripted_port(const struct scripted *s);
void scripted_stop(struct scripted *s);

#endif
