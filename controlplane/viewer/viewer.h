/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One WebRTC viewer, from its answer to its end. viewer.c is the one place
 * that knows the order:
 *
 *   NEW          answered; nothing has arrived yet
 *   CHECKED      a connectivity check with our credentials arrived
 *   HANDSHAKE    DTLS runs
 *   INSTALLING   DTLS done and the fingerprint matched; VIEWER_ADD is on its way
 *   ESTABLISHED  the data plane sends media and answers checks
 *   CLOSING      VIEWER_DEL is on its way, then it is freed
 *
 * A viewer that a former control plane has left begins as ESTABLISHED, without DTLS.
 *
 * Main thread. A viewer is freed from an idle callback only, never inside a
 * call on it.
 */
#ifndef CONTROLPLANE_VIEWER_VIEWER_H
#define CONTROLPLANE_VIEWER_VIEWER_H

#include "controlplane/source/path.h"
#include "controlplane/viewer/dtls.h"
#include "controlplane/viewer/pairs.h"
#include "controlplane/viewer/sdp_answer.h"
#include "controlplane/viewer/viewer_record.h"

#include <string.h>

enum viewer_state {
	VIEWER_NEW,
	VIEWER_CHECKED,
	VIEWER_HANDSHAKE,
	VIEWER_INSTALLING,
	VIEWER_ESTABLISHED,
	VIEWER_CLOSING,
};

struct viewer;

/* What all viewers share. Borrowed, outlives them. */
struct viewer_env {
	struct install *install;
	struct routes *routes;
	struct public_port *port;
	struct dtls_context *dtls;
	bool repairs; /* the data plane repairs losses */
	/* The viewer owns a flow from now on / no longer (demultiplexing of DTLS). */
	void (*flow_added)(struct viewer *v, const struct public_flow *flow, void *user);
	void (*flow_dropped)(struct viewer *v, const struct public_flow *flow, void *user);
	/* Before and after its user fragments change (demultiplexing of checks). */
	void (*ufrags_leave)(struct viewer *v, void *user);
	void (*ufrags_enter)(struct viewer *v, void *user);
	/* It has ended: take it out of every table, viewer_free() it later. */
	void (*ended)(struct viewer *v, void *user);
	void *user;
};

struct viewer {
	/* read by everybody, written by viewer.c */
	uint32_t id;
	enum viewer_state state;
	struct path *path;                      /* wanted until the end */
	char resource[VIEWER_RESOURCE_LEN + 1]; /* secret: who knows it may end the session */
	char etag[VIEWER_ETAG_LEN + 1];
	char ufrag[ICE_LITE_UFRAG_LEN + 1];
	char pwd[ICE_LITE_PWD_LEN + 1]; /* secret */
	char *remote_ufrag;             /* viewer_text_new() */
	/* ICE has been restarted by WHEP, and no check has come with these yet; empty: no */
	struct {
		char ufrag[ICE_LITE_UFRAG_LEN + 1];
		char pwd[ICE_LITE_PWD_LEN + 1]; /* secret */
		char *remote_ufrag;             /* viewer_text_new() */
	} next;

	/* private to viewer.c */
	const struct viewer_env *env;
	char name[16];                    /* "v12", of log lines */
	char cname[VIEWER_CNAME_LEN + 1]; /* random: RFC 7022 */
	struct sdp_fingerprints fingerprints;
	struct mr_viewer_track tracks[MR_VIEWER_TRACKS];
	struct pairs pairs;
	struct pair *selected;  /* nominated by the client; NULL: not yet */
	struct pair *dtls_pair; /* where the last DTLS datagram came from */
	struct dtls *dtls;
	bool installed; /* the data plane has it, or VIEWER_ADD is on its way */
	bool add_sent;
	bool ended;
	int64_t reply_due_us;   /* ice_lite.h: how often its checks are answered */
	uint32_t checks_failed; /* with a wrong password or user fragment of the client's */
	struct mr_endpoint installed_local, installed_remote;
	gint64 answered_us;  /* g_get_monotonic_time() of the answer */
	gint64 deadline_us;  /* of the state, 0: none */
	gint64 dtls_free_us; /* 0: not known yet */
};

/* A text that lives as long as a viewer, in slices: it keeps no page of a handshake. */
static inline char *viewer_text_new(const char *text)
{
	return g_slice_copy(strlen(text) + 1, text);
}

static inline void viewer_text_free(char *text)
{
	if (text)
		g_slice_free1(strlen(text) + 1, text);
}

/* Makes the viewer of an offer: credentials, SSRCs and bases at random. `*answer`
 * gets everything but session id, fingerprint and candidates. NULL: no randomness. */
struct viewer *viewer_create(const struct viewer_env *env, struct path *path,
	const struct sdp_choices *choices, struct sdp_answer *answer);
/* The viewer that a former control plane has established, as its record says; it goes
 * on where it was. NULL: no memory. */
struct viewer *viewer_adopt(const struct viewer_env *env, uint32_t id, struct path *path,
	const struct viewer_record *record);
/* After `ended`, or at the process's end. */
void viewer_free(struct viewer *v);

/* WHEP's ICE restart: new credentials of ours for the client's new ones, and a new
 * ETag; the old ones hold until a pair is nominated with the new ones. 0 or -EIO. */
int viewer_restart_ice(struct viewer *v, const char *remote_ufrag);
/* A check that named this viewer, judged by ice_lite. */
void viewer_check(
	struct viewer *v, const struct public_flow *flow, const struct ice_lite_check *check);
/* A check that named this viewer and did not authenticate: its end is told with them. */
void viewer_check_failed(struct viewer *v);
/* A DTLS datagram on a flow that is this viewer's. */
void viewer_dtls(struct viewer *v, const struct public_flow *flow, const uint8_t *data, size_t len);
/* MR_EVENT_VIEWER_STATE of this viewer. */
void viewer_event(struct viewer *v, uint32_t state);
/* The data plane went: what it had is lost. */
void viewer_detached(struct viewer *v);
/* Every 500 ms. Whether its handshake's state was freed. */
bool viewer_tick(struct viewer *v, gint64 now_us);
/* Ends it; `why` is logged. */
void viewer_close(struct viewer *v, const char *why);

/* The next control plane takes it over if it is established; else it ends. */
void viewer_leave(struct viewer *v);

bool viewer_has_stream(const struct viewer *v, uint32_t stream_id);

#endif
