/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of millrace, parsed and checked. Main thread. */
#ifndef APPS_MILLRACE_OPTIONS_H
#define APPS_MILLRACE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	const char *command; /* "status", ...; borrowed from argv */
	const char *file;    /* of check */
	const char *socket;  /* of the statistics */
	const char *api;     /* kick: the operator's address */
	uint32_t viewer;     /* of kick */
	bool json;
	bool watch;
	bool all;     /* drops: zero ones too */
	bool workers; /* drops: each worker's */
	bool strict;  /* check: warnings refuse */
	bool colour;
	double seconds; /* between two samples; 0: one sample, no rates */
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };

/* Says itself what is wrong (OPTIONS_WRONG: exit 2) or prints help and version
 * (OPTIONS_DONE: exit 0). */
enum options_result options_parse(struct options *o, int argc, char **argv);

#endif
