/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/http/authorize.c: nothing is said before the hook has agreed. */
#include "fixture.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authorisation),
		cmocka_unit_test(test_slow_hook),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
