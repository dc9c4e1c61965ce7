/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decrypts a sample of what viewers got, by libsrtp2, and compares it with what
 * was sent. Packets are noted while the wire is measured and opened afterwards.
 * One thread.
 */
#ifndef APPS_BENCH_WIRE_CHECK_H
#define APPS_BENCH_WIRE_CHECK_H

#include "apps/bench/wire_install.h"

#include <stdbool.h>

#define WIRE_NUMBER_LEN 8 /* bytes at the end of a payload: its number, big endian */

struct wire_check; /* opaque */

/* `payload`: what every packet carries, but for its number; borrowed. NULL: no memory, or
 * libsrtp2 refuses. */
struct wire_check *wire_check_create(
	const struct wire_population *p, const uint8_t *payload, uint16_t payload_len);
void wire_check_destroy(struct wire_check *c);

/* The RTP sequence number that a viewer's packet number 0 would have. */
void wire_check_base(struct wire_check *c, uint32_t viewer, uint16_t base);

/* Notes a viewer's SRTP packet if it is one of the sample; `sent`: number of the newest packet
 * that was sent, at most 65535 more than this one's. */
void wire_check_note(
	struct wire_check *c, uint32_t viewer, const uint8_t *srtp, uint16_t len, uint64_t sent);

/* Opens what has been noted. */
void wire_check_open(struct wire_check *c);

/* Since the start: packets opened; of them, that did not authenticate or say what was sent. */
uint64_t wire_check_opened(const struct wire_check *c);
uint64_t wire_check_wrong(const struct wire_check *c);

#endif
