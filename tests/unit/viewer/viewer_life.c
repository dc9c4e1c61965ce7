/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/viewer/viewer.c: one viewer from its answer to its end.
 * The client is libnice's STUN and OpenSSL; doubles stand for the data plane's
 * channel, the routes and the public port. */
#include "controlplane/viewer/viewer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <stun/usages/ice.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- doubles ---- */

#define COMMANDS_MAX 16

struct double_command {
	struct mr_command command;
	install_reply_fn reply;
	void *user;
};

static struct {
	struct double_command commands[COMMANDS_MAX];
	unsigned int n_commands;
	struct route_info route;
	void (*route_changed)(void *user, const struct route_info *info);
	void *route_user;
	unsigned int routes, wanted, records, ended;
	GQueue sent; /* GBytes, by the public port */
	struct public_flow last_flow;
	struct viewer_record record; /* the last one put */
} world;

int install_command(struct install *install, const struct mr_command *command,
	install_reply_fn reply, void *user)
{
	assert_true(world.n_commands < COMMANDS_MAX);
	world.commands[world.n_commands++] = (struct double_command){*command, reply, user};
	return 0;
}

void install_forget(struct install *install, const void *user)
{
}

uint32_t install_new_id(struct install *install)
{
	return 7;
}

int install_put_record(
	struct install *install, uint32_t kind, uint32_t id, const void *data, size_t len)
{
	assert_int_equal(kind, MR_RECORD_VIEWER);
	assert_int_equal(viewer_record_parse(&world.record, data, len), 0);
	assert_string_equal(world.record.path, "cam1");
	world.records++;
	return 0;
}

struct route *routes_resolve(struct routes *routes, const uint8_t remote[16],
	void (*changed)(void *user, const struct route_info *info), void *user)
{
	world.routes++;
	world.route_changed = changed;
	world.route_user = user;
	return (struct route *)&world;
}

void route_release(struct route *route)
{
	if (route)
		world.routes--;
}

const char *route_status_text(int status)
{
	return "no route";
}

int public_port_send(struct public_port *port, const struct public_flow *flow, uint32_t nexthop_id,
	const void *data, size_t len)
{
	assert_int_equal(nexthop_id, 3);
	world.last_flow = *flow;
	g_queue_push_tail(&world.sent, g_bytes_new(data, len));
	return 0;
}

void path_want(struct path *path)
{
	world.wanted++;
}

void path_unwant(struct path *path)
{
	world.wanted--;
}

/* ---- a viewer and its client ---- */

struct fixture {
	struct certificate server, client;
	struct viewer_env env;
	struct path path;
	struct track track;
	struct sdp_transport transport;
	struct viewer *viewer;
	struct ice_lite ice;
	struct public_flow flow;
	SSL_CTX *ssl_ctx;
	SSL *ssl;
	BIO *in, *out;
};

static void on_flow(struct viewer *v, const struct public_flow *flow, void *user)
{
}

static void on_ended(struct viewer *v, void *user)
{
	world.ended++;
}

static void on_ufrags(struct viewer *v, void *user)
{
}

static bool lookup(const char *local_ufrag, struct ice_lite_user *out, void *arg)
{
	struct fixture *f = arg;

	if (f->viewer->next.ufrag[0] && strcmp(local_ufrag, f->viewer->next.ufrag) == 0) {
		*out = (struct ice_lite_user){.pwd = f->viewer->next.pwd,
			.remote_ufrag = f->viewer->next.remote_ufrag,
			.renewed = true,
			.user = f->viewer};
		return true;
	}
	*out = (struct ice_lite_user){
		.pwd = f->viewer->pwd, .remote_ufrag = f->viewer->remote_ufrag, .user = f->viewer};
	return strcmp(local_ufrag, f->viewer->ufrag) == 0;
}

static int accept_any(int ok, X509_STORE_CTX *store)
{
	return 1;
}

