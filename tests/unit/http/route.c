/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/http/route.c. */
#include "controlplane/http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_routes(void **state)
{
	static const struct {
		const char *uri;
		enum http_route_kind kind;
		const char *path, *resource, *why;
	} cases[] = {
		{"/", HTTP_ROUTE_INDEX, "", "", "the list"},
		{"/cam1", HTTP_ROUTE_BARE, "cam1", "", "to be redirected"},
		{"/cam1/", HTTP_ROUTE_PAGE, "cam1", "", "the page"},
		{"/hall/north/", HTTP_ROUTE_PAGE, "hall/north", "", "a path with a slash"},
		{"/cam1/whep", HTTP_ROUTE_WHEP, "cam1", "", "the endpoint"},
		{"/hall/north/whep", HTTP_ROUTE_WHEP, "hall/north", "", "the same, with a slash"},
		{"/cam1/whep/00ff", HTTP_ROUTE_RESOURCE, "cam1", "00ff", "a resource"},
		{"/cam1/whep/00-ff", HTTP_ROUTE_NONE, NULL, NULL, "no resource of ours"},
		{"/cam1/whep/", HTTP_ROUTE_PAGE, "cam1/whep", "", "a page of a path of that name"},
		{"/whep", HTTP_ROUTE_BARE, "whep", "", "a path may be called whep"},
		{"/a%20b/", HTTP_ROUTE_PAGE, "a b", "", "percent-encoded"},
		{"/a%00b/", HTTP_ROUTE_NONE, NULL, NULL, "an encoded NUL"},
		{"/a%zz/", HTTP_ROUTE_NONE, NULL, NULL, "not an encoding"},
		{"*", HTTP_ROUTE_NONE, NULL, NULL, "OPTIONS *"},
		{"", HTTP_ROUTE_NONE, NULL, NULL, "nothing"},
		{"//", HTTP_ROUTE_NONE, NULL, NULL, "an empty path"},
	};
	struct http_route route;
	char text[400];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		http_route_parse(&route, cases[i].uri);
		if (route.kind != cases[i].kind ||
			(cases[i].path && strcmp(route.path, cases[i].path) != 0) ||
			(cases[i].resource && strcmp(route.resource, cases[i].resource) != 0))
			fail_msg("%s: kind %d, path %s", cases[i].why, route.kind, route.path);
	}
	memset(text, 'a', sizeof(text) - 1);
	text[0] = '/';
	text[sizeof(text) - 1] = '\0';
	http_route_parse(&route, text);
	assert_int_equal(route.kind, HTTP_ROUTE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_routes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
