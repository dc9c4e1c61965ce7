/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * No nonce twice: viewers join live, at the last key frame or the next, leave in the
 * middle of it and join again, ask for packets again and for key frames at random,
 * streams overrun and lose packets, numbers wrap. Whenever one key
 * meets the same SSRC and index a second time, the bytes on the wire must be
 * the same (FACTS: else GCM gives its authentication key away).
 *
 * MILLRACE_NONCE_PACKETS=10000000 makes it long.
 */
#include "tests/unit/pipeline/harness.h"

#include "dataplane/pipeline/catch_up.h"
#include "dataplane/pipeline/refresh.h"
#include "dataplane/pipeline/repair_queue.h"
#include "tests/unit/crypto/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PACKETS 300000 /* to look at, unless the environment says otherwise */
#define LIVE_MAX 40

/* One use of a nonce, and a digest of the packet that it made. */
struct use {
	uint64_t nonce; /* viewer (one key each), which of its SSRCs, index; 0: free */
	uint64_t digest;
};

struct history {
	struct use *slot;
	uint64_t slots; /* power of two */
	uint64_t wanted;
	uint64_t packets;
	uint64_t used;
	uint64_t again;
	uint64_t highest;
	uint64_t shifted; /* copies for tracks that began at a key frame of before */
	uint32_t given_up;
};

static uint64_t fnv1a(const uint8_t *p, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static void remember(struct history *all, const struct viewer_track *t, uint32_t ssrc,
	uint64_t index, uint64_t digest)
{
	uint64_t which = (uint64_t)(t - t->viewer->track) << 1 | (ssrc != t->ssrc);
	uint64_t nonce = (uint64_t)t->viewer->id << 50 | which << 48 | index;
	uint64_t at = fnv1a((const uint8_t *)&nonce, sizeof(nonce)) & (all->slots - 1);

	assert_true(ssrc == t->ssrc || ssrc == t->rtx_ssrc);
	assert_true(index >> 48 == 0);
	all->packets++;
	for (;; at = (at + 1) & (all->slots - 1)) {
		struct use *u = &all->slot[at];

		if (u->nonce == 0) {
			*u = (struct use){nonce, digest};
			assert_true(++all->used < all->slots - all->slots / 8);
			return;
		}
		if (u->nonce != nonce)
			continue;
		if (u->digest != digest)
			fail_msg("viewer %u: SSRC %08x, index %llu with other bytes", t->viewer->id,
				ssrc, (unsigned long long)index);
		assert_true(ssrc == t->ssrc); /* RTX is not sent again */
		all->again++;
		return;
	}
}

/* Encrypts what the stages before have made, and remembers it. */
static void protect_all(struct harness *h, struct history *all)
{
	struct worker *w = h->w;
	uint64_t index[BATCH_MAX] = {0};
	uint32_t ssrc[BATCH_MAX] = {0};
	struct viewer_track *track[BATCH_MAX] = {0};
	uint16_t n = w->plain.n;

	for (uint16_t i = 0; i < n; i++) {
		index[i] = w->plain.op[i].index;
		ssrc[i] = w->plain.op[i].ssrc;
		track[i] = w->plain.track[i];
	}
	protect_stage(w);
	assert_int_equal(w->cipher.n, n); /* none has failed: the n-th is the n-th */
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = w->cipher.pkts[i];

		remember(all, track[i], ssrc[i], index[i],
			fnv1a((const uint8_t *)harness_rtp(m), harness_rtp_len(m)));
		all->shifted += track[i]->shift != 0;
		if (index[i] > all->highest)
			all->highest = index[i];
	}
	harness_free_media(&w->cipher);
}

static void turn(struct harness *h, struct history *all)
{
	repair_stage(h->w);
	fanout_stage(h->w);
	catch_up_stage(h->w);
	protect_all(h, all);
}

static void join(struct harness *h, struct random *r, struct stream *const streams[2])
{
	static const uint16_t profiles[] = {
		SRTP_PROFILE_GCM_128, SRTP_PROFILE_GCM_256, SRTP_PROFILE_AES128_CM_SHA1_80};
	struct mr_viewer_add add = harness_viewer_add(h, profiles[random_below(r, 3)], streams);
	struct viewer *v;

	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		add.track[i].sequence_base =
			(uint16_t)(random_below(r, 2) ? 0x7fff : random_below(r, 0x8000));
		if (random_below(r, 2) == 0)
			continue;
		add.track[i].rtx_ssrc = add.track[i].ssrc + 0x20000000u;
		add.track[i].rtx_payload_type = 110;
	}
	v = harness_join(h, &add, streams);
	/* As if it had been there for hours: numbers soon wrap, again. */
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		v->track[i].wire_base += 0x10000u * random_below(r, 3) + 0x7f00;
	v->track[0].rtx_next += 0x10000u * random_below(r, 3) + 0x7f00;
}

