/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bulk SRTP held against libsrtp2: bursts that mix profiles, keys and SSRCs in
 * random order, random headers and sizes, indices that cross the ROC wrap. The
 * bytes must be those of srtp_protect(), and srtp_unprotect() must give back
 * the plain packet. One thread.
 */
#include "crypto/crypto_device.h"
#include "crypto/srtp_index.h"
#include "crypto/srtp_keys.h"
#include "tests/unit/crypto/backend.h"
#include "tests/unit/crypto/oracle.h"
#include "tests/unit/crypto/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define VIEWERS 12
#define SSRCS 2 /* per viewer, under one key */
#define BURSTS 250
#define MAX_BURST 100
#define MAX_PAYLOAD 1460 /* bytes */
#define PACKET_ROOM (76 + MAX_PAYLOAD + ORACLE_TRAILER)

struct viewer {
	struct srtp_tx tx;
	const struct srtp_profile *profile;
	struct oracle *sender, *receiver;
	uint32_t ssrc[SSRCS];
	uint64_t next[SSRCS]; /* index */
	uint64_t wraps;
};

struct bench {
	struct crypto_device *dev;
	struct random random;
	struct viewer viewers[VIEWERS];
	struct srtp_op ops[MAX_BURST];
	struct viewer *owner[MAX_BURST];
	uint8_t plain[MAX_BURST][PACKET_ROOM];
	uint8_t payload[MAX_BURST][MAX_PAYLOAD]; /* the shared source */
	uint8_t wire[MAX_BURST][PACKET_ROOM];
};

static void viewer_init(struct bench *b, struct viewer *v, unsigned int i)
{
	static const uint32_t rocs[] = {0, 1, 0x7fffffff, 0xfffffffd};
	unsigned int profiles = (unsigned int)backend_profiles();
	struct srtp_session_keys keys;
	struct srtp_master master;

	v->profile = srtp_profile_by_id(profile_ids[i % profiles]);
	random_bytes(&b->random, &master, sizeof(master));
	assert_int_equal(srtp_keys_derive(v->profile, &master, &keys, NULL), 0);
	assert_int_equal(srtp_tx_init(b->dev, &v->tx, v->profile, &keys), 0);
	for (int s = 0; s < SSRCS; s++)
		v->ssrc[s] = (uint32_t)random_u64(&b->random);
	v->sender = oracle_create(v->profile->id, master.key, master.salt, v->ssrc, SSRCS);
	v->receiver = oracle_create(v->profile->id, master.key, master.salt, v->ssrc, SSRCS);
	for (int s = 0; s < SSRCS; s++) {
		/* before the wrap, but not so near that a shuffled burst starts behind it */
		uint32_t roc = rocs[(i / profiles + (unsigned int)s) % 4];

		v->next[s] = (uint64_t)roc << 16 | (65435 - random_below(&b->random, 100));
		if (roc != 0) {
			oracle_set_roc(v->sender, v->ssrc[s], roc);
			oracle_set_roc(v->receiver, v->ssrc[s], roc);
		}
	}
}

/* A well-formed header of 12 to 76 bytes, with CSRCs and an extension at times. */
static uint16_t write_header(struct random *r, uint8_t *p, uint32_t ssrc, uint64_t index)
{
	uint32_t csrcs = random_below(r, 4) == 0 ? random_below(r, 16) : 0;
	uint32_t room = (76 - 12 - 4 * csrcs) / 4; /* words */
	bool extension = room != 0 && random_below(r, 3) == 0;
	uint32_t words = extension ? random_below(r, room) : 0;
	uint16_t len = (uint16_t)(12 + 4 * csrcs + (extension ? 4 + 4 * words : 0));

	random_bytes(r, p, len);
	p[0] = (uint8_t)(0x80 | (extension ? 0x10 : 0) | csrcs);
	p[2] = (uint8_t)(index >> 8);
	p[3] = (uint8_t)index;
	p[8] = (uint8_t)(ssrc >> 24);
	p[9] = (uint8_t)(ssrc >> 16);
	p[10] = (uint8_t)(ssrc >> 8);
	p[11] = (uint8_t)ssrc;
	if (extension) {
		p[12 + 4 * csrcs + 2] = (uint8_t)(words >> 8);
		p[12 + 4 * csrcs + 3] = (uint8_t)words;
	}
	return len;
}

static uint16_t payload_len(struct random *r)
{
	switch (random_below(r, 4)) {
	case 0:
		return (uint16_t)random_below(r, 80); /* around block sizes, and none */
	case 1:
		return (uint16_t)(MAX_PAYLOAD - random_below(r, 80));
	default:
		return (uint16_t)random_below(r, MAX_PAYLOAD + 1);
	}
}

static void fill_op(struct bench *b, uint16_t i)
{
	struct viewer *v = &b->viewers[random_below(&b->random, VIEWERS)];
	uint32_t s = random_below(&b->random, SSRCS);
	struct srtp_op *op = &b->ops[i];
	uint64_t index = v->next[s]++;

	if ((v->next[s] & 0xffff) == 0)
		v->wraps++;
	memset(op, 0xa5, sizeof(*op));
	op->tx = &v->tx;
	op->src = b->payload[i];
	op->dst = b->wire[i];
	op->index = index;
	op->ssrc = v->ssrc[s];
	op->payload_len = payload_len(&b->random);
	memset(b->wire[i], 0xee, PACKET_ROOM);
	op->hdr_len = write_header(&b->random, b->wire[i], op->ssrc, index);
	random_bytes(&b->random, b->payload[i], op->payload_len);
	memcpy(b->plain[i], b->wire[i], op->hdr_len);
	memcpy(b->plain[i] + op->hdr_len, b->payload[i], op->payload_len);
	b->owner[i] = v;
}

