/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options of all subcommands of millrace-bench: each has a table of them, which
 * says where their values go. Main thread, before anything is measured.
 */
#ifndef APPS_BENCH_OPTIONS_H
#define APPS_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define BENCH_OPTIONS_MAX 24 /* of a subcommand */

enum bench_option_kind {
	BENCH_FLAG,    /* no value; to: bool, becomes true */
	BENCH_NUMBER,  /* to: uint32_t, least to most */
	BENCH_TEXT,    /* to: const char *, borrowed from argv */
	BENCH_WORD,    /* to: uint32_t, which one of `words` */
	BENCH_PROFILE, /* to: const struct srtp_profile *, by its name */
	BENCH_OTHER,   /* as `take` has it */
};

struct bench_option {
	const char *name;
	enum bench_option_kind kind;
	void *to;                                  /* keeps its value where the option is absent */
	uint32_t least, most;                      /* BENCH_NUMBER */
	const char *const *words;                  /* BENCH_WORD; the last is NULL */
	bool (*take)(void *to, const char *value); /* BENCH_OTHER; false: cannot be that */
};

/*
 * Reads the command line of the subcommand argv[0] by a table that ends with {0}. --help
 * prints `usage`. -1: go on; else the program's exit status, and what is wrong was said.
 */
int bench_options_read(
	const struct bench_option *options, const char *usage, int argc, char *const argv[]);

/* What goes for several options at once was not kept; 2. */
int bench_options_wrong(const char *why);

#endif
