/* SPDX-License-Identifier: BSD-3-Clause */
/* The story of one viewer: see viewer.h. Main thread. */
#include "controlplane/viewer/viewer.h"

#include "controlplane/log.h"
#include "controlplane/viewer/viewer_ice.h"
#include "controlplane/viewer/viewer_install.h"
#include "controlplane/viewer/viewer_move.h"
#include "crypto/secret.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND_US 1000000
#define CHECK_TIMEOUT_US (15 * SECOND_US)     /* NEW and CHECKED, since the last check */
#define NO_DTLS_TIMEOUT_US (30 * SECOND_US)   /* ... but no longer, whatever is checked */
#define AGGRESSIVE_US (10 * SECOND_US)        /* since the answer: several nominations */
#define HANDSHAKE_TIMEOUT_US (10 * SECOND_US) /* HANDSHAKE and INSTALLING together */
#define DTLS_KEEP_US (30 * SECOND_US)         /* after the first SRTCP */

static const char *state_name(enum viewer_state state)
{
	switch (state) {
	case VIEWER_NEW:
		return "new";
	case VIEWER_CHECKED:
		return "checked";
	case VIEWER_HANDSHAKE:
		return "handshake";
	case VIEWER_INSTALLING:
		return "installing";
	case VIEWER_ESTABLISHED:
		return "established";
	case VIEWER_CLOSING:
		return "closing";
	}
	return "?";
}

/* The one function that changes the state. Deadlines belong to states. */
static void set_state(struct viewer *v, enum viewer_state state, const char *why)
{
	gint64 now = g_get_monotonic_time();

	log_info(v->name, "event=state path=%s from=%s to=%s why=\"%s\"", v->path->name,
		state_name(v->state), state_name(state), why);
	v->state = state;
	switch (state) {
	case VIEWER_NEW:
	case VIEWER_CHECKED:
		v->deadline_us = now + CHECK_TIMEOUT_US;
		break;
	case VIEWER_HANDSHAKE:
		v->deadline_us = now + HANDSHAKE_TIMEOUT_US;
		break;
	case VIEWER_INSTALLING:
		break; /* the handshake's goes on */
	case VIEWER_ESTABLISHED:
	case VIEWER_CLOSING:
		v->deadline_us = 0;
		break;
	}
}

/* ---- the end ---- */

static void end(struct viewer *v)
{
	if (v->ended)
		return;
	v->ended = true;
	v->installed = false;
	/* Next hops may go only after the viewer has (routes.h). */
	v->selected = v->dtls_pair = NULL;
	pairs_clear(&v->pairs);
	v->env->ended(v, v->env->user);
}

static void on_deleted(int status, void *user)
{
	struct viewer *v = user;

	if (status < 0 && status != -ENOENT && status != -ENOTCONN)
		log_warn(v->name, "event=delete_refused error=\"%s\"", g_strerror(-status));
	end(v);
}

void viewer_close(struct viewer *v, const char *why)
{
	struct mr_command command = {.type = MR_COMMAND_VIEWER_DEL, .object.id = v->id};
	char text[160];

	if (v->state == VIEWER_CLOSING)
		return;
	if (v->state == VIEWER_NEW && v->checks_failed > 0) {
		snprintf(text, sizeof(text),
			"%s; no check was good: %" PRIu32 " with a wrong password or user fragment",
			why, v->checks_failed);
		why = text;
	}
	set_state(v, VIEWER_CLOSING, why);
	if (v->dtls)
		dtls_goodbye(v->dtls);
	if (!v->installed || install_command(v->env->install, &command, on_deleted, v) < 0)
		end(v);
}

void viewer_leave(struct viewer *v)
{
	if (v->state == VIEWER_ESTABLISHED) {
		/* No goodbye, no VIEWER_DEL. */
		dtls_destroy(v->dtls);
		v->dtls = NULL;
		v->installed = false;
	}
	viewer_close(v, "the control plane ends");
}

/* ---- installation ---- */

