/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/http: the real server on loopback, a real client, and
 * doubles of the path and viewer tables behind it. */
#include "controlplane/http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gio/gio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define FRAGMENT "application/trickle-ice-sdpfrag"
#define RESOURCE "0123456789abcdef0123456789abcdef"

/* ---- doubles ---- */

static struct path cam = {.id = 1, .name = "cam1", .state = MR_PATH_READY};
static struct path demand = {.id = 2, .name = "demand", .state = MR_PATH_OFF};
static struct path_listener *listener;
static unsigned int wanted, deleted, kicked;

struct path *path_table_lookup(struct path_table *table, const char *name)
{
	return strcmp(name, "cam1") == 0 ? &cam : strcmp(name, "demand") == 0 ? &demand : NULL;
}

struct path *path_table_at(struct path_table *table, unsigned int i)
{
	return i == 0 ? &cam : i == 1 ? &demand : NULL;
}

void path_listener_add(struct path_table *table, struct path_listener *l)
{
	listener = l;
}

void path_listener_del(struct path_table *table, struct path_listener *l)
{
	listener = NULL;
}

void path_want(struct path *path)
{
	wanted++;
}

void path_unwant(struct path *path)
{
	wanted--;
}

int viewer_table_offer(struct viewer_table *table, struct path *path, const char *sdp, size_t len,
	struct viewer_offer_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	reply->why = "said by the test";
	if (path->state != MR_PATH_READY)
		return -EAGAIN;
	if (len == 3 && memcmp(sdp, "bad", 3) == 0)
		return -EINVAL;
	if (len == 5 && memcmp(sdp, "codec", 5) == 0)
		return -ENOTSUP;
	if (len == 4 && memcmp(sdp, "full", 4) == 0)
		return -ENOSPC;
	reply->answer = g_strdup("v=0\r\n");
	strcpy(reply->resource, RESOURCE);
	strcpy(reply->etag, "tag");
	return 0;
}

int viewer_table_delete(struct viewer_table *table, const char *path, const char *resource)
{
	if (strcmp(path, "cam1") != 0 || strcmp(resource, RESOURCE) != 0)
		return -ENOENT;
	deleted++;
	return 0;
}

int viewer_table_patch(struct viewer_table *table, const char *path, const char *resource,
	const char *body, size_t len, struct viewer_patch_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	reply->why = "said by the test";
	if (len == 3 && memcmp(body, "bad", 3) == 0)
		return -EINVAL;
	if (len < 7 || memcmp(body, "restart", 7) != 0)
		return 0;
	reply->answer = g_strdup("a=ice-lite\r\n");
	strcpy(reply->etag, "new");
	return 1;
}

void viewer_table_list(struct viewer_table *table,
	void (*each)(void *user, const struct viewer_summary *viewer), void *user)
{
	each(user,
		&(struct viewer_summary){
			.id = 7, .path = "cam1", .remote = "192.0.2.1:5000", .established = true});
}

int viewer_table_kick(struct viewer_table *table, uint32_t id)
{
	if (id != 7)
		return -ENOENT;
	kicked++;
	return 0;
}

const char *viewer_table_etag(struct viewer_table *table, const char *path, const char *resource)
{
	return strcmp(path, "cam1") == 0 && strcmp(resource, RESOURCE) == 0 ? "tag" : NULL;
}

/* ---- the server and its client ---- */

struct fixture {
	struct mr_config config;
	struct http_server *server;
	SoupSession *session;
	uint16_t port;
};

static uint16_t free_port(void)
{
	GSocketListener *l = g_socket_listener_new();
	uint16_t port = g_socket_listener_add_any_inet_port(l, NULL, NULL);

	g_socket_listener_close(l);
	g_object_unref(l);
	return port;
}

