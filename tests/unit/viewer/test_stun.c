/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of dataplane/viewer/stun.c: RFC 5769's request, checks made and replies
 * judged by libnice, and what is cut, changed or built wrong. One thread.
 */
#include "dataplane/viewer/stun.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <stun/usages/ice.h>

#include <cmocka.h>

#define LOCAL "abcdefghijkl"
#define REMOTE "peer"
#define PWD "ABCDEFGHIJKLMNOPQRSTUVWX"

static struct crypto_device *device;

static struct hmac_sha1_key key_of(const char *pwd)
{
	struct hmac_sha1_key key;

	assert_int_equal(hmac_sha1_init(device, &key, pwd, strlen(pwd)), 0);
	return key;
}

/* A check as a browser's; the agent that made it can judge the reply. */
static size_t make_check(StunAgent *client, uint8_t *buffer, size_t size, const char *username,
	const char *pwd, bool controlling)
{
	StunMessage message;

	stun_agent_init(client, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	return stun_usage_ice_conncheck_create(client, &message, buffer, size,
		(const uint8_t *)username, strlen(username), (const uint8_t *)pwd, strlen(pwd),
		true, controlling, 12345, 77, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

static bool is_for_us(const struct binding_request *r)
{
	return binding_request_is_for(r, LOCAL, strlen(LOCAL), REMOTE, strlen(REMOTE));
}

/* RFC 5769 2.1 */
static const uint8_t rfc5769_request[] = "\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34"
					 "\xd6\x86\xfa\x87\xdf\xae\x80\x22\x00\x10"
					 "STUN test client"
					 "\x00\x24\x00\x04\x6e\x00\x01\xff"
					 "\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
					 "\x00\x06\x00\x09"
					 "evtj:h6vY   "
					 "\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e"
					 "\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2"
					 "\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

static void test_rfc5769(void **state)
{
	struct hmac_sha1_key key = key_of("VOkJxbRl1RmTxUk/WvJxBt");
	struct binding_request r;

	assert_int_equal(
		binding_request_parse(rfc5769_request, sizeof(rfc5769_request) - 1, &r), 0);
	assert_true(r.fingerprint);
	assert_true(r.controlled);
	assert_false(r.unknown_required);
	assert_true(binding_request_is_for(&r, "evtj", 4, "h6vY", 4));
	assert_int_equal(binding_request_authenticate(device, &key, rfc5769_request, &r), 0);
}

static void test_exchange_with_libnice(void **state)
{
	static const struct {
		const char *why;
		const char *address;
		int family;
	} cases[] = {
		{"IPv4 is kept v4-mapped and told as IPv4", "::ffff:192.0.2.7", AF_INET},
		{"IPv6 is XORed with the transaction, too", "2001:db8:1234::7", AF_INET6},
		{"an IPv6 address that looks almost mapped", "::fffe:192.0.2.7", AF_INET6},
	};
	struct hmac_sha1_key key = key_of(PWD);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mr_endpoint remote = {.port = htons(40123)};
		struct sockaddr_storage mapped = {0};
		struct sockaddr_in *in = (struct sockaddr_in *)&mapped;
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&mapped;
		socklen_t mapped_len = sizeof(mapped);
		uint8_t request[512], reply[BINDING_REPLY_MAX];
		struct binding_request r;
		StunMessage message;
		StunAgent client;
		size_t n;
		int len;

		assert_int_equal(inet_pton(AF_INET6, cases[i].address, remote.addr), 1);
		n = make_check(&client, request, sizeof(request), LOCAL ":" REMOTE, PWD, true);
		assert_true(n > 0);
		assert_int_equal(binding_request_parse(request, n, &r), 0);
		assert_true(is_for_us(&r) && r.fingerprint && !r.controlled && !r.unknown_required);
		assert_int_equal(binding_request_authenticate(device, &key, request, &r), 0);

		len = binding_reply_format(device, &key, &r, &remote, reply, sizeof(reply));
		assert_in_range(len, STUN_HEADER_LEN, 2 * n);
		assert_int_equal(
			stun_agent_validate(&client, &message, reply, (size_t)len, NULL, NULL),
			STUN_VALIDATION_SUCCESS);
		assert_int_equal(stun_usage_ice_conncheck_process(&message, &mapped, &mapped_len,
					 STUN_USAGE_ICE_COMPATIBILITY_RFC5245),
			STUN_USAGE_ICE_RETURN_SUCCESS);
		if (mapped.ss_family != cases[i].family)
			fail_msg("%s", cases[i].why);
		assert_int_equal(in->sin_port, htons(40123)); /* at the same place in both */
		if (mapped.ss_family == AF_INET)
			assert_memory_equal(&in->sin_addr, remote.addr + 12, 4);
		else
			assert_memory_equal(&in6->sin6_addr, remote.addr, 16);
	}
}

static void test_not_for_us(void **state)
{
	static const struct {
		const char *why;
		const char *username;
		const char *pwd;
		bool for_us;
		bool authentic;
	} cases[] = {
		{"right", LOCAL ":" REMOTE, PWD, true, true},
		{"wrong password", LOCAL ":" REMOTE, "ABCDEFGHIJKLMNOPQRSTUVWY", true, false},
		{"another session's local part", "abcdefghijkm:" REMOTE, PWD, false, true},
		{"another peer", LOCAL ":pees", PWD, false, true},
		{"turned round", REMOTE ":" LOCAL, PWD, false, true},
		{"a prefix", LOCAL ":pee", PWD, false, true},
		{"longer", LOCAL ":peers", PWD, false, true},
		{"no colon", LOCAL "+" REMOTE, PWD, false, true},
	};
	struct hmac_sha1_key key = key_of(PWD);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct binding_request r;
		uint8_t request[512];
		StunAgent client;
		size_t n = make_check(
			&client, request, sizeof(request), cases[i].username, cases[i].pwd, true);

		assert_int_equal(binding_request_parse(request, n, &r), 0);
		if (is_for_us(&r) != cases[i].for_us ||
			(binding_request_authenticate(device, &key, request, &r) == 0) !=
				cases[i].authentic)
			fail_msg("%s", cases[i].why);
	}
}

static void test_role_conflict(void **state)
{
	struct binding_request r;
	uint8_t request[512];
	StunAgent client;
	size_t n = make_check(&client, request, sizeof(request), LOCAL ":" REMOTE, PWD, false);

	assert_int_equal(binding_request_parse(request, n, &r), 0);
	assert_true(r.controlled);
}

/* Built by hand: header with the right length, attributes as given. */
static size_t build(uint8_t *out, uint16_t type, const void *attributes, size_t len)
{
	static const uint8_t head[] = {
		0, 0, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

	memcpy(out, head, sizeof(head));
	out[0] = (uint8_t)(type >> 8);
	out[1] = (uint8_t)type;
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
	memcpy(out + sizeof(head), attributes, len);
	return sizeof(head) + len;
}

#define BYTES(s) (s), sizeof(s) - 1
#define DIGEST                                                                                     \
	"\0\10\0\24"                                                                               \
	"12345678901234567890"

static void test_shapes(void **state)
{
	static const struct {
		const char *why;
		uint16_t type;
		const char *attributes;
		size_t len;
		int rc;
		bool unknown_required;
	} cases[] = {
		{"no attribute at all", 0x0001, BYTES(""), 0, false},
		{"a Binding indication", 0x0011, BYTES(""), -ENOMSG, false},
		{"a success response", 0x0101, BYTES(""), -ENOMSG, false},
		{"TURN's Allocate", 0x0003, BYTES(""), -ENOMSG, false},
		{"first bits of RTP", 0x8001, BYTES(""), -EBADMSG, false},
		{"an attribute without its value", 0x0001, BYTES("\0\6\0\4"), -EBADMSG, false},
		{"a value longer than the message", 0x0001, BYTES("\0\6\0\5abcd"), -EBADMSG, false},
		{"the longest length", 0x0001, BYTES("\0\44\377\377abcd"), -EBADMSG, false},
		{"an empty user name", 0x0001, BYTES("\0\6\0\0"), -EBADMSG, false},
		{"padding of a value", 0x0001, BYTES("\0\6\0\1a\0\0\0"), 0, false},
		{"no multiple of 4", 0x0001, BYTES("\0\6\0\1a"), -EBADMSG, false},
		{"integrity of 16 bytes", 0x0001,
			BYTES("\0\10\0\20"
			      "1234567890123456"),
			-EBADMSG, false},
		{"integrity, fingerprint wrong", 0x0001, BYTES(DIGEST "\200\50\0\4abcd"), -EBADMSG,
			false},
		{"fingerprint of 8 bytes", 0x0001, BYTES("\200\50\0\10abcdefgh"), -EBADMSG, false},
		{"fingerprint is not the last", 0x0001, BYTES("\200\50\0\4abcd\0\45\0\0"), -EBADMSG,
			false},
		{"unknown, required", 0x0001, BYTES("\0\140\0\0"), 0, true},
		{"unknown, optional", 0x0001, BYTES("\300\1\0\4abcd"), 0, false},
		{"unknown behind the integrity", 0x0001, BYTES(DIGEST "\0\140\0\0"), 0, false},
		{"USE-CANDIDATE and PRIORITY", 0x0001, BYTES("\0\45\0\0\0\44\0\4abcd"), 0, false},
	};
	uint8_t message[256];
	struct binding_request r;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = build(message, cases[i].type, cases[i].attributes, cases[i].len);

		if (binding_request_parse(message, n, &r) != cases[i].rc ||
			(cases[i].rc == 0 && r.unknown_required != cases[i].unknown_required))
			fail_msg("%s", cases[i].why);
	}
	build(message, 0x0001, "", 0);
	message[5] ^= 1;
	assert_int_equal(binding_request_parse(message, STUN_HEADER_LEN, &r), -EBADMSG);
	message[5] ^= 1;
	message[3] = 4;
	assert_int_equal(binding_request_parse(message, STUN_HEADER_LEN, &r), -EBADMSG);
}

static void test_too_long(void **state)
{
	static uint8_t attributes[BINDING_REQUEST_MAX];
	static uint8_t message[2 * BINDING_REQUEST_MAX];
	struct binding_request r;
	size_t n;

	/* Zeros are attributes of type 0, required and unknown. */
	n = build(message, 0x0001, attributes, BINDING_REQUEST_MAX - STUN_HEADER_LEN);
	assert_int_equal(binding_request_parse(message, n, &r), 0);
	n = build(message, 0x0001, attributes, BINDING_REQUEST_MAX - STUN_HEADER_LEN + 4);
	assert_int_equal(binding_request_parse(message, n, &r), -EBADMSG);
}

/* Every length, as it is and with the header's length made to fit; in memory of
 * just that size, so that sanitizers see a byte too much. */
static void test_truncated(void **state)
{
	struct hmac_sha1_key key = key_of(PWD);
	struct binding_request r;
	uint8_t request[512];
	StunAgent client;
	size_t n = make_check(&client, request, sizeof(request), LOCAL ":" REMOTE, PWD, true);

	for (size_t len = 0; len < n; len++) {
		uint8_t *cut = malloc(len + 1);

		assert_non_null(cut);
		cut++; /* odd on purpose: the parser needs no alignment */
		memcpy(cut, request, len);
		assert_int_equal(binding_request_parse(cut, len, &r), -EBADMSG);
		if (len >= STUN_HEADER_LEN) {
			cut[2] = (uint8_t)((len - STUN_HEADER_LEN) >> 8);
			cut[3] = (uint8_t)(len - STUN_HEADER_LEN);
			/* Without its fingerprint a request is whole. */
			if (binding_request_parse(cut, len, &r) == 0 && len != n - 8)
				assert_int_not_equal(
					binding_request_authenticate(device, &key, cut, &r), 0);
		}
		free(cut - 1);
	}
}

/* Whatever bit flips, what is still taken for authentic says the same. */
static void test_flipped_bits(void **state)
{
	struct hmac_sha1_key key = key_of(PWD);
	struct binding_request r;
	uint8_t request[512];
	StunAgent client;
	size_t n = make_check(&client, request, sizeof(request), LOCAL ":" REMOTE, PWD, true);

	for (size_t bit = 0; bit < n * 8; bit++) {
		request[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (binding_request_parse(request, n, &r) == 0 && is_for_us(&r) &&
			binding_request_authenticate(device, &key, request, &r) == 0)
			/* The type of what was the fingerprint: behind the signature. */
			assert_in_range(bit / 8, n - 8, n - 7);
		request[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void test_reply_needs_room(void **state)
{
	struct hmac_sha1_key key = key_of(PWD);
	struct mr_endpoint remote = {.port = htons(1)};
	uint8_t reply[BINDING_REPLY_MAX];
	struct binding_request r;

	assert_int_equal(
		binding_request_parse(rfc5769_request, sizeof(rfc5769_request) - 1, &r), 0);
	assert_int_equal(
		binding_reply_format(device, &key, &r, &remote, reply, sizeof(reply) - 1), -ENOSPC);
	assert_int_equal(binding_reply_format(device, &key, &r, &remote, reply, sizeof(reply)),
		BINDING_REPLY_MAX);
}

static int setup(void **state)
{
	device = crypto_device_create("ipsec-mb");
	return device == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	crypto_device_destroy(device);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc5769),
		cmocka_unit_test(test_exchange_with_libnice),
		cmocka_unit_test(test_not_for_us),
		cmocka_unit_test(test_role_conflict),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_reply_needs_room),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
