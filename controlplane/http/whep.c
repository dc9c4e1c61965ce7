/* SPDX-License-Identifier: BSD-3-Clause */
/* The WHEP endpoint and its resources: see whep.h. Main thread. */
#include "controlplane/http/whep.h"

#include "controlplane/log.h"

#include <errno.h>
#include <string.h>

#define ON_DEMAND_WAIT_MS 10000 /* for a source that is only connected when wanted */
#define WAITING_MAX 1000        /* requests that wait; each holds its offer */
#define ENDPOINT_METHODS "OPTIONS, POST"
#define FRAGMENT_TYPE "application/trickle-ice-sdpfrag"
#define RESOURCE_METHODS "OPTIONS, PATCH, DELETE"

/* One request that waits: for the authorisation hook, its source, or (until_known.h) to be
 * told which sessions there are. */
struct whep_request {
	struct http_context *context;
	/* once the hook agrees; ends with request_finish() */
	void (*answer)(struct whep_request *r);
	char *resource;             /* owned; "": the endpoint */
	SoupServerMessage *message; /* owned */
	char *path_name;
	struct path *path; /* wanted while waiting for it; else NULL */
	struct path_listener listener;
	guint timer;
	struct until_known_waiter until_known;
	bool asking; /* the hook has not answered yet */
	bool dead;   /* the client went */
};

static void allow_origin(struct http_context *context, SoupServerMessage *message)
{
	SoupMessageHeaders *h = soup_server_message_get_response_headers(message);
	const char *origin = context->config->webrtc_allow_origin;

	soup_message_headers_replace(h, "Access-Control-Allow-Origin", origin);
	if (strcmp(origin, "*") != 0)
		soup_message_headers_replace(h, "Vary", "Origin");
	soup_message_headers_replace(
		h, "Access-Control-Expose-Headers", "Location, ETag, Link, Retry-After");
	soup_message_headers_replace(h, "Cache-Control", "no-store");
}

/* RFC 9725 4.6: Link: <stun:host>; rel="ice-server"; username="..."; ... */
static void append_quoted(GString *s, const char *name, const char *value)
{
	if (!value)
		return;
	g_string_append_printf(s, "; %s=\"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			g_string_append_c(s, '\\');
		if ((unsigned char)*value >= 0x20 && *value != 0x7f)
			g_string_append_c(s, *value);
	}
	g_string_append_c(s, '"');
}

static void add_ice_servers(struct http_context *context, SoupServerMessage *message)
{
	SoupMessageHeaders *h = soup_server_message_get_response_headers(message);

	for (uint32_t i = 0; i < context->config->n_ice_servers; i++) {
		const struct mr_config_ice_server *server = &context->config->ice_servers[i];
		GString *s = g_string_new(NULL);

		g_string_append_printf(s, "<%s>; rel=\"ice-server\"", server->url);
		append_quoted(s, "username", server->username);
		append_quoted(s, "credential", server->password);
		if (server->password)
			g_string_append(s, "; credential-type=\"password\"");
		soup_message_headers_append(h, "Link", s->str);
		g_string_free(s, TRUE);
	}
}

static void method_not_allowed(SoupServerMessage *message, const char *methods)
{
	soup_message_headers_replace(
		soup_server_message_get_response_headers(message), "Allow", methods);
	http_error(message, SOUP_STATUS_METHOD_NOT_ALLOWED, "this method is not allowed here");
}

/* ---- requests that wait ---- */

static void stop_waiting(struct whep_request *r)
{
	g_clear_handle_id(&r->timer, g_source_remove);
	if (r->path) {
		path_listener_del(r->context->paths, &r->listener);
		path_unwant(r->path);
		r->path = NULL;
	}
}

static void request_free(struct whep_request *r)
{
	stop_waiting(r);
	until_known_end(&r->until_known);
	g_signal_handlers_disconnect_by_data(r->message, r);
	g_hash_table_remove(r->context->pending, r);
	g_object_unref(r->message);
	g_free(r->path_name);
	g_free(r->resource);
	g_free(r);
}

/* The answer is complete. */
static void request_finish(struct whep_request *r)
{
	soup_server_message_unpause(r->message);
	request_free(r);
}

static void on_client_gone(SoupServerMessage *message, gpointer user)
{
	struct whep_request *r = user;

	if (r->asking)
		r->dead = true; /* the hook's answer frees it */
	else
		request_free(r);
}

