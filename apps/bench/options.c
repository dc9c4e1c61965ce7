/* SPDX-License-Identifier: BSD-3-Clause */
/* See options.h. Main thread. */
#include "apps/bench/options.h"
#include "apps/option_error.h"

#include "crypto/srtp_profile.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 256 /* getopt_long()'s value for the table's first option */

static bool take_number(const struct bench_option *o, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n < o->least || n > o->most)
		return false;
	*(uint32_t *)o->to = (uint32_t)n;
	return true;
}

static bool take_word(const struct bench_option *o, const char *text)
{
	for (uint32_t i = 0; o->words[i] != NULL; i++) {
		if (strcmp(text, o->words[i]) != 0)
			continue;
		*(uint32_t *)o->to = i;
		return true;
	}
	return false;
}

static bool take_profile(const struct bench_option *o, const char *text)
{
	const struct srtp_profile *profile = srtp_profile_by_name(text);

	if (profile != NULL)
		*(const struct srtp_profile **)o->to = profile;
	return profile != NULL;
}

static bool take(const struct bench_option *o, const char *value)
{
	switch (o->kind) {
	case BENCH_FLAG:
		*(bool *)o->to = true;
		return true;
	case BENCH_NUMBER:
		return take_number(o, value);
	case BENCH_TEXT:
		*(const char **)o->to = value;
		return true;
	case BENCH_WORD:
		return take_word(o, value);
	case BENCH_PROFILE:
		return take_profile(o, value);
	case BENCH_OTHER:
		return o->take(o->to, value);
	}
	return false;
}

int bench_options_read(
	const struct bench_option *options, const char *usage, int argc, char *const argv[])
{
	struct option longs[BENCH_OPTIONS_MAX + 2] = {{"help", no_argument, NULL, 'h'}};
	char program[64];
	int c;

	snprintf(program, sizeof(program), "millrace-bench %s", argv[0]);
	for (int i = 0; i < BENCH_OPTIONS_MAX && options[i].name != NULL; i++)
		longs[1 + i] = (struct option){.name = options[i].name,
			.has_arg = options[i].kind == BENCH_FLAG ? no_argument : required_argument,
			.val = FIRST + i};
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		const struct bench_option *o = &options[c - FIRST];

		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (c < FIRST)
			return option_error(program, c, argv);
		if (!take(o, optarg)) {
			fprintf(stderr, "%s: --%s cannot be %s", program, o->name, optarg);
			if (o->kind == BENCH_NUMBER)
				fprintf(stderr, ", but %u to %u", o->least, o->most);
			fputc('\n', stderr);
			return option_error_hint(program);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: what is %s?\n", program, argv[optind]);
		return option_error_hint(program);
	}
	return -1;
}

int bench_options_wrong(const char *why)
{
	fprintf(stderr, "millrace-bench: %s\n", why);
	return OPTION_ERROR_STATUS;
}