static void start(struct fixture *f, bool right_fingerprint)
{
	static const char *names[] = {"AEAD_AES_128_GCM"};
	const struct srtp_profile *profiles[] = {srtp_profile_by_name(names[0])};
	struct sdp_choices choices = {.n = 1, .transport = &f->transport};
	struct sdp_answer answer = {0};
	struct sdp_fingerprints *fingerprints;
	unsigned int len;

	memset(&world, 0, sizeof(world));
	memset(f, 0, sizeof(*f));
	g_queue_init(&world.sent);
	assert_int_equal(certificate_init(&f->server), 0);
	assert_int_equal(certificate_init(&f->client), 0);
	f->env.dtls = dtls_context_create(&f->server, profiles, 1);
	f->env.flow_added = f->env.flow_dropped = on_flow;
	f->env.ufrags_leave = f->env.ufrags_enter = on_ufrags;
	f->env.ended = on_ended;
	f->path.name = "cam1";
	f->track = (struct track){.stream_id = 5, .kind = MR_KIND_VIDEO, .codec = MR_CODEC_VP8};
	strcpy(f->transport.ufrag, "peer");
	fingerprints = &f->transport.fingerprints;
	fingerprints->hash = SDP_HASH_SHA256;
	fingerprints->n = 1;
	X509_digest(f->client.x509, EVP_sha256(), fingerprints->value[0], &len);
	fingerprints->len = len;
	if (!right_fingerprint)
		fingerprints->value[0][0] ^= 0x80;
	choices.choices[0] = (struct sdp_choice){
		.track = &f->track, .format = {.payload_type = 96, .codec = MR_CODEC_VP8}};
	f->viewer = viewer_create(&f->env, &f->path, &choices, &answer);
	assert_non_null(f->viewer);
	assert_int_not_equal(answer.ssrc[0], 0);
	assert_string_equal(answer.ufrag, f->viewer->ufrag);
	ice_lite_init(&f->ice, lookup, f);
	inet_pton(AF_INET6, "::ffff:192.0.2.1", f->flow.local.addr);
	inet_pton(AF_INET6, "::ffff:192.0.2.9", f->flow.remote.addr);
	f->flow.local.port = htons(8189);
	f->flow.remote.port = htons(50000);

	f->ssl_ctx = SSL_CTX_new(DTLS_client_method());
	SSL_CTX_set_tlsext_use_srtp(f->ssl_ctx, "SRTP_AEAD_AES_128_GCM");
	SSL_CTX_set_verify(f->ssl_ctx, SSL_VERIFY_PEER, accept_any);
	SSL_CTX_use_certificate(f->ssl_ctx, f->client.x509);
	SSL_CTX_use_PrivateKey(f->ssl_ctx, f->client.key);
	SSL_CTX_set_options(f->ssl_ctx, SSL_OP_NO_QUERY_MTU);
	f->ssl = SSL_new(f->ssl_ctx);
	f->in = BIO_new(BIO_s_mem());
	f->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(f->in, -1);
	SSL_set_bio(f->ssl, f->in, f->out);
	SSL_set_connect_state(f->ssl);
	DTLS_set_link_mtu(f->ssl, 1200);
}

static void stop(struct fixture *f)
{
	viewer_free(f->viewer);
	assert_int_equal(world.routes, 0);
	assert_int_equal(world.wanted, 0);
	g_queue_clear_full(&world.sent, (GDestroyNotify)g_bytes_unref);
	SSL_free(f->ssl);
	SSL_CTX_free(f->ssl_ctx);
	dtls_context_destroy(f->env.dtls);
	certificate_fini(&f->server);
	certificate_fini(&f->client);
}