static void created(struct whep_request *r, struct viewer_offer_reply *reply)
{
	SoupMessageHeaders *h = soup_server_message_get_response_headers(r->message);
	char *encoded = g_uri_escape_string(r->path_name, "/", FALSE);
	/* With the query that authorised this: it does so again when the client leaves. */
	const char *query = g_uri_get_query(soup_server_message_get_uri(r->message));
	char *location = g_strdup_printf(
		"/%s/whep/%s%s%s", encoded, reply->resource, query ? "?" : "", query ? query : "");
	char *etag = g_strdup_printf("\"%s\"", reply->etag);

	soup_message_headers_replace(h, "Location", location);
	soup_message_headers_replace(h, "ETag", etag);
	add_ice_servers(r->context, r->message);
	soup_server_message_set_status(r->message, SOUP_STATUS_CREATED, NULL);
	soup_server_message_set_response(r->message, "application/sdp", SOUP_MEMORY_TAKE,
		reply->answer, strlen(reply->answer));
	g_free(encoded);
	g_free(location);
	g_free(etag);
}

/* False: the source is not there yet. */
static bool try_offer(struct whep_request *r, struct path *path, bool last)
{
	GBytes *body = soup_message_body_flatten(soup_server_message_get_request_body(r->message));
	struct viewer_offer_reply reply;
	gsize len;
	const char *sdp = g_bytes_get_data(body, &len);
	int rc = viewer_table_offer(r->context->viewers, path, sdp, len, &reply);

	g_bytes_unref(body);
	switch (rc) {
	case 0:
		created(r, &reply);
		return true;
	case -EINVAL:
	case -ENOTSUP:
		http_error(r->message, SOUP_STATUS_BAD_REQUEST, reply.why);
		break;
	case -EAGAIN:
		if (!last)
			return false;
		http_unavailable(r->message, reply.why);
		break;
	case -ENOSPC:
		http_unavailable(r->message, reply.why);
		break;
	default:
		http_error(r->message, SOUP_STATUS_INTERNAL_SERVER_ERROR, reply.why);
		break;
	}
	if (http_refusals_line(&r->context->refusals, g_get_monotonic_time()))
		log_info(r->path_name, "event=offer_refused status=%u why=\"%s\"",
			soup_server_message_get_status(r->message), reply.why);
	return true;
}

static gboolean on_wait_over(gpointer user)
{
	struct whep_request *r = user;

	r->timer = 0;
	try_offer(r, r->path, true);
	request_finish(r);
	return G_SOURCE_REMOVE;
}

static void on_path_changed(void *user, const struct path *path)
{
	struct whep_request *r = user;

	if (path == r->path && (path->state == MR_PATH_READY || path->refused) &&
		try_offer(r, r->path, false))
		request_finish(r);
}

static void answer_offer(struct whep_request *r)
{
	const struct mr_config_path *config = mr_config_find_path(r->context->config, r->path_name);
	struct path *path = path_table_lookup(r->context->paths, r->path_name);

	if (!path || !config) {
		http_error(r->message, SOUP_STATUS_NOT_FOUND, "no such path");
		request_finish(r);
		return;
	}
	if (try_offer(r, path, !config->source_on_demand)) {
		request_finish(r);
		return;
	}
	if (g_hash_table_size(r->context->pending) - r->context->until_known.n > WAITING_MAX) {
		r->context->refusals.on_demand++;
		http_unavailable(r->message, "too many requests wait for their sources");
		request_finish(r);
		return;
	}
	r->path = path;
	r->listener = (struct path_listener){.changed = on_path_changed, .user = r};
	path_listener_add(r->context->paths, &r->listener);
	r->timer = g_timeout_add(ON_DEMAND_WAIT_MS, on_wait_over, r);
	path_want(path);
}

static void on_verdict(enum authorize_verdict verdict, void *user)
{
	struct whep_request *r = user;

	r->asking = false;
	if (r->dead) {
		request_free(r);
		return;
	}
	switch (verdict) {
	case AUTHORIZE_YES:
		r->answer(r);
		return;
	case AUTHORIZE_NO:
		soup_message_headers_replace(soup_server_message_get_response_headers(r->message),
			"WWW-Authenticate", "Basic realm=\"millrace\"");
		http_error(r->message, SOUP_STATUS_UNAUTHORIZED, "authentication is needed");
		break;
	case AUTHORIZE_BUSY:
		r->context->refusals.authorise++;
		http_unavailable(r->message, "too many requests wait for authorisation");
		break;
	}
	request_finish(r);
}

