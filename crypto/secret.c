/* SPDX-License-Identifier: BSD-3-Clause */
/* Wiping, comparing and hiding secret bytes. Any thread; no state. */
#include "crypto/secret.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void secret_wipe(void *p, size_t len)
{
	if (len != 0)
		explicit_bzero(p, len);
}

bool secret_equal(const void *a, const void *b, size_t len)
{
	/* volatile: the compiler may not leave the loop at the first difference */
	const volatile uint8_t *x = a;
	const volatile uint8_t *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= x[i] ^ y[i];
	return diff == 0;
}

int secret_dont_dump(void *p, size_t len)
{
	long page = sysconf(_SC_PAGESIZE);
	uintptr_t first, last;

	if (page <= 0)
		return -EINVAL;
	first = ((uintptr_t)p + (uintptr_t)page - 1) & ~((uintptr_t)page - 1);
	last = ((uintptr_t)p + len) & ~((uintptr_t)page - 1);
	if (last <= first)
		return 0; /* covers no whole page: the neighbours' bytes stay dumpable */
	return madvise((void *)first, last - first, MADV_DONTDUMP) == 0 ? 0 : -errno;
}
