/* SPDX-License-Identifier: BSD-3-Clause */
/* Janus's streaming plugin as a server, see janus.h. Runs on the thread of its main context. */
#include "apps/viewer/janus.h"

#include "apps/viewer/timer.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define PLUGIN "janus.plugin.streaming"
#define POLLS_MAX 8          /* long polls until the offer comes */
#define REPLY_MAX 262144     /* bytes */
#define KEEPALIVE_MS 20000   /* Janus forgets a session after 60 s */
#define TRANSACTION "viewer" /* one request at a time per session: any name does */
#define ERROR_SIZE 160       /* bytes, NUL included */

struct janus {
	struct http_client *http; /* borrowed */
	unsigned int mountpoint;
	GHashTable *sessions; /* URLs to keep alive */
	GSource *keepalive;   /* NULL: no session yet */
};

enum step { STEP_CREATE, STEP_ATTACH, STEP_WATCH, STEP_POLL, STEP_START };

static const char *const step_names[] = {
	[STEP_CREATE] = "create",
	[STEP_ATTACH] = "attach",
	[STEP_WATCH] = "watch",
	[STEP_POLL] = "watch",
	[STEP_START] = "start",
};

/* From janus_watch() to its callback. */
struct watch {
	struct janus *janus; /* borrowed */
	enum step step;
	unsigned int polls;
	char *url;     /* of the API */
	char *session; /* URLs, NULL: not yet */
	char *handle;
	char *offer;               /* Janus's SDP, NULL: not yet */
	struct sdp_offer ours;     /* its strings are owned */
	GCancellable *cancellable; /* owned */
	http_callback *callback;
	void *user;
};

/* ---- the end of a watch ---- */

static void watch_free(struct watch *watch)
{
	g_free((char *)watch->ours.ufrag);
	g_free((char *)watch->ours.password);
	g_free((char *)watch->ours.fingerprint);
	g_free((char *)watch->ours.candidates);
	g_clear_object(&watch->cancellable);
	g_free(watch->offer);
	g_free(watch->handle);
	g_free(watch->session);
	g_free(watch->url);
	g_free(watch);
}

static void finish(struct watch *watch, const char *error)
{
	struct http_reply reply = {.resource = watch->session};

	if (error) {
		reply.error = error;
	} else {
		reply.status = 201;
		reply.body = watch->offer;
		reply.length = strlen(watch->offer);
	}
	watch->callback(watch->user, &reply);
	watch_free(watch);
}

/* ---- requests ---- */

static void on_reply(void *user, const struct http_reply *reply);

static void send_request(struct watch *watch, const char *method, const char *url, json_t *body)
{
	char *text = NULL;
	int rc;

	if (body) {
		json_object_set_new(body, "transaction", json_string(TRANSACTION));
		text = json_dumps(body, JSON_COMPACT);
		json_decref(body);
	}
	rc = http_send(watch->janus->http, &(struct http_request){
						   .method = method,
						   .url = url,
						   .type = "application/json",
						   .body = text,
						   .cancellable = watch->cancellable,
						   .callback = on_reply,
						   .user = watch,
					   });
	free(text);
	if (rc < 0)
		finish(watch, "unusable address");
}

static void send_create(struct watch *watch)
{
	watch->step = STEP_CREATE;
	send_request(watch, "POST", watch->url, json_pack("{s:s}", "janus", "create"));
}

static void send_attach(struct watch *watch)
{
	watch->step = STEP_ATTACH;
	send_request(watch, "POST", watch->session,
		json_pack("{s:s, s:s}", "janus", "attach", "plugin", PLUGIN));
}

static void send_watch(struct watch *watch)
{
	watch->step = STEP_WATCH;
	send_request(watch, "POST", watch->handle,
		json_pack("{s:s, s:{s:s, s:i, s:b, s:b}}", "janus", "message", "body", "request",
			"watch", "id", (int)watch->janus->mountpoint, "offer_audio",
			(int)watch->ours.audio, "offer_video", (int)watch->ours.video));
}

static void send_poll(struct watch *watch)
{
	watch->step = STEP_POLL;
	if (watch->polls++ == POLLS_MAX)
		finish(watch, "no offer came");
	else
		send_request(watch, "GET", watch->session, NULL);
}

static void send_start(struct watch *watch)
{
	char *answer = sdp_reply_format(watch->offer, strlen(watch->offer), &watch->ours);

	watch->step = STEP_START;
	if (answer == NULL) {
		finish(watch, "the offer is not SDP");
		return;
	}
	send_request(watch, "POST", watch->handle,
		json_pack("{s:s, s:{s:s}, s:{s:s, s:s}}", "janus", "message", "body", "request",
			"start", "jsep", "type", "answer", "sdp", answer));
	g_free(answer);
}

/* ---- replies ---- */

static const char *get_string(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value ? value : "";
}

/* "<base>/<data.id>", NULL when there is no id. */
static char *child_url(const char *base, const json_t *reply)
{
	const json_t *id = json_object_get(json_object_get(reply, "data"), "id");

	if (!json_is_integer(id))
		return NULL;
	return g_strdup_printf("%s/%" JSON_INTEGER_FORMAT, base, json_integer_value(id));
}