static int start(struct fixture *f, const char *auth)
{
	static const char file[] =
		"{\"dataplane\":{\"ports\":[{\"name\":\"wan\",\"device\":\"net_af_xdp,iface=x0\"}],"
		"\"workers\":[1]},\"webrtcICEServers2\":[{\"url\":\"turn:t.example:3478\","
		"\"username\":\"u\",\"password\":\"p\\\"q\"}],\"paths\":{\"cam1\":{\"source\":"
		"\"rtsp://127.0.0.1:1/x\"},\"demand\":{\"source\":\"rtsp://127.0.0.1:1/y\","
		"\"sourceOnDemand\":true}}}";
	struct mr_config_report report;
	int rc = mr_config_parse(&f->config, file, strlen(file), &report);

	for (size_t i = 0; i < report.count; i++)
		print_message("%s: %s\n", report.problems[i].path, report.problems[i].message);
	mr_config_report_fini(&report);
	assert_int_equal(rc, 0);
	f->port = free_port();
	inet_pton(AF_INET6, "::ffff:127.0.0.1", f->config.webrtc_address.addr);
	f->config.webrtc_address.port = htons(f->port);
	if (auth)
		f->config.auth_http_address = strdup(auth);
	assert_int_equal(http_server_create(&f->server, &f->config, NULL, NULL), 0);
	f->session = soup_session_new_with_options("timeout", 15, NULL);
	return 0;
}

static void stop(struct fixture *f)
{
	soup_session_abort(f->session);
	g_object_unref(f->session);
	http_server_destroy(f->server);
	mr_config_fini(&f->config);
}

static void on_body(GObject *source, GAsyncResult *result, gpointer user)
{
	GBytes **body = user;

	*body = soup_session_send_and_read_finish(SOUP_SESSION(source), result, NULL);
	if (!*body)
		*body = g_bytes_new_static("", 0);
}

static GBytes *send_message(struct fixture *f, SoupMessage *m)
{
	GBytes *got = NULL;

	soup_session_send_and_read_async(f->session, m, G_PRIORITY_DEFAULT, NULL, on_body, &got);
	while (!got)
		g_main_context_iteration(NULL, TRUE);
	return got;
}

/* One request; the message is the caller's. */
static SoupMessage *ask_if(struct fixture *f, const char *method, const char *path,
	const char *type, const char *text, size_t len, const char *if_match, GBytes **body)
{
	char *uri = g_strdup_printf("http://127.0.0.1:%u%s", f->port, path);
	SoupMessage *m = soup_message_new(method, uri);
	GBytes *got;

	g_free(uri);
	soup_message_add_flags(m, SOUP_MESSAGE_NO_REDIRECT);
	if (if_match)
		soup_message_headers_replace(
			soup_message_get_request_headers(m), "If-Match", if_match);
	if (text) {
		GBytes *bytes = g_bytes_new(text, len);

		soup_message_set_request_body_from_bytes(m, type, bytes);
		g_bytes_unref(bytes);
	}
	got = send_message(f, m);
	if (body)
		*body = got;
	else
		g_bytes_unref(got);
	return m;
}

static SoupMessage *ask(struct fixture *f, const char *method, const char *path, const char *type,
	const char *text, size_t len, GBytes **body)
{
	return ask_if(f, method, path, type, text, len, NULL, body);
}

static const char *header(SoupMessage *m, const char *name)
{
	const char *value =
		soup_message_headers_get_list(soup_message_get_response_headers(m), name);

	return value ? value : "";
}

