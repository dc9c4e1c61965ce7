/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life of a viewer, see viewer.h: ask, check, handshake, play, leave. Runs on the
 * thread of its main context.
 */
#include "apps/viewer/timer.h"
#include "apps/viewer/viewer_private.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define LEAVE_TIMEOUT 5000 /* ms */

static const char *const state_names[] = {
	[VIEWER_WAITING] = "waiting",
	[VIEWER_GATHERING] = "gathering",
	[VIEWER_OFFERING] = "offering",
	[VIEWER_CHECKING] = "checking",
	[VIEWER_SECURING] = "securing",
	[VIEWER_PLAYING] = "playing",
	[VIEWER_SILENT] = "silent",
	[VIEWER_FAILED] = "failed",
	[VIEWER_LEAVING] = "leaving",
	[VIEWER_DONE] = "done",
};

const char *viewer_state_name(enum viewer_state state)
{
	return state_names[state];
}

/* ---- the one place where the state changes ---- */

void viewer_set_state(struct viewer *v, enum viewer_state state)
{
	g_debug("viewer=%u from=%s to=%s", v->figures.index, viewer_state_name(v->state),
		viewer_state_name(state));
	v->state = state;
	if (state == VIEWER_FAILED || state == VIEWER_DONE)
		v->shared->ended(v->shared->user, state);
}

void viewer_release_transport(struct viewer *v)
{
	viewer_stop_playing(v);
	dtls_destroy(v->dtls);
	v->dtls = NULL;
	ice_destroy(v->ice);
	v->ice = NULL;
}

/* Not from inside ICE's or DTLS's own callbacks: they are still running. */
static gboolean on_release(gpointer user)
{
	struct viewer *v = user;

	timer_stop(&v->release);
	viewer_release_transport(v);
	return G_SOURCE_REMOVE;
}

void viewer_fail(struct viewer *v, const char *format, ...)
{
	va_list arguments;

	if (v->state >= VIEWER_FAILED)
		return;
	va_start(arguments, format);
	vsnprintf(v->figures.error, sizeof(v->figures.error), format, arguments);
	va_end(arguments);
	timer_stop(&v->deadline);
	viewer_stop_playing(v);
	v->release = timer_start(v->shared->context, 0, on_release, v);
	atomic_fetch_add_explicit(&v->shared->failed, 1, memory_order_relaxed);
	viewer_set_state(v, VIEWER_FAILED);
}

static gboolean on_connect_timeout(gpointer user)
{
	struct viewer *v = user;

	viewer_fail(v, "not connected after %u s, still %s", v->shared->options->connect_timeout,
		viewer_state_name(v->state));
	return G_SOURCE_REMOVE;
}

/* ---- securing ---- */

static void on_dtls_established(void *user, const struct dtls_keys *keys)
{
	struct viewer *v = user;
	const struct options *options = v->shared->options;
	struct media_options media = {
		.viewer = v->figures.index,
		.nack = options->nack,
		.decrypt = v->figures.index % options->decrypt_every == 0,
		.dump = v->shared->dump,
		.plain_dump = v->shared->plain_dump,
	};

	if (v->state != VIEWER_SECURING)
		return;
	v->figures.profile = keys->profile;
	if (media_create(&media, &v->answer, keys, &v->media) < 0) {
		viewer_fail(v, "libsrtp refuses the keys");
		return;
	}
	timer_stop(&v->deadline);
	v->figures.media = v->media;
	v->figures.connected = true;
	v->figures.secured_us = viewer_now();
	ice_format_pair(v->ice, v->figures.local, v->figures.remote, VIEWER_PAIR_SIZE);
	viewer_start_playing(v);
	atomic_fetch_add_explicit(&v->shared->connected, 1, memory_order_relaxed);
	viewer_set_state(v, VIEWER_PLAYING);
}

static void on_dtls_send(void *user, const uint8_t *data, size_t length)
{
	struct viewer *v = user;

	ice_send(v->ice, data, length); /* a lost one is sent again by DTLS's timer */
}

static void on_dtls_failed(void *user, const char *reason)
{
	viewer_fail(user, "%s", reason);
}

static void on_dtls_closed(void *user)
{
	struct viewer *v = user;

	v->figures.dtls_closed_us = viewer_now();
}

