/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Media worker: one lcore, one queue pair per port. Read worker_turn() first;
 * it is the whole media path.
 */
#include "dataplane/pipeline/worker.h"

#include "dataplane/control/order.h"
#include "dataplane/pipeline/idle.h"

#include <rte_cycles.h>
#include <time.h>

#define ORDERS_PER_TURN 8  /* a viewer's link takes a microsecond or so */
#define HOLDING_NS 2000000 /* between looks at what waits to be put into order */

#define RUN(stage)                                                                                 \
	do {                                                                                       \
		stage##_stage(w);                                                                  \
		uint64_t t_ = rte_rdtsc();                                                         \
		tsc[STAGE_##stage] = t_ - t;                                                       \
		t = t_;                                                                            \
	} while (0)

/*
 * One turn. Packets only ever move down this function: each stage empties its
 * input batch, fills its output batches and knows no other stage.
 */
bool worker_turn(struct worker *w)
{
	uint64_t tsc[STAGE_COUNT];
	uint64_t start = rte_rdtsc();
	uint64_t t = start;

	w->moved = false;
	w->due_ns = UINT64_MAX;

	RUN(port_rx);  /* frames of the ports, datagrams from the control plane */
	RUN(classify); /* RFC 7983, flow table */
	RUN(handoff);  /* to and from the owning workers */

	RUN(consent);      /* STUN of established viewers is answered */
	RUN(feedback);     /* SRTCP of viewers */
	RUN(stream_input); /* each number once, into the stream's plaintext ring */
	RUN(repair);       /* what viewers lost, once more */
	RUN(fanout);       /* one cursor per stream, one copy per viewer */
	RUN(catch_up);     /* from the last key frame to the live cursor */
	RUN(report);       /* sender reports, expiry */
	RUN(protect);      /* SRTP bursts */
	RUN(egress);       /* headers and checksums */

	RUN(punt);    /* what the control plane or the kernel has to see */
	RUN(port_tx); /* frames to the ports */

	if (w->moved) {
		for (unsigned int i = 0; i < STAGE_COUNT; i++)
			mr_count(&w->stats->stage_tsc[i], tsc[i]);
		mr_count(&w->stats->busy_tsc, t - start);
	} else {
		mr_count(&w->stats->idle_tsc, t - start);
	}
	mr_count(&w->stats->turns, 1);
	return w->moved;
}
#undef RUN

void worker_read_clocks(struct worker *w)
{
	struct timespec ts;

	/* vDSO: no system call. */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	w->now_ns = (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
	w->wall_ns = w->wall_offset_ns + (int64_t)w->now_ns;
}

/* Orders of the main thread are carried out here, between two turns: nothing
 * that they unlink is in any batch then. */
static bool worker_take_orders(struct worker *w)
{
	void *orders[ORDERS_PER_TURN];
	unsigned int n = rte_ring_sc_dequeue_burst(w->orders, orders, ORDERS_PER_TURN, NULL);

	for (unsigned int i = 0; i < n; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): the ring filled n of them */
		order_carry_out(w, orders[i]);
		/* As large as the orders' ring: there is room for all that were sent. */
		while (rte_ring_sp_enqueue(w->orders_done, orders[i]) != 0)
			rte_pause();
	}
	return n > 0;
}

static bool ring_has(const struct rte_ring *r)
{
	return r != NULL && rte_ring_empty(r) == 0;
}

bool worker_has_mail(const struct worker *w)
{
	if (atomic_load_explicit(&w->stop, memory_order_relaxed) || ring_has(w->orders))
		return true;
	/* One that waits for a command: the main thread rings when that is done. */
	if (w->packets_down != NULL && !w->down_waits && mr_ring_waits(w->packets_down))
		return true;
	for (uint8_t from = 0; from < w->n_workers; from++)
		if (ring_has(w->handoff_in[from]) || ring_has(w->fresh_in[from]))
			return true;
	return false;
}

/* Once per turn, and a system call only where somebody sleeps. */
static void worker_ring_others(struct worker *w)
{
	for (; w->to_peers != 0; w->to_peers &= w->to_peers - 1)
		doorbell_ring(w->peer_bell[__builtin_ctz(w->to_peers)]);
	if (w->to_main && w->main_bell != NULL)
		doorbell_ring(w->main_bell);
	w->to_main = false;
}

int worker_main(void *worker)
{
	struct worker *w = worker;
	struct idle idle;

	idle_init(&idle, w);
	worker_read_clocks(w);
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		worker_read_clocks(w);
		bool ordered = worker_take_orders(w);
		bool moved = worker_turn(w);
		/* Where one order came from there are more, and the main thread waits for each. */
		worker_ring_others(w);
		if (w->n_holding > 0)
			w->due_ns = RTE_MIN(w->due_ns, w->now_ns + HOLDING_NS);
		uint64_t slept = idle_turn(&idle, w, moved || ordered);
		if (slept > 0)
			mr_count(&w->stats->sleep_tsc, slept);
	}
	return 0;
}

void worker_tell(struct worker *w, struct notice *n)
{
	if (rte_ring_sp_enqueue_elem(w->notices, n, sizeof(*n)) != 0)
		mr_count(&w->stats->notices_lost, 1);
	w->to_main = true;
}

void worker_notify(struct worker *w, uint32_t type, uint32_t id, uint32_t value, uint32_t ssrc)
{
	struct notice n = {.type = type, .id = id, .value = value, .ssrc = ssrc};

	worker_tell(w, &n);
}
