/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/http/api.c, and of what asks it: MILLRACE names the program. */
#include "fixture.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

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

/* What a former control plane left is not taken over yet: nobody is said not to be there. */
static void test_taking_over(void **state)
{
	static const struct {
		const char *method, *path;
		guint status;
	} cases[] = {
		{"GET", "/v3/webrtcsessions/list", 503},
		{"POST", "/v3/webrtcsessions/kick/7", 503},
		{"POST", "/v3/webrtcsessions/kick/8", 503},
		{"POST", "/v3/webrtcsessions/list", 405},
		{"GET", "/cam1/", 404},
	};
	struct http_server *api;
	struct fixture f;

	start(&f, NULL);
	f.port = free_port();
	f.config.api_address.port = htons(f.port);
	kicked = 0;
	unknown = "taking over";
	assert_int_equal(http_server_create_api(&api, &f.config, NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		GBytes *body;
		SoupMessage *m = ask(&f, cases[i].method, cases[i].path, NULL, NULL, 0, &body);
		bool again = cases[i].status == 503;

		if (soup_message_get_status(m) != cases[i].status)
			fail_msg("%s %s: status %u", cases[i].method, cases[i].path,
				soup_message_get_status(m));
		assert_string_equal(header(m, "Retry-After"), again ? "1" : "");
		assert_true(!again || g_strstr_len(g_bytes_get_data(body, NULL),
					      (gssize)g_bytes_get_size(body), unknown));
		g_bytes_unref(body);
		g_object_unref(m);
	}
	assert_int_equal(kicked, 0);
	unknown = NULL;
	http_server_destroy(api);
	stop(&f);
}

static void on_end(GObject *program, GAsyncResult *result, gpointer user)
{
	char **said = user;

	assert_true(g_subprocess_communicate_utf8_finish(
		G_SUBPROCESS(program), result, said, NULL, NULL));
}

/* Runs millrace while the server serves; its exit status, and what it wrote (free it). */
static int run(char **said, const char *arguments)
{
	char *line = g_strdup_printf("%s %s", getenv("MILLRACE"), arguments), **argv;
	GSubprocess *program;
	int status;

	assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
	program = g_subprocess_newv((const char *const *)argv,
		G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE, NULL);
	assert_non_null(program);
	*said = NULL;
	g_subprocess_communicate_utf8_async(program, NULL, NULL, on_end, said);
	while (!*said)
		g_main_context_iteration(NULL, TRUE);
	assert_true(g_subprocess_get_if_exited(program));
	status = g_subprocess_get_exit_status(program);
	g_object_unref(program);
	g_strfreev(argv);
	g_free(line);
	return status;
}

/* What answers there is another server. */
static void on_stranger(SoupServer *server, SoupServerMessage *message, const char *path,
	GHashTable *query, gpointer user)
{
	soup_server_message_set_status(message, SOUP_STATUS_OK, NULL);
	soup_server_message_set_response(message, "text/html", SOUP_MEMORY_STATIC, "<html>", 6);
}

static void test_kick(void **state)
{
	static const struct {
		const char *at, *arguments;
		int status;
		const char *said;
		unsigned int kicked; /* from then on */
		const char *unknown;
	} cases[] = {
		{"api", "kick 8", 1, "no viewer 8", 0},
		{"api", "kick 2147483650", 1, "fixed session", 0},
		{"api", "--json kick 8", 1, "\"ended\": false", 0},
		{"nobody", "kick 7", 1, "\"api\": true in its session file", 0},
		{"nobody", "--json kick 7", 1, "\"error\": \"127.0.0.1:", 0},
		{"stranger", "kick 7", 1, "is not millrace-controlplane", 0},
		{"pages", "kick 7", 1, "status 405", 0},
		{"api", "kick 7", 1, "millrace: taking over\n", 0, "taking over"},
		{"api", "kick 7", 0, "viewer 7 ended", 1},
		{"api", "--json kick 7", 0, "\"ended\": true", 2},
	};
	SoupServer *stranger = soup_server_new(NULL, NULL);
	uint16_t strange = free_port(), nobody = free_port(), port = free_port();
	GSocketAddress *listen = g_inet_socket_address_new_from_string("127.0.0.1", strange);
	struct http_server *api;
	struct fixture f;

	start(&f, NULL);
	f.config.api_address.port = htons(port);
	assert_int_equal(http_server_create_api(&api, &f.config, NULL, NULL), 0);
	soup_server_add_handler(stranger, NULL, on_stranger, NULL, NULL);
	assert_true(soup_server_listen(stranger, listen, 0, NULL));
	kicked = 0;
	setenv("http_proxy", "http://127.0.0.1:1", 1); /* not for this machine */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t to = cases[i].at[0] == 'a'   ? port
			      : cases[i].at[0] == 's' ? strange
			      : cases[i].at[0] == 'p' ? f.port
						      : nobody;
		char *line = g_strdup_printf("--api 127.0.0.1:%u %s", to, cases[i].arguments),
		     *said;
		int status;

		unknown = cases[i].unknown;
		status = run(&said, line);

		if (status != cases[i].status || !strstr(said, cases[i].said) ||
			kicked != cases[i].kicked)
			fail_msg("%s: %s: %d, %u ended: %s", cases[i].at, cases[i].arguments,
				status, kicked, said);
		g_free(said);
		g_free(line);
	}
	http_server_destroy(api);
	stop(&f);
	g_object_unref(stranger);
	g_object_unref(listen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_api),
		cmocka_unit_test(test_taking_over),
		cmocka_unit_test(test_kick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