static void on_added(int status, void *user)
{
	struct viewer *v = user;
	char why[96];

	if (status < 0) {
		v->installed = false;
		snprintf(why, sizeof(why), "refused by the data plane: %s", g_strerror(-status));
		if (v->state != VIEWER_CLOSING)
			viewer_close(v, why);
		return;
	}
	if (v->state != VIEWER_INSTALLING)
		return;
	set_state(v, VIEWER_ESTABLISHED, "installed");
	viewer_follow(v);
}

/* In INSTALLING: as soon as the route is known. */
static void install(struct viewer *v)
{
	struct mr_command command = {.type = MR_COMMAND_VIEWER_ADD};
	struct pair *pair = viewer_media_pair(v);
	const char *profile = "";
	int rc;

	if (v->add_sent || !pair || (!pair->routed && !pair->flow.kernel))
		return;
	if (pair->flow.kernel || pair->route_info.status < 0) {
		viewer_close(v, pair->flow.kernel ? "reached by the kernel only, by no port of the "
						    "data plane"
						  : route_status_text(pair->route_info.status));
		return;
	}
	rc = viewer_install_fill(v, pair, &command.viewer_add, &profile);
	if (rc < 0) {
		secret_wipe(&command, sizeof(command));
		viewer_close(v, rc == -ENOTSUP ? "no SRTP profile in common"
					       : "the keys could not be derived");
		return;
	}
	v->add_sent = v->installed = true;
	viewer_note_pair(v, pair);
	rc = install_command(v->env->install, &command, on_added, v);
	secret_wipe(&command, sizeof(command));
	if (rc < 0) {
		v->installed = false;
		viewer_close(v, "no data plane");
		return;
	}
	/* At once: between the two this process may be killed. */
	viewer_install_record(v);
	log_info(v->name, "event=keys profile=%s", profile);
}

/* ---- pairs ---- */

static void on_routed(struct pair *pair, void *user)
{
	struct viewer *v = user;

	if (pair != viewer_media_pair(v))
		return;
	if (v->state == VIEWER_INSTALLING)
		install(v);
	else if (v->state == VIEWER_ESTABLISHED)
		viewer_move(v, pair);
}

static void on_dropped(struct pair *pair, void *user)
{
	struct viewer *v = user;

	if (v->dtls_pair == pair)
		v->dtls_pair = NULL;
	if (v->selected == pair)
		v->selected = NULL;
	v->env->flow_dropped(v, &pair->flow, v->env->user);
}

/* Clients of RFC 5245 nominate every pair that they check, at once, and mean the one
 * of the highest priority (8.1.1.2). Later the last one counts: the network of the
 * client changed, and the better way is gone. A client that checked the pair without
 * nominating it has chosen it, whatever its priority: its reports and NACKs come that
 * way from now on (Chromium nominates nothing else towards ICE-lite). */
static bool is_second_choice(const struct viewer *v, const struct pair *pair)
{
	return v->selected && !pair->considered && pair->priority < v->selected->priority &&
	       pair->checked_us < v->answered_us + AGGRESSIVE_US;
}

void viewer_check(
	struct viewer *v, const struct public_flow *flow, const struct ice_lite_check *check)
{
	struct pair *pair;
	char text[ENDPOINT_TEXT_MAX];

	if (v->state == VIEWER_CLOSING)
		return;
	pair = pairs_add(&v->pairs, flow, v->selected, v->dtls_pair);
	if (!pair)
		return;
	pair->checked_us = g_get_monotonic_time();
	v->env->flow_added(v, flow, v->env->user);
	pair_send(pair, check->reply, check->reply_len);
	if (check->verdict != ICE_LITE_VALID)
		return;
	if (v->state == VIEWER_NEW)
		set_state(v, VIEWER_CHECKED, endpoint_format(&flow->remote, text));
	else if (v->state == VIEWER_CHECKED)
		v->deadline_us = MIN(
			pair->checked_us + CHECK_TIMEOUT_US, v->answered_us + NO_DTLS_TIMEOUT_US);
	pair->priority = check->priority;
	if (!check->nominated)
		pair->considered = true;
	if (check->renewed && check->nominated) {
		viewer_ice_commit(v);
		v->selected = pair;
		if (v->state == VIEWER_ESTABLISHED)
			viewer_follow(v);
		return;
	}
	if (!check->nominated || v->selected == pair || is_second_choice(v, pair))
		return;
	v->selected = pair;
	if (v->state == VIEWER_ESTABLISHED)
		viewer_follow(v);
}

