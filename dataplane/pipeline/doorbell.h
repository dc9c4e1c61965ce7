/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A doorbell ends the sleep of a thread that waits for descriptors, when another has
 * put something into a ring for it: a system call only where somebody sleeps.
 *
 *   who sleeps                              who rings
 *     doorbell_arm()                          puts it into the ring
 *     looks into its rings once more          doorbell_ring()
 *     sleeps, the descriptor among others
 *     doorbell_disarm()
 *     takes what is in its rings
 *
 * Nothing is lost: both exchange one word after they have written and before they
 * read. If the sleeper comes second, it sees what is in the ring; else it is rung.
 * One that nobody has opened (all zero) is never armed and may be rung.
 */
#ifndef DATAPLANE_PIPELINE_DOORBELL_H
#define DATAPLANE_PIPELINE_DOORBELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct doorbell {
	int fd;              /* owned; the sleeper's descriptor */
	_Atomic bool asleep; /* or about to be */
	bool open;
};

/* 0 or -errno of eventfd(2). */
int doorbell_open(struct doorbell *d);
void doorbell_close(struct doorbell *d);

/* Any thread, after what it tells of was written. */
static inline void doorbell_ring(struct doorbell *d)
{
	static const uint64_t one = 1;

	if (atomic_exchange_explicit(&d->asleep, false, memory_order_acq_rel))
		(void)!write(d->fd, &one, sizeof(one));
}

/* The sleeper, before the last look into its rings. */
static inline void doorbell_arm(struct doorbell *d)
{
	atomic_exchange_explicit(&d->asleep, true, memory_order_acq_rel);
}

/* The sleeper, awake. Who has rung may still have to write: that ends the next sleep. */
static inline void doorbell_disarm(struct doorbell *d)
{
	uint64_t rung;

	if (!atomic_exchange_explicit(&d->asleep, false, memory_order_acq_rel))
		(void)!read(d->fd, &rung, sizeof(rung));
}

#endif
