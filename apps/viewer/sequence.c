/* SPDX-License-Identifier: BSD-3-Clause */
/* Sequence numbers of one SSRC, see sequence.h. Owned by one thread. */
#include "apps/viewer/sequence.h"

#include <string.h>

static bool test_bit(const struct sequence *s, uint64_t index)
{
	uint64_t slot = index % SEQUENCE_WINDOW;

	return s->bitmap[slot / 64] >> (slot % 64) & 1;
}

static void set_bit(struct sequence *s, uint64_t index)
{
	uint64_t slot = index % SEQUENCE_WINDOW;

	s->bitmap[slot / 64] |= UINT64_C(1) << (slot % 64);
}

static void clear_bit(struct sequence *s, uint64_t index)
{
	uint64_t slot = index % SEQUENCE_WINDOW;

	s->bitmap[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

/* Forget the slots that the window takes over when it moves up to `index`. */
static void advance(struct sequence *s, uint64_t index)
{
	if (index - s->highest >= SEQUENCE_WINDOW)
		memset(s->bitmap, 0, sizeof(s->bitmap));
	else
		for (uint64_t i = s->highest + 1; i <= index; i++)
			clear_bit(s, i);
	s->highest = index;
}

uint64_t sequence_guess(const struct sequence *s, uint16_t seq)
{
	uint16_t top = (uint16_t)s->highest;
	uint64_t roc = s->highest >> 16;

	if (!s->started)
		return seq;
	/* RFC 3711 appendix A; ROC 0 has no predecessor. */
	if (top < 0x8000) {
		if ((int)seq - (int)top > 0x8000 && roc > 0)
			roc--;
	} else if ((int)top - 0x8000 > (int)seq) {
		roc++;
	}
	return roc << 16 | seq;
}

enum sequence_verdict sequence_add(struct sequence *s, uint64_t index)
{
	if (!s->started) {
		s->started = true;
		s->base = s->highest = index;
		s->unique = 1;
		set_bit(s, index);
		return SEQUENCE_NEW;
	}
	if (index > s->highest) {
		advance(s, index);
		set_bit(s, index);
		s->unique++;
		return SEQUENCE_NEW;
	}
	if (s->highest - index >= SEQUENCE_WINDOW) {
		s->too_late++;
		return SEQUENCE_TOO_LATE;
	}
	if (test_bit(s, index)) {
		s->duplicates++;
		return SEQUENCE_DUPLICATE;
	}
	set_bit(s, index);
	s->unique++;
	s->reordered++;
	if (index < s->base)
		s->base = index;
	return SEQUENCE_REORDERED;
}

uint64_t sequence_lost(const struct sequence *s)
{
	return s->started ? s->highest - s->base + 1 - s->unique : 0;
}