static const struct dtls_events dtls_events = {
	.send = on_dtls_send,
	.established = on_dtls_established,
	.failed = on_dtls_failed,
	.closed = on_dtls_closed,
};

/* ---- checking and securing ---- */

static void on_ice_connected(void *user)
{
	struct viewer *v = user;

	if (v->state != VIEWER_CHECKING)
		return;
	v->figures.checked_us = viewer_now();
	viewer_set_state(v, VIEWER_SECURING);
	if (v->answer.setup == SDP_SETUP_PASSIVE)
		dtls_start(v->dtls);
}

static void on_ice_failed(void *user)
{
	struct viewer *v = user;

	viewer_fail(v, v->figures.checked_us ? "ICE consent lost" : "ICE found no working pair");
}

/* RFC 7983 */
static void on_ice_received(void *user, uint8_t *data, size_t length)
{
	struct viewer *v = user;

	if (length == 0 || v->state >= VIEWER_FAILED)
		return;
	if (data[0] >= 20 && data[0] <= 63 && v->dtls)
		dtls_receive(v->dtls, data, length);
	else if (data[0] >= 128 && data[0] <= 191 && v->media)
		viewer_receive_media(v, data, length);
}

/* ---- offering ---- */

static int set_remote(struct viewer *v)
{
	const char *candidates[SDP_CANDIDATES_MAX];
	char password[SDP_CREDENTIAL_SIZE];

	for (size_t i = 0; i < v->answer.candidate_count; i++)
		candidates[i] = v->answer.candidates[i];
	g_strlcpy(password, v->answer.password, sizeof(password));
	if (v->shared->options->bad_stun_password)
		password[0] = password[0] == 'x' ? 'y' : 'x';
	return ice_set_remote(
		v->ice, v->answer.ufrag, password, candidates, v->answer.candidate_count);
}

static void receive_answer(struct viewer *v, const struct http_reply *reply)
{
	char error[SDP_ERROR_SIZE] = "";

	if (reply->status != 201) {
		viewer_fail(
			v, "%s: status %u", signalling_name(v->shared->signalling), reply->status);
		return;
	}
	if (signalling_parse(v->shared->signalling, reply, &v->answer, error) < 0) {
		viewer_fail(v, "%s", error);
		return;
	}
	if (dtls_create(v->shared->dtls, v->shared->context, v->answer.setup == SDP_SETUP_ACTIVE,
		    v->answer.fingerprint, &dtls_events, v, &v->dtls) < 0) {
		viewer_fail(v, "out of memory");
		return;
	}
	viewer_set_state(v, VIEWER_CHECKING);
	if (set_remote(v) < 0)
		viewer_fail(v, "answer without a usable candidate");
}

static void finish_leaving(struct viewer *v);

static void on_delete_reply(void *user, const struct http_reply *reply)
{
	struct viewer *v = user;

	v->requesting = false;
	v->figures.delete_status = reply->status;
	finish_leaving(v);
}

static void send_delete(struct viewer *v)
{
	if (v->resource && signalling_close(v->shared->signalling, v->resource, v->cancellable,
				   on_delete_reply, v) == 0)
		v->requesting = true;
	else
		finish_leaving(v);
}

static void on_post_reply(void *user, const struct http_reply *reply)
{
	struct viewer *v = user;

	v->requesting = false;
	v->figures.post_status = reply->status;
	v->figures.answered_us = viewer_now();
	if (!v->shared->options->no_delete)
		v->resource = g_strdup(reply->resource);
	if (v->state == VIEWER_LEAVING)
		send_delete(v);
	else if (reply->status == 0)
		viewer_fail(v, "%s: %s", signalling_name(v->shared->signalling), reply->error);
	else if (v->state == VIEWER_OFFERING)
		receive_answer(v, reply);
}

/* Another certificate's fingerprint: the last digit changed. */
static void spoil_fingerprint(char *fingerprint)
{
	char *last = fingerprint + strlen(fingerprint) - 1;

	*last = *last == '0' ? '1' : '0';
}