void viewer_check_failed(struct viewer *v)
{
	if (v->checks_failed < UINT32_MAX)
		v->checks_failed++;
}

/* ---- DTLS ---- */

static void on_dtls_send(const uint8_t *data, size_t len, void *user)
{
	struct viewer *v = user;

	if (v->dtls_pair)
		pair_send(v->dtls_pair, data, len);
}

static void on_dtls_failed(void *user)
{
	struct viewer *v = user;

	if (v->state == VIEWER_HANDSHAKE)
		viewer_close(v, dtls_error(v->dtls));
}

static const struct dtls_callbacks dtls_callbacks = {
	.send = on_dtls_send,
	.failed = on_dtls_failed,
};

static bool start_handshake(struct viewer *v)
{
	v->dtls = dtls_create(v->env->dtls, &v->fingerprints, &dtls_callbacks, v);
	if (!v->dtls) {
		viewer_close(v, "no memory for DTLS");
		return false;
	}
	set_state(v, VIEWER_HANDSHAKE, "first DTLS datagram");
	return true;
}

void viewer_dtls(struct viewer *v, const struct public_flow *flow, const uint8_t *data, size_t len)
{
	struct pair *pair = pairs_find(&v->pairs, flow);
	enum dtls_progress progress;

	if (!pair)
		return;
	switch (v->state) {
	case VIEWER_NEW:
	case VIEWER_CLOSING:
		return;
	case VIEWER_CHECKED:
		if (!start_handshake(v))
			return;
		break;
	case VIEWER_HANDSHAKE:
	case VIEWER_INSTALLING:
	case VIEWER_ESTABLISHED:
		if (!v->dtls)
			return; /* freed after the first SRTCP */
		break;
	}
	/* Answered to where it came from, which a check has proven. */
	v->dtls_pair = pair;
	progress = dtls_receive(v->dtls, data, len);
	if (progress == DTLS_CLOSED) {
		viewer_close(v, "closed by the client");
	} else if (progress == DTLS_FAILED) {
		viewer_close(v, dtls_error(v->dtls));
	} else if (progress == DTLS_DONE && v->state == VIEWER_HANDSHAKE) {
		set_state(v, VIEWER_INSTALLING, "handshake done, fingerprint matches");
		install(v);
	}
}

/* ---- events and time ---- */

void viewer_event(struct viewer *v, uint32_t state)
{
	switch (state) {
	case MR_VIEWER_ALIVE:
		log_debug(v->name, "event=alive");
		break;
	case MR_VIEWER_RTCP:
		if (v->dtls_free_us == 0)
			v->dtls_free_us = g_get_monotonic_time() + DTLS_KEEP_US;
		break;
	case MR_VIEWER_EXPIRED:
	case MR_VIEWER_BYE:
		v->installed = false; /* the data plane has removed it already */
		viewer_close(v, state == MR_VIEWER_BYE ? "RTCP BYE" : "silent for 30 s");
		break;
	default:
		break;
	}
}

void viewer_detached(struct viewer *v)
{
	if (v->state == VIEWER_INSTALLING || v->state == VIEWER_ESTABLISHED) {
		v->installed = false;
		viewer_close(v, "the data plane went");
	}
}

static const char *late(const struct viewer *v)
{
	if (v->state == VIEWER_NEW)
		return v->checks_failed ? "15 s are over" : "no connectivity check arrived";
	return v->state == VIEWER_CHECKED ? "no DTLS, and checks ended"
					  : "the handshake took too long";
}

bool viewer_tick(struct viewer *v, gint64 now_us)
{
	if (v->deadline_us != 0 && now_us > v->deadline_us) {
		viewer_close(v, late(v));
		return false;
	}
	if (!v->dtls || v->dtls_free_us == 0 || now_us <= v->dtls_free_us)
		return false;
	dtls_destroy(v->dtls);
	v->dtls = NULL;
	return true;
}

