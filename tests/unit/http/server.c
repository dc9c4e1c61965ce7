/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/http/server.c, whep.c and page.c: who asks what gets which answer. */
#include "fixture.h"

#include <string.h>

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

/* What a former control plane left is not taken over yet: no session is said to be gone. */
static void test_taking_over(void **state)
{
	static const struct {
		const char *method, *path, *body;
		guint status;
	} cases[] = {
		{"DELETE", "/cam1/whep/" RESOURCE, NULL, 503},
		{"PATCH", "/cam1/whep/" RESOURCE, "restart", 503},
		{"OPTIONS", "/cam1/whep/" RESOURCE, NULL, 204},
		{"GET", "/cam1/whep/" RESOURCE, NULL, 405},
	};
	struct fixture f;

	start(&f, NULL);
	deleted = 0;
	unknown = "taking over";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SoupMessage *m = ask_if(&f, cases[i].method, cases[i].path, FRAGMENT, cases[i].body,
			cases[i].body ? strlen(cases[i].body) : 0, "*", NULL);

		if (soup_message_get_status(m) != cases[i].status)
			fail_msg("%s %s: status %u", cases[i].method, cases[i].path,
				soup_message_get_status(m));
		assert_string_equal(header(m, "Retry-After"), cases[i].status == 503 ? "1" : "");
		g_object_unref(m);
	}
	assert_int_equal(deleted, 0);
	unknown = NULL;
	stop(&f);
}

static gboolean taken_over(gpointer user)
{
	settle();
	return G_SOURCE_REMOVE;
}

/* A page that is being closed does not ask twice: what comes that early waits a little. */
static void test_soon_taken_over(void **state)
{
	static const struct {
		const char *method, *path;
		guint status;
	} cases[] = {
		{"DELETE", "/cam1/whep/" RESOURCE, 200},
		{"DELETE", "/cam1/whep/aaaa", 404},
		{"PATCH", "/cam1/whep/" RESOURCE, 204},
	};
	struct fixture f;

	start(&f, NULL);
	deleted = 0;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SoupMessage *m;

		unknown = "taking over";
		g_timeout_add(200, taken_over, NULL);
		m = ask_if(&f, cases[i].method, cases[i].path, FRAGMENT, "", 0, "*", NULL);
		if (soup_message_get_status(m) != cases[i].status)
			fail_msg("%s %s: status %u", cases[i].method, cases[i].path,
				soup_message_get_status(m));
		g_object_unref(m);
	}
	assert_int_equal(deleted, 1);
	stop(&f);
}

/* The data plane is lost: a session that is in the table all the same is answered at once. */
static void test_kept(void **state)
{
	static const struct {
		const char *method;
		guint status;
	} cases[] = {{"PATCH", 204}, {"DELETE", 200}};
	struct fixture f;

	start(&f, NULL);
	deleted = 0;
	unknown = "lost";
	kept = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SoupMessage *m = ask_if(
			&f, cases[i].method, "/cam1/whep/" RESOURCE, FRAGMENT, "", 0, "*", NULL);

		assert_int_equal(soup_message_get_status(m), cases[i].status);
		g_object_unref(m);
	}
	assert_int_equal(deleted, 1);
	unknown = NULL;
	kept = false;
	stop(&f);
}

/* It will not be known soon: not even a moment is waited. */
static void test_lasting(void **state)
{
	static const char *const methods[] = {"DELETE", "PATCH"};
	struct fixture f;

	start(&f, NULL);
	lasting = true;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		guint timer = g_timeout_add(500, taken_over, NULL);
		SoupMessage *m;

		unknown = "another control plane is at work";
		m = ask_if(&f, methods[i], "/cam1/whep/aaaa", FRAGMENT, "", 0, "*", NULL);
		assert_int_equal(soup_message_get_status(m), 503);
		assert_string_equal(header(m, "Retry-After"), "1");
		if (unknown)
			g_source_remove(timer);
		g_object_unref(m);
	}
	unknown = NULL;
	lasting = false;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_patch),
		cmocka_unit_test(test_taking_over),
		cmocka_unit_test(test_soon_taken_over),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_lasting),
		cmocka_unit_test(test_body_too_long),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_on_demand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
