/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replay window over an increasing index (RFC 3711 3.3.2), 128 wide. Private to
 * its owner; libc only.
 */
#ifndef CRYPTO_SRTP_REPLAY_H
#define CRYPTO_SRTP_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

struct srtp_replay {
	uint64_t top;     /* highest index accepted */
	uint64_t seen[2]; /* bit i: top - i was accepted */
	bool started;
};

void srtp_replay_init(struct srtp_replay *r);
/* 0 when the index is new; -EALREADY when seen or too old. Changes nothing. */
int srtp_replay_check(const struct srtp_replay *r, uint64_t index);
/* Call once the packet has been authenticated. */
void srtp_replay_accept(struct srtp_replay *r, uint64_t index);

#endif