bool viewer_has_stream(const struct viewer *v, uint32_t stream_id)
{
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		if (v->tracks[i].stream_id == stream_id)
			return true;
	}
	return false;
}

/* ---- life ---- */

static struct viewer *viewer_new(const struct viewer_env *env, uint32_t id, struct path *path)
{
	/* In slices: pages that handshakes' states do not share. So are pairs and routes. */
	struct viewer *v = g_slice_new0(struct viewer);

	v->id = id;
	snprintf(v->name, sizeof(v->name), "v%u", v->id);
	v->env = env;
	v->path = path;
	v->pairs = (struct pairs){.port = env->port,
		.routes = env->routes,
		.routed = on_routed,
		.dropped = on_dropped,
		.user = v};
	path_want(path);
	return v;
}

struct viewer *viewer_create(const struct viewer_env *env, struct path *path,
	const struct sdp_choices *choices, struct sdp_answer *answer)
{
	struct viewer *v = viewer_new(env, install_new_id(env->install), path);

	if (ice_lite_random(v->ufrag, ICE_LITE_UFRAG_LEN) < 0 ||
		ice_lite_random(v->pwd, ICE_LITE_PWD_LEN) < 0 ||
		viewer_random_hex(v->resource, VIEWER_RESOURCE_LEN) < 0 ||
		viewer_random_hex(v->etag, VIEWER_ETAG_LEN) < 0 ||
		viewer_random_hex(v->cname, VIEWER_CNAME_LEN) < 0 ||
		viewer_install_tracks(v, choices, env->repairs) < 0) {
		viewer_free(v);
		return NULL;
	}
	v->remote_ufrag = viewer_text_new(choices->transport->ufrag);
	v->fingerprints = choices->transport->fingerprints;
	v->answered_us = g_get_monotonic_time();
	set_state(v, VIEWER_NEW, "answered");

	answer->ufrag = v->ufrag;
	answer->pwd = v->pwd;
	answer->cname = v->cname;
	answer->repairs = env->repairs;
	for (unsigned int i = 0; i < choices->n; i++) {
		answer->ssrc[i] = v->tracks[i].ssrc;
		answer->rtx_ssrc[i] = v->tracks[i].rtx_ssrc;
	}
	return v;
}

struct viewer *viewer_adopt(
	const struct viewer_env *env, uint32_t id, struct path *path, const struct viewer_record *r)
{
	struct viewer *v = viewer_new(env, id, path);
	struct public_flow flow = {.local = r->local, .remote = r->remote};

	memcpy(v->resource, r->resource, sizeof(v->resource));
	memcpy(v->etag, r->etag, sizeof(v->etag));
	memcpy(v->cname, r->cname, sizeof(v->cname));
	memcpy(v->ufrag, r->ufrag, sizeof(v->ufrag));
	memcpy(v->pwd, r->pwd, sizeof(v->pwd));
	v->remote_ufrag = viewer_text_new(r->remote_ufrag);
	if (r->next_ufrag[0]) {
		memcpy(v->next.ufrag, r->next_ufrag, sizeof(v->next.ufrag));
		memcpy(v->next.pwd, r->next_pwd, sizeof(v->next.pwd));
		v->next.remote_ufrag = viewer_text_new(r->next_remote_ufrag);
	}
	memcpy(v->tracks, r->track, sizeof(v->tracks));
	/* Its route is asked for again; the data plane uses the old one until then. */
	v->selected = pairs_add(&v->pairs, &flow, NULL, NULL);
	if (!v->selected) {
		viewer_free(v);
		return NULL;
	}
	v->add_sent = v->installed = true;
	viewer_note_pair(v, v->selected);
	set_state(v, VIEWER_ESTABLISHED, "taken over");
	env->flow_added(v, &flow, env->user);
	return v;
}

void viewer_free(struct viewer *v)
{
	install_forget(v->env->install, v);
	pairs_clear(&v->pairs);
	dtls_destroy(v->dtls);
	path_unwant(v->path);
	viewer_text_free(v->remote_ufrag);
	viewer_text_free(v->next.remote_ufrag);
	secret_wipe(v, sizeof(*v));
	g_slice_free(struct viewer, v);
}
