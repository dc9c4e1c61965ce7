/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A viewer of controlplane/viewer/viewer.c and its client, which is libnice's STUN and
 * OpenSSL; doubles stand for the data plane's channel, the routes and the public port.
 * Main thread.
 */
#ifndef TESTS_UNIT_VIEWER_VIEWER_SCENE_H
#define TESTS_UNIT_VIEWER_VIEWER_SCENE_H

#include "controlplane/viewer/viewer.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COMMANDS_MAX 16

struct double_command {
	struct mr_command command;
	install_reply_fn reply;
	void *user;
};

struct world {
	struct double_command commands[COMMANDS_MAX];
	unsigned int n_commands;
	struct route_info route;
	void (*route_changed)(void *user, const struct route_info *info);
	void *route_user;
	unsigned int routes, wanted, records, ended;
	GQueue sent; /* GBytes, by the public port */
	struct public_flow last_flow;
	struct viewer_record record; /* the last one put */
};

/* What the doubles were told; cleared by start(). */
extern struct world world;

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

/* An answered viewer; the offer names the client's certificate, or another one. */
void start(struct fixture *f, bool right_fingerprint);
void stop(struct fixture *f);
/* ... whose client has come all the way to media. */
void establish(struct fixture *f);

/* A good connectivity check on f->flow: by default with the viewer's credentials and
 * priority 1. */
void check(struct fixture *f, bool nominate);
void check_priority(struct fixture *f, bool nominate, uint32_t priority);
void check_as(struct fixture *f, const char *ufrag, const char *pwd, const char *peer,
	bool nominate, uint32_t priority);

/* The answer to the last question for a route. */
void route_is(int status);

/* Everything that both sides of DTLS have to say, without timers. */
void shake(struct fixture *f);

/* The last one, which has to be of that type. */
struct double_command *last_command(uint32_t type);

#endif
