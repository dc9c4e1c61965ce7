/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may watch: see authorize.h. Main thread. */
#include "controlplane/http/authorize.h"

#include "controlplane/log.h"
#include "crypto/secret.h"

#include <jansson.h>
#include <string.h>

#define TIMEOUT_S 5 /* for a whole question, its time in the queue included */
#define OPEN_QUESTIONS_MAX 256

/* ---- open ---- */

static void open_check(struct authorizer *a, const struct authorize_request *request,
	authorize_fn done, void *user)
{
	done(AUTHORIZE_YES, user);
}

static void open_destroy(struct authorizer *a)
{
	g_free(a);
}

/* ---- by HTTP ---- */

struct http_authorizer {
	struct authorizer base;
	SoupSession *session;
	GUri *uri;
	GHashTable *open; /* struct question */
};

struct question {
	struct http_authorizer *a; /* NULL: it is gone, and so is who asked */
	GCancellable *cancel;
	guint timer; /* 0: its time is over */
	SoupMessage *message;
	authorize_fn done;
	void *user;
};

struct credentials {
	char *user;
	char *password; /* secret */
	char *token;    /* secret */
};

static void parse_authorization(const char *header, struct credentials *c)
{
	if (!header)
		return;
	if (g_ascii_strncasecmp(header, "Bearer ", 7) == 0) {
		c->token = g_strdup(header + 7);
	} else if (g_ascii_strncasecmp(header, "Basic ", 6) == 0) {
		gsize len = 0;
		guchar *decoded = g_base64_decode(header + 6, &len);
		char *text = g_strndup((const char *)decoded, len);
		char *colon = strchr(text, ':');

		if (colon && g_utf8_validate(text, -1, NULL)) {
			c->user = g_strndup(text, colon - text);
			c->password = g_strdup(colon + 1);
		}
		secret_wipe(decoded, len);
		secret_wipe(text, strlen(text));
		g_free(decoded);
		g_free(text);
	}
}

static char *question_text(const struct authorize_request *request)
{
	SoupServerMessage *m = request->message;
	const char *query = g_uri_get_query(soup_server_message_get_uri(m));
	const char *ip = soup_server_message_get_remote_host(m);
	struct credentials c = {0};
	json_t *json;
	char *text;

	parse_authorization(soup_message_headers_get_one(
				    soup_server_message_get_request_headers(m), "Authorization"),
		&c);
	/* %s of jansson refuses what is not UTF-8: then there is no text, and no access. */
	json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "user",
		c.user ? c.user : "", "password", c.password ? c.password : "", "token",
		c.token ? c.token : "", "ip", ip ? ip : "", "action", "read", "path", request->path,
		"protocol", "webrtc", "id", request->id, "query", query ? query : "");
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (c.password)
		secret_wipe(c.password, strlen(c.password));
	if (c.token)
		secret_wipe(c.token, strlen(c.token));
	g_free(c.user);
	g_free(c.password);
	g_free(c.token);
	return text;
}

static gboolean on_timeout(gpointer user)
{
	struct question *q = user;

	q->timer = 0;
	g_cancellable_cancel(q->cancel);
	return G_SOURCE_REMOVE;
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer user)
{
	struct question *q = user;
	GError *error = NULL;
	GInputStream *body = soup_session_send_finish(SOUP_SESSION(source), result, &error);
	unsigned int status = soup_message_get_status(q->message);

	if (q->a) {
		if (error)
			log_warn("-", "event=authorization_failed error=\"%s\"",
				q->timer ? error->message : "no answer in time");
		g_hash_table_remove(q->a->open, q);
		q->done(body && SOUP_STATUS_IS_SUCCESSFUL(status) ? AUTHORIZE_YES : AUTHORIZE_NO,
			q->user);
	}
	g_clear_handle_id(&q->timer, g_source_remove);
	g_clear_object(&body);
	g_clear_error(&error);
	g_object_unref(q->message);
	g_object_unref(q->cancel);
	g_free(q);
}

static void wipe_free(gpointer text)
{
	secret_wipe(text, strlen(text));
	free(text);
}

static void http_check(struct authorizer *base, const struct authorize_request *request,
	authorize_fn done, void *user)
{
	struct http_authorizer *a = (struct http_authorizer *)base;
	struct question *q;
	GBytes *bytes;
	char *text;

	if (g_hash_table_size(a->open) >= OPEN_QUESTIONS_MAX) {
		done(AUTHORIZE_BUSY, user);
		return;
	}
	text = question_text(request);
	if (!text) {
		done(AUTHORIZE_NO, user);
		return;
	}
	q = g_new0(struct question, 1);
	q->a = a;
	q->done = done;
	q->user = user;
	q->cancel = g_cancellable_new();
	q->timer = g_timeout_add_seconds(TIMEOUT_S, on_timeout, q);
	q->message = soup_message_new_from_uri(SOUP_METHOD_POST, a->uri);
	g_hash_table_add(a->open, q);
	soup_message_add_flags(q->message, SOUP_MESSAGE_NO_REDIRECT);
	bytes = g_bytes_new_with_free_func(text, strlen(text), wipe_free, text);
	soup_message_set_request_body_from_bytes(q->message, "application/json", bytes);
	g_bytes_unref(bytes);
	soup_session_send_async(
		a->session, q->message, G_PRIORITY_DEFAULT, q->cancel, on_answer, q);
}

static void http_destroy(struct authorizer *base)
{
	struct http_authorizer *a = (struct http_authorizer *)base;
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, a->open);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		struct question *q = key;

		q->a = NULL;
		g_clear_handle_id(&q->timer, g_source_remove);
		g_cancellable_cancel(q->cancel);
	}
	g_hash_table_destroy(a->open);
	soup_session_abort(a->session);
	g_object_unref(a->session);
	g_uri_unref(a->uri);
	g_free(a);
}

struct authorizer *authorizer_create(const char *http_address)
{
	struct http_authorizer *a;
	struct authorizer *open;

	if (!http_address) {
		open = g_new0(struct authorizer, 1);
		open->check = open_check;
		open->destroy = open_destroy;
		return open;
	}
	a = g_new0(struct http_authorizer, 1);
	a->uri = g_uri_parse(http_address, SOUP_HTTP_URI_FLAGS, NULL);
	if (!a->uri) {
		g_free(a);
		return NULL;
	}
	a->base.check = http_check;
	a->base.destroy = http_destroy;
	a->open = g_hash_table_new(NULL, NULL);
	a->session = soup_session_new_with_options("timeout", TIMEOUT_S, "max-conns", 32,
		"max-conns-per-host", 32, "user-agent", "millrace", NULL);
	return &a->base;
}
