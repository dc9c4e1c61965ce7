/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/http/api.c. */
#include "fixture.h"

#include <arpa/inet.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_api),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