static void test_statuses(void **state)
{
	static const struct {
		const char *method, *path, *type, *body;
		unsigned int status;
		const char *name, *value; /* a header of the answer */
		const char *why;
	} cases[] = {
		{"POST", "/cam1/whep", "application/sdp", "ok", 201, "Location",
			"/cam1/whep/" RESOURCE, "a session"},
		{"POST", "/cam1/whep?token=t", "application/sdp", "ok", 201, "Location",
			"/cam1/whep/" RESOURCE "?token=t", "what authorised it is kept"},
		{"POST", "/cam1/whep", "application/sdp", "ok", 201, "Content-Type",
			"application/sdp", "its type"},
		{"POST", "/cam1/whep", "application/sdp", "ok", 201, "ETag", "\"tag\"", "its tag"},
		{"POST", "/cam1/whep", "application/sdp; charset=utf-8", "ok", 201,
			"Access-Control-Allow-Origin", "*", "parameters of the type are fine"},
		{"POST", "/none/whep", "application/sdp", "ok", 404, NULL, NULL, "unknown path"},
		{"POST", "/cam1/whep", "application/sdp", "bad", 400, NULL, NULL, "malformed"},
		{"POST", "/cam1/whep", "application/sdp", "codec", 400, NULL, NULL,
			"no codec in common"},
		{"POST", "/cam1/whep", "application/sdp", "full", 503, "Retry-After", "1", "limit"},
		{"POST", "/cam1/whep", "text/plain", "ok", 415, NULL, NULL, "wrong type"},
		{"POST", "/cam1/whep", NULL, NULL, 415, NULL, NULL, "no type"},
		{"GET", "/cam1/whep", NULL, NULL, 405, "Allow", "OPTIONS, POST", "wrong method"},
		{"PUT", "/cam1/whep", "application/sdp", "ok", 405, "Allow", "OPTIONS, POST",
			"wrong method"},
		{"OPTIONS", "/cam1/whep", NULL, NULL, 204, "Link",
			"<turn:t.example:3478>; rel=\"ice-server\"; username=\"u\"; "
			"credential=\"p\\\"q\"; credential-type=\"password\"",
			"ICE servers"},
		{"OPTIONS", "/cam1/whep", NULL, NULL, 204, "Access-Control-Allow-Methods",
			"OPTIONS, POST", "CORS"},
		{"DELETE", "/cam1/whep/" RESOURCE, NULL, NULL, 200, NULL, NULL, "the end"},
		{"DELETE", "/cam1/whep/aaaa", NULL, NULL, 404, NULL, NULL, "unknown resource"},
		{"DELETE", "/demand/whep/" RESOURCE, NULL, NULL, 404, NULL, NULL,
			"another path's resource"},
		{"GET", "/cam1/whep/" RESOURCE, NULL, NULL, 405, "Allow", "OPTIONS, PATCH, DELETE",
			"wrong method"},
		{"PATCH", "/cam1/whep/" RESOURCE, FRAGMENT, "a=x", 428, NULL, NULL,
			"for no state of the session"},
		{"PATCH", "/cam1/whep/aaaa", FRAGMENT, "a=x", 404, NULL, NULL, "unknown resource"},
		{"PATCH", "/cam1/whep/" RESOURCE, "text/plain", "a=x", 415, NULL, NULL,
			"wrong type"},
		{"GET", "/cam1", NULL, NULL, 301, "Location", "/cam1/", "to the page"},
		{"GET", "/cam1?a=b", NULL, NULL, 301, "Location", "/cam1/?a=b", "with its query"},
		{"GET", "/cam1/", NULL, NULL, 200, "Content-Type", "text/html; charset=utf-8",
			"the page"},
		{"POST", "/cam1/", "text/plain", "ok", 405, "Allow", "GET, HEAD", "not a form"},
		{"GET", "/none/", NULL, NULL, 404, NULL, NULL, "no page"},
		{"GET", "/", NULL, NULL, 200, NULL, NULL, "the list"},
	};
	struct fixture f;

	start(&f, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SoupMessage *m = ask(&f, cases[i].method, cases[i].path, cases[i].type,
			cases[i].body, cases[i].body ? strlen(cases[i].body) : 0, NULL);

		if (soup_message_get_status(m) != cases[i].status)
			fail_msg("%s: status %u", cases[i].why, soup_message_get_status(m));
		if (cases[i].name && strcmp(header(m, cases[i].name), cases[i].value) != 0)
			fail_msg("%s: %s: %s", cases[i].why, cases[i].name,
				header(m, cases[i].name));
		g_object_unref(m);
	}
	assert_int_equal(deleted, 1);
	stop(&f);
}

