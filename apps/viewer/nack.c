/* SPDX-License-Identifier: BSD-3-Clause */
/* Missing packets of one SSRC, see nack.h. Owned by one thread. */
#include "apps/viewer/nack.h"

#include <string.h>

static void forget(struct nack *nack, size_t at, size_t count)
{
	nack->count -= count;
	memmove(&nack->missing[at], &nack->missing[at + count],
		(nack->count - at) * sizeof(nack->missing[0]));
}

void nack_add(struct nack *nack, uint64_t from, uint64_t to, uint64_t now_us)
{
	if (to - from > NACK_MISSING_MAX - nack->count) {
		nack->unasked += to - from;
		return;
	}
	for (; from < to; from++)
		nack->missing[nack->count++] =
			(struct nack_missing){.index = from, .since_us = now_us};
}

bool nack_remove(struct nack *nack, uint64_t index)
{
	for (size_t i = 0; i < nack->count; i++) {
		bool asked = nack->missing[i].asked_us != 0;

		if (nack->missing[i].index != index)
			continue;
		forget(nack, i, 1);
		return asked;
	}
	return false;
}

size_t nack_due(struct nack *nack, uint16_t *numbers, size_t size, uint64_t now_us)
{
	size_t old = 0, n = 0;

	while (old < nack->count && now_us - nack->missing[old].since_us > NACK_GIVE_UP_US)
		old++;
	forget(nack, 0, old);
	for (size_t i = 0; i < nack->count && n < size; i++) {
		struct nack_missing *m = &nack->missing[i];

		if (m->asked_us != 0 && now_us - m->asked_us < NACK_INTERVAL_US)
			continue;
		m->asked_us = now_us;
		numbers[n++] = (uint16_t)m->index;
	}
	nack->asked += n;
	return n;
}
