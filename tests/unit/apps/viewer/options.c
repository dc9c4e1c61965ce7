/* SPDX-License-Identifier: BSD-3-Clause */
/* apps/viewer/options.c: defaults, addresses in turn, usage errors. */
#include "apps/viewer/options.h"

#include <getopt.h>
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The options point into *words, to be g_strfreev()d by the caller. */
static int parse(struct options *options, const char *line, char ***words)
{
	*words = g_strsplit(line, " ", -1);
	optind = 0; /* getopt begins anew */
	return options_parse(options, (int)g_strv_length(*words), *words);
}

static const struct {
	const char *why;
	const char *line;
} refused[] = {
	{"no address", "v"},
	{"not http", "v --url rtsp://h/x"},
	{"no address at all", "v --url nonsense"},
	{"both kinds", "v --url http://h/x --url-pattern http://h/%d"},
	{"pattern without number", "v --url-pattern http://h/x"},
	{"pattern with two", "v --url-pattern http://h/%d/%d"},
	{"no viewers", "v --url http://h/x --viewers 0"},
	{"negative", "v --url http://h/x --viewers -1"},
	{"not a number", "v --url http://h/x --seconds 1s"},
	{"key frames all the time", "v --url http://h/x --fir 0"},
	{"unknown profile", "v --url http://h/x --profile AES"},
	{"unknown codec", "v --url http://h/x --codec av1"},
	{"header without colon", "v --url http://h/x --header Accept"},
	{"nothing to play", "v --url http://h/x --no-audio --no-video"},
	{"a word too many", "v --url http://h/x y"},
	{"unknown option", "v --nonsense"},
	{"joins that would take weeks", "v --url http://h/x --viewers 100000 --ramp-ms 60000"},
};

static void refuse(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
		struct options options;
		char **words;

		print_message("%s\n", refused[i].why);
		assert_int_equal(parse(&options, refused[i].line, &words), OPTIONS_USAGE);
		g_strfreev(words);
	}
}

static void take_addresses_in_turn(void **state)
{
	static const struct {
		const char *why;
		const char *line;
		const char *url[4];
	} cases[] = {
		{"one for all", "v --url http://h/a", {"http://h/a", "http://h/a"}},
		{"two in turn", "v --url http://h/a --url http://h/b --viewers 3",
			{"http://h/a", "http://h/b", "http://h/a"}},
		{"a camera each", "v --url-pattern http://h/cam%d/whep --viewers 3",
			{"http://h/cam1/whep", "http://h/cam2/whep", "http://h/cam3/whep"}},
		{"two cameras", "v --url-pattern http://h/%d --viewers 3 --cameras 2",
			{"http://h/1", "http://h/2", "http://h/1"}},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct options options;
		char **words;

		print_message("%s\n", cases[i].why);
		assert_int_equal(parse(&options, cases[i].line, &words), -1);
		for (unsigned int k = 0; k < 4 && cases[i].url[k]; k++) {
			char *url = options_viewer_url(&options, k);

			assert_string_equal(url, cases[i].url[k]);
			g_free(url);
		}
		options_fini(&options);
		g_strfreev(words);
	}
}

static void know_defaults(void **state)
{
	struct options options;
	char **words;

	assert_int_equal(
		parse(&options, "v --url http://192.0.2.1:8889/a --threads 9", &words), -1);
	assert_int_equal(options.threads, 1); /* no more than viewers */
	assert_int_equal(options.profile_count, 3);
	assert_string_equal(options.profiles[0]->name, "AES128_CM_HMAC_SHA1_80");
	assert_false(options_use_loopback(&options));
	g_strfreev(words);

	assert_int_equal(parse(&options, "v --url http://127.0.0.1:8889/a --bearer t", &words), -1);
	assert_true(options_use_loopback(&options));
	assert_string_equal(options.headers[0], "Authorization: Bearer t");
	options_fini(&options);
	g_strfreev(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuse),
		cmocka_unit_test(take_addresses_in_turn),
		cmocka_unit_test(know_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
