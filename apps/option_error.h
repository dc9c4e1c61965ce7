/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a wrong command line is told, the same in every program. Called by main()
 * and option parsers, after getopt_long() with an option string that begins with
 * ":" and so prints nothing itself.
 */
#ifndef APPS_OPTION_ERROR_H
#define APPS_OPTION_ERROR_H

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define OPTION_ERROR_STATUS 2

/* The last line of every such message. */
static inline int option_error_hint(const char *program)
{
	fprintf(stderr, "See '%s --help'.\n", program);
	return OPTION_ERROR_STATUS;
}

/* For what getopt_long() returned: '?' or ':'. The status to exit with. */
static inline int option_error(const char *program, int c, char *const argv[])
{
	const char *word = argv[optind - 1];
	int name = (int)strcspn(word, "=");

	if (c == ':')
		fprintf(stderr, "%s: option %s needs a value\n", program, word);
	else if (strncmp(word, "--", 2) == 0 && optopt != 0 && word[name] == '=')
		fprintf(stderr, "%s: option %.*s takes no value\n", program, name, word);
	else if (strncmp(word, "--", 2) == 0 && optopt == 0)
		fprintf(stderr, "%s: unknown option %.*s\n", program, name, word);
	else
		fprintf(stderr, "%s: unknown option -%c\n", program, optopt);
	return option_error_hint(program);
}

#endif