static void check_as(struct fixture *f, const char *ufrag, const char *pwd, const char *peer,
	bool nominate, uint32_t priority)
{
	char *username = g_strdup_printf("%s:%s", ufrag, peer);
	struct ice_lite_check result;
	StunMessage message;
	StunAgent agent;
	uint8_t buffer[512];
	size_t n;

	stun_agent_init(&agent, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	n = stun_usage_ice_conncheck_create(&agent, &message, buffer, sizeof(buffer),
		(const uint8_t *)username, strlen(username), (const uint8_t *)pwd, strlen(pwd),
		nominate, true, priority, 77, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	ice_lite_receive(&f->ice, buffer, n, &f->flow.remote, &result);
	assert_int_equal(result.verdict, ICE_LITE_VALID);
	viewer_check(f->viewer, &f->flow, &result);
	g_free(username);
}

static void check_priority(struct fixture *f, bool nominate, uint32_t priority)
{
	check_as(f, f->viewer->ufrag, f->viewer->pwd, "peer", nominate, priority);
}

static void check(struct fixture *f, bool nominate)
{
	check_priority(f, nominate, 1);
}

static void route_is(int status)
{
	world.route = (struct route_info){.status = status, .nexthop_id = 3, .resolved = true};
	world.route_changed(world.route_user, &world.route);
}

/* Everything both sides have to say, without timers. */
static void shake(struct fixture *f)
{
	bool moved = true;

	while (moved) {
		uint8_t buffer[65536];
		GBytes *bytes;
		int n, at = 0;

		moved = false;
		SSL_do_handshake(f->ssl);
		n = BIO_read(f->out, buffer, sizeof(buffer));
		while (at + 13 <= n) {
			int record = 13 + (buffer[at + 11] << 8 | buffer[at + 12]);

			viewer_dtls(f->viewer, &f->flow, buffer + at, record);
			at += record;
			moved = true;
		}
		while ((bytes = g_queue_pop_head(&world.sent)) != NULL) {
			gsize len;
			const uint8_t *data = g_bytes_get_data(bytes, &len);

			if (data[0] >= 20) {
				BIO_write(f->in, data, len);
				SSL_do_handshake(f->ssl);
				moved = true;
			}
			g_bytes_unref(bytes);
		}
	}
}

static struct double_command *last_command(uint32_t type)
{
	assert_true(world.n_commands > 0);
	assert_int_equal(world.commands[world.n_commands - 1].command.type, type);
	return &world.commands[world.n_commands - 1];
}

static void establish(struct fixture *f)
{
	struct double_command *c;

	start(f, true);
	check(f, true);
	assert_int_equal(f->viewer->state, VIEWER_CHECKED);
	assert_int_equal(world.sent.length, 0); /* no route yet: the reply waits */
	route_is(0);
	assert_int_equal(world.sent.length, 1);
	shake(f);
	assert_int_equal(f->viewer->state, VIEWER_INSTALLING);
	c = last_command(MR_COMMAND_VIEWER_ADD);
	c->reply(0, c->user);
	assert_int_equal(f->viewer->state, VIEWER_ESTABLISHED);
}

static void test_life(void **state)
{
	struct srtp_session_keys keys;
	struct srtp_master client, server;
	uint8_t material[128];
	const struct mr_viewer_add *add;
	struct double_command *c;
	struct fixture f;

	establish(&f);
	add = &world.commands[0].command.viewer_add;
	assert_int_equal(add->viewer_id, 7);
	assert_int_equal(add->nexthop_id, 3);
	assert_int_equal(add->srtp_profile, SRTP_PROFILE_GCM_128);
	assert_int_equal(add->remote.port, htons(50000));
	assert_int_equal(add->track[0].stream_id, 5);
	assert_int_equal(add->track[0].payload_type, 96);
	assert_true(add->track[0].sequence_base < 0x8000);
	assert_int_equal(add->track[1].stream_id, 0);
	assert_int_equal(add->local_ufrag_len, ICE_LITE_UFRAG_LEN);
	assert_memory_equal(add->local_pwd, f.viewer->pwd, add->local_pwd_len);
	/* the client derives the same keys: what it reads with is what we write with */
	SSL_export_keying_material(f.ssl, material, 56, "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0);
	srtp_exporter_split(
		srtp_profile_by_id(SRTP_PROFILE_GCM_128), material, 56, &client, &server);
	srtp_keys_derive(srtp_profile_by_id(SRTP_PROFILE_GCM_128), &server, &keys, NULL);
	assert_memory_equal(&add->tx_rtp, &keys, sizeof(keys));
	srtp_keys_derive(srtp_profile_by_id(SRTP_PROFILE_GCM_128), &client, NULL, &keys);
	assert_memory_equal(&add->rx_rtcp, &keys, sizeof(keys));
	assert_int_equal(world.records, 1);

	/* DTLS state lives until the first SRTCP and 30 s */
	viewer_tick(f.viewer, g_get_monotonic_time() + 3600 * (gint64)G_USEC_PER_SEC);
	assert_non_null(f.viewer->dtls);
	viewer_event(f.viewer, MR_VIEWER_RTCP);
	viewer_tick(f.viewer, g_get_monotonic_time() + 20 * G_USEC_PER_SEC);
	assert_non_null(f.viewer->dtls);
	viewer_tick(f.viewer, g_get_monotonic_time() + 31 * G_USEC_PER_SEC);
	assert_null(f.viewer->dtls);
	assert_int_equal(f.viewer->state, VIEWER_ESTABLISHED);

	viewer_close(f.viewer, "test");
	assert_int_equal(world.ended, 0); /* not before the data plane has let go */
	c = last_command(MR_COMMAND_VIEWER_DEL);
	assert_int_equal(c->command.object.id, 7);
	c->reply(0, c->user);
	assert_int_equal(world.ended, 1);
	stop(&f);
}

static void test_wrong_fingerprint(void **state)
{
	struct fixture f;

	start(&f, false);
	check(&f, true);
	route_is(0);
	shake(&f);
	assert_int_equal(f.viewer->state, VIEWER_CLOSING);
	assert_int_equal(world.n_commands, 0); /* no key ever left */
	assert_int_equal(world.ended, 1);
	stop(&f);
}

static void test_dtls_needs_a_check(void **state)
{
	struct fixture f;
	struct public_flow other;

	start(&f, true);
	shake(&f);
	assert_int_equal(f.viewer->state, VIEWER_NEW);
	check(&f, false);
	route_is(0);
	other = f.flow;
	f.flow.remote.port = htons(50001); /* an address that no check came from */
	shake(&f);
	assert_int_equal(f.viewer->state, VIEWER_CHECKED);
	f.flow = other;
	viewer_close(f.viewer, "test");
	stop(&f);
}

/* DTLS may come before the nomination: the pair it came by is installed. */
static void test_no_nomination_yet(void **state)
{
	struct fixture f;
	struct double_command *c;

	start(&f, true);
	check(&f, false);
	route_is(0);
	shake(&f);
	c = last_command(MR_COMMAND_VIEWER_ADD);
	c->reply(0, c->user);
	assert_int_equal(f.viewer->state, VIEWER_ESTABLISHED);
	/* then the client nominates another way: the viewer moves there */
	f.flow.remote.port = htons(50002);
	check(&f, true);
	route_is(0);
	c = last_command(MR_COMMAND_VIEWER_ROUTE);
	assert_int_equal(c->command.viewer_route.remote.port, htons(50002));
	viewer_event(f.viewer, MR_VIEWER_EXPIRED);
	assert_int_equal(f.viewer->state, VIEWER_CLOSING);
	assert_int_equal(world.ended, 1); /* the data plane has removed it already */
	stop(&f);
}

/* Every check nominates: the pair of the highest priority is meant. Later, the last one. */
static void test_aggressive_nomination(void **state)
{
	struct double_command *c;
	struct fixture f;

	start(&f, true);
	check_priority(&f, true, 100);
	route_is(0);
	f.flow.remote.port = htons(50001);
	check_priority(&f, true, 300);
	route_is(0);
	assert_int_equal(f.viewer->selected->flow.remote.port, htons(50001));
	f.flow.remote.port = htons(50002);
	check_priority(&f, true, 200);
	route_is(0);
	assert_int_equal(f.viewer->selected->flow.remote.port, htons(50001));
	shake(&f);
	c = last_command(MR_COMMAND_VIEWER_ADD);
	assert_int_equal(c->command.viewer_add.remote.port, htons(50001));
	c->reply(0, c->user);
	f.viewer->answered_us -= 60 * (gint64)G_USEC_PER_SEC;
	check_priority(&f, true, 200);
	c = last_command(MR_COMMAND_VIEWER_ROUTE);
	assert_int_equal(c->command.viewer_route.remote.port, htons(50002));
	viewer_event(f.viewer, MR_VIEWER_EXPIRED);
	stop(&f);
}

/* Chromium nominates nothing but the pair that it has chosen, and may choose a lesser one
 * than before: its reports come that way at once. */
static void test_chosen_nomination(void **state)
{
	struct double_command *c;
	struct fixture f;

	start(&f, true);
	check_priority(&f, false, 300);
	route_is(0);
	check_priority(&f, true, 300);
	shake(&f);
	c = last_command(MR_COMMAND_VIEWER_ADD);
	c->reply(0, c->user);
	f.flow.remote.port = htons(50002);
	check_priority(&f, false, 100);
	route_is(0);
	assert_int_not_equal(f.viewer->selected->flow.remote.port, htons(50002));
	check_priority(&f, true, 100);
	assert_int_equal(f.viewer->selected->flow.remote.port, htons(50002));
	c = last_command(MR_COMMAND_VIEWER_ROUTE);
	assert_int_equal(c->command.viewer_route.remote.port, htons(50002));
	viewer_event(f.viewer, MR_VIEWER_EXPIRED);
	stop(&f);
}

/* RFC 8445 9: the old credentials hold until a pair is nominated with the new ones. */
static void test_ice_restart(void **state)
{
	const struct mr_viewer_ice *ice;
	struct double_command *c;
	char old[ICE_LITE_UFRAG_LEN + 1], first[ICE_LITE_UFRAG_LEN + 1];
	struct viewer_record *r = &world.record;
	struct fixture f;

	establish(&f);
	memcpy(old, f.viewer->ufrag, sizeof(old));
	assert_int_equal(viewer_restart_ice(f.viewer, "peerA"), 0);
	memcpy(first, f.viewer->next.ufrag, sizeof(first));
	/* the client does not wait and asks again */
	assert_int_equal(viewer_restart_ice(f.viewer, "peerB"), 0);
	assert_string_not_equal(f.viewer->next.ufrag, first);
	assert_string_equal(f.viewer->ufrag, old);
	assert_string_equal(r->next_remote_ufrag, "peerB"); /* a restarted process knows it */
	assert_string_equal(r->etag, f.viewer->etag);
	check(&f, false); /* an old one */
	assert_string_equal(f.viewer->ufrag, old);

	f.flow.remote.port = htons(50007);
	check_as(&f, f.viewer->next.ufrag, f.viewer->next.pwd, "peerB", false, 1);
	route_is(0);
	assert_string_equal(f.viewer->ufrag, old);
	check_as(&f, f.viewer->next.ufrag, f.viewer->next.pwd, "peerB", true, 1);
	assert_string_not_equal(f.viewer->ufrag, old);
	assert_int_equal(f.viewer->next.ufrag[0], 0);
	assert_string_equal(f.viewer->remote_ufrag, "peerB");
	/* to the data plane: credentials, then the way */
	c = last_command(MR_COMMAND_VIEWER_ROUTE);
	assert_int_equal(c->command.viewer_route.remote.port, htons(50007));
	assert_int_equal((c - 1)->command.type, MR_COMMAND_VIEWER_ICE);
	ice = &(c - 1)->command.viewer_ice;
	assert_int_equal(ice->viewer_id, f.viewer->id);
	assert_memory_equal(ice->local_ufrag, f.viewer->ufrag, ice->local_ufrag_len);
	assert_memory_equal(ice->local_pwd, f.viewer->pwd, ice->local_pwd_len);
	assert_int_equal(ice->remote_ufrag_len, 5);
	assert_string_equal(r->ufrag, f.viewer->ufrag);
	assert_int_equal(r->remote.port, htons(50007));
	viewer_event(f.viewer, MR_VIEWER_EXPIRED);
	stop(&f);
}

/* The record is all that a new process has; the viewer goes on from there. */
static void test_taken_over(void **state)
{
	struct viewer_record record;
	struct double_command *c;
	unsigned int commands;
	struct fixture f;

	establish(&f);
	record = world.record;
	viewer_event(f.viewer, MR_VIEWER_EXPIRED);
	viewer_free(f.viewer);
	world.n_commands = 0;
	f.viewer = viewer_adopt(&f.env, 7, &f.path, &record);
	assert_non_null(f.viewer);
	assert_int_equal(f.viewer->state, VIEWER_ESTABLISHED);
	assert_int_equal(world.wanted, 1);
	/* the data plane keeps the old way until the new one's MAC address is known */
	world.route = (struct route_info){.nexthop_id = 9};
	world.route_changed(world.route_user, &world.route);
	assert_int_equal(world.n_commands, 0);
	world.route.resolved = true;
	world.route_changed(world.route_user, &world.route);
	c = last_command(MR_COMMAND_VIEWER_ROUTE);
	assert_int_equal(c->command.viewer_route.nexthop_id, 9);
	assert_memory_equal(&c->command.viewer_route.remote, &record.remote, sizeof(record.remote));
	/* another address of the client's */
	f.flow.remote.port = htons(50011);
	check(&f, true);
	route_is(0);
	c = last_command(MR_COMMAND_VIEWER_ROUTE);
	assert_int_equal(c->command.viewer_route.remote.port, htons(50011));
	assert_int_equal(world.record.remote.port, htons(50011));
	/* DTLS of before the restart means nothing to it */
	commands = world.n_commands;
	viewer_dtls(f.viewer, &f.flow, (const uint8_t *)"\x15\xfe\xfd", 3);
	viewer_event(f.viewer, MR_VIEWER_RTCP);
	viewer_tick(f.viewer, g_get_monotonic_time() + 3600 * (gint64)G_USEC_PER_SEC);
	assert_int_equal(world.n_commands, commands);
	viewer_close(f.viewer, "test");
	c = last_command(MR_COMMAND_VIEWER_DEL);
	assert_int_equal(c->command.object.id, 7);
	c->reply(0, c->user);
	stop(&f);
}

static void test_timeouts(void **state)
{
	static const struct {
		bool checked, handshake;
		int seconds;
		const char *why;
	} cases[] = {
		{false, false, 16, "nothing arrives"},
		{true, false, 16, "checks end"},
		{true, true, 11, "the handshake hangs"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		uint8_t buffer[4096];
		gint64 now;

		start(&f, true);
		if (cases[i].checked) {
			check(&f, true);
			route_is(0);
		}
		if (cases[i].handshake) {
			int n;

			SSL_do_handshake(f.ssl);
			n = BIO_read(f.out, buffer, sizeof(buffer));
			viewer_dtls(f.viewer, &f.flow, buffer, n);
			assert_int_equal(f.viewer->state, VIEWER_HANDSHAKE);
		}
		now = g_get_monotonic_time();
		viewer_tick(f.viewer, now + (cases[i].seconds - 2) * G_USEC_PER_SEC);
		if (world.ended != 0)
			fail_msg("%s: too early", cases[i].why);
		viewer_tick(f.viewer, now + cases[i].seconds * G_USEC_PER_SEC);
		if (world.ended != 1)
			fail_msg("%s: still there", cases[i].why);
		stop(&f);
	}
}

/* What the log says of the end, with what did not authenticate before. */
static void test_failed_checks_are_told(void **state)
{
	static const struct {
		bool good, timeout;
		const char *said, *not_said;
		unsigned int failed;
	} cases[] = {
		{false, true, "no connectivity check arrived", "password", 0},
		{false, true, "no check was good: 12 with a wrong password", "arrived", 12},
		{false, false, "why=\"test; no check was good: 3 with a wrong", "arrived", 3},
		{true, false, "why=\"test\"", "password", 3},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int saved = dup(STDERR_FILENO), fd = memfd_create("log", MFD_CLOEXEC);
		char log[4096] = {0};
		struct fixture f;

		dup2(fd, STDERR_FILENO);
		start(&f, true);
		for (unsigned int n = 0; n < cases[i].failed; n++)
			viewer_check_failed(f.viewer);
		if (cases[i].good) {
			check(&f, true);
			route_is(0);
		}
		if (cases[i].timeout)
			viewer_tick(f.viewer, g_get_monotonic_time() + 16 * G_USEC_PER_SEC);
		else
			viewer_close(f.viewer, "test");
		dup2(saved, STDERR_FILENO);
		close(saved);
		assert_true(pread(fd, log, sizeof(log) - 1, 0) > 0);
		close(fd);
		if (!strstr(log, cases[i].said) || strstr(log, cases[i].not_said))
			fail_msg("%zu: %s", i, log);
		stop(&f);
	}
}

/* Who only ever checks does not hold its place among those that connect. */
static void test_checks_alone_do_not_last(void **state)
{
	struct fixture f;
	gint64 now;

	start(&f, true);
	now = g_get_monotonic_time();
	f.viewer->answered_us = now - 25 * (gint64)G_USEC_PER_SEC;
	check(&f, true);
	route_is(0);
	check(&f, true);
	viewer_tick(f.viewer, now + 4 * G_USEC_PER_SEC);
	assert_int_equal(world.ended, 0);
	viewer_tick(f.viewer, now + 6 * G_USEC_PER_SEC);
	assert_int_equal(world.ended, 1);
	stop(&f);
}

static void test_data_plane(void **state)
{
	struct double_command *c;
	struct fixture f;

	/* it refuses */
	start(&f, true);
	check(&f, true);
	route_is(0);
	shake(&f);
	c = last_command(MR_COMMAND_VIEWER_ADD);
	c->reply(-ENOSPC, c->user);
	assert_int_equal(f.viewer->state, VIEWER_CLOSING);
	assert_int_equal(world.ended, 1);
	stop(&f);

	/* the route leaves by no port of it */
	start(&f, true);
	check(&f, true);
	route_is(-ENODEV);
	shake(&f);
	assert_int_equal(world.n_commands, 0);
	viewer_close(f.viewer, "test");
	stop(&f);

	/* it goes */
	establish(&f);
	viewer_detached(f.viewer);
	assert_int_equal(world.ended, 1);
	assert_int_equal(world.n_commands, 1);
	stop(&f);

	/* deleted while VIEWER_ADD is on its way */
	start(&f, true);
	check(&f, true);
	route_is(0);
	shake(&f);
	viewer_close(f.viewer, "test");
	assert_int_equal(world.n_commands, 2);
	world.commands[0].reply(0, world.commands[0].user);
	assert_int_equal(world.ended, 0);
	world.commands[1].reply(0, world.commands[1].user);
	assert_int_equal(world.ended, 1);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_wrong_fingerprint),
		cmocka_unit_test(test_dtls_needs_a_check),
		cmocka_unit_test(test_no_nomination_yet),
		cmocka_unit_test(test_aggressive_nomination),
		cmocka_unit_test(test_chosen_nomination),
		cmocka_unit_test(test_ice_restart),
		cmocka_unit_test(test_taken_over),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_failed_checks_are_told),
		cmocka_unit_test(test_checks_alone_do_not_last),
		cmocka_unit_test(test_data_plane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
