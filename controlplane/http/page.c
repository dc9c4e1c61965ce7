/* SPDX-License-Identifier: BSD-3-Clause */
/* The player's page and the list of paths: see page.h. Main thread. */
#include "controlplane/http/page.h"

#include "page_resource.h"

#include <string.h>

/* 'sha256-...' of what stands between two tags of the page: inline code is
 * allowed by its hash alone (CSP level 2). */
static void append_hash(GString *policy, const char *page, const char *open, const char *close)
{
	const char *begin = strstr(page, open);
	const char *end = begin ? strstr(begin, close) : NULL;
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize len = sizeof(digest);
	char *text;

	if (begin && end)
		g_checksum_update(
			sum, (const guchar *)begin + strlen(open), end - begin - strlen(open));
	g_checksum_get_digest(sum, digest, &len);
	g_checksum_free(sum);
	text = g_base64_encode(digest, len);
	g_string_append_printf(policy, "'sha256-%s'", text);
	g_free(text);
}

static GBytes *page_bytes(void)
{
	return g_resource_lookup_data(
		page_get_resource(), "/millrace/page.html", G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
}

void page_init(struct http_context *context)
{
	GBytes *bytes;
	const char *page;
	GString *policy = g_string_new("default-src 'none'; script-src ");

	page_register_resource(); /* more than once is fine */
	bytes = page_bytes();
	page = g_bytes_get_data(bytes, NULL); /* GResource ends it with 0 */

	append_hash(policy, page, "<script>", "</script>");
	g_string_append(policy, "; style-src ");
	append_hash(policy, page, "<style>", "</style>");
	g_string_append(policy, "; connect-src 'self'; img-src data:; media-src 'self' blob:; "
				"base-uri 'none'; form-action 'none'");
	context->page_policy = g_string_free(policy, FALSE);
	g_bytes_unref(bytes);
}

void page_fini(struct http_context *context)
{
	g_clear_pointer(&context->page_policy, g_free);
}

static void add_headers(SoupServerMessage *message, const char *policy)
{
	SoupMessageHeaders *h = soup_server_message_get_response_headers(message);

	soup_message_headers_replace(h, "Content-Security-Policy", policy);
	soup_message_headers_replace(h, "X-Content-Type-Options", "nosniff");
	soup_message_headers_replace(h, "Referrer-Policy", "no-referrer");
	soup_message_headers_replace(h, "Cache-Control", "no-cache");
}

static bool is_read(SoupServerMessage *message)
{
	const char *method = soup_server_message_get_method(message);

	if (method == SOUP_METHOD_GET || method == SOUP_METHOD_HEAD)
		return true;
	soup_message_headers_replace(
		soup_server_message_get_response_headers(message), "Allow", "GET, HEAD");
	http_error(message, SOUP_STATUS_METHOD_NOT_ALLOWED, "this method is not allowed here");
	return false;
}

/* ---- requests that wait for the hook ---- */

struct page_request {
	struct http_context *context;
	SoupServerMessage *message; /* owned */
	char *path;                 /* owned; "" is the list */
	void (*send)(struct page_request *r);
	bool gone;
};

static void on_gone(SoupServerMessage *message, gpointer user)
{
	((struct page_request *)user)->gone = true;
}

static void on_verdict(enum authorize_verdict verdict, void *user)
{
	struct page_request *r = user;

	g_signal_handlers_disconnect_by_data(r->message, r);
	if (verdict == AUTHORIZE_YES) {
		if (is_read(r->message))
			r->send(r);
	} else if (verdict == AUTHORIZE_NO) {
		soup_message_headers_replace(soup_server_message_get_response_headers(r->message),
			"WWW-Authenticate", "Basic realm=\"millrace\"");
		http_error(r->message, SOUP_STATUS_UNAUTHORIZED, "authentication is needed");
	} else {
		r->context->refusals.authorise++;
		http_unavailable(r->message, "too many requests wait for authorisation");
	}
	if (!r->gone)
		soup_server_message_unpause(r->message);
	g_object_unref(r->message);
	g_free(r->path);
	g_free(r);
}

/* Nothing is told, not even whether the path exists, before the hook agrees. */
static void authorize(struct http_context *context, SoupServerMessage *message, const char *path,
	void (*send)(struct page_request *r))
{
	struct authorize_request question = {.message = message, .path = path, .id = ""};
	struct page_request *r = g_new0(struct page_request, 1);

	r->context = context;
	r->message = g_object_ref(message);
	r->path = g_strdup(path);
	r->send = send;
	g_signal_connect(message, "disconnected", G_CALLBACK(on_gone), r);
	soup_server_message_pause(message);
	context->authorizer->check(context->authorizer, &question, on_verdict, r);
}

static bool path_exists(struct page_request *r)
{
	if (path_table_lookup(r->context->paths, r->path))
		return true;
	http_error(r->message, SOUP_STATUS_NOT_FOUND, "no such path");
	return false;
}

/* ---- the player ---- */

static void send_player(struct page_request *r)
{
	GBytes *bytes;
	const char *page;
	gsize len;

	if (!path_exists(r))
		return;
	bytes = page_bytes();
	page = g_bytes_get_data(bytes, &len);
	add_headers(r->message, r->context->page_policy);
	soup_server_message_set_status(r->message, SOUP_STATUS_OK, NULL);
	/* the resource is part of the program: never freed */
	soup_server_message_set_response(
		r->message, "text/html; charset=utf-8", SOUP_MEMORY_STATIC, page, len);
	g_bytes_unref(bytes);
}

void page_player(struct http_context *context, SoupServerMessage *message, const char *path)
{
	authorize(context, message, path, send_player);
}

static void send_redirect(struct page_request *r)
{
	const char *query = g_uri_get_query(soup_server_message_get_uri(r->message));
	char *encoded, *location;

	if (!path_exists(r))
		return;
	encoded = g_uri_escape_string(r->path, "/", FALSE);
	location = g_strdup_printf("/%s/%s%s", encoded, query ? "?" : "", query ? query : "");
	/* Relative: a proxy in front may have another scheme and host. */
	soup_message_headers_replace(
		soup_server_message_get_response_headers(r->message), "Location", location);
	soup_server_message_set_status(r->message, SOUP_STATUS_MOVED_PERMANENTLY, NULL);
	g_free(encoded);
	g_free(location);
}

void page_redirect(struct http_context *context, SoupServerMessage *message, const char *path)
{
	authorize(context, message, path, send_redirect);
}

/* ---- the list ---- */

#define INDEX_STYLE                                                                                \
	":root{color-scheme:dark}body{margin:0;background:#0b0e11;color:#e6eaee;"                  \
	"font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"                      \
	"main{max-width:40rem;margin:12vh auto;padding:0 1.5rem}"                                  \
	"h1{font-size:1.4rem;font-weight:600;margin:0 0 "                                          \
	"1.2rem}ul{list-style:none;margin:0;padding:0}"                                            \
	"a{display:flex;justify-content:space-between;gap:1rem;padding:.8rem 1.1rem;margin:.5rem " \
	"0;"                                                                                       \
	"border:1px solid #ffffff1f;border-radius:10px;background:#14191e;color:inherit;"          \
	"text-decoration:none}a:hover{border-color:#4cc2a5}small{color:#8f9aa4}"                   \
	".ready{color:#4cc2a5}"

static const char *state_text(const struct path *path)
{
	switch (path->state) {
	case MR_PATH_READY:
		return "ready";
	case MR_PATH_CONNECTING:
		return "connecting";
	case MR_PATH_OFF:
		return "on demand";
	default:
		return "waiting";
	}
}

static char *index_policy(void)
{
	GString *policy = g_string_new("default-src 'none'; img-src data:; style-src ");

	append_hash(policy, "<style>" INDEX_STYLE "</style>", "<style>", "</style>");
	g_string_append(policy, "; base-uri 'none'; form-action 'none'");
	return g_string_free(policy, FALSE);
}

static void send_index(struct page_request *r)
{
	GString *html;
	char *policy;
	gsize len;

	html = g_string_new(
		"<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta "
		"name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
		"<title>millrace</title><link rel=\"icon\" href=\"data:,\"><style>" INDEX_STYLE
		"</style></head><body><main><h1>millrace</h1><ul>");
	for (unsigned int i = 0;; i++) {
		const struct path *path = path_table_at(r->context->paths, i);
		char *name, *link;

		if (!path)
			break;
		name = g_markup_escape_text(path->name, -1);
		link = g_uri_escape_string(path->name, "/", FALSE);
		g_string_append_printf(html,
			"<li><a href=\"/%s/\"><span>%s</span><small "
			"class=\"%s\">%s</small></a></li>",
			link, name, path->state == MR_PATH_READY ? "ready" : "", state_text(path));
		g_free(name);
		g_free(link);
	}
	g_string_append(html, "</ul></main></body></html>\n");
	policy = index_policy();
	add_headers(r->message, policy);
	g_free(policy);
	soup_server_message_set_status(r->message, SOUP_STATUS_OK, NULL);
	len = html->len;
	soup_server_message_set_response(r->message, "text/html; charset=utf-8", SOUP_MEMORY_TAKE,
		g_string_free(html, FALSE), len);
}

void page_index(struct http_context *context, SoupServerMessage *message)
{
	authorize(context, message, "", send_index);
}