static void authorize(struct http_context *context, SoupServerMessage *message,
	const struct http_route *route, void (*answer)(struct whep_request *r))
{
	struct whep_request *r = g_new0(struct whep_request, 1);
	struct authorize_request question = {
		.message = message, .path = route->path, .id = route->resource};

	r->context = context;
	r->message = g_object_ref(message);
	r->path_name = g_strdup(route->path);
	r->resource = g_strdup(route->resource);
	r->answer = answer;
	r->asking = true;
	g_hash_table_add(context->pending, r);
	g_signal_connect(message, "disconnected", G_CALLBACK(on_client_gone), r);
	soup_server_message_pause(message);
	context->authorizer->check(context->authorizer, &question, on_verdict, r);
}

/* ---- entry ---- */

/* A browser's preflight has no credentials (Fetch 4.8) and says nothing that others may not
 * know; it is the one thing that is answered without the hook. */
static bool is_preflight(SoupServerMessage *message)
{
	return soup_server_message_get_method(message) == SOUP_METHOD_OPTIONS &&
	       soup_message_headers_get_one(soup_server_message_get_request_headers(message),
		       "Access-Control-Request-Method");
}

static void answer_methods(SoupServerMessage *message, const char *methods)
{
	SoupMessageHeaders *h = soup_server_message_get_response_headers(message);

	soup_message_headers_replace(h, "Allow", methods);
	soup_message_headers_replace(h, "Access-Control-Allow-Methods", methods);
	soup_message_headers_replace(
		h, "Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match");
	soup_message_headers_replace(h, "Access-Control-Max-Age", "86400");
	soup_server_message_set_status(message, SOUP_STATUS_NO_CONTENT, NULL);
}

static bool has_content_type(SoupServerMessage *message, const char *wanted)
{
	const char *type = soup_message_headers_get_content_type(
		soup_server_message_get_request_headers(message), NULL);

	return type && g_ascii_strcasecmp(type, wanted) == 0;
}

static void answer_endpoint_options(struct whep_request *r)
{
	answer_methods(r->message, ENDPOINT_METHODS);
	soup_message_headers_replace(soup_server_message_get_response_headers(r->message),
		"Accept-Post", "application/sdp");
	add_ice_servers(r->context, r->message);
	request_finish(r);
}

/* The hook agreed. */
static void answer_endpoint(struct whep_request *r)
{
	const char *method = soup_server_message_get_method(r->message);

	if (method == SOUP_METHOD_OPTIONS) {
		answer_endpoint_options(r);
		return;
	}
	if (method != SOUP_METHOD_POST) {
		method_not_allowed(r->message, ENDPOINT_METHODS);
	} else if (http_body_too_long(r->message)) {
		http_error(r->message, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
			"the offer is longer than 64 KiB");
	} else if (!has_content_type(r->message, "application/sdp")) {
		http_error(r->message, SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE,
			"the content type must be application/sdp");
	} else {
		answer_offer(r);
		return;
	}
	request_finish(r);
}

void whep_endpoint(
	struct http_context *context, SoupServerMessage *message, const struct http_route *route)
{
	allow_origin(context, message);
	if (is_preflight(message)) {
		answer_methods(message, ENDPOINT_METHODS);
		return;
	}
	authorize(context, message, route, answer_endpoint);
}

static void answer_delete(struct whep_request *r)
{
	if (viewer_table_delete(r->context->viewers, r->path_name, r->resource) < 0)
		http_error(r->message, SOUP_STATUS_NOT_FOUND, "no such session");
	else
		soup_server_message_set_status(r->message, SOUP_STATUS_OK, NULL);
	request_finish(r);
}

/* RFC 9725 4.3.1: a fragment is for one state of the session; "*" restarts ICE
 * whatever the state. */
