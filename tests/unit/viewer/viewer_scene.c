/* SPDX-License-Identifier: BSD-3-Clause */
/* See viewer_scene.h. Main thread. */
#include "viewer_scene.h"

#include <arpa/inet.h>
#include <openssl/x509.h>
#include <string.h>
#include <stun/usages/ice.h>

struct world world;

/* ---- doubles ---- */

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

void start(struct fixture *f, bool right_fingerprint)
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

void stop(struct fixture *f)
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

void check_as(struct fixture *f, const char *ufrag, const char *pwd, const char *peer,
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

void check_priority(struct fixture *f, bool nominate, uint32_t priority)
{
	check_as(f, f->viewer->ufrag, f->viewer->pwd, "peer", nominate, priority);
}

void check(struct fixture *f, bool nominate)
{
	check_priority(f, nominate, 1);
}

void route_is(int status)
{
	world.route = (struct route_info){.status = status, .nexthop_id = 3, .resolved = true};
	world.route_changed(world.route_user, &world.route);
}

void shake(struct fixture *f)
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

struct double_command *last_command(uint32_t type)
{
	assert_true(world.n_commands > 0);
	assert_int_equal(world.commands[world.n_commands - 1].command.type, type);
	return &world.commands[world.n_commands - 1];
}

void establish(struct fixture *f)
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