/* A track stops and comes back, as with a stream that was removed and added: live, at
 * the last key frame, or at the next one. */
static void rejoin(struct harness *h, struct viewer_track *t)
{
	struct audience *a = t->audience;

	track_leave(h->w, t);
	track_join(h->w, a, t);
}

/* A live viewer has lost the picture, and the camera makes no key frame for it; or the
 * viewer has been given up and is started again. Whenever that can be, as if the last
 * time were long ago. */
static void begin_again(struct harness *h, struct random *r, struct viewer_track *t)
{
	struct audience *a = t->audience;
	uint64_t index;

	if (a == NULL || (t->state != TRACK_LIVE && t->state != TRACK_WAITING) ||
		t->kind != MR_KIND_VIDEO)
		return;
	t->refresh.next_ns = 0;
	refresh_want(h->w, t);
	if (random_below(r, 4) > 0 && join_keyframe(h->w, a, &index) &&
		h->w->n_catching < REFRESH_CATCHING_MAX) {
		join_again(h->w, t, index);
		h->w->stats->refreshes++;
	}
	worker_read_end(h->w);
}

/* What a viewer may say, at any time. */
static void complain(
	struct harness *h, struct random *r, struct viewer_track *t, struct history *all)
{
	/* Most of all who catches up: there is not much time for it. */
	if (h->w->n_catching > 0 && random_below(r, 3) > 0)
		t = h->w->catching[random_below(r, h->w->n_catching)].track;
	uint64_t sent = t->state == TRACK_CATCHING ? t->next_index - t->join_index : 64;
	uint16_t near = (uint16_t)(t->wire_base + random_below(r, RTE_MAX((uint32_t)sent, 1u)));
	uint64_t given_up = t->stats->bursts_given_up;

	if (random_below(r, 3) == 0)
		catch_up_pli(h->w, t);
	else if (random_below(r, 3) == 0)
		for (uint32_t n = random_below(r, 1000); n > 0; n--)
			catch_up_nack(h->w, t, near, (uint16_t)random_u64(r));
	else
		repair_want(h->w, t, near, (uint16_t)random_u64(r));
	all->given_up += t->stats->bursts_given_up != given_up;
}

/* What viewers say that they have lost: true or not, once or several times. */
static void ask_again(struct harness *h, struct random *r, struct viewer_track *t)
{
	uint32_t times = 1 + random_below(r, 4);
	uint16_t pid;

	if (t->audience == NULL)
		return;
	pid = (uint16_t)(t->wire_base + (t->audience->live_next - t->join_index) -
			 random_below(r, 80) + random_below(r, 10));
	if (random_below(r, 50) == 0)
		pid = (uint16_t)random_u64(r);
	while (times-- > 0)
		repair_want(h->w, t, pid, (uint16_t)random_u64(r));
}

/* The beginning of a frame or of a key frame, or what belongs to the one before. */
static void put(
	struct harness *h, struct random *r, struct stream *s, const uint8_t *payload, uint16_t len)
{
	uint32_t what = random_below(r, 40);
	uint16_t flags = what == 0   ? PLAIN_FRAME_START | PLAIN_KEYFRAME
			 : what < 16 ? PLAIN_FRAME_START
				     : 0;
	uint32_t timestamp = s->last_timestamp;

	if (flags != 0)
		timestamp = (uint32_t)random_u64(r);
	s->last_timestamp = timestamp;
	memcpy(plain_ring_reserve(&s->ring, len), payload, len);
	clock_arrival(&s->clock, timestamp, h->w->wall_ns);
	worker_queue_audience(h->w, &s->audience);
	plain_ring_commit(&s->ring, len, timestamp, flags, h->w->now_ns);
}

static void put_some(struct harness *h, struct random *r, struct stream *s)
{
	uint8_t payload[64];
	uint32_t n = random_below(r, 30) == 0 ? 100 : random_below(r, 4); /* more than the ring */

	if (random_below(r, 10) == 0)
		plain_ring_skip(&s->ring, random_below(r, 200), h->w->now_ns);
	while (n-- > 0) {
		random_bytes(r, payload, sizeof(payload));
		put(h, r, s, payload, (uint16_t)(1 + random_below(r, sizeof(payload))));
	}
}

