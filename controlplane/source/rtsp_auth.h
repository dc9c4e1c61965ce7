/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RTSP authentication: Basic and Digest (RFC 2617, RFC 7616) as a client. One
 * struct per session, fed with the server's challenges, asked for a header per
 * request. No socket, no log; the thread of its session.
 */
#ifndef CONTROLPLANE_SOURCE_RTSP_AUTH_H
#define CONTROLPLANE_SOURCE_RTSP_AUTH_H

#include <glib.h>
#include <gst/rtsp/gstrtspmessage.h>

#include <stdbool.h>
#include <stdint.h>

enum rtsp_auth_scheme { RTSP_AUTH_NONE = 0, RTSP_AUTH_BASIC, RTSP_AUTH_DIGEST };

struct rtsp_auth {
	const char *user;     /* borrowed; NULL: no credentials */
	const char *password; /* borrowed; NULL: an empty one */
	enum rtsp_auth_scheme scheme;
	GChecksumType hash;
	bool session_hash;     /* "-sess" */
	bool qop;              /* the server offers qop=auth */
	bool tried;            /* the scheme and nonce were used: a refusal is final */
	unsigned int requests; /* with this nonce */
	char *algorithm;       /* as the server spells it; NULL: it says nothing */
	char *realm;
	char *nonce;
	char *opaque;
	char cnonce[48]; /* ours, anew with each challenge */
};

#define RTSP_AUTH_TEXT_MAX 256 /* bytes of each text in a state; longer ones are not kept */

/* What a later process needs to go on with the same nonce; no credentials in it. */
struct rtsp_auth_state {
	enum rtsp_auth_scheme scheme; /* NONE: nothing to go on with */
	bool sha256;
	bool session_hash;
	bool qop;
	bool has_opaque;
	uint32_t requests;
	char algorithm[32]; /* empty: the server says nothing */
	char realm[RTSP_AUTH_TEXT_MAX];
	char nonce[RTSP_AUTH_TEXT_MAX];
	char opaque[RTSP_AUTH_TEXT_MAX];
	char cnonce[48];
};

void rtsp_auth_init(struct rtsp_auth *auth, const char *user, const char *password);
void rtsp_auth_fini(struct rtsp_auth *auth);

/*
 * Takes the challenges of a 401 and chooses the strongest that we know: Digest
 * with SHA-256, Digest with MD5, Basic. 0: send the request again with
 * rtsp_auth_header(); -EACCES: no credentials, or they were refused (a stale or
 * new nonce is not a refusal); -ENOTSUP: no scheme that we know.
 */
int rtsp_auth_challenge(struct rtsp_auth *auth, GstRTSPMessage *response);

/* NONE where something does not fit: then the server asks again. */
void rtsp_auth_save(const struct rtsp_auth *auth, struct rtsp_auth_state *state);
/* After rtsp_auth_init(). The count of requests goes on `skip` higher: those that the
 * former process made since it saved. What may not be repeated is not taken. */
void rtsp_auth_restore(struct rtsp_auth *auth, const struct rtsp_auth_state *state, uint32_t skip);

/* The Authorization header's value, to be wiped and freed with rtsp_auth_free();
 * NULL: none is needed (yet). */
char *rtsp_auth_header(struct rtsp_auth *auth, const char *method, const char *url);
void rtsp_auth_free(char *header);

#endif