/* The operator's server: for programs of this machine, not for pages. */
static void test_api(void **state)
{
	static const struct {
		const char *method, *path, *name, *value; /* of a header */
		guint status;
		const char *answer; /* has it */
		const char *why;
	} cases[] = {
		{"GET", "/v3/webrtcsessions/list", NULL, NULL, 200, "\"id\":\"7\"", "the list"},
		{"GET", "/v3/webrtcsessions/list", "Host", "localhost:9997", 200, "\"itemCount\":1",
			"by name"},
		{"POST", "/v3/webrtcsessions/kick/7", NULL, NULL, 200, "ok", "a kick"},
		{"POST", "/v3/webrtcsessions/kick/8", NULL, NULL, 404, "not found", "nobody"},
		{"POST", "/v3/webrtcsessions/kick/7x", NULL, NULL, 404, "not found", "no number"},
		{"POST", "/v3/webrtcsessions/kick/", NULL, NULL, 404, "not found", "whom?"},
		{"GET", "/v3/webrtcsessions/kick/7", NULL, NULL, 405, "method", "a link does not"},
		{"POST", "/v3/webrtcsessions/kick/7", "Origin", "http://evil.example", 403, "page",
			"a page of somebody's"},
		{"POST", "/v3/webrtcsessions/kick/7", "Host", "evil.example:9997", 403, "name",
			"DNS rebinding"},
		{"GET", "/v3/webrtcsessions/list", "Host", "localhost.evil.example", 403, "name",
			"ditto"},
		{"GET", "/cam1/", NULL, NULL, 404, "nothing", "no pages here"},
	};
	struct fixture f;
	struct http_server *api;

	start(&f, NULL);
	f.port = free_port();
	f.config.api_address.port = htons(f.port);
	kicked = 0;
	assert_int_equal(http_server_create_api(&api, &f.config, NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *uri = g_strdup_printf("http://127.0.0.1:%u%s", f.port, cases[i].path);
		SoupMessage *m = soup_message_new(cases[i].method, uri);
		GBytes *body;
		gsize len;

		if (cases[i].name)
			soup_message_headers_replace(
				soup_message_get_request_headers(m), cases[i].name, cases[i].value);
		body = send_message(&f, m);
		if (soup_message_get_status(m) != cases[i].status)
			fail_msg("%s: status %u", cases[i].why, soup_message_get_status(m));
		if (!g_strstr_len(
			    g_bytes_get_data(body, &len), g_bytes_get_size(body), cases[i].answer))
			fail_msg("%s: another answer", cases[i].why);
		g_bytes_unref(body);
		g_object_unref(m);
		g_free(uri);
	}
	assert_int_equal(kicked, 1);
	http_server_destroy(api);
	stop(&f);
}

/* RFC 9725 4.3 and 4.4 */
static void test_patch(void **state)
{
	static const struct {
		const char *if_match, *body;
		guint status;
		const char *etag, *why;
	} cases[] = {
		{"\"tag\"", "a=candidate:1", 204, NULL, "candidates: none is looked at"},
		{"*", "", 204, NULL, "nothing new: does the session live?"},
		{"\"old\"", "a=candidate:1", 412, NULL, "another state of the session"},
		{"tag", "a=candidate:1", 412, NULL, "no ETag"},
		{"\"tag\"", "bad", 400, NULL, "malformed"},
		{"*", "restart", 200, "\"new\"", "new credentials"},
		{"\"tag\"", "restart", 200, "\"new\"", "ditto, by the ETag"},
	};
	struct fixture f;

	start(&f, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SoupMessage *m = ask_if(&f, "PATCH", "/cam1/whep/" RESOURCE, FRAGMENT,
			cases[i].body, strlen(cases[i].body), cases[i].if_match, NULL);

		if (soup_message_get_status(m) != cases[i].status)
			fail_msg("%s: status %u", cases[i].why, soup_message_get_status(m));
		if (cases[i].etag) {
			assert_string_equal(header(m, "ETag"), cases[i].etag);
			assert_string_equal(header(m, "Content-Type"), FRAGMENT);
		}
		g_object_unref(m);
	}
	stop(&f);
}

static void test_body_too_long(void **state)
{
	size_t sizes[] = {HTTP_BODY_MAX + 1, 500000};
	struct fixture f;

	start(&f, NULL);
	for (size_t i = 0; i < 2; i++) {
		char *text = g_strnfill(sizes[i], 'a');
		SoupMessage *m =
			ask(&f, "POST", "/cam1/whep", "application/sdp", text, sizes[i], NULL);

		assert_int_equal(soup_message_get_status(m), 413);
		g_object_unref(m);
		g_free(text);
	}
	stop(&f);
}

static void test_page(void **state)
{
	struct fixture f;
	SoupMessage *m;
	GBytes *body;
	gsize len;
	const char *text;

	start(&f, NULL);
	m = ask(&f, "GET", "/cam1/", NULL, NULL, 0, &body);
	text = g_bytes_get_data(body, &len);
	assert_non_null(g_strstr_len(text, len, "RTCPeerConnection"));
	assert_null(g_strstr_len(text, len, "https://")); /* nothing from elsewhere */
	assert_null(g_strstr_len(text, len, "style="));   /* the policy would refuse it */
	assert_non_null(strstr(header(m, "Content-Security-Policy"), "script-src 'sha256-"));
	g_bytes_unref(body);
	g_object_unref(m);
	stop(&f);
}

/* A source on demand: the request waits, the source comes, the answer is sent. */
static gboolean source_comes(gpointer user)
{
	demand.state = MR_PATH_READY;
	assert_non_null(listener);
	listener->changed(listener->user, &demand);
	return G_SOURCE_REMOVE;
}

static void test_on_demand(void **state)
{
	struct fixture f;
	SoupMessage *m;

	start(&f, NULL);
	g_timeout_add(200, source_comes, NULL);
	m = ask(&f, "POST", "/demand/whep", "application/sdp", "ok", 2, NULL);
	assert_int_equal(soup_message_get_status(m), 201);
	assert_int_equal(wanted, 0);
	assert_null(listener);
	demand.state = MR_PATH_OFF;
	g_object_unref(m);
	stop(&f);
}

/* The authorisation server: who is called "ok" may watch. */
static char *asked;

static void on_question(SoupServer *server, SoupServerMessage *message, const char *path,
	GHashTable *query, gpointer user)
{
	GBytes *body = soup_message_body_flatten(soup_server_message_get_request_body(message));
	gsize len;
	const char *text = g_bytes_get_data(body, &len);

	g_free(asked);
	asked = g_strndup(text, len);
	soup_server_message_set_status(message, strstr(asked, "\"user\":\"ok\"") ? 200 : 403, NULL);
	g_bytes_unref(body);
}

/* A browser's preflight has no credentials: answered without the hook, and without
 * ICE servers. */
static void ask_preflights(struct fixture *f)
{
	static const char *const paths[] = {"/cam1/whep", "/cam1/whep/" RESOURCE};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char *uri = g_strdup_printf("http://127.0.0.1:%u%s", f->port, paths[i]);
		SoupMessage *m = soup_message_new("OPTIONS", uri);

		soup_message_headers_replace(soup_message_get_request_headers(m),
			"Access-Control-Request-Method", "POST");
		g_bytes_unref(send_message(f, m));
		assert_int_equal(soup_message_get_status(m), 204);
		assert_string_equal(header(m, "Link"), "");
		g_object_unref(m);
		g_free(uri);
	}
}