/* Janus's own error, or its plugin's. */
static bool tell_error(const json_t *reply, enum step step, char *text)
{
	const json_t *data = json_object_get(json_object_get(reply, "plugindata"), "data");
	const char *reason = get_string(json_object_get(reply, "error"), "reason");

	if (reason[0] == '\0')
		reason = get_string(data, "error");
	if (reason[0] == '\0' && strcmp(get_string(reply, "janus"), "error") != 0)
		return false;
	snprintf(text, ERROR_SIZE, "%s: %s", step_names[step], reason);
	return true;
}

static gboolean on_keepalive(gpointer user);

static void keep_alive(struct janus *janus, const char *session)
{
	g_hash_table_add(janus->sessions, g_strdup(session));
	if (janus->keepalive == NULL)
		janus->keepalive = timer_start(
			g_main_context_get_thread_default(), KEEPALIVE_MS, on_keepalive, janus);
}

static void receive_poll(struct watch *watch, const json_t *reply)
{
	const json_t *jsep = json_object_get(reply, "jsep");

	if (strcmp(get_string(jsep, "type"), "offer") != 0) {
		send_poll(watch); /* a keepalive, or an event that is none of ours */
		return;
	}
	watch->offer = g_strdup(get_string(jsep, "sdp"));
	send_start(watch);
}

static void go_on(struct watch *watch, const json_t *reply)
{
	switch (watch->step) {
	case STEP_CREATE:
		watch->session = child_url(watch->url, reply);
		if (watch->session == NULL) {
			finish(watch, "create: no session id");
			return;
		}
		keep_alive(watch->janus, watch->session);
		send_attach(watch);
		return;
	case STEP_ATTACH:
		watch->handle = child_url(watch->session, reply);
		if (watch->handle == NULL)
			finish(watch, "attach: no handle id");
		else
			send_watch(watch);
		return;
	case STEP_WATCH:
		send_poll(watch);
		return;
	case STEP_POLL:
		receive_poll(watch, reply);
		return;
	case STEP_START:
		finish(watch, NULL);
		return;
	}
}

static void on_reply(void *user, const struct http_reply *reply)
{
	struct watch *watch = user;
	char error[ERROR_SIZE];
	json_t *json;

	if (reply->status != 200) {
		snprintf(error, sizeof(error), "%s: %s (status %u)", step_names[watch->step],
			reply->error ? reply->error : "refused", reply->status);
		finish(watch, error);
		return;
	}
	json = reply->length <= REPLY_MAX ? json_loadb(reply->body, reply->length, 0, NULL) : NULL;
	if (json == NULL) {
		finish(watch, "the reply is no JSON");
		return;
	}
	if (tell_error(json, watch->step, error))
		finish(watch, error);
	else
		go_on(watch, json);
	json_decref(json);
}

/* ---- sessions ---- */

static void ignore_reply(void *user, const struct http_reply *reply)
{
}

static gboolean on_keepalive(gpointer user)
{
	struct janus *janus = user;
	GHashTableIter iter;
	gpointer session;

	g_hash_table_iter_init(&iter, janus->sessions);
	while (g_hash_table_iter_next(&iter, &session, NULL))
		http_send(janus->http,
			&(struct http_request){
				.method = "POST",
				.url = session,
				.type = "application/json",
				.body = "{\"janus\":\"keepalive\",\"transaction\":\"" TRANSACTION
					"\"}",
				.callback = ignore_reply,
			});
	return G_SOURCE_CONTINUE;
}

/* ---- public ---- */

struct janus *janus_create(struct http_client *http, unsigned int mountpoint)
{
	struct janus *janus = g_new0(struct janus, 1);

	janus->http = http;
	janus->mountpoint = mountpoint;
	janus->sessions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return janus;
}

void janus_destroy(struct janus *janus)
{
	if (janus == NULL)
		return;
	timer_stop(&janus->keepalive);
	g_hash_table_unref(janus->sessions);
	g_free(janus);
}

int janus_watch(struct janus *janus, const char *url, const struct sdp_offer *ours,
	GCancellable *cancellable, http_callback *callback, void *user)
{
	struct watch *watch;

	if (!g_uri_is_valid(url, G_URI_FLAGS_NONE, NULL))
		return -EINVAL;
	watch = g_new0(struct watch, 1);
	watch->janus = janus;
	watch->url = g_strdup(url);
	watch->ours = *ours;
	watch->ours.ufrag = g_strdup(ours->ufrag);
	watch->ours.password = g_strdup(ours->password);
	watch->ours.fingerprint = g_strdup(ours->fingerprint);
	watch->ours.candidates = g_strdup(ours->candidates);
	watch->cancellable = g_object_ref(cancellable);
	watch->callback = callback;
	watch->user = user;
	send_create(watch);
	return 0;
}

int janus_end(struct janus *janus, const char *session, GCancellable *cancellable,
	http_callback *callback, void *user)
{
	g_hash_table_remove(janus->sessions, session);
	return http_send(janus->http,
		&(struct http_request){
			.method = "POST",
			.url = session,
			.type = "application/json",
			.body = "{\"janus\":\"destroy\",\"transaction\":\"" TRANSACTION "\"}",
			.cancellable = cancellable,
			.callback = callback,
			.user = user,
		});
}