/* Neighbours change places: resends and reordering reach the device as well. */
static void shuffle(struct bench *b, uint16_t n)
{
	for (uint16_t i = 0; i + 1 < n; i++) {
		struct srtp_op op = b->ops[i];
		struct viewer *owner = b->owner[i];
		uint16_t j = (uint16_t)(i + random_below(&b->random, (uint32_t)(n - i)));

		b->ops[i] = b->ops[j];
		b->ops[j] = op;
		b->owner[i] = b->owner[j];
		b->owner[j] = owner;
	}
}

static void check_op(struct bench *b, const struct srtp_op *op, struct viewer *v)
{
	size_t slot = (size_t)(op->dst - b->wire[0]) / PACKET_ROOM;
	int plain_len = op->hdr_len + op->payload_len;
	alignas(4) uint8_t buf[PACKET_ROOM];
	int len;

	assert_int_equal(op->status, 0);
	assert_int_equal(op->out_len, plain_len + v->profile->rtp_tag_len);
	assert_memory_equal(op->src, b->plain[slot] + op->hdr_len, op->payload_len);
	/* nothing behind the trailer that the contract grants */
	for (size_t i = (size_t)plain_len + SRTP_MAX_TRAILER; i < PACKET_ROOM; i++)
		assert_int_equal(op->dst[i], 0xee);

	memcpy(buf, b->plain[slot], (size_t)plain_len);
	len = oracle_protect(v->sender, buf, plain_len);
	assert_int_equal(len, op->out_len);
	assert_memory_equal(op->dst, buf, (size_t)len);

	memcpy(buf, op->dst, op->out_len);
	len = oracle_unprotect(v->receiver, buf, op->out_len);
	assert_int_equal(len, plain_len);
	assert_memory_equal(buf, b->plain[slot], (size_t)plain_len);
}

static void test_bursts(void **state)
{
	static struct bench b;
	uint64_t wraps[3] = {0};

	random_init(&b.random, 20240601);
	b.dev = crypto_device_create(backend_name());
	assert_non_null(b.dev);
	for (unsigned int i = 0; i < VIEWERS; i++)
		viewer_init(&b, &b.viewers[i], i);

	for (int turn = 0; turn < BURSTS; turn++) {
		uint16_t n = (uint16_t)random_below(&b.random, MAX_BURST + 1);

		for (uint16_t i = 0; i < n; i++)
			fill_op(&b, i);
		shuffle(&b, n);
		assert_int_equal(srtp_protect_burst(b.dev, b.ops, n), n);
		for (uint16_t i = 0; i < n; i++)
			check_op(&b, &b.ops[i], b.owner[i]);
	}

	for (unsigned int i = 0; i < VIEWERS; i++) {
		struct viewer *v = &b.viewers[i];

		wraps[i % (unsigned int)backend_profiles()] += v->wraps;
		srtp_tx_fini(&v->tx);
		oracle_destroy(v->sender);
		oracle_destroy(v->receiver);
	}
	for (int i = 0; i < backend_profiles(); i++)
		assert_true(wraps[i] >= 4); /* else the test lost its purpose */
	crypto_device_destroy(b.dev);
}

/* One stream over three ROCs with jumps: what a receiver sees after losses. */
static void test_jumps(void **state)
{
	static struct bench b;

	random_init(&b.random, 20240602);
	b.dev = crypto_device_create(backend_name());
	assert_non_null(b.dev);
	for (unsigned int i = 0; i < (unsigned int)backend_profiles(); i++) {
		struct viewer *v = &b.viewers[i];

		viewer_init(&b, v, i);
		while (v->next[0] >> 16 < 4) {
			struct srtp_op *op = &b.ops[0];

			op->tx = &v->tx;
			op->src = b.payload[0];
			op->dst = b.wire[0];
			op->index = v->next[0];
			op->ssrc = v->ssrc[0];
			op->payload_len = 100;
			memset(b.wire[0], 0xee, PACKET_ROOM);
			op->hdr_len = write_header(&b.random, b.wire[0], op->ssrc, op->index);
			random_bytes(&b.random, b.payload[0], op->payload_len);
			memcpy(b.plain[0], b.wire[0], op->hdr_len);
			memcpy(b.plain[0] + op->hdr_len, b.payload[0], op->payload_len);
			assert_int_equal(srtp_protect_burst(b.dev, op, 1), 1);
			check_op(&b, op, v);
			v->next[0] += 1 + random_below(&b.random, 8000);
		}
		srtp_tx_fini(&v->tx);
		oracle_destroy(v->sender);
		oracle_destroy(v->receiver);
	}
	crypto_device_destroy(b.dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_jumps),
	};

	oracle_library_init();
	return cmocka_run_group_tests(tests, backend_eal, backend_eal_end);
}
