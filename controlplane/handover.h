/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the main thread and a thread of GLib's pool leave to each other by a GTask:
 * whoever is done with it gives it, whoever goes on with it takes it. GLib's own
 * locks put both in order, too; but GLib is not built for ThreadSanitizer, which
 * needs an order that it can see. Any thread.
 */
#ifndef CONTROLPLANE_HANDOVER_H
#define CONTROLPLANE_HANDOVER_H

#include <stdatomic.h>

struct handover {
	atomic_uint turns; /* how often it was given */
};

static inline void handover_give(struct handover *h)
{
	atomic_fetch_add_explicit(&h->turns, 1, memory_order_release);
}

static inline void handover_take(struct handover *h)
{
	(void)atomic_load_explicit(&h->turns, memory_order_acquire);
}

#endif
