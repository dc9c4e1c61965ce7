/* SPDX-License-Identifier: BSD-3-Clause */
/* apps/viewer/dtls.c: client against server, both ends ours, datagrams carried by hand. */
#include "apps/viewer/dtls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define QUEUE_MAX 64
#define DATAGRAM_SIZE 2048
#define PATIENCE 5000000 /* us */

struct end {
	struct dtls_context *context;
	struct dtls *dtls;
	uint8_t fingerprint[DTLS_FINGERPRINT_SIZE]; /* our own */
	unsigned int established, failed;
	char reason[DTLS_ERROR_SIZE];
	struct dtls_keys keys;
	/* datagrams on their way to the other end */
	size_t count;
	size_t length[QUEUE_MAX];
	uint8_t data[QUEUE_MAX][DATAGRAM_SIZE];
	unsigned int drop; /* so many of the next ones are lost */
	size_t largest;
};

static void on_send(void *user, const uint8_t *data, size_t length)
{
	struct end *end = user;

	assert_true(length <= DATAGRAM_SIZE && end->count < QUEUE_MAX);
	if (length > end->largest)
		end->largest = length;
	if (end->drop > 0) {
		end->drop--;
		return;
	}
	memcpy(end->data[end->count], data, length);
	end->length[end->count++] = length;
}

static void on_established(void *user, const struct dtls_keys *keys)
{
	struct end *end = user;

	end->established++;
	end->keys = *keys;
}

static void on_failed(void *user, const char *reason)
{
	struct end *end = user;

	end->failed++;
	g_strlcpy(end->reason, reason, sizeof(end->reason));
}

static void on_closed(void *user)
{
}

static const struct dtls_events events = {
	.send = on_send, .established = on_established, .failed = on_failed, .closed = on_closed};

static void parse_fingerprint(const char *text, uint8_t *digest)
{
	for (size_t i = 0; i < DTLS_FINGERPRINT_SIZE; i++, text += 3)
		digest[i] = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 |
				      g_ascii_xdigit_value(text[1]));
}

static void open_context(struct end *end, const char *const *names, size_t count)
{
	const struct profile *profiles[PROFILE_COUNT];
	char error[DTLS_ERROR_SIZE];

	memset(end, 0, sizeof(*end));
	for (size_t i = 0; i < count; i++)
		profiles[i] = profile_by_name(names[i]);
	assert_int_equal(dtls_context_create(profiles, count, error, &end->context), 0);
	parse_fingerprint(dtls_context_fingerprint(end->context), end->fingerprint);
}

static void carry(struct end *from, struct end *to)
{
	for (size_t i = 0; i < from->count; i++)
		dtls_receive(to->dtls, from->data[i], from->length[i]);
	from->count = 0;
}

/* Until both have an end, or patience is over. */
static void converse(struct end *client, struct end *server)
{
	gint64 end = g_get_monotonic_time() + PATIENCE;

	dtls_start(client->dtls);
	while (g_get_monotonic_time() < end && (client->established + client->failed == 0 ||
						       server->established + server->failed == 0)) {
		if (client->count > 0)
			carry(client, server);
		if (server->count > 0)
			carry(server, client);
		g_main_context_iteration(NULL, FALSE);
	}
}

static void run(struct end *client, struct end *server, const uint8_t *seen_by_client,
	const uint8_t *seen_by_server)
{
	assert_int_equal(dtls_create(client->context, NULL, false, seen_by_client, &events, client,
				 &client->dtls),
		0);
	assert_int_equal(dtls_create(server->context, NULL, true, seen_by_server, &events, server,
				 &server->dtls),
		0);
	converse(client, server);
}

static void close_end(struct end *end)
{
	dtls_destroy(end->dtls);
	dtls_context_destroy(end->context);
}