static bool has_precondition(struct whep_request *r, const char *etag)
{
	const char *wanted = soup_message_headers_get_one(
		soup_server_message_get_request_headers(r->message), "If-Match");
	char *quoted = g_strdup_printf("\"%s\"", etag);
	bool any = wanted && strcmp(wanted, "*") == 0;
	bool same = wanted && strcmp(wanted, quoted) == 0;

	g_free(quoted);
	if (!wanted)
		http_error(r->message, 428, "If-Match is missing: the session's ETag, or *");
	else if (!any && !same)
		http_error(r->message, SOUP_STATUS_PRECONDITION_FAILED,
			"the session has another ETag now");
	return any || same;
}

static void restarted(struct whep_request *r, struct viewer_patch_reply *reply)
{
	char *etag = g_strdup_printf("\"%s\"", reply->etag);

	soup_message_headers_replace(
		soup_server_message_get_response_headers(r->message), "ETag", etag);
	soup_server_message_set_status(r->message, SOUP_STATUS_OK, NULL);
	soup_server_message_set_response(
		r->message, FRAGMENT_TYPE, SOUP_MEMORY_TAKE, reply->answer, strlen(reply->answer));
	g_free(etag);
}

/* What the client's candidates are does not matter: we only answer checks. */
static void take_fragment(struct whep_request *r)
{
	GBytes *body = soup_message_body_flatten(soup_server_message_get_request_body(r->message));
	struct viewer_patch_reply reply;
	gsize len;
	const char *text = g_bytes_get_data(body, &len);
	int rc = viewer_table_patch(
		r->context->viewers, r->path_name, r->resource, text ? text : "", len, &reply);

	g_bytes_unref(body);
	if (rc == 1)
		restarted(r, &reply);
	else if (rc == 0)
		soup_server_message_set_status(r->message, SOUP_STATUS_NO_CONTENT, NULL);
	else if (rc == -EINVAL)
		http_error(r->message, SOUP_STATUS_BAD_REQUEST, reply.why);
	else if (rc == -ENOENT)
		http_error(r->message, SOUP_STATUS_NOT_FOUND, "no such session");
	else
		http_error(r->message, SOUP_STATUS_INTERNAL_SERVER_ERROR, reply.why);
}

static void answer_patch(struct whep_request *r)
{
	const char *etag = viewer_table_etag(r->context->viewers, r->path_name, r->resource);

	if (!etag)
		http_error(r->message, SOUP_STATUS_NOT_FOUND, "no such session");
	else if (http_body_too_long(r->message))
		http_error(r->message, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
			"the fragment is longer than 64 KiB");
	else if (!has_content_type(r->message, FRAGMENT_TYPE))
		http_error(r->message, SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE,
			"the content type must be " FRAGMENT_TYPE);
	else if (has_precondition(r, etag))
		take_fragment(r);
	request_finish(r);
}

/* It is known whether the session is there, or that has been waited for long enough. */
static void answer_session(void *user)
{
	struct whep_request *r = user;
	const char *unknown = until_known_why(&r->context->until_known, r->path_name, r->resource);

	if (unknown) {
		r->context->refusals.unknown++;
		http_unavailable(r->message, unknown);
		request_finish(r);
	} else if (soup_server_message_get_method(r->message) == SOUP_METHOD_DELETE) {
		answer_delete(r);
	} else {
		answer_patch(r);
	}
}

static void answer_resource(struct whep_request *r)
{
	const char *method = soup_server_message_get_method(r->message);

	if (method == SOUP_METHOD_DELETE || strcmp(method, "PATCH") == 0) {
		if (!until_known_begin(&r->context->until_known, &r->until_known, r->path_name,
			    r->resource, answer_session, r))
			answer_session(r);
		return;
	}
	if (method == SOUP_METHOD_OPTIONS)
		answer_methods(r->message, RESOURCE_METHODS);
	else
		method_not_allowed(r->message, RESOURCE_METHODS);
	request_finish(r);
}

/* The resource's name, 128 random bits, is what tells the session's own client
 * from others who may watch the path. */
void whep_resource(
	struct http_context *context, SoupServerMessage *message, const struct http_route *route)
{
	allow_origin(context, message);
	if (is_preflight(message))
		answer_methods(message, RESOURCE_METHODS);
	else
		authorize(context, message, route, answer_resource);
}

void whep_fini(struct http_context *context)
{
	GList *requests = g_hash_table_get_keys(context->pending);

	for (GList *l = requests; l; l = l->next)
		request_free(l->data);
	g_list_free(requests);
}
