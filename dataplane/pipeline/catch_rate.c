/* SPDX-License-Identifier: BSD-3-Clause */
/* See catch_rate.h. Runs on the worker's lcore. */
#include "dataplane/pipeline/catch_rate.h"

#include "dataplane/stream/plain_ring.h"

#include <rte_common.h>

#define MS_NS 1000000ull
#define SECOND_NS 1000000000ull
#define RATE_FIRST 3             /* times the stream's rate, to begin with */
#define RATE_RISE 20             /* times the stream's rate, more in each second */
#define RATE_RISE_SLOW 4         /* 1/4 of the rate more in each second, below a known wire */
#define KEYFRAME_PER_S 10        /* the key frame should be over in 1/10 s */
#define JUDGED_LEAST 32u         /* packets; of fewer a lost one says nothing */
#define AFTER_NS (2 * SECOND_NS) /* since it has caught up */
#define BELOW 16u                /* the rate is 1/16 below what the wire carries */
#define JUDGED_SHARE 16u         /* 1/16 lost: the pause was enough */
#define WATCH_NS (10 * MS_NS)    /* from the first loss on, whether others follow */
#define CHANCE_FREE 2u           /* packets that may be lost then, by chance, */
#define CHANCE_SHARE 8u          /* and 1/8 of those that were sent */
#define PAUSE_LEAST_NS (5 * MS_NS)
#define JUDGE_LEAST_NS (20 * MS_NS)
#define JUDGE_MOST_NS (200 * MS_NS)
#define MEAN_PACKETS 16u /* of whose sizes the mean is */
#define CUTS_AT_FLOOR 4  /* in a row; then the wire carries not even that */

static_assert(PLAIN_PAYLOAD_MAX * MEAN_PACKETS + PLAIN_PAYLOAD_MAX <= UINT16_MAX, "mean_size");

static uint64_t rate_floor(const struct catch_up *c)
{
	return c->stream_rate + c->stream_rate / 2;
}

static uint64_t rate_now(const struct catch_up *c)
{
	return c->judge_ns != 0 && !c->watching ? RTE_MAX(c->rate / 2, rate_floor(c)) : c->rate;
}

uint64_t catch_rate_ns(const struct catch_up *c, uint64_t bytes)
{
	return bytes * SECOND_NS / rate_now(c);
}

bool catch_rate_after(const struct catch_up *c, uint64_t now_ns)
{
	return c->stream_rate != 0 && now_ns - c->rated_ns < AFTER_NS;
}

/* What the stream leaves of a wire that is known; of another one so little that a wire
 * which carries twice the stream is not filled. */
uint64_t catch_rate_after_ns(const struct catch_up *c, uint64_t bytes, uint64_t now_ns)
{
	uint64_t stream = c->stream_rate;
	uint64_t rate = c->slow ? RTE_MAX(stream, c->rate - stream) : stream * 3 / 4;

	if (!catch_rate_after(c, now_ns))
		return 0;
	return bytes * SECOND_NS / rate;
}

void catch_rate_begin(
	struct catch_up *c, uint64_t stream_rate, uint64_t key_bytes, uint64_t top, uint64_t now_ns)
{
	uint64_t first;

	c->stream_rate = (uint32_t)RTE_MIN(stream_rate, (uint64_t)UINT32_MAX / 2);
	c->top = (uint32_t)RTE_MIN(top, (uint64_t)UINT32_MAX);
	first = RTE_MAX(stream_rate * RATE_FIRST, key_bytes * KEYFRAME_PER_S);
	c->rate = (uint32_t)RTE_MIN(first, (uint64_t)c->top);
	c->rated_ns = now_ns;
}

/* [bytes/s] more in each second */
static uint64_t rise(const struct catch_up *c)
{
	return c->slow ? c->rate / RATE_RISE_SLOW : (uint64_t)c->stream_rate * RATE_RISE;
}

/* A mean that follows the last 16 packets or so. */
void catch_rate_sent(struct catch_up *c, uint16_t bytes)
{
	if (c->mean_size == 0)
		c->mean_size = (uint16_t)(bytes * MEAN_PACKETS);
	else
		c->mean_size = (uint16_t)(c->mean_size - c->mean_size / MEAN_PACKETS + bytes);
}

/* How long it took to send so many packets, up to now. */
static uint64_t sent_in_ns(const struct viewer_track *t, uint64_t packets)
{
	const struct catch_up *c = &t->catch_up;

	return packets * c->mean_size * (SECOND_NS / MEAN_PACKETS) / RTE_MAX(c->rate, 1u);
}

