/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The viewer's end of SRTCP for test_feedback.c: builds RTCP by the RFC's
 * drawings and has libsrtp2 protect it.
 */
#ifndef TESTS_UNIT_PIPELINE_FEEDBACK_SCENE_H
#define TESTS_UNIT_PIPELINE_FEEDBACK_SCENE_H

#include "tests/unit/pipeline/harness.h"

#include "dataplane/viewer/rtcp.h"
#include "tests/unit/crypto/oracle.h"

#include <rte_byteorder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define REPORTER 0x00000001u /* what browsers call their receivers */
#define OTHER 0x0000beefu

/* A packet under construction. */
struct packet {
	uint8_t bytes[512 + ORACLE_TRAILER];
	size_t len;
};

static inline void add32(struct packet *p, uint32_t v)
{
	v = rte_cpu_to_be_32(v);
	memcpy(p->bytes + p->len, &v, sizeof(v));
	p->len += sizeof(v);
}

static inline void add_header(struct packet *p, uint8_t count, uint8_t type, uint16_t words)
{
	add32(p, 0x80000000u | (uint32_t)count << 24 | (uint32_t)type << 16 | words);
}

static inline void add_rr(struct packet *p, uint32_t reporter, uint8_t blocks)
{
	add_header(p, blocks, RTCP_RR, (uint16_t)(1 + 6 * blocks));
	add32(p, reporter);
}

static inline void add_block(struct packet *p, const struct rtcp_block *b)
{
	add32(p, b->ssrc);
	add32(p, (uint32_t)b->fraction_lost << 24 | ((uint32_t)b->cumulative_lost & 0xffffff));
	add32(p, b->highest);
	add32(p, b->jitter);
	add32(p, b->last_sr);
	add32(p, b->delay_since_sr);
}

static inline void add_report(struct packet *p, uint32_t reporter, uint32_t ssrc)
{
	const struct rtcp_block b = {.ssrc = ssrc};

	add_rr(p, reporter, 1);
	add_block(p, &b);
}

static inline void add_bye(struct packet *p, uint32_t ssrc)
{
	add_header(p, 1, RTCP_BYE, 1);
	add32(p, ssrc);
}

static inline void add_pli(struct packet *p, uint32_t ssrc)
{
	add_header(p, RTCP_FMT_PLI, RTCP_PSFB, 2);
	add32(p, REPORTER);
	add32(p, ssrc);
}

/* One viewer with two tracks and its own end of SRTCP. */
struct scene {
	struct harness h;
	struct stream *video;
	struct stream *audio;
	struct viewer *v;
	struct oracle *sender;   /* the viewer's SRTCP */
	struct oracle *receiver; /* our SRTCP, as the viewer reads it */
};

static inline void scene_init(struct scene *c, uint16_t profile)
{
	static const uint32_t reporters[] = {REPORTER, OTHER};
	struct stream *streams[MR_VIEWER_TRACKS];
	struct mr_viewer_add add;
	struct srtp_master m;
	uint32_t ssrcs[MR_VIEWER_TRACKS];

	harness_init(&c->h);
	streams[0] = c->video = harness_stream(&c->h, MR_KIND_VIDEO, 90000, 64);
	streams[1] = c->audio = harness_stream(&c->h, MR_KIND_AUDIO, 48000, 64);
	add = harness_viewer_add(&c->h, profile, streams);
	c->v = harness_join(&c->h, &add, streams);
	m = harness_master(c->v->id, false);
	c->sender = oracle_create(profile, m.key, m.salt, reporters, 2);
	m = harness_master(c->v->id, true);
	ssrcs[0] = c->v->track[0].ssrc;
	ssrcs[1] = c->v->track[1].ssrc;
	c->receiver = oracle_create(profile, m.key, m.salt, ssrcs, 2);
	harness_advance(&c->h, SECOND);
}

static inline void scene_fini(struct scene *c)
{
	oracle_destroy(c->sender);
	oracle_destroy(c->receiver);
	harness_fini(&c->h);
}

static inline void protect(struct scene *c, struct packet *p)
{
	int len = oracle_protect_rtcp(c->sender, p->bytes, (int)p->len);

	assert_true(len > 0);
	p->len = (size_t)len;
}

static inline void give(struct scene *c, const void *data, size_t len)
{
	struct worker *w = c->h.w;

	w->in.srtcp.pkts[w->in.srtcp.n++] = harness_datagram(&c->h, c->v, PACKET_SRTCP, data, len);
	w->moved = false;
	feedback_stage(w);
	assert_true(w->moved);
	assert_int_equal(w->in.srtcp.n, 0);
}

static inline void say(struct scene *c, struct packet *p)
{
	protect(c, p);
	give(c, p->bytes, p->len);
}

static inline void forget_notices(struct scene *c)
{
	struct notice n;

	while (harness_notice(&c->h, &n))
		;
}

#endif
