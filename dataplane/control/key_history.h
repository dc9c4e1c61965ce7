/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Remembers which SRTP keys have been used since the start, so that none is
 * installed twice: numbering starts anew with every viewer, and one key, SSRC
 * and index with other bytes would give the key away. Holds keyed digests, no
 * keys. At least the last KEY_HISTORY_MIN are known. Main thread.
 */
#ifndef DATAPLANE_CONTROL_KEY_HISTORY_H
#define DATAPLANE_CONTROL_KEY_HISTORY_H

#include "dataplane/api/abi.h"

#define KEY_HISTORY_MIN 196608

struct key_history;

struct key_history *key_history_create(void); /* NULL and errno */
void key_history_destroy(struct key_history *h);

/* 0: new, and remembered now; -EEXIST: used before; -EIO: the digest failed. */
int key_history_claim(struct key_history *h, const struct mr_srtp_keys *keys);

#endif
