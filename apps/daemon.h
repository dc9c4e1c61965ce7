/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How both halves of the gateway start: they read the session file and ask for
 * descriptors. Called by main() of millrace-dataplane and millrace-controlplane.
 */
#ifndef APPS_DAEMON_H
#define APPS_DAEMON_H

#include "controlplane/config/config.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* As mr_config_load(); what is wrong with the file goes to standard error. */
static inline int daemon_read_config(struct mr_config *config, const char *file)
{
	struct mr_config_report report;
	char line[640];
	int rc = mr_config_load(config, file, &report);

	for (size_t i = 0; i < report.count; i++)
		fprintf(stderr, "%s: %s\n", file,
			mr_config_problem_text(&report.problems[i], line, sizeof(line)));
	if (rc != 0 && report.count == 0)
		fprintf(stderr, "%s: %s\n", file, strerror(-rc));
	mr_config_report_fini(&report);
	return rc;
}

/* A camera takes five descriptors, kept for the control plane also in the data plane; a
 * client of the page one. */
static inline void daemon_raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

#endif
