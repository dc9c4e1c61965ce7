/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libsrtp2 as the second opinion: a session for one direction of one master
 * key. Apart from our headers, because libsrtp2 uses some of the same names.
 */
#ifndef TESTS_UNIT_CRYPTO_ORACLE_H
#define TESTS_UNIT_CRYPTO_ORACLE_H

#include <stdint.h>

struct oracle; /* opaque */

#define ORACLE_TRAILER 160 /* bytes of room that libsrtp2 asks for behind a packet */

void oracle_library_init(void);

/*
 * `profile` as in DTLS. One direction (sender or receiver) of the streams
 * `ssrcs`, all under one key; repeats of an index are allowed to a sender.
 */
struct oracle *oracle_create(
	uint16_t profile, const uint8_t *key, const uint8_t *salt, const uint32_t *ssrcs, int n);
void oracle_destroy(struct oracle *o);

/* What a receiver learns from signalling: where the stream stands. */
void oracle_set_roc(struct oracle *o, uint32_t ssrc, uint32_t roc);

/* In place; the new length, or -1 (an error of libsrtp2 is printed). */
int oracle_protect(struct oracle *o, uint8_t *buf, int len);
int oracle_unprotect(struct oracle *o, uint8_t *buf, int len);
int oracle_protect_rtcp(struct oracle *o, uint8_t *buf, int len);
int oracle_unprotect_rtcp(struct oracle *o, uint8_t *buf, int len);

#endif