/* The wire is full: all that has been sent since the first lost packet is judged. */
static void cut(struct viewer_track *t, uint32_t first, uint64_t now_ns)
{
	struct catch_up *c = &t->catch_up;
	uint32_t packets = (uint32_t)t->next_index - first;
	/* From a packet that found the queue full to the NACK for it: so much was in the
	 * queue, and on the way. */
	uint64_t delay_ns = RTE_MIN(sent_in_ns(t, packets), JUDGE_MOST_NS);

	c->watching = false;
	c->judged = RTE_MAX(packets, JUDGED_LEAST);
	c->judge_end = t->next_index;
	c->delay_ms = (uint16_t)(delay_ns / MS_NS);
	c->paced_ns = now_ns + RTE_MAX(delay_ns / 2, PAUSE_LEAST_NS);
	c->judge_ns = now_ns + RTE_MAX(delay_ns, JUDGE_LEAST_NS);
}

void catch_rate_lost(struct viewer_track *t, uint64_t index, uint64_t now_ns)
{
	struct catch_up *c = &t->catch_up;

	if (c->judge_ns == 0) {
		if (index < c->judge_end)
			return;
		c->lost = 1;
		c->newest_lost = (uint32_t)index;
		if (c->slow) {
			cut(t, (uint32_t)index, now_ns);
			return;
		}
		c->watching = true;
		c->first_lost = (uint32_t)index;
		c->judge_end = t->next_index;
		c->judge_ns = now_ns + WATCH_NS;
		/* Repairs would only find a full queue. */
		repair_not_before(&t->viewer->repair, c->judge_ns);
	} else if ((int32_t)((uint32_t)index - c->newest_lost) > 0 &&
		   (c->watching || index < c->judge_end)) {
		c->newest_lost = (uint32_t)index;
		c->lost++;
	}
}

void catch_rate_left_out(struct catch_up *c, uint64_t packets)
{
	c->judge_end += packets;
	if (c->judge_ns == 0)
		return;
	c->newest_lost += (uint32_t)packets;
	if (c->watching)
		c->first_lost += (uint32_t)packets;
}

/* A first loss may be one by chance: no others have followed it, or few. */
static void watched(struct viewer_track *t, uint64_t now_ns)
{
	struct catch_up *c = &t->catch_up;
	uint64_t since = t->next_index - c->judge_end;

	if (c->lost > CHANCE_FREE + since / CHANCE_SHARE) {
		cut(t, c->first_lost, now_ns);
		return;
	}
	c->watching = false;
	c->judge_ns = 0;
	/* What is behind the newest one may still be lost. */
	c->judge_end = t->next_index + 1 - ((uint32_t)t->next_index - c->newest_lost);
}

static bool judge(struct viewer_track *t)
{
	struct catch_up *c = &t->catch_up;
	uint64_t took_ns = RTE_MIN(sent_in_ns(t, c->judged), SECOND_NS);
	uint64_t lost = RTE_MIN(c->lost, c->judged);
	/* It rose meanwhile. */
	uint64_t risen = rise(c) * took_ns / SECOND_NS / 2;
	uint64_t rate = c->rate - RTE_MIN(risen, (uint64_t)c->rate / 2);
	uint64_t wire = rate * (c->judged - lost) / c->judged;
	uint64_t below = wire - wire / BELOW;
	bool by_chance = lost <= c->judged / JUDGED_SHARE;

	if (!by_chance) {
		c->slow = true;
		c->rate = (uint32_t)RTE_MAX(below, rate_floor(c));
	}
	c->judge_end = t->next_index;
	c->judge_ns = 0;
	if (by_chance || wire > rate_floor(c)) {
		c->cuts_at_floor = 0;
		return true;
	}
	return ++c->cuts_at_floor < CUTS_AT_FLOOR;
}

bool catch_rate_turn(struct viewer_track *t, uint64_t now_ns)
{
	struct catch_up *c = &t->catch_up;
	uint64_t passed = RTE_MIN(now_ns - c->rated_ns, 100 * MS_NS);

	c->rated_ns = now_ns;
	if (c->judge_ns == 0)
		c->rate = (uint32_t)RTE_MIN(c->rate + rise(c) * passed / SECOND_NS, c->top);
	else if (now_ns >= c->judge_ns && c->watching)
		watched(t, now_ns);
	else if (now_ns >= c->judge_ns)
		return judge(t);
	return true;
}
