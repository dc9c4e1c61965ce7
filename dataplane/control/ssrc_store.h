/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which SSRCs were ever used with which key of a fixed session, on disk. The
 * session file gives the key, so a restart would begin at index 0 under the
 * same key again: it must never do so with the same SSRC.
 *
 * One file in the state directory, a line per reservation, appended and synced
 * before the first packet. It holds digests of keys, no keys. Main thread.
 */
#ifndef DATAPLANE_CONTROL_SSRC_STORE_H
#define DATAPLANE_CONTROL_SSRC_STORE_H

#include <stddef.h>
#include <stdint.h>

struct ssrc_store;

/*
 * Reads the file (makes it, and the directory), and keeps it locked. NULL with
 * a text in `error`: no directory, no permission, another data plane has it, or
 * a line that is not ours (nothing is guessed: what cannot be read may name an
 * SSRC that must not come again).
 */
struct ssrc_store *ssrc_store_open(const char *state_directory, char *error, size_t error_len);
void ssrc_store_close(struct ssrc_store *s);

/*
 * Reserves for `key`: `wanted`, or with 0 one that was never used with it. On
 * disk when it returns 0. -EEXIST: `wanted` was used with this key before;
 * -EIO or -errno: could not be written, the session must not start.
 */
int ssrc_store_reserve(
	struct ssrc_store *s, const uint8_t *key, size_t key_len, uint32_t wanted, uint32_t *ssrc);

#endif
