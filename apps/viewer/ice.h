/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One full ICE agent (libnice, RFC 8445) with host candidates
 * only and one component, and the datagrams that go through it. Everything
 * runs on the thread of the main context given at creation; no event handler
 * may destroy the agent it was called from.
 */
#ifndef APPS_VIEWER_ICE_H
#define APPS_VIEWER_ICE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ice;
struct ice_addresses;

struct ice_events {
	void (*gathered)(void *user);
	void (*connected)(void *user); /* a pair passed its check; once */
	void (*failed)(void *user);    /* no pair, or consent lost (RFC 7675) */
	/* One datagram that is no STUN; may be changed in place; gone on return. */
	void (*received)(void *user, uint8_t *data, size_t length);
};

/*
 * The addresses host candidates are made of: `wanted` if any, else those of all
 * interfaces that are up, without link-local ones, loopback only if asked for
 * or nothing else is there. 0, -EINVAL (an address does not parse) or -errno.
 */
int ice_addresses_create(
	char *const *wanted, size_t count, bool loopback, struct ice_addresses **addresses);
void ice_addresses_destroy(struct ice_addresses *addresses);

/*
 * `controlling`: we offered (RFC 8445 6.1.1). `addresses`, `context` and `events`
 * are borrowed and outlive the agent.
 */
int ice_create(GMainContext *context, const struct ice_addresses *addresses, bool controlling,
	const struct ice_events *events, void *user, struct ice **ice);
void ice_destroy(struct ice *ice); /* NULL is fine */

/* Ends in events->gathered, perhaps before this returns. */
int ice_gather(struct ice *ice);

/* Valid once gathered. */
const char *ice_ufrag(const struct ice *ice);
const char *ice_password(const struct ice *ice);
char *ice_format_candidates(const struct ice *ice); /* SDP lines, g_free() */

/*
 * The peer's credentials and `count` candidates ("candidate:..."); checks begin.
 * -EADDRNOTAVAIL when none of the candidates can be used.
 */
int ice_set_remote(struct ice *ice, const char *ufrag, const char *password,
	const char *const *candidates, size_t count);

/* Datagram to the selected pair; 0 or -EIO. */
int ice_send(struct ice *ice, const uint8_t *data, size_t length);

/* "address:port" of the selected pair into two strings of `size` bytes. */
int ice_format_pair(const struct ice *ice, char *local, char *remote, size_t size);

/* A descriptor (owned by the caller) of the selected pair's socket, -errno. */
int ice_dup_socket(const struct ice *ice);

/* Datagrams the kernel dropped because the socket of this descriptor was full. */
uint64_t ice_socket_drops(int fd);

#endif