/* The hook says no: nobody learns even which paths and sessions there are. */
static void refused_everywhere(struct fixture *f)
{
	static const struct {
		const char *method, *path, *why;
	} cases[] = {
		{"GET", "/", "the list of paths"},
		{"GET", "/cam1", "the way to the page"},
		{"GET", "/none", "the way to no page"},
		{"GET", "/cam1/", "the page"},
		{"HEAD", "/cam1/", "its length"},
		{"GET", "/none/", "no page"},
		{"POST", "/none/whep", "no endpoint"},
		{"OPTIONS", "/cam1/whep", "ICE servers"},
		{"DELETE", "/cam1/whep/" RESOURCE, "a session's end"},
		{"DELETE", "/cam1/whep/aaaa", "no session's end"},
		{"GET", "/cam1/whep", "405 of the endpoint"},
		{"PUT", "/none/whep", "405 of no endpoint"},
		{"GET", "/cam1/whep/" RESOURCE, "405 of a session"},
		{"OPTIONS", "/cam1/whep/" RESOURCE, "methods of a session"},
		{"POST", "/cam1/", "405 of the page"},
		{"PATCH", "/cam1/whep/" RESOURCE, "candidates"},
	};
	static const struct {
		const char *type, *why;
		size_t len;
	} offers[] = {
		{"text/plain", "415", 2},
		{NULL, "415, no type", 2},
		{"application/sdp", "413", HTTP_BODY_MAX + 1},
	};
	unsigned int before = deleted;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SoupMessage *m = ask(f, cases[i].method, cases[i].path, "application/sdp", "ok",
			strcmp(cases[i].method, "POST") == 0 ? 2 : 0, NULL);

		if (soup_message_get_status(m) != 401)
			fail_msg("%s: status %u", cases[i].why, soup_message_get_status(m));
		assert_string_equal(header(m, "Link"), "");
		g_object_unref(m);
	}
	assert_non_null(strstr(asked, "\"id\":\"" RESOURCE "\""));
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		char *text = g_strnfill(offers[i].len, 'a');
		SoupMessage *m =
			ask(f, "POST", "/cam1/whep", offers[i].type, text, offers[i].len, NULL);

		if (soup_message_get_status(m) != 401)
			fail_msg("%s: status %u", offers[i].why, soup_message_get_status(m));
		g_object_unref(m);
		g_free(text);
	}
	assert_int_equal(deleted, before);
	ask_preflights(f);
}

