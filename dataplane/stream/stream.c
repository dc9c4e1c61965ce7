/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making and unmaking of streams (main thread), and the worker's operations on
 * one as a whole. What happens to its packets: pipeline/stream_input.c.
 */
#include "dataplane/stream/stream.h"

#include <errno.h>
#include <rte_malloc.h>
#include <string.h>

static uint32_t power_of_two_above(uint32_t n, uint32_t least)
{
	uint32_t p = least;

	while (p < n)
		p *= 2;
	return p;
}

struct stream *stream_create(
	const struct mr_stream_add *add, const char *path_name, struct mr_stats_stream *stats)
{
	struct stream *s = rte_zmalloc("stream", sizeof(*s), 64);

	if (s == NULL)
		goto err_nothing;
	s->id = add->stream_id;
	s->path_id = add->path_id;
	s->clock_rate = add->clock_rate;
	s->max_payload = add->max_payload;
	s->kind = add->kind;
	s->codec = add->codec;
	s->stats = stats;
	strncpy(s->path_name, path_name, sizeof(s->path_name) - 1);
	rtp_receiver_init(&s->receiver, add->clock_rate);
	if (plain_ring_init(&s->ring, power_of_two_above(add->ring_packets, 64),
		    power_of_two_above(add->ring_bytes, 16384)) != 0)
		goto err_stream;
	s->repack = repack_create(add->codec, add->max_payload);
	if (s->repack == NULL)
		goto err_ring;
	if (audience_init(&s->audience, s, s->worker) != 0)
		goto err_repack;
	return s;

err_repack:
	repack_destroy(s->repack);
err_ring:
	plain_ring_fini(&s->ring);
err_stream:
	rte_free(s);
err_nothing:
	errno = ENOMEM;
	return NULL;
}

void stream_destroy(struct stream *s)
{
	struct input_packet p;
	uint64_t gap;

	if (s == NULL)
		return;
	while (reorder_take_before(&s->reorder, UINT64_MAX, &p, &gap) == 1)
		rte_pktmbuf_free(p.mbuf);
	audience_fini(&s->audience);
	repack_destroy(s->repack);
	plain_ring_fini(&s->ring);
	rte_free(s);
}

void stream_bind(struct stream *s, const struct mr_stream_bind *bind)
{
	s->bind = *bind;
	s->started = false;
	s->silent = false;
	rtp_receiver_restart(&s->receiver);
	repack_reset(s->repack, bind->parameter_sets, bind->parameter_sets_len);
	if (s->path_clock != NULL)
		clock_forget_reports(s->path_clock);
}

void stream_report(struct stream *s, uint32_t rtp, uint64_t ntp, int64_t wall_ns)
{
	/* Before the first packet, output time is not known. */
	if (!s->started)
		return;
	clock_report(s->path_clock, &s->clock, rtp + s->timestamp_offset, ntp, wall_ns);
	atomic_store_explicit(
		&s->stats->synchronized, s->path_clock->synchronized, memory_order_relaxed);
}