static void on_ice_gathered(void *user)
{
	struct viewer *v = user;
	const struct options *options = v->shared->options;
	char *candidates, *fingerprint;
	struct sdp_offer description = {
		.ufrag = ice_ufrag(v->ice),
		.password = ice_password(v->ice),
		.video = options->video,
		.audio = options->audio,
		.h264 = options->h264,
		.vp8 = options->vp8,
		.rtx = options->rtx,
	};

	if (v->state != VIEWER_GATHERING)
		return;
	candidates = ice_format_candidates(v->ice);
	fingerprint = g_strdup(dtls_context_fingerprint(v->shared->dtls));
	if (options->bad_fingerprint)
		spoil_fingerprint(fingerprint);
	description.candidates = candidates;
	description.fingerprint = fingerprint;

	viewer_set_state(v, VIEWER_OFFERING);
	if (signalling_open(v->shared->signalling, v->url, &description, v->cancellable,
		    on_post_reply, v) < 0)
		viewer_fail(v, "unusable address");
	else
		v->requesting = true;
	g_free(fingerprint);
	g_free(candidates);
}

static const struct ice_events ice_events = {
	.gathered = on_ice_gathered,
	.connected = on_ice_connected,
	.failed = on_ice_failed,
	.received = on_ice_received,
};

/* ---- leaving ---- */

static void finish_leaving(struct viewer *v)
{
	if (v->state == VIEWER_DONE)
		return;
	timer_stop(&v->deadline);
	viewer_release_transport(v);
	viewer_set_state(v, VIEWER_DONE);
}

static gboolean on_leave_timeout(gpointer user)
{
	struct viewer *v = user;

	/* The reply comes, with an error, and finishes. */
	g_cancellable_cancel(v->cancellable);
	return G_SOURCE_REMOVE;
}

static void count_socket_drops(struct viewer *v)
{
	int fd = v->quiet_fd >= 0 ? v->quiet_fd : v->ice ? ice_dup_socket(v->ice) : -1;

	if (fd < 0)
		return;
	v->figures.socket_drops = ice_socket_drops(fd);
	if (fd != v->quiet_fd)
		close(fd);
}

/* ---- public ---- */

struct viewer *viewer_create(struct viewer_shared *shared, unsigned int index, char *url)
{
	struct viewer *v = g_new0(struct viewer, 1);

	v->shared = shared;
	v->url = url;
	v->cancellable = g_cancellable_new();
	v->quiet_fd = -1;
	v->figures.index = index;
	v->figures.url = url;
	return v;
}

void viewer_destroy(struct viewer *v)
{
	timer_stop(&v->deadline);
	timer_stop(&v->release);
	timer_stop(&v->reader);
	viewer_release_transport(v);
	if (v->quiet_fd >= 0)
		close(v->quiet_fd);
	media_destroy(v->media);
	g_object_unref(v->cancellable);
	g_free(v->resource);
	g_free(v->url);
	g_free(v);
}

void viewer_join(struct viewer *v)
{
	if (v->state != VIEWER_WAITING)
		return;
	v->figures.joined_us = viewer_now();
	viewer_set_state(v, VIEWER_GATHERING);
	v->deadline = timer_start(v->shared->context, v->shared->options->connect_timeout * 1000,
		on_connect_timeout, v);
	if (ice_create(v->shared->context, v->shared->addresses, v->shared->options->janus == 0,
		    &ice_events, v, &v->ice) < 0 ||
		ice_gather(v->ice) < 0)
		viewer_fail(v, "no host candidates");
}

void viewer_leave(struct viewer *v)
{
	enum viewer_state state = v->state;

	if (state >= VIEWER_LEAVING)
		return;
	v->figures.state = state;
	v->figures.left_us = viewer_now();
	count_socket_drops(v);
	timer_stop(&v->deadline);
	timer_stop(&v->release);
	timer_stop(&v->reader);
	viewer_stop_playing(v);
	viewer_set_state(v, VIEWER_LEAVING);
	if (v->requesting) /* on_post_reply() goes on */
		v->deadline = timer_start(v->shared->context, LEAVE_TIMEOUT, on_leave_timeout, v);
	else if (state == VIEWER_SILENT)
		finish_leaving(v);
	else {
		v->deadline = timer_start(v->shared->context, LEAVE_TIMEOUT, on_leave_timeout, v);
		send_delete(v);
	}
}

const struct viewer_figures *viewer_figures(const struct viewer *v)
{
	return &v->figures;
}