static void test_authorisation(void **state)
{
	SoupServer *hook = soup_server_new(NULL, NULL);
	uint16_t port = free_port();
	char *address = g_strdup_printf("http://127.0.0.1:%u/auth", port);
	GInetAddress *loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
	GSocketAddress *listen = g_inet_socket_address_new(loopback, port);
	struct fixture f;
	SoupMessage *m;
	char *uri;

	soup_server_add_handler(hook, NULL, on_question, NULL, NULL);
	assert_true(soup_server_listen(hook, listen, 0, NULL));
	start(&f, address);
	m = ask(&f, "POST", "/cam1/whep?token=t", "application/sdp", "ok", 2, NULL);
	assert_int_equal(soup_message_get_status(m), 401);
	assert_string_equal(header(m, "WWW-Authenticate"), "Basic realm=\"millrace\"");
	assert_non_null(strstr(asked, "\"path\":\"cam1\""));
	assert_non_null(strstr(asked, "\"ip\":\"127.0.0.1\""));
	assert_non_null(strstr(asked, "\"query\":\"token=t\""));
	assert_non_null(strstr(asked, "\"protocol\":\"webrtc\""));
	g_object_unref(m);
	refused_everywhere(&f);

	uri = g_strdup_printf("http://127.0.0.1:%u/cam1/whep", f.port);
	m = soup_message_new("POST", uri);
	g_free(uri);
	{
		GBytes *bytes = g_bytes_new_static("ok", 2), *got = NULL;

		soup_message_set_request_body_from_bytes(m, "application/sdp", bytes);
		g_bytes_unref(bytes);
		soup_message_headers_append(soup_message_get_request_headers(m), "Authorization",
			"Basic b2s6c2VjcmV0"); /* ok:secret */
		soup_session_send_and_read_async(
			f.session, m, G_PRIORITY_DEFAULT, NULL, on_body, &got);
		while (!got)
			g_main_context_iteration(NULL, TRUE);
		g_bytes_unref(got);
	}
	assert_int_equal(soup_message_get_status(m), 201);
	assert_non_null(strstr(asked, "\"password\":\"secret\""));
	g_object_unref(m);
	/* the hook is away: nobody may watch */
	soup_server_disconnect(hook);
	m = ask(&f, "POST", "/cam1/whep", "application/sdp", "ok", 2, NULL);
	assert_int_equal(soup_message_get_status(m), 401);
	g_object_unref(m);
	stop(&f);
	g_clear_pointer(&asked, g_free);
	g_object_unref(hook);
	g_object_unref(loopback);
	g_object_unref(listen);
	g_free(address);
}

