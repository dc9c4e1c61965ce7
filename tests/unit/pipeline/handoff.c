/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane/pipeline/handoff.c: two workers and the rings between them, stage by stage. */
#include "dataplane/pipeline/worker.h"
#include "dataplane/stream/stream.h"

#include "tests/unit/pipeline/eal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MBUFS 2047

struct fixture {
	struct rte_mempool *pool;
	struct mr_stats_worker stats[2];
	struct worker w[2];
	struct stream streams[2];
	/* Only compared, never looked into. */
	struct viewer *a, *b;
	int viewers[2];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->pool = eal_pool(MBUFS);
	f->a = (struct viewer *)(void *)&f->viewers[0];
	f->b = (struct viewer *)(void *)&f->viewers[1];
	for (uint8_t i = 0; i < 2; i++) {
		struct worker *w = &f->w[i];

		w->index = i;
		w->n_workers = 2;
		w->stats = &f->stats[i];
		w->pool = f->pool;
		w->staging = malloc(WORKER_STAGING);
		w->streams = calloc(2, sizeof(w->streams[0]));
		w->streams_capacity = 2;
	}
	f->w[0].handoff_out[1] = rte_ring_create("handoff0_1", HANDOFF_RING, SOCKET_ID_ANY,
		RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
	assert_non_null(f->w[0].handoff_out[1]);
	f->w[1].handoff_in[0] = f->w[0].handoff_out[1];
	*state = f;
	return 0;
}

static void batch_free(struct batch *b)
{
	for (uint16_t i = 0; i < b->n; i++)
		rte_pktmbuf_free(b->pkts[i]);
	b->n = 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_mempool_in_use_count(f->pool), 0);
	rte_ring_free(f->w[0].handoff_out[1]);
	rte_mempool_free(f->pool);
	for (int i = 0; i < 2; i++) {
		free(f->w[i].staging);
		free(f->w[i].streams);
	}
	free(f);
	return 0;
}

/* Worker 0 has classified `n` packets for an object of worker 1. */
static void hand_over(struct fixture *f, enum packet_kind kind, void *object, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = eal_mbuf(f->pool, &i, sizeof(i));

		packet_meta(m)->kind = kind;
		packet_meta(m)->owner = 1;
		packet_meta(m)->stream = object;
		packet_meta(m)->payload = 0;
		packet_meta(m)->payload_len = sizeof(i);
		f->w[0].in.handoff.pkts[f->w[0].in.handoff.n++] = m;
		if (f->w[0].in.handoff.n == BATCH_MAX || i + 1 == n)
			handoff_stage(&f->w[0]);
	}
}

static unsigned int number_of(struct rte_mbuf *m)
{
	return *rte_pktmbuf_mtod(m, unsigned int *);
}

/* More waits than any batch holds, and the turn that follows fills the batches. */
static void test_forget_under_load(void **state)
{
	struct fixture *f = *state;
	struct worker *w = &f->w[1];
	unsigned int next = 0;

	hand_over(f, PACKET_STUN, f->a, 300);
	hand_over(f, PACKET_STUN, f->b, 5);
	hand_over(f, PACKET_RTP, &f->streams[0], 300);
	handoff_forget(w, f->b);
	/* What follows fills its batches from their start, unchecked. */
	assert_int_equal(w->in.stun.n, 0);
	assert_int_equal(w->in.rtp.n, 0);
	while (rte_ring_count(w->handoff_in[0]) > 0) {
		handoff_stage(w);
		for (uint16_t i = 0; i < w->in.stun.n; i++) {
			assert_ptr_equal(packet_meta(w->in.stun.pkts[i])->viewer, f->a);
			assert_int_equal(number_of(w->in.stun.pkts[i]), next++);
		}
		batch_free(&w->in.stun);
		for (uint16_t i = 0; i < w->in.rtp.n; i++)
			rte_pktmbuf_free(w->in.rtp.pkts[i].mbuf);
		w->in.rtp.n = 0;
	}
	assert_int_equal(next, 300);
	assert_int_equal(f->stats[1].drops[MR_DROP_FLOW_UNKNOWN], 5);
	assert_int_equal(f->stats[1].drops[MR_DROP_HANDOFF_FULL], 0);
}

/* A worker that has taken a full batch from its ports leaves the rest where it is. */
static void test_no_room(void **state)
{
	struct fixture *f = *state;
	struct worker *w = &f->w[1];

	hand_over(f, PACKET_RTP, &f->streams[0], 10);
	w->in.rtp.n = BATCH_MAX - 4;
	handoff_stage(w);
	assert_int_equal(w->in.rtp.n, BATCH_MAX);
	assert_int_equal(rte_ring_count(w->handoff_in[0]), 6);
	for (unsigned int i = BATCH_MAX - 4; i < BATCH_MAX; i++)
		rte_pktmbuf_free(w->in.rtp.pkts[i].mbuf);
	w->in.rtp.n = 0;
	handoff_stage(w);
	assert_int_equal(w->in.rtp.n, 6);
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(number_of(w->in.rtp.pkts[i].mbuf), 4 + i);
		rte_pktmbuf_free(w->in.rtp.pkts[i].mbuf);
	}
	assert_int_equal(f->stats[1].drops[MR_DROP_HANDOFF_FULL], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forget_under_load, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
	};

	if (eal_start(NULL) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
