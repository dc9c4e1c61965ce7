/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/pipeline/consent.c: libnice's agent asks, and judges the
 * answers; what is not a viewer's consent goes up or is dropped by name.
 */
#include "tests/unit/pipeline/harness.h"

#include "dataplane/viewer/stun.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <stun/usages/ice.h>

#include <cmocka.h>

struct check {
	StunAgent agent; /* made it, and can judge the reply */
	uint8_t bytes[512];
	size_t len;
};

static void agent_init(StunAgent *agent)
{
	stun_agent_init(agent, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
}

static void make_check(
	struct check *c, const char *username, const char *pwd, bool nominate, bool controlling)
{
	StunMessage message;

	agent_init(&c->agent);
	c->len = stun_usage_ice_conncheck_create(&c->agent, &message, c->bytes, sizeof(c->bytes),
		(const uint8_t *)username, strlen(username), (const uint8_t *)pwd, strlen(pwd),
		nominate, controlling, 12345, 77, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	assert_true(c->len > 0);
}

static void username_of(const struct viewer *v, char username[64])
{
	char local[MR_CNAME_MAX];

	harness_local_ufrag(v->id, local);
	snprintf(username, 64, "%s:" HARNESS_REMOTE_UFRAG, local);
}

static void make_own_check(struct check *c, const struct viewer *v)
{
	char username[64];

	username_of(v, username);
	make_check(c, username, HARNESS_PWD, true, true);
}

static void give(struct harness *h, struct viewer *v, const void *data, size_t len)
{
	h->w->in.stun.pkts[h->w->in.stun.n++] = harness_datagram(h, v, PACKET_STUN, data, len);
}

static void run(struct harness *h)
{
	h->w->moved = false;
	consent_stage(h->w);
	assert_true(h->w->moved);
	assert_int_equal(h->w->in.stun.n, 0);
}

static struct viewer *viewer_at(struct harness *h, const char *address)
{
	struct stream *none[MR_VIEWER_TRACKS] = {0};
	struct mr_viewer_add add = harness_viewer_add(h, SRTP_PROFILE_GCM_128, none);

	assert_int_equal(inet_pton(AF_INET6, address, add.remote.addr), 1);
	return harness_join(h, &add, none);
}

static void test_answered(void **state)
{
	static const char *const addresses[] = {"::ffff:192.0.2.7", "2001:db8::7"};

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct sockaddr_storage mapped = {0};
		socklen_t mapped_len = sizeof(mapped);
		struct rte_mbuf *m;
		StunMessage reply;
		struct harness h;
		struct viewer *v;
		struct check c;

		harness_init(&h);
		v = viewer_at(&h, addresses[i]);
		harness_advance(&h, 5 * SECOND);
		make_own_check(&c, v);
		give(&h, v, c.bytes, c.len);
		run(&h);

		assert_int_equal(h.w->raw.n, 1);
		m = h.w->raw.pkts[0];
		assert_ptr_equal(packet_meta(m)->viewer, v);
		assert_in_range(rte_pktmbuf_headroom(m), FRAME_HEADER_MAX, UINT16_MAX);
		assert_in_range(m->pkt_len, 1, 2 * c.len);
		assert_int_equal(stun_agent_validate(&c.agent, &reply,
					 rte_pktmbuf_mtod(m, uint8_t *), m->data_len, NULL, NULL),
			STUN_VALIDATION_SUCCESS);
		assert_int_equal(stun_usage_ice_conncheck_process(&reply, &mapped, &mapped_len,
					 STUN_USAGE_ICE_COMPATIBILITY_RFC5245),
			STUN_USAGE_ICE_RETURN_SUCCESS);
		assert_int_equal(mapped.ss_family, i == 0 ? AF_INET : AF_INET6);
		assert_int_equal(((struct sockaddr_in *)&mapped)->sin_port, v->remote.port);

		assert_int_equal(v->alive_ns, h.w->now_ns);
		assert_int_equal(v->stats->alive_ns, h.w->now_ns);
		assert_int_equal(v->stats->stun_answered, 1);
		assert_int_equal(h.w->stats->stun_answered, 1);
		harness_expect_notice(&h, MR_EVENT_VIEWER_STATE, v->id, MR_VIEWER_ALIVE);

		/* Told once. */
		make_own_check(&c, v);
		give(&h, v, c.bytes, c.len);
		run(&h);
		assert_int_equal(h.w->raw.n, 2);
		harness_no_notice(&h);
		assert_int_equal(harness_all_drops(&h), 0);
		harness_free_batch(&h.w->raw);
		harness_fini(&h);
	}
}

enum fate { ANSWERED, PUNTED, DROPPED };

static void expect_fate(struct harness *h, const char *why, enum fate fate, enum mr_drop reason)
{
	bool right = h->w->raw.n == (fate == ANSWERED) && h->w->in.punt.n == (fate == PUNTED) &&
		     harness_drops(h, reason) == (fate == DROPPED);

	if (!right)
		fail_msg("%s: %u answered, %u punted, %llu dropped", why, h->w->raw.n,
			h->w->in.punt.n, (unsigned long long)harness_drops(h, reason));
	if (fate == PUNTED)
		assert_int_equal(packet_meta(h->w->in.punt.pkts[0])->kind, PACKET_PUNT);
	harness_free_batch(&h->w->raw);
	harness_free_batch(&h->w->in.punt);
}

static void test_who_may_ask(void **state)
{
	static const struct {
		const char *why;
		const char *username; /* NULL: the viewer's */
		const char *pwd;
		bool controlling;
		enum fate fate;
	} cases[] = {
		{"the viewer, nominating or not", NULL, HARNESS_PWD, true, ANSWERED},
		{"a wrong password", NULL, "ABCDEFGHIJKLMNOPQRSTUVWx", true, DROPPED},
		{"another session's check from the same address", "other0000001:peer", HARNESS_PWD,
			true, PUNTED},
		{"the same viewer's other end", "local0000001:pair", HARNESS_PWD, true, PUNTED},
		{"a role conflict: 487 is the control plane's", NULL, HARNESS_PWD, false, PUNTED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char username[64];
		struct harness h;
		struct viewer *v;
		struct check c;
		uint64_t before;

		harness_init(&h);
		v = viewer_at(&h, "::ffff:192.0.2.7");
		before = v->alive_ns;
		harness_advance(&h, SECOND);
		username_of(v, username);
		make_check(&c, cases[i].username != NULL ? cases[i].username : username,
			cases[i].pwd, i % 2 == 0, cases[i].controlling);
		give(&h, v, c.bytes, c.len);
		run(&h);
		expect_fate(&h, cases[i].why, cases[i].fate, MR_DROP_STUN_AUTH);
		if (cases[i].fate != ANSWERED) {
			assert_int_equal(v->alive_ns, before);
			harness_no_notice(&h);
		}
		harness_fini(&h);
	}
}

static void test_other_stun(void **state)
{
	struct harness h;
	struct viewer *v;
	StunMessage message;
	StunAgent agent;
	struct check c;
	uint8_t bytes[256];
	size_t len;

	harness_init(&h);
	v = viewer_at(&h, "::ffff:192.0.2.7");

	agent_init(&agent);
	stun_agent_init_indication(&agent, &message, bytes, sizeof(bytes), STUN_BINDING);
	len = stun_agent_finish_message(&agent, &message, NULL, 0);
	give(&h, v, bytes, len);
	run(&h);
	expect_fate(&h, "a Binding indication", PUNTED, MR_DROP_STUN_MALFORMED);

	stun_agent_init_request(&agent, &message, bytes, sizeof(bytes), STUN_BINDING);
	len = stun_agent_finish_message(&agent, &message, NULL, 0);
	give(&h, v, bytes, len);
	run(&h);
	expect_fate(&h, "a request without credentials", PUNTED, MR_DROP_STUN_MALFORMED);

	make_own_check(&c, v);
	c.bytes[c.len - 1] ^= 1;
	give(&h, v, c.bytes, c.len);
	run(&h);
	expect_fate(&h, "a wrong fingerprint", DROPPED, MR_DROP_STUN_MALFORMED);
	c.bytes[c.len - 1] ^= 1;

	v->local_pwd_len = 0; /* as a session of the file */
	give(&h, v, c.bytes, c.len);
	run(&h);
	expect_fate(&h, "a viewer without ICE", PUNTED, MR_DROP_STUN_AUTH);
	harness_fini(&h);
}

static void test_truncated(void **state)
{
	struct harness h;
	struct viewer *v;
	struct check c;

	harness_init(&h);
	v = viewer_at(&h, "::ffff:192.0.2.7");
	make_own_check(&c, v);
	for (size_t len = 0; len < c.len; len++)
		give(&h, v, c.bytes, len);
	run(&h);
	assert_int_equal(harness_drops(&h, MR_DROP_STUN_MALFORMED), c.len);
	assert_int_equal(h.w->raw.n, 0);
	assert_int_equal(h.w->in.punt.n, 0);
	harness_fini(&h);
}

static void test_rate(void **state)
{
	struct harness h;
	struct viewer *v, *other;
	struct check c;
	uint64_t answered;

	harness_init(&h);
	v = viewer_at(&h, "::ffff:192.0.2.7");
	other = viewer_at(&h, "::ffff:192.0.2.8");
	make_own_check(&c, v);
	for (int i = 0; i < 200; i++)
		give(&h, v, c.bytes, c.len);
	make_own_check(&c, other);
	give(&h, other, c.bytes, c.len);
	run(&h);
	answered = v->stats->stun_answered;
	assert_in_range(answered, 50, 51);
	assert_int_equal(harness_drops(&h, MR_DROP_STUN_RATE), 200 - answered);
	assert_int_equal(other->stats->stun_answered, 1); /* nobody else pays for it */
	harness_free_batch(&h.w->raw);

	/* For ten seconds far too often: 50 a second are answered. */
	make_own_check(&c, v);
	for (int i = 0; i < 1000; i++) {
		harness_advance(&h, 10 * MS);
		give(&h, v, c.bytes, c.len);
		run(&h);
		harness_free_batch(&h.w->raw);
	}
	assert_in_range(v->stats->stun_answered, answered + 490, answered + 510);
	harness_fini(&h);
}

/* Full output batches and an empty pool: named, and nothing is lost track of. */
static void test_no_room(void **state)
{
	static struct rte_mbuf *all[HARNESS_MBUFS];
	struct harness h;
	struct viewer *v;
	struct check c;

	harness_init(&h);
	v = viewer_at(&h, "::ffff:192.0.2.7");
	make_own_check(&c, v);
	h.w->raw.n = BATCH_MAX;
	give(&h, v, c.bytes, c.len);
	run(&h);
	assert_int_equal(harness_drops(&h, MR_DROP_TX_FULL), 1);
	h.w->raw.n = 0;

	give(&h, v, c.bytes, c.len);
	assert_int_equal(rte_pktmbuf_alloc_bulk(h.w->pool, all, HARNESS_MBUFS - 1), 0);
	run(&h);
	assert_int_equal(harness_drops(&h, MR_DROP_MBUF_EMPTY), 1);
	rte_pktmbuf_free_bulk(all, HARNESS_MBUFS - 1);

	make_check(&c, "other:peer", HARNESS_PWD, true, true);
	h.w->in.punt.n = BATCH_MAX;
	give(&h, v, c.bytes, c.len);
	run(&h);
	assert_int_equal(harness_drops(&h, MR_DROP_PUNT_FULL), 1);
	h.w->in.punt.n = 0;
	harness_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_who_may_ask),
		cmocka_unit_test(test_other_stun),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, harness_eal, harness_eal_end);
}