/* A hook that takes connections and says nothing, or one byte now and then. */
static gboolean say_a_byte(gpointer user)
{
	int fd = GPOINTER_TO_INT(user);

	return send(fd, "H", 1, MSG_NOSIGNAL) == 1 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void test_slow_hook(void **state)
{
	for (int drip = 0; drip < 2; drip++) {
		int hook = socket(AF_INET, SOCK_STREAM, 0), fd = -1;
		struct sockaddr_in a = {
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t len = sizeof(a);
		struct fixture f;
		SoupMessage *waiting;
		GBytes *got = NULL;
		char *address, *uri;
		guint timer = 0;
		bool timely;
		gint64 begin;

		assert_int_equal(bind(hook, (struct sockaddr *)&a, len), 0);
		assert_int_equal(listen(hook, 8), 0);
		getsockname(hook, (struct sockaddr *)&a, &len);
		address = g_strdup_printf("http://127.0.0.1:%u/", ntohs(a.sin_port));
		start(&f, address);
		uri = g_strdup_printf("http://127.0.0.1:%u/cam1/", f.port);
		waiting = soup_message_new("GET", uri);
		begin = g_get_monotonic_time();
		soup_session_send_and_read_async(
			f.session, waiting, G_PRIORITY_DEFAULT, NULL, on_body, &got);
		/* what needs no hook is answered meanwhile */
		for (int i = 0; i < 20; i++)
			ask_preflights(&f);
		timely = g_get_monotonic_time() - begin < 4 * G_USEC_PER_SEC;
		if (timely)
			assert_null(got);
		if (drip) {
			fd = accept(hook, NULL, NULL);
			timer = g_timeout_add(500, say_a_byte, GINT_TO_POINTER(fd));
		}
		/* a hook that says a byte now and then would be waited for for ever */
		while (!got && g_get_monotonic_time() - begin < 60 * G_USEC_PER_SEC)
			g_main_context_iteration(NULL, TRUE);
		assert_int_equal(soup_message_get_status(waiting), 401);
		if (timer)
			g_source_remove(timer);
		if (fd >= 0)
			close(fd);
		close(hook);
		g_clear_pointer(&got, g_bytes_unref);
		g_object_unref(waiting);
		g_free(address);
		g_free(uri);
		stop(&f);
	}
}

/* More connections than there may be, all of them silent: a viewer still gets in. */
static void test_silent_connections(void **state)
{
	enum { MANY = HTTP_CONNECTIONS_MAX + 50 };
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	static int fds[MANY];
	struct rlimit limit;
	struct fixture f;
	SoupMessage *m;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 3 * MANY)
		skip();
	start(&f, NULL);
	a.sin_port = htons(f.port);
	for (int i = 0; i < MANY; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(fds[i], (struct sockaddr *)&a, sizeof(a)), 0);
		if (i % 2)
			assert_int_equal(send(fds[i], "GET / HT", 8, 0), 8);
		while (g_main_context_iteration(NULL, FALSE))
			continue;
	}
	for (int i = 0; i < 5; i++) {
		m = ask(&f, "POST", "/cam1/whep", "application/sdp", "ok", 2, NULL);
		assert_int_equal(soup_message_get_status(m), 201);
		g_object_unref(m);
	}
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	stop(&f);
}

/* Bytes that are no HTTP, or endless headers: the connection ends, the server goes on. */
static void test_hostile_bytes(void **state)
{
	static const char *const begins[] = {"\x16\x03\x01\x02", "GET", "GET / HTTP/9.9\r\n\r\n",
		"POST /cam1/whep HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
		"POST /cam1/whep HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"};
	struct fixture f;
	SoupMessage *m;

	start(&f, NULL);
	for (size_t i = 0; i <= sizeof(begins) / sizeof(begins[0]); i++) {
		GSocketClient *client = g_socket_client_new();
		GSocketConnection *c =
			g_socket_client_connect_to_host(client, "127.0.0.1", f.port, NULL, NULL);
		GSocket *socket = g_socket_connection_get_socket(c);
		char *flood = g_strnfill(65536, 'x');
		gint64 end = g_get_monotonic_time() + 500000;
		size_t sent = 0;

		g_socket_set_blocking(socket, FALSE);
		if (i < sizeof(begins) / sizeof(begins[0])) {
			g_socket_send(socket, begins[i], strlen(begins[i]), NULL, NULL);
			end = g_get_monotonic_time() + 50000;
			flood[0] = '\0';
		} else {
			g_socket_send(socket, "GET / HTTP/1.1\r\nX: ", 19, NULL, NULL);
		}
		while (g_get_monotonic_time() < end) {
			gssize n = flood[0] ? g_socket_send(socket, flood, 65536, NULL, NULL) : 0;

			sent += n > 0 ? n : 0;
			while (g_main_context_iteration(NULL, FALSE))
				continue;
		}
		/* what the server swallowed is bounded; the rest is in socket buffers */
		if (sent > 16u << 20)
			fail_msg("%zu bytes of one header were taken", sent);
		g_free(flood);
		g_object_unref(c);
		g_object_unref(client);
	}
	m = ask(&f, "GET", "/", NULL, NULL, 0, NULL);
	assert_int_equal(soup_message_get_status(m), 200);
	g_object_unref(m);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_patch),
		cmocka_unit_test(test_api),
		cmocka_unit_test(test_body_too_long),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_on_demand),
		cmocka_unit_test(test_authorisation),
		cmocka_unit_test(test_slow_hook),
		cmocka_unit_test(test_silent_connections),
		cmocka_unit_test(test_hostile_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
