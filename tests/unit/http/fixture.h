/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of controlplane/http have in common: the real server on loopback, a
 * real client, and doubles of the path and viewer tables behind the server. Main thread.
 */
#ifndef TESTS_UNIT_HTTP_FIXTURE_H
#define TESTS_UNIT_HTTP_FIXTURE_H

#include "controlplane/http/server.h"

#include <gio/gio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define FRAGMENT "application/trickle-ice-sdpfrag"
#define RESOURCE "0123456789abcdef0123456789abcdef"

/* The tables have the path "cam1", ready, the path "demand", and viewer 7 on the first. */
extern struct path demand;
extern struct path_listener *listener;       /* who waits for "demand" */
extern unsigned int wanted, deleted, kicked; /* how often */
extern const char *unknown; /* why there may be other viewers; viewer 7 is not in the table */
extern bool lasting;        /* and that is not over soon */
extern bool kept;           /* then it is all the same */
extern GSList *waiters;     /* struct viewer_listener: who waits for that */

/* From now on all viewers are known, and whoever waits is told. */
void settle(void);

struct fixture {
	struct mr_config config;
	struct http_server *server;
	SoupSession *session;
	uint16_t port; /* the server's, on 127.0.0.1 */
};

/* `auth`: authHTTPAddress, or NULL. */
void start(struct fixture *f, const char *auth);
void stop(struct fixture *f);
uint16_t free_port(void);

/* One request; the message and *body, which may be NULL, are the caller's. */
SoupMessage *ask(struct fixture *f, const char *method, const char *path, const char *type,
	const char *text, size_t len, GBytes **body);
SoupMessage *ask_if(struct fixture *f, const char *method, const char *path, const char *type,
	const char *text, size_t len, const char *if_match, GBytes **body);
/* The body of the answer. */
GBytes *send_message(struct fixture *f, SoupMessage *m);
/* For soup_session_send_and_read_async(): `user` points to where the body goes. */
void on_body(GObject *source, GAsyncResult *result, gpointer user);

/* Of the answer; "": there is none. */
const char *header(SoupMessage *m, const char *name);

#endif
