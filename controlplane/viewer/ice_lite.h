/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The STUN side of an ICE-lite agent (RFC 8445 2.5, RFC 8839) on libnice's STUN
 * library: a connectivity check in, its answer out. It remembers nothing but
 * counters; who is behind a user fragment is asked of the caller. Main thread.
 */
#ifndef CONTROLPLANE_VIEWER_ICE_LITE_H
#define CONTROLPLANE_VIEWER_ICE_LITE_H

#include "dataplane/api/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stun/stunagent.h>

#define ICE_LITE_REPLY_MAX 256           /* bytes */
#define ICE_LITE_AMPLIFICATION_MAX 2     /* times the request: longer replies are not sent */
#define ICE_LITE_REPLY_INTERVAL_US 20000 /* 50 replies per second and user ... */
#define ICE_LITE_REPLY_BURST_US 1000000  /* ... and a second's worth of them at once */
#define ICE_LITE_UFRAG_LEN 12            /* characters: 72 random bits */
#define ICE_LITE_PWD_LEN 24              /* characters: 144 random bits */

struct ice_lite_user {
	const char *pwd;          /* ours; borrowed for the call */
	const char *remote_ufrag; /* of the offer */
	bool renewed;             /* these are the credentials of an ICE restart */
	/* Its own, 0 at first, borrowed for the call; NULL: as many replies as it likes. */
	int64_t *reply_due_us;
	int64_t now_us; /* monotonic; where reply_due_us is */
	void *user;
};

/* Fills `out` and returns true when `local_ufrag` is of one of ours. */
typedef bool (*ice_lite_lookup_fn)(const char *local_ufrag, struct ice_lite_user *out, void *arg);

struct ice_lite {
	StunAgent agent;
	ice_lite_lookup_fn lookup;
	void *arg;
	uint64_t malformed;    /* not STUN, no FINGERPRINT, not a Binding request */
	uint64_t unknown_user; /* user fragment of nobody */
	uint64_t unauthorized; /* wrong remote user fragment or MESSAGE-INTEGRITY */
	uint64_t conflicts;    /* of roles, answered with 487 */
	uint64_t rate;         /* good ones, but too many of one user: not answered */
};

enum ice_lite_verdict {
	ICE_LITE_DROP,   /* nothing to send */
	ICE_LITE_REFUSE, /* authenticated, but the reply is an error */
	ICE_LITE_VALID,
};

struct ice_lite_check {
	enum ice_lite_verdict verdict;
	void *user; /* of the lookup; NULL unless it was found */
	bool nominated;
	bool unauthorized; /* of `user`, but the peer's fragment or the password is wrong */
	bool renewed;      /* of the lookup */
	uint32_t priority; /* of the client's candidate (RFC 8445 7.1.1); 0: it does not say */
	uint8_t reply[ICE_LITE_REPLY_MAX];
	size_t reply_len;
};

void ice_lite_init(struct ice_lite *ice, ice_lite_lookup_fn lookup, void *arg);

/* Judges one datagram from `remote` and makes the reply. */
void ice_lite_receive(struct ice_lite *ice, const uint8_t *data, size_t len,
	const struct mr_endpoint *remote, struct ice_lite_check *check);

/* Random ice-chars (RFC 8839 5.4): ICE_LITE_UFRAG_LEN or ICE_LITE_PWD_LEN and a
 * final 0. 0 or -EIO. */
int ice_lite_random(char *out, size_t len);

#endif
