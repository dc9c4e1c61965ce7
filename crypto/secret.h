/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handling of secret bytes: wiping that the compiler keeps, comparison whose
 * time does not depend on the contents, memory that is left out of core dumps.
 * Any thread; libc only.
 */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Overwrites `len` bytes; never optimised away. */
void secret_wipe(void *p, size_t len);

/* True when both hold the same `len` bytes; constant time in the contents. */
bool secret_equal(const void *a, const void *b, size_t len);

/* Leaves [p, p+len) out of core dumps (madvise DONTDUMP on the whole pages
 * that it covers). 0 or -errno; failing is not fatal. */
int secret_dont_dump(void *p, size_t len);

#endif
