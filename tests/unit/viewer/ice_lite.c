/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/viewer/ice_lite.c; the client is libnice's. */
#include "controlplane/viewer/ice_lite.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <stun/usages/ice.h>

#include <cmocka.h>

#define UFRAG "abcdefghijkl"
#define PWD "ABCDEFGHIJKLMNOPQRSTUVWX"

static bool lookup(const char *local_ufrag, struct ice_lite_user *out, void *arg)
{
	if (strcmp(local_ufrag, UFRAG) != 0)
		return false;
	out->pwd = PWD;
	out->remote_ufrag = "peer";
	out->user = arg;
	return true;
}

static struct mr_endpoint endpoint(const char *address, uint16_t port)
{
	struct mr_endpoint e = {.port = htons(port)};

	assert_int_equal(inet_pton(AF_INET6, address, e.addr), 1);
	return e;
}

/* A check as a browser's; the agent that made it can judge the reply. */
static size_t make_check(StunAgent *client, uint8_t *buffer, size_t size, const char *username,
	const char *pwd, bool use_candidate, bool controlling)
{
	StunMessage message;

	stun_agent_init(client, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	return stun_usage_ice_conncheck_create(client, &message, buffer, size,
		(const uint8_t *)username, strlen(username), (const uint8_t *)pwd, strlen(pwd),
		use_candidate, controlling, 12345, 77, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

static void test_valid(void **state)
{
	static const struct {
		const char *address;
		int family;
	} cases[] = {{"::ffff:192.0.2.7", AF_INET}, {"2001:db8::7", AF_INET6}};

	for (size_t i = 0; i < 2; i++) {
		struct mr_endpoint remote = endpoint(cases[i].address, 40000);
		struct sockaddr_storage mapped = {0};
		socklen_t mapped_len = sizeof(mapped);
		struct ice_lite_check check;
		StunMessage reply;
		StunAgent client;
		uint8_t buffer[512];
		struct ice_lite ice;
		size_t n;

		ice_lite_init(&ice, lookup, &ice);
		n = make_check(&client, buffer, sizeof(buffer), UFRAG ":peer", PWD, i == 0, true);
		assert_true(n > 0);
		ice_lite_receive(&ice, buffer, n, &remote, &check);
		assert_int_equal(check.verdict, ICE_LITE_VALID);
		assert_ptr_equal(check.user, &ice);
		assert_int_equal(check.nominated, i == 0);
		assert_int_equal(stun_agent_validate(
					 &client, &reply, check.reply, check.reply_len, NULL, NULL),
			STUN_VALIDATION_SUCCESS);
		assert_int_equal(stun_usage_ice_conncheck_process(&reply, &mapped, &mapped_len,
					 STUN_USAGE_ICE_COMPATIBILITY_RFC5245),
			STUN_USAGE_ICE_RETURN_SUCCESS);
		assert_int_equal(mapped.ss_family, cases[i].family);
		assert_int_equal(((struct sockaddr_in *)&mapped)->sin_port, htons(40000));
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *username, *pwd;
		size_t counter;
		const char *why;
	} cases[] = {
		{"nobodyofours:peer", PWD, offsetof(struct ice_lite, unknown_user),
			"unknown user, silently"},
		{UFRAG, PWD, offsetof(struct ice_lite, unknown_user), "no colon"},
		{UFRAG ":other", PWD, offsetof(struct ice_lite, unauthorized),
			"the peer is not the offer's"},
		{UFRAG ":peer", "wrongwrongwrongwrongwrong",
			offsetof(struct ice_lite, unauthorized), "wrong password"},
	};
	struct mr_endpoint remote = endpoint("::ffff:192.0.2.7", 1);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ice_lite_check check;
		uint8_t buffer[512];
		struct ice_lite ice;
		StunAgent client;
		uint64_t counted;
		size_t n;

		ice_lite_init(&ice, lookup, NULL);
		n = make_check(&client, buffer, sizeof(buffer), cases[i].username, cases[i].pwd,
			true, true);
		ice_lite_receive(&ice, buffer, n, &remote, &check);
		memcpy(&counted, (uint8_t *)&ice + cases[i].counter, sizeof(counted));
		if (check.verdict != ICE_LITE_DROP || check.reply_len != 0 || counted != 1 ||
			check.unauthorized != (ice.unauthorized == 1))
			fail_msg("%s", cases[i].why);
	}
}

static void test_role_conflict(void **state)
{
	struct mr_endpoint remote = endpoint("::ffff:192.0.2.7", 1);
	struct ice_lite_check check;
	StunMessage reply;
	uint8_t buffer[512];
	struct ice_lite ice;
	StunAgent client;
	int code = 0;
	size_t n;

	ice_lite_init(&ice, lookup, NULL);
	n = make_check(&client, buffer, sizeof(buffer), UFRAG ":peer", PWD, false, false);
	ice_lite_receive(&ice, buffer, n, &remote, &check);
	assert_int_equal(check.verdict, ICE_LITE_REFUSE);
	assert_int_equal(ice.conflicts, 1);
	assert_int_equal(
		stun_agent_validate(&client, &reply, check.reply, check.reply_len, NULL, NULL),
		STUN_VALIDATION_SUCCESS);
	assert_int_equal(stun_message_find_error(&reply, &code), STUN_MESSAGE_RETURN_SUCCESS);
	assert_int_equal(code, STUN_ERROR_ROLE_CONFLICT);
}

/* Every byte changed, every length: never valid, never out of bounds. */
static void test_damaged(void **state)
{
	struct mr_endpoint remote = endpoint("::ffff:192.0.2.7", 1);
	struct ice_lite_check check;
	uint8_t buffer[512], copy[512];
	struct ice_lite ice;
	StunAgent client;
	size_t n;

	ice_lite_init(&ice, lookup, NULL);
	n = make_check(&client, buffer, sizeof(buffer), UFRAG ":peer", PWD, true, true);
	for (size_t i = 0; i < n; i++) {
		memcpy(copy, buffer, n);
		copy[i] ^= 0x5a;
		ice_lite_receive(&ice, copy, n, &remote, &check);
		assert_int_not_equal(check.verdict, ICE_LITE_VALID);
		ice_lite_receive(&ice, buffer, i, &remote, &check);
		assert_int_not_equal(check.verdict, ICE_LITE_VALID);
	}
}

/* Whatever is answered is at most twice as long as what was asked. */
static void test_amplification(void **state)
{
	static const char *const addresses[] = {"::ffff:192.0.2.7", "2001:db8::7"};

	for (size_t i = 0; i < 2 * 40; i++) {
		struct mr_endpoint remote = endpoint(addresses[i % 2], 1);
		size_t unknown = i / 2; /* attributes that nobody knows, and nothing but the name */
		struct ice_lite_check check;
		uint8_t buffer[512];
		struct ice_lite ice;
		StunMessage request;
		StunAgent client;
		size_t n;

		ice_lite_init(&ice, lookup, NULL);
		stun_agent_init(&client, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS);
		assert_true(stun_agent_init_request(
			&client, &request, buffer, sizeof(buffer), STUN_BINDING));
		for (size_t k = 0; k < unknown; k++)
			stun_message_append_flag(&request, (uint16_t)(0x7000 + k));
		stun_message_append_bytes(
			&request, STUN_ATTRIBUTE_USERNAME, UFRAG ":peer", strlen(UFRAG ":peer"));
		n = stun_agent_finish_message(&client, &request, (const uint8_t *)PWD, strlen(PWD));
		assert_true(n > 0);
		ice_lite_receive(&ice, buffer, n, &remote, &check);
		assert_in_range(check.reply_len, 0, 2 * n);
	}
}

/* Of one user; others are answered meanwhile. */
static struct ice_lite_user limited[2];

static bool lookup_limited(const char *local_ufrag, struct ice_lite_user *out, void *arg)
{
	*out = limited[local_ufrag[0] == 'b'];
	return true;
}

/* So many of 500 checks at once are answered. */
static unsigned int answered(struct ice_lite *ice, const char *username, bool controlling)
{
	struct mr_endpoint remote = endpoint("::ffff:192.0.2.7", 1);
	unsigned int n_answered = 0;

	for (unsigned int i = 0; i < 500; i++) {
		struct ice_lite_check check;
		uint8_t buffer[512];
		StunAgent client;
		size_t n = make_check(
			&client, buffer, sizeof(buffer), username, PWD, true, controlling);

		remote.port = htons((uint16_t)(1 + i)); /* an address proves nothing */
		ice_lite_receive(ice, buffer, n, &remote, &check);
		n_answered += check.reply_len > 0;
		if (check.reply_len == 0)
			assert_int_equal(check.verdict, ICE_LITE_DROP);
	}
	return n_answered;
}

static void test_rate(void **state)
{
	int64_t due[2] = {0};
	struct ice_lite ice;

	ice_lite_init(&ice, lookup_limited, NULL);
	for (int i = 0; i < 2; i++)
		limited[i] = (struct ice_lite_user){.pwd = PWD,
			.remote_ufrag = "peer",
			.reply_due_us = &due[i],
			.now_us = 5000000};
	assert_int_equal(answered(&ice, UFRAG ":peer", true), 51);
	assert_int_equal(ice.rate, 449);
	assert_int_equal(answered(&ice, "bbcdefghijkl:peer", true), 51);
	limited[0].now_us += 500000;
	assert_int_equal(answered(&ice, UFRAG ":peer", false), 25); /* with 487 */
	limited[0].now_us += 60000000;
	assert_int_equal(answered(&ice, UFRAG ":peer", true), 51);
	/* wrong passwords use nothing up */
	limited[0].now_us += 60000000;
	limited[0].pwd = "wrongwrongwrongwrongwrong";
	assert_int_equal(answered(&ice, UFRAG ":peer", true), 0);
	limited[0].pwd = PWD;
	assert_int_equal(answered(&ice, UFRAG ":peer", true), 51);
}

static void test_random(void **state)
{
	char a[ICE_LITE_PWD_LEN + 1], b[ICE_LITE_PWD_LEN + 1];

	assert_int_equal(ice_lite_random(a, ICE_LITE_PWD_LEN), 0);
	assert_int_equal(ice_lite_random(b, ICE_LITE_PWD_LEN), 0);
	assert_int_equal(strlen(a), ICE_LITE_PWD_LEN);
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_role_conflict),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_amplification),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