/* The same packets once more, to their end: what repair will do. Nobody starts again
 * meanwhile: the live cursor, which says what has been sent, never goes back in life. */
static void send_again(struct harness *h, struct random *r, struct stream *s, struct history *all)
{
	uint64_t back = random_below(r, 20);
	uint64_t now = s->audience.live_next;
	uint64_t from = now;

	/* Not in the middle of a job, and no further than every viewer has been there. */
	if (s->audience.live_position != 0 || now < back)
		return;
	from -= back;
	for (uint32_t i = 0; i < s->audience.n_tracks; i++)
		if (s->audience.tracks[i]->join_index > from)
			from = s->audience.tracks[i]->join_index;
	s->audience.live_next = from;
	worker_queue_audience(h->w, &s->audience);
	while (s->audience.live_next < now) {
		fanout_stage(h->w);
		protect_all(h, all);
	}
}

static void history_init(struct history *all)
{
	const char *wanted = getenv("MILLRACE_NONCE_PACKETS");

	*all = (struct history){.wanted = wanted != NULL ? strtoull(wanted, NULL, 10) : PACKETS};
	all->slots = rte_align64pow2(all->wanted + all->wanted / 2);
	all->slot = calloc(all->slots, sizeof(all->slot[0]));
	assert_non_null(all->slot);
}

static void test_no_nonce_twice(void **state)
{
	struct stream *streams[MR_VIEWER_TRACKS];
	struct history all;
	struct harness h;
	struct random r;

	history_init(&all);
	harness_init(&h);
	random_init(&r, 7714);
	streams[0] = harness_stream(&h, MR_KIND_VIDEO, 90000, 64);
	streams[1] = harness_stream(&h, MR_KIND_AUDIO, 48000, 64);
	while (all.packets < all.wanted) {
		struct worker *w = h.w;
		struct stream *s = streams[random_below(&r, 2)];
		uint32_t what = random_below(&r, 100);
		struct viewer *v =
			w->n_viewers > 0 ? w->viewers[random_below(&r, w->n_viewers)] : NULL;
		/* The harness makes a bounded number of viewers: spread over the run, and
		 * nobody leaves while nobody may come. */
		bool may_join = h.n_viewers < LIVE_MAX ||
				h.n_viewers < HARNESS_VIEWERS * all.packets / all.wanted;

		w->start = (enum worker_start)random_below(&r, 3);
		harness_advance(&h, random_below(&r, 10 * MS));
		if (what < 6 && w->n_viewers < LIVE_MAX && may_join)
			join(&h, &r, streams);
		else if (what < 10 && v != NULL && may_join)
			harness_leave(&h, v);
		else if (what < 15 && v != NULL)
			rejoin(&h, &v->track[random_below(&r, 2)]);
		else if (what < 17 && v != NULL)
			begin_again(&h, &r, &v->track[0]);
		else if (what < 20)
			send_again(&h, &r, s, &all);
		else if (what < 26 && v != NULL)
			complain(&h, &r, &v->track[random_below(&r, 2)], &all);
		else if (what < 36 && v != NULL)
			ask_again(&h, &r, &v->track[random_below(&r, 2)]);
		else if (what < 65)
			put_some(&h, &r, s);
		else
			turn(&h, &all);
	}
	printf("%llu packets, %llu nonces, %llu of them again, %llu repairs, highest index %llu, "
	       "%u viewers, %llu copies on the way from a key frame, %u times given up, %llu times "
	       "started again\n",
		(unsigned long long)all.packets, (unsigned long long)all.used,
		(unsigned long long)all.again, (unsigned long long)h.w->stats->repairs,
		(unsigned long long)all.highest, h.n_viewers, (unsigned long long)all.shifted,
		all.given_up, (unsigned long long)h.w->stats->refreshes);
	assert_true(all.shifted > all.wanted / 30);
	assert_true(all.given_up > 20);
	assert_true(h.w->stats->refreshes > 50);
	assert_true(all.used > all.wanted / 3);
	assert_true(all.again > all.wanted / 100);
	assert_true(h.w->stats->repairs > all.wanted / 200);
	assert_true(all.highest > 0x20000);
	free(all.slot);
	harness_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_nonce_twice),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