static const char *const sha1[] = {"AES128_CM_HMAC_SHA1_80"};
static const char *const gcm128[] = {"AEAD_AES_128_GCM"};
static const char *const gcm256[] = {"AEAD_AES_256_GCM"};
static const char *const browser[] = {
	"AES128_CM_HMAC_SHA1_80", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"};
static const char *const gateway[] = {
	"AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES128_CM_HMAC_SHA1_80"};

static const struct {
	const char *why;
	const char *const *client, *const *server;
	size_t client_count, server_count;
	unsigned int client_drop, server_drop;
	const char *agreed; /* NULL: the handshake fails */
} cases[] = {
	{"the server's order decides", browser, gateway, 3, 3, 0, 0, "AEAD_AES_128_GCM"},
	{"SHA-1 alone", browser, sha1, 3, 1, 0, 0, "AES128_CM_HMAC_SHA1_80"},
	{"GCM-256 alone", gcm256, gateway, 1, 3, 0, 0, "AEAD_AES_256_GCM"},
	{"none in common", sha1, gcm128, 1, 1, 0, 0, NULL},
	{"first ClientHello lost", browser, gateway, 3, 3, 1, 0, "AEAD_AES_128_GCM"},
	{"server's first flight lost in part", browser, gateway, 3, 3, 0, 1, "AEAD_AES_128_GCM"},
};

static void negotiate(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct end client, server;

		print_message("%s\n", cases[i].why);
		open_context(&client, cases[i].client, cases[i].client_count);
		open_context(&server, cases[i].server, cases[i].server_count);
		client.drop = cases[i].client_drop;
		server.drop = cases[i].server_drop;
		run(&client, &server, server.fingerprint, client.fingerprint);
		if (cases[i].agreed) {
			assert_int_equal(client.established, 1);
			assert_int_equal(server.established, 1);
			assert_string_equal(client.keys.profile->name, cases[i].agreed);
			assert_memory_equal(
				client.keys.receive, server.keys.send, SRTP_MAX_KEY_LEN);
			assert_memory_equal(
				client.keys.send, server.keys.receive, SRTP_MAX_KEY_LEN);
			assert_memory_not_equal(client.keys.send, client.keys.receive, 16);
		} else {
			assert_int_equal(client.established, 0);
			assert_int_equal(client.failed, 1);
		}
		assert_true(client.largest <= 1200 && server.largest <= 1200);
		close_end(&client);
		close_end(&server);
	}
}

static void refuse_wrong_fingerprint(void **state)
{
	static struct end client, server;
	uint8_t wrong[DTLS_FINGERPRINT_SIZE];

	open_context(&client, browser, 3);
	open_context(&server, gateway, 3);
	memcpy(wrong, server.fingerprint, sizeof(wrong));
	wrong[31] ^= 1;
	run(&client, &server, wrong, client.fingerprint);
	assert_int_equal(client.established, 0);
	assert_int_equal(client.failed, 1);
	assert_non_null(strstr(client.reason, "fingerprint"));
	assert_int_equal(server.established, 0); /* no Finished reached it */
	close_end(&client);
	close_end(&server);

	open_context(&client, browser, 3);
	open_context(&server, gateway, 3);
	memcpy(wrong, client.fingerprint, sizeof(wrong));
	wrong[0] ^= 0x80;
	run(&client, &server, server.fingerprint, wrong);
	assert_int_equal(server.established, 0);
	assert_int_equal(client.established, 0);
	assert_non_null(strstr(server.reason, "fingerprint"));
	close_end(&client);
	close_end(&server);
}

/* What is no DTLS, or no record of this session, changes nothing. */
static void ignore_garbage(void **state)
{
	static struct end client, server;
	static const uint8_t garbage[] = {22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 1, 2, 3};

	open_context(&client, browser, 3);
	open_context(&server, gateway, 3);
	run(&client, &server, server.fingerprint, client.fingerprint);
	for (size_t length = 0; length <= sizeof(garbage); length++)
		dtls_receive(client.dtls, garbage, length);
	assert_int_equal(client.established, 1);
	if (client.failed)
		fail_msg("%s", client.reason);
	close_end(&client);
	close_end(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(negotiate),
		cmocka_unit_test(refuse_wrong_fingerprint),
		cmocka_unit_test(ignore_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
